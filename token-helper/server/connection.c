/* SPDX-License-Identifier: MIT */
/* connection.c - see connection.h. */
#include "token-helper/server/connection.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/server/verbs.h"

#include "common/banned.h"

#define NETSTRING_OVERHEAD 16
#define IDLE_S		   300
#define READING_S	   10
#define WORKING_S	   120 /* longer than a token request that waits for another */
#define WRITING_S	   10

struct connection {
	TAILQ_ENTRY(connection) link;
	struct connection_list *list;
	const struct server_world *world;
	int fd;
	struct peer peer;
	enum connection_state state;
	struct event *readable;
	struct event *writable;
	struct event *deadline;
	struct buffer in;  /* secret: redirects carry codes */
	struct buffer out; /* secret: tokens */
	size_t sent;	   /* of out */
	bool eof;	   /* the client sends no more */
	bool has_asked;	   /* a whole request has come */
	bool closing;	   /* no request is served any more */
	struct verb_job job;
	struct account_waiter *waiter;
	struct flow_finish *finish;
	struct forget *forget;
};

static const int state_seconds[] = {
	[CONNECTION_IDLE] = IDLE_S,
	[CONNECTION_READING] = READING_S,
	[CONNECTION_WORKING] = WORKING_S,
	[CONNECTION_WRITING] = WRITING_S,
};

/* The one place that changes the state. The most recently active connection is the list's last. */
static void set_state(struct connection *conn, enum connection_state state)
{
	struct timeval wait = {.tv_sec = state_seconds[state]};

	conn->state = state;
	(void)event_add(conn->deadline, &wait);
	TAILQ_REMOVE(conn->list, conn, link);
	TAILQ_INSERT_TAIL(conn->list, conn, link);
}

void connection_free(struct connection *conn)
{
	account_cancel(conn->waiter);
	flow_finish_cancel(conn->finish);
	forget_cancel(conn->forget);
	TAILQ_REMOVE(conn->list, conn, link);
	event_free(conn->readable);
	event_free(conn->writable);
	event_free(conn->deadline);
	(void)close(conn->fd);
	buffer_release(&conn->in);
	buffer_release(&conn->out);
	peer_release(&conn->peer);
	free(conn);
}

/* Replies ------------------------------------------------------------------------------------- */

/* Sends what it can; the rest, and everything that follows from having sent all, is left to the
 * event loop: a verb may be on the stack. */
static void flush(struct connection *conn)
{
	ssize_t n = send(conn->fd, conn->out.data + conn->sent, conn->out.len - conn->sent,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0)
		conn->sent += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		conn->closing = conn->eof = true;
	if (conn->sent == conn->out.len || (conn->closing && conn->eof))
		event_active(conn->writable, EV_WRITE, 0);
	else
		(void)event_add(conn->writable, NULL);
}

static void reply(struct connection *conn, struct buffer *payload)
{
	conn->waiter = NULL;
	conn->finish = NULL;
	conn->forget = NULL;
	conn->sent = 0;
	buffer_clear(&conn->out);
	if (!buffer_ok(payload)) {
		buffer_clear(payload);
		(void)helper_reply_append_failure(payload, OUTCOME_CONFIG,
						  "the answer is too long: ask for one account");
	}
	(void)netstring_append(&conn->out, buffer_span(payload));
	set_state(conn, CONNECTION_WRITING);
	flush(conn);
}

void connection_reply_ok(struct connection *conn, struct span data)
{
	struct buffer payload = BUFFER_INIT_SECRET(HELPER_REPLY_MAX);

	(void)buffer_append_str(&payload, "OK ");
	(void)buffer_append_span(&payload, data);
	reply(conn, &payload);
	buffer_release(&payload);
}

void connection_reply_notfound(struct connection *conn)
{
	struct buffer payload = BUFFER_INIT(HELPER_REPLY_MAX);

	(void)buffer_append_str(&payload, "NOTFOUND ");
	reply(conn, &payload);
	buffer_release(&payload);
}

void connection_reply_failure(struct connection *conn, enum outcome what, const char *text)
{
	struct buffer payload = BUFFER_INIT(HELPER_REPLY_MAX);

	(void)helper_reply_append_failure(&payload, what, text);
	reply(conn, &payload);
	buffer_release(&payload);
}

void connection_wait_account(struct connection *conn, struct account_waiter *waiter)
{
	if (waiter != NULL)
		conn->waiter = waiter;
}

void connection_wait_flow(struct connection *conn, struct flow_finish *finish)
{
	if (finish != NULL)
		conn->finish = finish;
}

void connection_wait_forget(struct connection *conn, struct forget *forget)
{
	if (forget != NULL)
		conn->forget = forget;
}

/* Requests ------------------------------------------------------------------------------------ */

static void refuse_and_close(struct connection *conn, const char *text)
{
	buffer_clear(&conn->in);
	conn->closing = true;
	connection_reply_failure(conn, OUTCOME_PROTOCOL, text);
}

/* Takes one request out of the buffer, if a whole one is there. The verb works on a copy: the
 * buffer may grow meanwhile. */
static void next_request(struct connection *conn)
{
	struct buffer copy = BUFFER_INIT_SECRET(HELPER_REQUEST_MAX);
	struct helper_request request;
	struct span payload;
	size_t consumed;

	switch (netstring_parse(buffer_span(&conn->in), HELPER_REQUEST_MAX, &payload, &consumed)) {
	case PARSE_MORE:
		if (conn->in.len > 0 && conn->state == CONNECTION_IDLE)
			set_state(conn, CONNECTION_READING);
		return;
	case PARSE_BAD:
		refuse_and_close(conn, "the request is no netstring, or longer than 16384 bytes");
		return;
	case PARSE_DONE:
		break;
	}
	(void)buffer_append_span(&copy, payload);
	buffer_consume(&conn->in, consumed);
	conn->has_asked = true;
	set_state(conn, CONNECTION_WORKING);
	if (buffer_ok(&copy) && helper_request_parse(buffer_span(&copy), &request))
		verb_run(conn, &request);
	else
		refuse_and_close(conn, "the request is not VERB SP FIELDS");
	buffer_release(&copy);
}

/* A complete reply is out, or the client is gone. */
static void after_reply(struct connection *conn)
{
	buffer_clear(&conn->out);
	if (conn->closing || (conn->eof && conn->in.len == 0)) {
		connection_free(conn);
		return;
	}
	set_state(conn, CONNECTION_IDLE);
	if (!conn->eof)
		(void)event_add(conn->readable, NULL);
	next_request(conn);
	if (conn->eof && conn->state <= CONNECTION_READING)
		connection_free(conn);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
	struct connection *conn = context;

	(void)fd;
	(void)what;
	if (conn->state != CONNECTION_WRITING)
		return;
	if (conn->sent == conn->out.len || (conn->closing && conn->eof))
		after_reply(conn);
	else
		flush(conn);
}

/* False: nothing was read, and on EOF or error there is nothing more to come. */
static bool read_some(struct connection *conn)
{
	char chunk[4096];
	size_t room = conn->in.max - conn->in.len;
	ssize_t n;

	if (room == 0) {
		/* More than one request is waiting: read on when this one is answered. */
		(void)event_del(conn->readable);
		return false;
	}
	n = recv(conn->fd, chunk, room < sizeof(chunk) ? room : sizeof(chunk), MSG_DONTWAIT);
	if (n > 0)
		(void)buffer_append(&conn->in, chunk, (size_t)n);
	wipe(chunk, sizeof(chunk));
	if (n > 0)
		return true;
	if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		conn->eof = true;
		(void)event_del(conn->readable);
	}
	return false;
}

/* Reads, and serves what is complete. False: the connection has ended. */
static bool take_input(struct connection *conn)
{
	if (read_some(conn) && conn->state <= CONNECTION_READING)
		next_request(conn);
	if (!conn->eof || conn->state > CONNECTION_READING)
		return true;
	connection_free(conn);
	return false;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)take_input(context);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
	struct connection *conn = context;

	(void)fd;
	(void)what;
	if (conn->state != CONNECTION_WORKING) {
		connection_free(conn);
		return;
	}
	account_cancel(conn->waiter);
	flow_finish_cancel(conn->finish);
	forget_cancel(conn->forget);
	conn->closing = true;
	connection_reply_failure(conn, OUTCOME_RETRY,
				 "mailoauthd found no answer in time; its log says why");
}

void connection_begin(const struct server_world *world, struct connection_list *list, int fd,
		      struct peer *peer)
{
	struct connection *conn = xcalloc(1, sizeof(*conn));

	conn->world = world;
	conn->list = list;
	conn->fd = fd;
	conn->peer = *peer;
	buffer_init_secret(&conn->in, HELPER_REQUEST_MAX + NETSTRING_OVERHEAD);
	buffer_init_secret(&conn->out, HELPER_REPLY_MAX + NETSTRING_OVERHEAD);
	conn->readable = event_new(world->base, fd, EV_READ | EV_PERSIST, on_readable, conn);
	conn->writable = event_new(world->base, fd, EV_WRITE, on_writable, conn);
	conn->deadline = evtimer_new(world->base, on_deadline, conn);
	if (conn->readable == NULL || conn->writable == NULL || conn->deadline == NULL)
		fatal("out of memory");
	TAILQ_INSERT_TAIL(list, conn, link);
	set_state(conn, CONNECTION_IDLE);
	/* The request is mostly here already: answered before anything else is done for it. */
	if (take_input(conn) && !conn->eof)
		(void)event_add(conn->readable, NULL);
}

enum connection_state connection_state(const struct connection *conn)
{
	return conn->state;
}

bool connection_is_due(const struct connection *conn)
{
	char byte;

	switch (conn->state) {
	case CONNECTION_IDLE:
		return !conn->has_asked || recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
	case CONNECTION_READING:
	case CONNECTION_WRITING:
		return true;
	case CONNECTION_WORKING:
		break;
	}
	return false;
}

struct connection *connection_next(const struct connection *conn)
{
	return TAILQ_NEXT(conn, link);
}

const struct server_world *connection_world(const struct connection *conn)
{
	return conn->world;
}

const struct peer *connection_peer(const struct connection *conn)
{
	return &conn->peer;
}

struct verb_job *connection_job(struct connection *conn)
{
	return &conn->job;
}
