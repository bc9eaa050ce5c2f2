/* SPDX-License-Identifier: MIT */
/* session-watch.c - see session-watch.h. */
#include "tests/fetch-agent/session-watch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "common/banned.h"

static void on_limit(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
	fail_msg("nothing happened for %d s", SESSION_WATCH_S);
}

static void on_response(void *ctx, const struct imap_response *response)
{
	struct session_watch *watch = ctx;

	watch->responses++;
	watch->conditions += response->kind == IMAP_CONDITION;
}

static void on_closed(void *ctx, enum outcome what, const struct err *err)
{
	struct session_watch *watch = ctx;

	watch->closed = true;
	watch->why = what;
	watch->err = *err;
}

static void on_chunk(void *ctx, struct span bytes)
{
	struct session_watch *watch = ctx;

	watch->bytes += bytes.len;
	if (watch->paused)
		watch->after_pause_bytes += bytes.len;
	if (!watch->pausing || watch->paused)
		return;
	imap_session_pause(watch->session);
	watch->paused = true;
	watch->after_pause_bytes = 0;
}

static void on_end(void *ctx)
{
	struct session_watch *watch = ctx;

	watch->bodies++;
}

void session_watch_open(struct session_watch *watch)
{
	static const struct timeval limit = {.tv_sec = SESSION_WATCH_S};

	*watch = (struct session_watch){.base = event_base_new()};
	watch->limit = evtimer_new(watch->base, on_limit, NULL);
	assert_int_equal(evtimer_add(watch->limit, &limit), 0);
}

void session_watch_start(struct session_watch *watch, struct bufferevent *bev, int timeout_s)
{
	const struct imap_session_handler handler = {
		.response = on_response,
		.closed = on_closed,
		.body = {.chunk = on_chunk, .end = on_end, .ctx = watch},
		.ctx = watch,
	};

	watch->session = imap_session_new(bev, "test", &handler, timeout_s);
}

void session_watch_close(struct session_watch *watch)
{
	imap_session_free(watch->session);
	event_free(watch->limit);
	event_base_free(watch->base);
}

void session_watch_done(void *ctx, const struct imap_text *result)
{
	struct session_watch *watch = ctx;

	watch->answers += result != NULL;
}

void session_watch_turn(struct session_watch *watch)
{
	(void)event_base_loop(watch->base, EVLOOP_NONBLOCK);
}

void session_watch_until_closed(struct session_watch *watch)
{
	while (!watch->closed)
		(void)event_base_loop(watch->base, EVLOOP_ONCE);
}
