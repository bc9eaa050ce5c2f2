/* SPDX-License-Identifier: MIT */
/*
 * cli-status.h - the daemon's status as people read it. Exposed for the tests.
 */
#ifndef TOKEN_HELPER_CLI_STATUS_H
#define TOKEN_HELPER_CLI_STATUS_H

#include <stdbool.h>

#include "common/buffer.h"
#include "common/config.h"
#include "token-helper/cli-call.h"

struct json_object;

#define STATUS_TEXT_MAX 16777216

/* Asks for all pages and joins them. CLI_OK: *status_out is to be put; else err says why. */
enum cli_exit status_ask(const struct cli *cli, struct json_object **status_out, struct err *err);

/* Adds the redirects of one account of a status that are not in *words yet. None there: the daemon
 * is older than this program. */
void status_append_redirects(struct json_object *account, struct words *words);

/* Appends a table, one line an account, and a line for each endpoint that is down. False: the JSON
 * is not a status of a version that we know. */
bool status_append_table(struct buffer *out, struct json_object *status, bool colour);

/* Appends all that is known of every account, one line a fact. False: as above. */
bool status_append_details(struct buffer *out, struct json_object *status, bool colour);

#endif
