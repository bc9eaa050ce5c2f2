/* SPDX-License-Identifier: MIT */
/* verbs.h - what can be asked (token-helper/PROTOCOL.md): a table of names and functions. */
#ifndef TOKEN_HELPER_SERVER_VERBS_H
#define TOKEN_HELPER_SERVER_VERBS_H

#include "common/helper-protocol.h"
#include "token-helper/server/connection.h"

/* Answers the request, now or later, exactly once. The request is borrowed until this returns. */
void verb_run(struct connection *conn, const struct helper_request *request);

#endif
