/* SPDX-License-Identifier: MIT */
/* fake-world.c - see fake-world.h. */
#include "tests/token-helper/fake-world.h"

#include <event2/event.h>
#include <event2/util.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/deadline.h"
#include "common/xalloc.h"

#include "common/banned.h"

/* A timer, in a heap of those that wait. */
struct event {
	int64_t at_ms;
	int64_t every_ms; /* 0: once */
	uint64_t order;	  /* of being added: what is due at the same moment comes in this order */
	size_t place;	  /* in the heap, from 1; 0: it does not wait */
	event_callback_fn callback;
	void *context;
};

struct http_client {
	int unused;
};

struct http_exchange {
	struct event *answer;
	struct fake_exchange fake;
	struct buffer body;
	http_done_fn *done;
	void *context;
};

static struct {
	int64_t monotonic_ms;
	int64_t wall_ahead_ms; /* of the monotonic clock */
	uint32_t random;
	uint64_t order;
	struct event **heap; /* from 1 */
	size_t count, size;
	fake_server_fn *server;
	void *context;
	int64_t requests;
	uint64_t turn_order; /* what was added later is due in another turn */
	int64_t turn_requests, most_in_a_turn;
} world;

/* Time ---------------------------------------------------------------------------------------- */

int64_t clock_now_s(void)
{
	return (world.monotonic_ms + world.wall_ahead_ms) / 1000;
}

const char *clock_text(int64_t at_s, char *text, size_t size)
{
	time_t at = (time_t)at_s;
	struct tm tm;

	if (at_s == 0 || gmtime_r(&at, &tm) == NULL ||
	    strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(text, size, "-");
	return text;
}

struct deadline deadline_in_ms(int64_t ms)
{
	return (struct deadline){.at_ms = world.monotonic_ms + ms};
}

int deadline_remaining_ms(struct deadline deadline)
{
	int64_t left = deadline.at_ms - world.monotonic_ms;

	return left > 0 ? (int)left : 0;
}

bool deadline_passed(struct deadline deadline)
{
	return deadline.at_ms <= world.monotonic_ms;
}

void evutil_secure_rng_get_bytes(void *buf, size_t n)
{
	unsigned char *bytes = buf;

	for (size_t i = 0; i < n; i++) {
		world.random = world.random * 1664525u + 1013904223u;
		bytes[i] = (unsigned char)(world.random >> 24);
	}
}

/* Timers -------------------------------------------------------------------------------------- */

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void put(struct event *event, size_t place)
{
	world.heap[place] = event;
	event->place = place;
}

static void rise(struct event *event, size_t place)
{
	for (; place > 1 && is_before(event, world.heap[place / 2]); place /= 2)
		put(world.heap[place / 2], place);
	put(event, place);
}

static void sink(struct event *event, size_t place)
{
	size_t child;

	for (; (child = 2 * place) <= world.count; place = child) {
		if (child < world.count && is_before(world.heap[child + 1], world.heap[child]))
			child++;
		if (!is_before(world.heap[child], event))
			break;
		put(world.heap[child], place);
	}
	put(event, place);
}

struct event *event_new(struct event_base *base, evutil_socket_t fd, short what,
			event_callback_fn callback, void *context)
{
	struct event *event = xcalloc(1, sizeof(*event));

	(void)base;
	(void)fd;
	event->every_ms = (what & EV_PERSIST) != 0 ? 1 : 0;
	event->callback = callback;
	event->context = context;
	return event;
}

int event_del(struct event *event)
{
	size_t place = event->place;
	struct event *last;

	if (place == 0)
		return 0;
	event->place = 0;
	last = world.heap[world.count--];
	if (last == event)
		return 0;
	if (place > 1 && is_before(last, world.heap[place / 2]))
		rise(last, place);
	else
		sink(last, place);
	return 0;
}

static void wait_until(struct event *event, int64_t at_ms)
{
	(void)event_del(event);
	if (world.count + 2 > world.size) {
		world.size = world.size * 2 + 64;
		world.heap = xreallocarray(world.heap, world.size, sizeof(world.heap[0]));
	}
	event->at_ms = at_ms;
	event->order = world.order++;
	rise(event, ++world.count);
}

int event_add(struct event *event, const struct timeval *after)
{
	int64_t after_ms = (int64_t)after->tv_sec * 1000 + after->tv_usec / 1000;

	if (event->every_ms != 0)
		event->every_ms = after_ms;
	wait_until(event, world.monotonic_ms + after_ms);
	return 0;
}

int event_pending(const struct event *event, short what, struct timeval *at)
{
	(void)what;
	(void)at;
	return event->place != 0;
}

void event_free(struct event *event)
{
	(void)event_del(event);
	free(event);
}

/* HTTP ---------------------------------------------------------------------------------------- */

struct http_client *http_client_new(struct event_base *base, const char *user_agent)
{
	(void)base;
	(void)user_agent;
	return xcalloc(1, sizeof(struct http_client));
}

void http_client_free(struct http_client *client)
{
	free(client);
}

/* Asked for by what runs commands, which nothing here does. */
struct event_base *http_client_base(const struct http_client *client);
struct event_base *http_client_base(const struct http_client *client)
{
	(void)client;
	return NULL;
}

void http_cancel(struct http_exchange *exchange)
{
	if (exchange == NULL)
		return;
	event_free(exchange->answer);
	buffer_release(&exchange->body);
	free(exchange);
}

static void on_answer(evutil_socket_t fd, short what, void *context)
{
	struct http_exchange *exchange = context;

	(void)fd;
	(void)what;
	(void)buffer_append_str(&exchange->body, exchange->fake.body);
	exchange->fake.response.body = &exchange->body;
	exchange->fake.response.duration_ms = exchange->fake.latency_ms;
	exchange->done(exchange->context, &exchange->fake.response);
	http_cancel(exchange);
}

/* The server decides when the request is sent: what happens to it afterwards happens to an answer.
 */
struct http_exchange *http_post(struct http_client *client, const struct http_request *request,
				http_done_fn *done, void *context)
{
	struct http_exchange *exchange = xcalloc(1, sizeof(*exchange));
	struct fake_exchange *fake = &exchange->fake;

	(void)client;
	exchange->done = done;
	exchange->context = context;
	buffer_init_secret(&exchange->body, HTTP_BODY_MAX);
	fake->url = request->url;
	fake->form = request->form;
	fake->response.retry_after_s = -1;
	fake->response.outcome = err_set(&fake->response.err, OUTCOME_RETRY, "nobody answers");
	fake->latency_ms = 100;
	world.requests++;
	world.server(world.context, fake);
	exchange->answer = event_new(NULL, -1, 0, on_answer, exchange);
	wait_until(exchange->answer, world.monotonic_ms + fake->latency_ms);
	return exchange;
}

struct http_exchange *http_get(struct http_client *client, const struct http_request *request,
			       http_done_fn *done, void *context)
{
	return http_post(client, request, done, context);
}

/* The world ----------------------------------------------------------------------------------- */

void fake_world_begin(int64_t wall_s, uint32_t seed, fake_server_fn *server, void *context)
{
	free(world.heap);
	memset(&world, 0, sizeof(world));
	world.monotonic_ms = 1000000;
	world.wall_ahead_ms = wall_s * 1000 - world.monotonic_ms;
	world.random = seed;
	world.server = server;
	world.context = context;
}

/* All that is due when a turn begins happens in it, as in libevent. */
static void begin_turn_before(const struct event *event)
{
	if (event->at_ms == world.monotonic_ms && event->order < world.turn_order)
		return;
	world.turn_order = world.order;
	world.turn_requests = world.requests;
}

static void fire(struct event *event)
{
	begin_turn_before(event);
	world.monotonic_ms = event->at_ms;
	(void)event_del(event);
	if (event->every_ms != 0)
		wait_until(event, world.monotonic_ms + event->every_ms);
	event->callback(-1, EV_TIMEOUT, event->context);
	if (world.requests - world.turn_requests > world.most_in_a_turn)
		world.most_in_a_turn = world.requests - world.turn_requests;
}

void fake_world_run(int64_t until_s)
{
	while (world.count > 0 && world.heap[1]->at_ms + world.wall_ahead_ms <= until_s * 1000)
		fire(world.heap[1]);
	if (clock_now_s() < until_s)
		world.monotonic_ms = until_s * 1000 - world.wall_ahead_ms;
}

void fake_world_set_clock(int64_t by_s)
{
	world.wall_ahead_ms += by_s * 1000;
}

void fake_world_suspend(int64_t for_s)
{
	world.wall_ahead_ms += for_s * 1000;
}

int64_t fake_world_requests(void)
{
	return world.requests;
}

int64_t fake_world_in_a_turn(void)
{
	return world.most_in_a_turn;
}

int64_t fake_world_next_s(void)
{
	return world.count > 0 ? (world.heap[1]->at_ms + world.wall_ahead_ms) / 1000 : 0;
}
