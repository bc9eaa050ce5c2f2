/* SPDX-License-Identifier: MIT */
/* server.c - see server.h: accepting, and making room. */
#include "token-helper/server/server.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/server/connection.h"

#include "common/banned.h"

#define CONNECTIONS_MAX	 4096
#define ACCEPT_PER_EVENT 16
#define LISTENERS_MAX	 64

struct server {
	struct server_world world;
	struct connection_list connections; /* least recently active first */
	size_t count_hint;		    /* accepted since the list was last counted */
	struct event *listeners[LISTENERS_MAX];
	size_t listener_count;
};

static size_t connection_count(const struct server *server)
{
	size_t count = 0;
	const struct connection *conn = TAILQ_FIRST(&server->connections);

	for (; conn != NULL; conn = connection_next(conn))
		count++;
	return count;
}

/* The connection that has been idle longest goes. False: none is idle. */
static bool make_room(struct server *server)
{
	struct connection *conn = TAILQ_FIRST(&server->connections);

	for (; conn != NULL; conn = connection_next(conn)) {
		if (connection_state(conn) <= CONNECTION_READING) {
			connection_free(conn);
			return true;
		}
	}
	return false;
}

static void welcome(struct server *server, int fd)
{
	struct peer peer;
	struct err err;

	if (peer_of_socket(fd, &peer, &err) != OUTCOME_OK) {
		log_warning("a client is refused: %s", err.text);
		(void)close(fd);
		return;
	}
	/* Counting is linear: done once in a while, and the list cannot have grown past the ceiling
	 * in between. */
	if (++server->count_hint >= CONNECTIONS_MAX) {
		server->count_hint = connection_count(server);
		if (server->count_hint >= CONNECTIONS_MAX) {
			(void)make_room(server);
			server->count_hint--;
		}
	}
	(void)connection_new(&server->world, &server->connections, fd, &peer);
}

static void on_connect(evutil_socket_t listener, short what, void *context)
{
	struct server *server = context;

	(void)what;
	for (int i = 0; i < ACCEPT_PER_EVENT; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			welcome(server, fd);
			continue;
		}
		if ((errno == EMFILE || errno == ENFILE) && make_room(server))
			continue;
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			log_warning("accept: %s", strerror(errno));
		return;
	}
}

struct server *server_new(const struct server_world *world)
{
	struct server *server = xcalloc(1, sizeof(*server));

	server->world = *world;
	TAILQ_INIT(&server->connections);
	return server;
}

void server_listen(struct server *server, int fd)
{
	struct event *listener;

	if (server->listener_count == LISTENERS_MAX)
		fatal("more than %d sockets", LISTENERS_MAX);
	listener = event_new(server->world.base, fd, EV_READ | EV_PERSIST, on_connect, server);
	if (listener == NULL || event_add(listener, NULL) != 0)
		fatal("out of memory");
	server->listeners[server->listener_count++] = listener;
}

void server_stop(struct server *server)
{
	for (size_t i = 0; i < server->listener_count; i++) {
		int fd = event_get_fd(server->listeners[i]);

		event_free(server->listeners[i]);
		(void)close(fd);
	}
	server->listener_count = 0;
}

void server_free(struct server *server)
{
	struct connection *conn;

	if (server == NULL)
		return;
	server_stop(server);
	while ((conn = TAILQ_FIRST(&server->connections)) != NULL)
		connection_free(conn);
	free(server);
}
