/* SPDX-License-Identifier: MIT */
/*
 * test-imap-session.c - what a session hands on, and when, with a socket for a server.
 *
 * A second that passes is used only to see that nothing happens in it.
 */
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "fetch-agent/imap/imap-session.h"

#include "common/banned.h"

#define BODIES	  40
#define BODY	  100000
#define LIMIT_S	  30 /* of a test that hangs */
#define CHUNK_MAX 65536

struct stage {
	struct event_base *base;
	struct event *limit;
	int server; /* non-blocking */
	struct imap_session *session;
	char *script; /* what the server has to say */
	size_t script_len, script_sent;
	bool pausing; /* at each chunk */
	bool paused;
	uint64_t bytes;		    /* of bodies */
	uint64_t after_pause_bytes; /* of them, since the last pause */
	size_t bodies, responses, answers, conditions;
	bool closed;
	enum outcome why;
};

static void on_limit(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
	fail_msg("nothing happened for %d s", LIMIT_S);
}

static void on_response(void *ctx, const struct imap_response *response)
{
	struct stage *stage = ctx;

	stage->responses++;
	stage->conditions += response->kind == IMAP_CONDITION;
}

static void on_closed(void *ctx, enum outcome what, const struct err *err)
{
	struct stage *stage = ctx;

	(void)err;
	stage->closed = true;
	stage->why = what;
}

static void on_done(void *ctx, const struct imap_text *result)
{
	struct stage *stage = ctx;

	stage->answers += result != NULL;
}

static void on_chunk(void *ctx, struct span bytes)
{
	struct stage *stage = ctx;

	stage->bytes += bytes.len;
	if (stage->paused)
		stage->after_pause_bytes += bytes.len;
	if (!stage->pausing || stage->paused)
		return;
	imap_session_pause(stage->session);
	stage->paused = true;
	stage->after_pause_bytes = 0;
}

static void on_end(void *ctx)
{
	struct stage *stage = ctx;

	stage->bodies++;
}

static void server_says(struct stage *stage, const char *text)
{
	assert_int_equal(write(stage->server, text, strlen(text)), (ssize_t)strlen(text));
}

static int setup_with(void **state, int timeout_s)
{
	static const struct timeval limit = {.tv_sec = LIMIT_S};
	struct stage *stage = xcalloc(1, sizeof(*stage));
	struct imap_session_handler handler = {
		.response = on_response,
		.closed = on_closed,
		.body = {.chunk = on_chunk, .end = on_end, .ctx = stage},
		.ctx = stage,
	};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	(void)evutil_make_socket_nonblocking(pair[0]);
	(void)evutil_make_socket_nonblocking(pair[1]);
	stage->server = pair[1];
	stage->base = event_base_new();
	stage->limit = evtimer_new(stage->base, on_limit, NULL);
	(void)evtimer_add(stage->limit, &limit);
	stage->session = imap_session_new(
		bufferevent_socket_new(stage->base, pair[0], BEV_OPT_CLOSE_ON_FREE), "test",
		&handler, timeout_s);
	*state = stage;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, LIMIT_S);
}

static int setup_impatient(void **state)
{
	return setup_with(state, 1);
}

static int teardown(void **state)
{
	struct stage *stage = *state;

	imap_session_free(stage->session);
	event_free(stage->limit);
	event_base_free(stage->base);
	(void)close(stage->server);
	free(stage->script);
	free(stage);
	return 0;
}

/* The server writes what the socket takes; the loop does what there is to do. */
static void turn(struct stage *stage)
{
	ssize_t len = 0;

	if (stage->script_sent < stage->script_len)
		len = write(stage->server, stage->script + stage->script_sent,
			    stage->script_len - stage->script_sent);
	if (len > 0)
		stage->script_sent += (size_t)len;
	(void)event_base_loop(stage->base, EVLOOP_NONBLOCK);
}

static void pass_a_second(struct stage *stage)
{
	static const struct timeval more_than_a_second = {.tv_sec = 1, .tv_usec = 300000};

	(void)event_base_loopexit(stage->base, &more_than_a_second);
	(void)event_base_dispatch(stage->base);
}

/* BODIES messages of BODY bytes behind a greeting. */
static void write_script(struct stage *stage)
{
	size_t room = BODIES * (BODY + 64) + 64, len;

	stage->script = xcalloc(1, room);
	len = (size_t)snprintf(stage->script, room, "* OK hello\r\n");
	for (unsigned i = 1; i <= BODIES; i++) {
		len += (size_t)snprintf(stage->script + len, room - len,
					"* %u FETCH (UID %u BODY[] {%d}\r\n", i, i, BODY);
		memset(stage->script + len, 'x', BODY);
		len += BODY;
		len += (size_t)snprintf(stage->script + len, room - len, ")\r\n");
	}
	stage->script_len = len;
}

static void test_all_of_it_comes(void **state)
{
	struct stage *stage = *state;

	write_script(stage);
	while (stage->responses < BODIES + 1)
		turn(stage);
	assert_int_equal(stage->bytes, (uint64_t)BODIES * BODY);
	assert_int_equal(stage->bodies, BODIES);
}

static void test_pause_holds_the_server(void **state)
{
	struct stage *stage = *state;
	uint64_t before;
	size_t sent = 0;

	stage->pausing = true;
	write_script(stage);
	while (!stage->paused)
		turn(stage);
	before = stage->bytes;
	do { /* until the socket is full */
		sent = stage->script_sent;
		turn(stage);
	} while (stage->script_sent != sent);
	assert_true(stage->script_sent < stage->script_len);
	assert_int_equal(stage->bytes, before);
	assert_true(stage->after_pause_bytes <= CHUNK_MAX);
}

static void test_resume_goes_on_later(void **state)
{
	struct stage *stage = *state;
	uint64_t before;
	size_t pauses = 0;

	stage->pausing = true;
	write_script(stage);
	while (stage->responses < BODIES + 1) {
		turn(stage);
		if (!stage->paused)
			continue;
		assert_true(stage->after_pause_bytes <= CHUNK_MAX);
		before = stage->bytes;
		stage->paused = false;
		pauses++;
		imap_session_resume(stage->session);
		assert_int_equal(stage->bytes, before);
	}
	assert_true(pauses >= BODIES);
	assert_int_equal(stage->bytes, (uint64_t)BODIES * BODY);
	assert_int_equal(stage->bodies, BODIES);
}

/* What was read before the pause waits for no byte more of the server. */
static void test_resume_takes_what_is_buffered(void **state)
{
	struct stage *stage = *state;

	stage->pausing = true;
	server_says(stage, "* OK hello\r\n* 1 FETCH (BODY[] {1}\r\nx)\r\n* 2 EXISTS\r\n* 3 "
			   "EXISTS\r\n");
	while (!stage->paused)
		turn(stage);
	assert_int_equal(stage->responses, 2); /* the one under way is finished */
	imap_session_resume(stage->session);
	imap_session_pause(stage->session); /* the last word counts */
	turn(stage);
	turn(stage);
	assert_int_equal(stage->responses, 2);
	imap_session_resume(stage->session);
	while (stage->responses < 4)
		turn(stage);
}

static void test_commands_are_sent_while_paused(void **state)
{
	struct stage *stage = *state;
	char line[64];
	ssize_t len = -1;

	server_says(stage, "* OK hello\r\n");
	while (stage->responses < 1)
		turn(stage);
	imap_session_pause(stage->session);
	imap_session_say(stage->session, "NOOP", on_done, stage);
	while (len < 0) {
		turn(stage);
		len = read(stage->server, line, sizeof(line));
	}
	assert_int_equal(len, strlen("m1 NOOP\r\n"));
	server_says(stage, "m1 OK done\r\n");
	turn(stage);
	assert_int_equal(stage->answers, 0);
	imap_session_resume(stage->session);
	while (stage->answers < 1)
		turn(stage);
}

static void test_silence_ends_a_session(void **state)
{
	struct stage *stage = *state;

	while (!stage->closed)
		(void)event_base_loop(stage->base, EVLOOP_ONCE);
	assert_int_equal(stage->why, OUTCOME_RETRY);
}

static void test_silence_of_who_is_paused(void **state)
{
	struct stage *stage = *state;

	imap_session_pause(stage->session);
	pass_a_second(stage);
	assert_false(stage->closed);
	imap_session_resume(stage->session);
	while (!stage->closed)
		(void)event_base_loop(stage->base, EVLOOP_ONCE);
}

static void test_silence_that_is_expected(void **state)
{
	struct stage *stage = *state;

	server_says(stage, "* OK hello\r\n");
	while (stage->responses < 1)
		turn(stage);
	imap_session_set_patience(stage->session, 0);
	imap_session_say(stage->session, "IDLE", on_done, stage);
	pass_a_second(stage);
	assert_false(stage->closed);
	imap_session_set_patience(stage->session, 1);
	while (!stage->closed)
		(void)event_base_loop(stage->base, EVLOOP_ONCE);
}

static void test_free_while_paused(void **state)
{
	struct stage *stage = *state;

	stage->pausing = true;
	write_script(stage);
	while (!stage->paused)
		turn(stage);
	imap_session_resume(stage->session);
	imap_session_free(stage->session);
	stage->session = NULL;
	turn(stage);
	assert_false(stage->closed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_of_it_comes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pause_holds_the_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resume_goes_on_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resume_takes_what_is_buffered, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_commands_are_sent_while_paused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_silence_ends_a_session, setup_impatient,
						teardown),
		cmocka_unit_test_setup_teardown(test_silence_of_who_is_paused, setup_impatient,
						teardown),
		cmocka_unit_test_setup_teardown(test_silence_that_is_expected, setup_impatient,
						teardown),
		cmocka_unit_test_setup_teardown(test_free_while_paused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
