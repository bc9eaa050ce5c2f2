/* SPDX-License-Identifier: MIT */
/* server.c - see server.h: accepting, and making room. */
#include "token-helper/server/server.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/server/backup.h"
#include "token-helper/server/connection.h"

#include "common/banned.h"

#define CONNECTIONS_MAX	 4096
#define DESCRIPTORS_KEPT 64 /* for the store, the token requests, the libraries */
#define PAUSE_S		 1  /* of accepting, when nothing can be accepted and nobody can go */
#define ACCEPT_PER_EVENT 16
#define LISTENERS_MAX	 64

struct server {
	struct server_world world;
	struct connection_list connections; /* least recently active first */
	size_t connections_max;
	size_t count_hint;    /* accepted since the list was last counted */
	struct event *resume; /* ends a pause of accepting */
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
	if (++server->count_hint > server->connections_max) {
		server->count_hint = connection_count(server) + 1;
		if (server->count_hint > server->connections_max) {
			server->count_hint--;
			if (!make_room(server)) {
				peer_release(&peer);
				(void)close(fd);
				return;
			}
		}
	}
	connection_begin(&server->world, &server->connections, fd, &peer);
}

/* A client that cannot be accepted stays in the queue, which would wake us again at once. */
static void pause_accepting(struct server *server)
{
	static const struct timeval pause = {.tv_sec = PAUSE_S};

	for (size_t i = 0; i < server->listener_count; i++)
		(void)event_del(server->listeners[i]);
	(void)event_add(server->resume, &pause);
}

static void on_resume(evutil_socket_t fd, short what, void *context)
{
	struct server *server = context;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < server->listener_count; i++)
		(void)event_add(server->listeners[i], NULL);
}

/* At most `most` of those who wait. */
static void accept_some(struct server *server, int listener, int most)
{
	for (int i = 0; i < most; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			welcome(server, fd);
			continue;
		}
		if ((errno == EMFILE || errno == ENFILE) && make_room(server))
			continue;
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
			log_warning("accept: %s", strerror(errno));
			pause_accepting(server);
		}
		return;
	}
}

static void on_connect(evutil_socket_t listener, short what, void *context)
{
	(void)what;
	accept_some(context, listener, ACCEPT_PER_EVENT);
}

static size_t connections_max(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 ||
	    files.rlim_cur >= CONNECTIONS_MAX + DESCRIPTORS_KEPT)
		return CONNECTIONS_MAX;
	return files.rlim_cur > 2 * DESCRIPTORS_KEPT ? files.rlim_cur - DESCRIPTORS_KEPT
						     : files.rlim_cur / 2;
}

struct server *server_new(const struct server_world *world)
{
	struct server *server = xcalloc(1, sizeof(*server));

	server->world = *world;
	server->world.upload = backup_upload_new();
	server->connections_max = connections_max();
	server->resume = evtimer_new(world->base, on_resume, server);
	if (server->resume == NULL)
		fatal("out of memory");
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
	/* To close a socket cuts off who waits in its queue. */
	for (size_t i = 0; i < server->listener_count; i++)
		accept_some(server, event_get_fd(server->listeners[i]), CONNECTIONS_MAX);
	for (size_t i = 0; i < server->listener_count; i++) {
		int fd = event_get_fd(server->listeners[i]);

		event_free(server->listeners[i]);
		(void)close(fd);
	}
	server->listener_count = 0;
	(void)event_del(server->resume);
}

bool server_is_due(const struct server *server)
{
	const struct connection *conn = TAILQ_FIRST(&server->connections);

	while (conn != NULL && !connection_is_due(conn))
		conn = connection_next(conn);
	return conn != NULL;
}

void server_free(struct server *server)
{
	struct connection *conn;

	if (server == NULL)
		return;
	server_stop(server);
	while ((conn = TAILQ_FIRST(&server->connections)) != NULL)
		connection_free(conn);
	event_free(server->resume);
	backup_upload_free(server->world.upload);
	free(server);
}
