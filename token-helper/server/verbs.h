/* SPDX-License-Identifier: MIT */
/*
 * verbs.h - what can be asked (token-helper/PROTOCOL.md): verbs.c has the table of names, of
 * functions and of whom they are for.
 */
#ifndef TOKEN_HELPER_SERVER_VERBS_H
#define TOKEN_HELPER_SERVER_VERBS_H

#include "common/helper-protocol.h"
#include "token-helper/server/connection.h"

/* Answers the request, now or later, exactly once. The request is borrowed until this returns. */
void verb_run(struct connection *conn, const struct helper_request *request);

/* For verbs.c: each answers as verb_run() does; key is what follows the verb's name. */
typedef void verb_fn(struct connection *conn, struct span key);

/* verbs-token.c */
verb_fn verb_token, verb_rejected, verb_accepted, verb_login;
/* verbs-admin.c */
verb_fn verb_status, verb_refresh, verb_forget, verb_reload, verb_ping;
/* verbs-authorize.c */
verb_fn verb_authorize_begin, verb_authorize_finish, verb_authorize_poll, verb_authorize_token,
	verb_authorize_settle, verb_authorize_cancel;
/* backup.c */
verb_fn verb_backup_list, verb_backup, verb_restore;

#endif
