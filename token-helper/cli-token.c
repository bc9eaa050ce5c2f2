/* SPDX-License-Identifier: MIT */
/*
 * cli-token.c - the verbs token and refresh.
 *
 * The token goes from the reply's secret buffer to write(2): stdio would keep a copy that nobody
 * wipes.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "token-helper/cli-text.h"
#include "token-helper/cli-verbs.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

#define CALL_TIMEOUT_MS                                                                            \
	90000 /* the daemon gives up on a token endpoint before that, and says why */

static enum cli_exit write_out(struct span bytes)
{
	struct err err = ERR_INIT;

	while (bytes.len > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes.ptr, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			(void)err_set(&err, OUTCOME_RETRY, "standard output cannot be written: %s",
				      strerror(errno));
			return cli_report(CLI_OUTPUT, err.text);
		}
		bytes.ptr += n;
		bytes.len -= (size_t)n;
	}
	return CLI_OK;
}

static enum cli_exit print_token(struct span fields)
{
	struct buffer token = BUFFER_INIT_SECRET(HELPER_TOKEN_MAX + 1);
	enum cli_exit exit;

	if (fields_get(fields, "token", &token) && token_is_valid(buffer_span(&token)) &&
	    buffer_append_byte(&token, '\n'))
		exit = write_out(buffer_span(&token));
	else
		exit = cli_report(CLI_PROTOCOL, "mailoauthd's answer has no token in it");
	buffer_release(&token);
	return exit;
}

enum cli_exit cli_token(const struct cli *cli)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT_SECRET(HELPER_REPLY_MAX);
	struct err err = ERR_INIT;
	struct span data;
	enum cli_exit exit;

	cli_request(&request, "token");
	cli_field_str(&request, "selector", cli->account);
	if (cli->service != NULL)
		cli_field_str(&request, "service", cli->service);
	if (cli->min_valid_s > 0)
		cli_field_u64(&request, "min_valid", cli->min_valid_s);
	exit = cli_call(cli, &request, CALL_TIMEOUT_MS, &reply, &data, &err);
	if (exit == CLI_OK)
		exit = print_token(data);
	else
		(void)cli_report(exit, err.text);
	buffer_release(&reply);
	buffer_release(&request);
	return exit;
}

static enum cli_exit print_refreshed(const struct cli *cli, struct span data)
{
	const char *why = "";
	struct json_object *answer = json_read(data, HELPER_REPLY_MAX, &why);
	char before_text[CLOCK_TEXT_MAX], now_text[CLOCK_TEXT_MAX];
	int64_t before = 0, now = 0;

	if (answer == NULL || !json_get_int(answer, "expires", &now)) {
		json_release(answer);
		return cli_report(CLI_PROTOCOL, "mailoauthd's answer to refresh cannot be read");
	}
	(void)json_get_int(answer, "expires_before", &before);
	if (cli->json)
		(void)printf("%.*s\n", (int)data.len, data.ptr);
	else
		(void)printf("%s: refreshed; access token until %s, before: %s\n", cli->account,
			     text_when(now, now_text, sizeof(now_text)),
			     before > 0 ? text_when(before, before_text, sizeof(before_text))
					: "none");
	json_release(answer);
	return CLI_OK;
}

enum cli_exit cli_refresh(const struct cli *cli)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct err err = ERR_INIT;
	struct span data;
	enum cli_exit exit;

	cli_request(&request, "refresh");
	cli_field_str(&request, "account", cli->account);
	exit = cli_call(cli, &request, CALL_TIMEOUT_MS, &reply, &data, &err);
	if (exit == CLI_OK)
		exit = print_refreshed(cli, data);
	else
		(void)cli_report(exit, err.text);
	buffer_release(&reply);
	buffer_release(&request);
	return exit;
}
