/* SPDX-License-Identifier: MIT */
/* helper-ask.c - see helper-ask.h. */
#include "fetch-agent/auth/helper-ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/daemon-command.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define CHUNK	  4096
#define FRAME_MAX 16 /* of a netstring around its payload */

struct helper_ask {
	struct event_base *base;
	char *path;
	helper_ask_fn *done;
	void *context;
	struct deadline deadline;
	struct event *event; /* a timer until the socket is open, then the socket's */
	int fd;
	struct buffer request; /* what is still to be sent */
	struct buffer reply;
};

static void ask_free(struct helper_ask *ask)
{
	if (ask->event != NULL)
		event_free(ask->event);
	if (ask->fd >= 0)
		(void)close(ask->fd);
	buffer_release(&ask->request);
	buffer_release(&ask->reply);
	free(ask->path);
	free(ask);
}

static void finish(struct helper_ask *ask, enum outcome what, const struct helper_reply *reply,
		   const struct err *err)
{
	ask->done(ask->context, what, reply, err);
	ask_free(ask);
}

static void fail(struct helper_ask *ask, enum outcome what, const char *text)
{
	struct err err = ERR_INIT;

	(void)err_set(&err, what, "mailoauthd at %s: %s", ask->path, text);
	finish(ask, what, NULL, &err);
}

static void fail_errno(struct helper_ask *ask, int number)
{
	char text[128];

	if (number != ENOENT && number != ECONNREFUSED) {
		fail(ask, number == EACCES ? OUTCOME_DENIED : OUTCOME_RETRY, strerror(number));
		return;
	}
	(void)snprintf(text, sizeof(text), "it is not running; run: %s",
		       daemon_command(DAEMON_START));
	fail(ask, OUTCOME_RETRY, text);
}

static void on_socket(evutil_socket_t fd, short what, void *context);

/* Waits for one kind of readiness, no longer than the deadline allows. */
static void wait_for(struct helper_ask *ask, short what)
{
	int left_ms = deadline_remaining_ms(ask->deadline);
	struct timeval left = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};

	(void)event_del(ask->event);
	if (event_assign(ask->event, ask->base, ask->fd, what, on_socket, ask) != 0 ||
	    event_add(ask->event, &left) != 0)
		abort(); /* as xalloc: out of memory */
}

static void send_some(struct helper_ask *ask)
{
	ssize_t sent = send(ask->fd, ask->request.data, ask->request.len, MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		fail_errno(ask, errno);
		return;
	}
	if (sent > 0)
		buffer_consume(&ask->request, (size_t)sent);
	wait_for(ask, ask->request.len > 0 ? EV_WRITE : EV_READ);
}

static void look_at_reply(struct helper_ask *ask)
{
	struct helper_reply reply;
	struct span payload;
	size_t consumed;

	switch (netstring_parse(buffer_span(&ask->reply), HELPER_REPLY_MAX, &payload, &consumed)) {
	case PARSE_MORE:
		wait_for(ask, EV_READ);
		return;
	case PARSE_DONE:
		if (consumed == ask->reply.len && helper_reply_parse(payload, &reply)) {
			finish(ask, OUTCOME_OK, &reply, NULL);
			return;
		}
		break;
	case PARSE_BAD:
		break;
	}
	fail(ask, OUTCOME_PROTOCOL, "what answers there is not mailoauthd");
}

static void receive_some(struct helper_ask *ask)
{
	char chunk[CHUNK];
	ssize_t got = recv(ask->fd, chunk, sizeof(chunk), 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
		wait_for(ask, EV_READ);
	} else if (got < 0) {
		fail_errno(ask, errno);
	} else if (got == 0) {
		fail(ask, OUTCOME_RETRY, "it closed the connection without an answer");
	} else {
		(void)buffer_append(&ask->reply, chunk, (size_t)got);
		wipe(chunk, sizeof(chunk));
		if (buffer_ok(&ask->reply))
			look_at_reply(ask);
		else
			fail(ask, OUTCOME_PROTOCOL, "its answer is too long");
	}
}

static void on_socket(evutil_socket_t fd, short what, void *context)
{
	struct helper_ask *ask = context;

	(void)fd;
	if ((what & EV_TIMEOUT) != 0)
		fail(ask, OUTCOME_RETRY, "no answer before the deadline");
	else if ((what & EV_WRITE) != 0)
		send_some(ask);
	else
		receive_some(ask);
}

/* A Unix socket connects at once, or is full (EAGAIN), which is the daemon's trouble. */
static void on_start(evutil_socket_t unused, short what, void *context)
{
	struct helper_ask *ask = context;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(ask->path);

	(void)unused;
	(void)what;
	if (len >= sizeof(address.sun_path)) {
		fail(ask, OUTCOME_CONFIG, "the path is too long for a socket");
		return;
	}
	memcpy(address.sun_path, ask->path, len);
	ask->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (ask->fd < 0 ||
	    connect(ask->fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		fail_errno(ask, errno);
		return;
	}
	send_some(ask);
}

struct helper_ask *helper_ask(struct event_base *base, const char *socket_path, struct span request,
			      struct deadline deadline, helper_ask_fn *done, void *context)
{
	static const struct timeval at_once = {0};
	struct helper_ask *ask = xcalloc(1, sizeof(*ask));

	ask->base = base;
	ask->path = xstrdup(socket_path);
	ask->done = done;
	ask->context = context;
	ask->deadline = deadline;
	ask->fd = -1;
	buffer_init(&ask->request, HELPER_REQUEST_MAX + FRAME_MAX);
	buffer_init_secret(&ask->reply, HELPER_REPLY_MAX + FRAME_MAX + CHUNK);
	ask->event = evtimer_new(base, on_start, ask);
	if (ask->event == NULL || !netstring_append(&ask->request, request) ||
	    evtimer_add(ask->event, &at_once) != 0)
		abort(); /* as xalloc: out of memory; requests are ours and short */
	return ask;
}

void helper_ask_cancel(struct helper_ask *ask)
{
	if (ask != NULL)
		ask_free(ask);
}
