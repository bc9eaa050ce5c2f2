/* SPDX-License-Identifier: MIT */
/*
 * cli-check.h - the daemon's status as one line and an exit status, as Nagios and its kin want a
 * plugin to speak (https://nagios-plugins.org/doc/guidelines.html).
 */
#ifndef TOKEN_HELPER_CLI_CHECK_H
#define TOKEN_HELPER_CLI_CHECK_H

#include "common/buffer.h"
#include "token-helper/cli-exit.h"

struct json_object;

enum check { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };

/*
 * Appends the line. status NULL: there is none, and why says why. Critical: an account has no token
 * and will not get one by itself, or ends within a day. Warning: nobody has authorized it yet, its
 * refreshes fail, or something of it ends within 30 days.
 */
enum check check_append(struct buffer *line, struct json_object *status, const char *why);

/* The same, printed; the exit status is the check's number. */
enum cli_exit cli_check(struct json_object *status, const char *why);

#endif
