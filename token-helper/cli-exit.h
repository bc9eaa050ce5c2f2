/* SPDX-License-Identifier: MIT */
/*
 * cli-exit.h - how mailoauth(1) ends, and how it says why.
 *
 * One table maps every class of failure to an exit status, a meaning and the command that comes
 * next. mailoauth.1 repeats it under EXIT STATUS and a test compares the two.
 */
#ifndef TOKEN_HELPER_CLI_EXIT_H
#define TOKEN_HELPER_CLI_EXIT_H

#include <stddef.h>
#include <stdio.h>
#include <sysexits.h>

#include "common/outcome.h"

enum cli_exit {
	CLI_OK = 0,
	CLI_CONSENT = 10,		  /* a person must act: sysexits(3) has no word for it */
	CLI_REFUSED = 11,		  /* this and the next three: what a mail server says */
	CLI_RIGHTS = 12,
	CLI_DISABLED = 13,
	CLI_CONNECTION = 14,
	CLI_USAGE = EX_USAGE,		  /* 64 */
	CLI_DATA = EX_DATAERR,		  /* 65 */
	CLI_UNREACHABLE = EX_UNAVAILABLE, /* 69 */
	CLI_OUTPUT = EX_IOERR,		  /* 74 */
	CLI_RETRY = EX_TEMPFAIL,	  /* 75 */
	CLI_PROTOCOL = EX_PROTOCOL,	  /* 76 */
	CLI_DENIED = EX_NOPERM,		  /* 77 */
	CLI_CONFIG = EX_CONFIG,		  /* 78 */
};

struct cli_exit_row {
	enum cli_exit exit;
	const char *meaning;
	const char *next; /* what to type next when the message does not say it; NULL: nothing */
};

extern const struct cli_exit_row cli_exits[];
extern const size_t cli_exits_count;

/* What the daemon answered, as an exit status. */
enum cli_exit cli_exit_of(enum outcome what);

/*
 * One line to `out`: "mailoauth: TEXT", and the next command when TEXT has none. Bytes that could
 * steer a terminal become '?'. Returns `exit`, so that a failure is one statement.
 */
enum cli_exit cli_report_to(FILE *out, enum cli_exit exit, const char *text);
enum cli_exit cli_report(enum cli_exit exit, const char *text); /* to standard error */

#endif
