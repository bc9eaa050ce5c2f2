/* SPDX-License-Identifier: MIT */
/* cli-forget.c - the verb forget: asks a person, then has the daemon end the grant. */
#include <json.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/xalloc.h"
#include "token-helper/cli-ask.h"
#include "token-helper/cli-text.h"
#include "token-helper/cli-verbs.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

#define CALL_TIMEOUT_MS 90000

/* A grant is had again by a person only. */
static bool is_confirmed(const struct cli *cli)
{
	char *question =
		xasprintf("This ends the grant of %s: mail stops until somebody authorizes it "
			  "again.",
			  cli->account);
	bool is_yes = ask_yes(cli, question);

	free(question);
	return is_yes;
}

static enum cli_exit print_answer(const struct cli *cli, struct span data)
{
	const char *why = "";
	struct json_object *answer = json_read(data, HELPER_REPLY_MAX, &why);
	const char *text = answer != NULL ? cli_json_string(answer, "text") : NULL;

	if (answer == NULL)
		return cli_report(CLI_PROTOCOL, "mailoauthd's answer to forget cannot be read");
	text_print(stdout, cli->account);
	if (!json_has(answer, "deleted") || cli_json_is_true(answer, "deleted"))
		(void)puts(cli_json_is_true(answer, "revoked")
				   ? ": revoked at the provider, deleted here"
				   : ": deleted here");
	else
		(void)puts(": there was no grant, so nothing was done");
	if (text != NULL) {
		(void)fputs("mailoauth: ", stderr);
		text_print(stderr, text);
		(void)fputc('\n', stderr);
	}
	json_release(answer);
	return CLI_OK;
}

enum cli_exit cli_forget(const struct cli *cli)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct err err = ERR_INIT;
	struct span data;
	enum cli_exit exit;

	if (!is_confirmed(cli))
		return ask_refused("nothing was done: it was not confirmed; add --yes where nobody "
				   "can be asked; run: mailoauth help forget");
	cli_request(&request, "forget");
	cli_field_str(&request, "account", cli->account);
	exit = cli_call(cli, &request, CALL_TIMEOUT_MS, &reply, &data, &err);
	if (exit == CLI_OK)
		exit = print_answer(cli, data);
	else
		(void)cli_report(exit, err.text);
	buffer_release(&reply);
	buffer_release(&request);
	return exit;
}
