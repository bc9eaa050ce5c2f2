/* SPDX-License-Identifier: MIT */
/*
 * server.h - the daemon's surface to local programs: sockets, connections, verbs
 * (token-helper/PROTOCOL.md).
 *
 * Every client is a stranger: its credentials are read when it connects, each of its bytes counts
 * against a ceiling, each of its silences against a deadline, and none of them can make another
 * wait.
 */
#ifndef TOKEN_HELPER_SERVER_SERVER_H
#define TOKEN_HELPER_SERVER_SERVER_H

#include "common/outcome.h"
#include "common/peer.h"
#include "token-helper/accounts/accounts.h"
#include "token-helper/accounts/authorize-flow.h"
#include "token-helper/accounts/confinement.h"

struct event_base;
struct backup_upload;
struct server;

struct server_world {
	struct event_base *base;
	struct accounts *accounts;
	struct flows *flows;
	const struct peer_list *admin; /* may change its content between callbacks */
	enum outcome (*reload)(void *context, struct err *err);
	void *reload_context;
	const struct confinement *confinement; /* set when all has started */
	struct backup_upload *upload;	       /* the server's own */
};

struct server *server_new(const struct server_world *world);
void server_free(struct server *server); /* closes all; NULL is fine */

/* Takes fd, a listening Unix socket. */
void server_listen(struct server *server, int fd);

/* Accepts who waits already, and nobody after that; connections go on. */
void server_stop(struct server *server);

/* Would somebody be cut off who has connected to ask, is asking, or is being answered? What an
 * account or a flow is waited for with is theirs to know. */
bool server_is_due(const struct server *server);

#endif
