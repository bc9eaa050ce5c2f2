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
#include "tests/fetch-agent/session-watch.h"

#include "common/banned.h"

#define BODIES	  40
#define BODY	  100000
#define CHUNK_MAX 65536

struct stage {
	struct session_watch watch;
	int server;   /* non-blocking */
	char *script; /* what the server has to say */
	size_t script_len, script_sent;
};

static void server_says(struct stage *stage, const char *text)
{
	assert_int_equal(write(stage->server, text, strlen(text)), (ssize_t)strlen(text));
}

static int setup_with(void **state, int timeout_s)
{
	struct stage *stage = xcalloc(1, sizeof(*stage));
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	(void)evutil_make_socket_nonblocking(pair[0]);
	(void)evutil_make_socket_nonblocking(pair[1]);
	stage->server = pair[1];
	session_watch_open(&stage->watch);
	session_watch_start(
		&stage->watch,
		bufferevent_socket_new(stage->watch.base, pair[0], BEV_OPT_CLOSE_ON_FREE),
		timeout_s);
	*state = stage;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, SESSION_WATCH_S);
}

static int setup_impatient(void **state)
{
	return setup_with(state, 1);
}

static int teardown(void **state)
{
	struct stage *stage = *state;

	session_watch_close(&stage->watch);
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
	session_watch_turn(&stage->watch);
}

static void pass_a_second(struct stage *stage)
{
	static const struct timeval more_than_a_second = {.tv_sec = 1, .tv_usec = 300000};

	(void)event_base_loopexit(stage->watch.base, &more_than_a_second);
	(void)event_base_dispatch(stage->watch.base);
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
	while (stage->watch.responses < BODIES + 1)
		turn(stage);
	assert_int_equal(stage->watch.bytes, (uint64_t)BODIES * BODY);
	assert_int_equal(stage->watch.bodies, BODIES);
}

static void test_pause_holds_the_server(void **state)
{
	struct stage *stage = *state;
	uint64_t before;
	size_t sent = 0;

	stage->watch.pausing = true;
	write_script(stage);
	while (!stage->watch.paused)
		turn(stage);
	before = stage->watch.bytes;
	do { /* until the socket is full */
		sent = stage->script_sent;
		turn(stage);
	} while (stage->script_sent != sent);
	assert_true(stage->script_sent < stage->script_len);
	assert_int_equal(stage->watch.bytes, before);
	assert_true(stage->watch.after_pause_bytes <= CHUNK_MAX);
}

static void test_resume_goes_on_later(void **state)
{
	struct stage *stage = *state;
	uint64_t before;
	size_t pauses = 0;

	stage->watch.pausing = true;
	write_script(stage);
	while (stage->watch.responses < BODIES + 1) {
		turn(stage);
		if (!stage->watch.paused)
			continue;
		assert_true(stage->watch.after_pause_bytes <= CHUNK_MAX);
		before = stage->watch.bytes;
		stage->watch.paused = false;
		pauses++;
		imap_session_resume(stage->watch.session);
		assert_int_equal(stage->watch.bytes, before);
	}
	assert_true(pauses >= BODIES);
	assert_int_equal(stage->watch.bytes, (uint64_t)BODIES * BODY);
	assert_int_equal(stage->watch.bodies, BODIES);
}

/* What was read before the pause waits for no byte more of the server. */
static void test_resume_takes_what_is_buffered(void **state)
{
	struct stage *stage = *state;

	stage->watch.pausing = true;
	server_says(stage, "* OK hello\r\n* 1 FETCH (BODY[] {1}\r\nx)\r\n* 2 EXISTS\r\n* 3 "
			   "EXISTS\r\n");
	while (!stage->watch.paused)
		turn(stage);
	assert_int_equal(stage->watch.responses, 2); /* the one under way is finished */
	imap_session_resume(stage->watch.session);
	imap_session_pause(stage->watch.session); /* the last word counts */
	turn(stage);
	turn(stage);
	assert_int_equal(stage->watch.responses, 2);
	imap_session_resume(stage->watch.session);
	while (stage->watch.responses < 4)
		turn(stage);
}

static void test_commands_are_sent_while_paused(void **state)
{
	struct stage *stage = *state;
	char line[64];
	ssize_t len = -1;

	server_says(stage, "* OK hello\r\n");
	while (stage->watch.responses < 1)
		turn(stage);
	imap_session_pause(stage->watch.session);
	imap_session_say(stage->watch.session, "NOOP", session_watch_done, &stage->watch);
	while (len < 0) {
		turn(stage);
		len = read(stage->server, line, sizeof(line));
	}
	assert_int_equal(len, strlen("m1 NOOP\r\n"));
	server_says(stage, "m1 OK done\r\n");
	turn(stage);
	assert_int_equal(stage->watch.answers, 0);
	imap_session_resume(stage->watch.session);
	while (stage->watch.answers < 1)
		turn(stage);
}

static void test_silence_ends_a_session(void **state)
{
	struct stage *stage = *state;

	session_watch_until_closed(&stage->watch);
	assert_int_equal(stage->watch.why, OUTCOME_RETRY);
}

static void test_silence_of_who_is_paused(void **state)
{
	struct stage *stage = *state;

	imap_session_pause(stage->watch.session);
	pass_a_second(stage);
	assert_false(stage->watch.closed);
	imap_session_resume(stage->watch.session);
	session_watch_until_closed(&stage->watch);
}

static void test_silence_that_is_expected(void **state)
{
	struct stage *stage = *state;

	server_says(stage, "* OK hello\r\n");
	while (stage->watch.responses < 1)
		turn(stage);
	imap_session_set_patience(stage->watch.session, 0);
	imap_session_say(stage->watch.session, "IDLE", session_watch_done, &stage->watch);
	pass_a_second(stage);
	assert_false(stage->watch.closed);
	imap_session_set_patience(stage->watch.session, 1);
	session_watch_until_closed(&stage->watch);
}

static void test_free_while_paused(void **state)
{
	struct stage *stage = *state;

	stage->watch.pausing = true;
	write_script(stage);
	while (!stage->watch.paused)
		turn(stage);
	imap_session_resume(stage->watch.session);
	imap_session_free(stage->watch.session);
	stage->watch.session = NULL;
	turn(stage);
	assert_false(stage->watch.closed);
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
