/* SPDX-License-Identifier: MIT */
/*
 * verb-request.h - what verbs do alike: read the fields of a request, find the account that it
 * names, ask whether this peer may, answer in JSON.
 */
#ifndef TOKEN_HELPER_SERVER_VERB_REQUEST_H
#define TOKEN_HELPER_SERVER_VERB_REQUEST_H

#include "token-helper/server/connection.h"

/* No value is longer than its request: "too long" must not be mistaken for "absent", which means
 * any service or any host. */
#define VALUE_MAX HELPER_REQUEST_MAX

/* The value of a field; an absent one is "". Borrows from value. */
struct span verb_field(struct span key, const char *name, struct buffer *value);

/* Absent is 0. False, having answered, when it is no number from 0 to max. */
bool verb_number(struct connection *conn, struct span key, const char *name, uint64_t max,
		 uint64_t *number);

/* The account that the field account names; NULL, having answered, when there is none. */
struct account *verb_account(struct connection *conn, struct span key);

/* False, having answered and logged it: the account's allow does not name the peer. */
bool verb_may_use(struct connection *conn, const struct account *account);

/* At most one line a second, so that a stranger cannot fill the disk with refusals. */
bool verb_may_log(void);
/* The same limit. */
void verb_log_denied(const struct peer *peer, const char *what);

/* Answers with object, and frees it. */
struct json_object;
void verb_reply_json(struct connection *conn, struct json_object *object);
/* value NULL: null. */
void verb_json_string(struct json_object *object, const char *key, const char *value);

#endif
