/* SPDX-License-Identifier: MIT */
/* cli-exit.c - see cli-exit.h. */
#include "token-helper/cli-exit.h"

#include <string.h>

#include "common/daemon-command.h"
#include "token-helper/cli-text.h"

#include "common/banned.h"

const struct cli_exit_row cli_exits[] = {
	{CLI_OK, "done", NULL},
	{CLI_CONSENT, "a person must authorize the account (again)", "mailoauth status"},
	{CLI_REFUSED, "the mail server refused the login", "mailoauth status"},
	{CLI_RIGHTS, "the login is good, but may not use the mailbox, or the sender", NULL},
	{CLI_DISABLED, "the mailbox, the account or the protocol is switched off there", NULL},
	{CLI_CONNECTION, "the mail server cannot be reached, or its TLS not be trusted", NULL},
	{CLI_USAGE, "the command line is wrong", "mailoauth help"},
	{CLI_DATA, "the file that was given is not what it should be", NULL},
	{CLI_UNREACHABLE, "mailoauthd does not answer", NULL}, /* next: as this machine does it */
	{CLI_OUTPUT, "the output could not be written", NULL},
	{CLI_RETRY, "not now: the same command may work later", "mailoauth status"},
	{CLI_PROTOCOL, "the other side does not speak the protocol, or not this verb",
	 "mailoauth --version && mailoauthd --version"},
	{CLI_DENIED, "this user may not", NULL},
	{CLI_CONFIG, "an administrator must change the configuration", "mailoauth config check"},
};
const size_t cli_exits_count = sizeof(cli_exits) / sizeof(cli_exits[0]);

static const enum cli_exit exit_of[] = {
	[OUTCOME_OK] = CLI_OK,		 [OUTCOME_RETRY] = CLI_RETRY,
	[OUTCOME_CONSENT] = CLI_CONSENT, [OUTCOME_CONFIG] = CLI_CONFIG,
	[OUTCOME_DENIED] = CLI_DENIED,	 [OUTCOME_PROTOCOL] = CLI_PROTOCOL,
	[OUTCOME_NOMEM] = CLI_RETRY,
};

enum cli_exit cli_exit_of(enum outcome what)
{
	return (size_t)what < sizeof(exit_of) / sizeof(exit_of[0]) ? exit_of[what] : CLI_PROTOCOL;
}

static const char *next_command(enum cli_exit exit)
{
	if (exit == CLI_UNREACHABLE)
		return daemon_command(DAEMON_LOOK_AT);
	for (size_t i = 0; i < cli_exits_count; i++) {
		if (cli_exits[i].exit == exit)
			return cli_exits[i].next;
	}
	return NULL;
}

enum cli_exit cli_report_to(FILE *out, enum cli_exit exit, const char *text)
{
	const char *next = next_command(exit);

	if (next != NULL && (strstr(text, "run: ") != NULL || strstr(text, next) != NULL))
		next = NULL;
	(void)fputs("mailoauth: ", out);
	text_print(out, text);
	if (next != NULL)
		(void)fprintf(out, "; run: %s", next);
	(void)fputc('\n', out);
	return exit;
}

enum cli_exit cli_report(enum cli_exit exit, const char *text)
{
	return cli_report_to(stderr, exit, text);
}
