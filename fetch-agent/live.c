/* SPDX-License-Identifier: MIT */
/* live.c - see live.h. */
#include "fetch-agent/live.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/deadline.h"
#include "common/log.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define REQUEST_MAX 64
#define ANSWER_MAX  (64 * 1024 * 1024)
#define PATIENCE_MS 10000
#define ASKERS_MAX  16

struct live {
	struct evconnlistener *listener;
	live_answer_fn *answer;
	void *ctx;
	char *path;
	struct bufferevent *askers[ASKERS_MAX]; /* NULL: free */
};

static enum outcome address_of(const char *state_path, struct sockaddr_un *address, struct err *err)
{
	int len;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	len = snprintf(address->sun_path, sizeof(address->sun_path), "%s.live", state_path);
	if (len > 0 && (size_t)len < sizeof(address->sun_path))
		return OUTCOME_OK;
	return err_set(err, OUTCOME_CONFIG, "%s.live: too long for a socket's name", state_path);
}

/* The daemon ------------------------------------------------------------------------------------
 */

static void forget(struct live *live, struct bufferevent *bev)
{
	for (size_t i = 0; i < ASKERS_MAX; i++) {
		if (live->askers[i] == bev)
			live->askers[i] = NULL;
	}
	bufferevent_free(bev);
}

static void on_written(struct bufferevent *bev, void *ctx)
{
	forget(ctx, bev);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	(void)what;
	forget(ctx, bev);
}

static void on_request(struct bufferevent *bev, void *ctx)
{
	struct live *live = ctx;
	char line[REQUEST_MAX];
	struct evbuffer *input = bufferevent_get_input(bev);
	ev_ssize_t len = evbuffer_copyout(input, line, sizeof(line));
	const char *end = len > 0 ? memchr(line, '\n', (size_t)len) : NULL;
	struct json_object *answer = NULL;

	if (end == NULL && len < (ev_ssize_t)sizeof(line))
		return;
	if (end != NULL)
		answer = live->answer(live->ctx, (struct span){line, (size_t)(end - line)});
	if (answer == NULL) {
		forget(live, bev);
		return;
	}
	(void)bufferevent_disable(bev, EV_READ);
	bufferevent_setcb(bev, NULL, on_written, on_event, live);
	(void)evbuffer_add_printf(bufferevent_get_output(bev), "%s\n",
				  json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PLAIN));
	(void)json_object_put(answer);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
		      int len, void *ctx)
{
	static const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	struct live *live = ctx;
	struct bufferevent *bev;
	size_t slot = 0;

	(void)address;
	(void)len;
	while (slot < ASKERS_MAX && live->askers[slot] != NULL)
		slot++;
	bev = slot < ASKERS_MAX ? bufferevent_socket_new(evconnlistener_get_base(listener), fd,
							 BEV_OPT_CLOSE_ON_FREE)
				: NULL;
	if (bev == NULL) {
		(void)close(fd);
		return;
	}
	live->askers[slot] = bev;
	bufferevent_setcb(bev, on_request, NULL, on_event, live);
	(void)bufferevent_set_timeouts(bev, &patience, &patience);
	(void)bufferevent_enable(bev, EV_READ | EV_WRITE);
}

enum outcome live_new(struct event_base *base, const char *state_path, live_answer_fn *answer,
		      void *ctx, struct live **out, struct err *err)
{
	static const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;
	struct sockaddr_un address;
	struct live *live;

	if (address_of(state_path, &address, err) != OUTCOME_OK)
		return OUTCOME_CONFIG;
	(void)unlink(address.sun_path);
	live = xcalloc(1, sizeof(*live));
	live->answer = answer;
	live->ctx = ctx;
	live->listener =
		evconnlistener_new_bind(base, on_accept, live, flags, ASKERS_MAX,
					(const struct sockaddr *)&address, sizeof(address));
	if (live->listener == NULL) {
		free(live);
		return err_set(err, OUTCOME_CONFIG, "%s: %s", address.sun_path, strerror(errno));
	}
	live->path = xstrdup(address.sun_path);
	*out = live;
	return OUTCOME_OK;
}

void live_free(struct live *live)
{
	if (live == NULL)
		return;
	for (size_t i = 0; i < ASKERS_MAX; i++) {
		if (live->askers[i] != NULL)
			bufferevent_free(live->askers[i]);
	}
	evconnlistener_free(live->listener);
	(void)unlink(live->path);
	free(live->path);
	free(live);
}

/* Asking -----------------------------------------------------------------------------------------
 */

static int connect_to(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* All until the end, or nothing. */
static bool read_all(int fd, struct buffer *answer)
{
	struct deadline deadline = deadline_in_ms(PATIENCE_MS);
	char piece[16384];

	for (;;) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		int ready = poll(&poll_fd, 1, deadline_remaining_ms(deadline));
		ssize_t got;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return false;
		got = read(fd, piece, sizeof(piece));
		if (got <= 0)
			return got == 0 && buffer_ok(answer) && answer->len > 0;
		if (!buffer_append(answer, piece, (size_t)got))
			return false;
	}
}

static struct json_object *converse(int fd, const char *request)
{
	struct buffer answer = BUFFER_INIT(ANSWER_MAX);
	struct json_object *object = NULL;
	char line[REQUEST_MAX];
	int len = snprintf(line, sizeof(line), "%s\n", request);

	if (send(fd, line, (size_t)len, MSG_NOSIGNAL) == len && read_all(fd, &answer))
		object = json_tokener_parse(buffer_cstr(&answer));
	buffer_release(&answer);
	return object;
}

enum outcome live_ask(const char *state_path, const char *request, struct json_object **out,
		      struct err *err)
{
	struct json_object *object = NULL;
	struct sockaddr_un address;
	int fd;

	if (address_of(state_path, &address, err) != OUTCOME_OK)
		return OUTCOME_CONFIG;
	fd = connect_to(&address);
	if (fd < 0)
		return err_set(err, OUTCOME_RETRY, "no mailoauth-fetch runs with %s: %s",
			       state_path, strerror(errno));
	object = converse(fd, request);
	(void)close(fd);
	if (object == NULL)
		return err_set(err, OUTCOME_RETRY, "mailoauth-fetch does not answer at %s.live",
			       state_path);
	*out = object;
	return OUTCOME_OK;
}
