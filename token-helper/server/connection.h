/* SPDX-License-Identifier: MIT */
/*
 * connection.h - one client on one socket: bytes to requests, replies to bytes, under ceilings and
 * deadlines.
 *
 *     IDLE -> READING -> WORKING -> WRITING -> IDLE
 *
 * One request at a time. The state is changed in one function, which arms the deadline of the new
 * one.
 */
#ifndef TOKEN_HELPER_SERVER_CONNECTION_H
#define TOKEN_HELPER_SERVER_CONNECTION_H

#include <stdbool.h>
#include <sys/queue.h>

#include "common/buffer.h"
#include "common/helper-protocol.h"
#include "common/outcome.h"
#include "common/peer.h"
#include "token-helper/accounts/forget.h"
#include "token-helper/server/server.h"

enum connection_state {
	CONNECTION_IDLE,    /* no byte of a request has come */
	CONNECTION_READING, /* some have */
	CONNECTION_WORKING, /* a verb has the request */
	CONNECTION_WRITING, /* the reply is on its way */
};

struct connection;
TAILQ_HEAD(connection_list, connection);

/* Takes fd and peer. The connection frees itself, and leaves list, when it ends. */
void connection_begin(const struct server_world *world, struct connection_list *list, int fd,
		      struct peer *peer);
void connection_free(struct connection *conn);
enum connection_state connection_state(const struct connection *conn);
/* It is about to ask, or asking, or being answered. Not: what a verb has, which others know of, and
 * who has asked before and is silent. */
bool connection_is_due(const struct connection *conn);
struct connection *connection_next(const struct connection *conn);

/* For verbs: who asks, and exactly one answer to each request, at once or later. */
const struct server_world *connection_world(const struct connection *conn);
const struct peer *connection_peer(const struct connection *conn);
void connection_reply_ok(struct connection *conn, struct span data);
void connection_reply_notfound(struct connection *conn);
void connection_reply_failure(struct connection *conn, enum outcome what, const char *text);

/* What a verb must remember until its answer; the connection keeps it. */
struct verb_job {
	struct account *account;
	enum service service;
	int64_t expires_before_s;
};

struct verb_job *connection_job(struct connection *conn);

/* What the verb waits for; cancelled when the client goes away first. NULL is fine. */
void connection_wait_account(struct connection *conn, struct account_waiter *waiter);
void connection_wait_flow(struct connection *conn, struct flow_finish *finish);
void connection_wait_forget(struct connection *conn, struct forget *forget);

#endif
