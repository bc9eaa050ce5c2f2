/* SPDX-License-Identifier: MIT */
/*
 * test-compression.c - a session that is compressed, with a socket and zlib for a server.
 *
 * Whatever the bytes are cut into, and whatever they are, the session hands on what the server
 * meant, or ends and says why.
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
#define ZLIB_CONST
#include <zlib.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "tests/fetch-agent/session-watch.h"

#include "common/banned.h"

#define WIRE_MAX  65536
#define CHUNK_MAX 65536
#define BOMB	  (64 << 20) /* one body, of 64 KiB on the wire */

static const char conversation[] = "* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n"
				   "* 2 FETCH (UID 2 BODY[] {5}\r\nworld)\r\n"
				   "m2 OK fetched\r\n";

struct stage {
	struct session_watch watch;
	int server; /* non-blocking */
	z_stream out, in;
	unsigned char wire[WIRE_MAX]; /* what the server has to say, compressed */
	size_t wire_len;
};

static void turn(struct stage *stage)
{
	session_watch_turn(&stage->watch);
}

static void server_writes(struct stage *stage, const void *bytes, size_t len)
{
	assert_int_equal(write(stage->server, bytes, len), (ssize_t)len);
}

static void server_says(struct stage *stage, const char *text)
{
	server_writes(stage, text, strlen(text));
}

/* Puts it behind what is in stage->wire. */
static void server_deflates(struct stage *stage, const void *bytes, size_t len, int flush)
{
	stage->out.next_in = (const Bytef *)bytes;
	stage->out.avail_in = (uInt)len;
	stage->out.next_out = stage->wire + stage->wire_len;
	stage->out.avail_out = (uInt)(WIRE_MAX - stage->wire_len);
	(void)deflate(&stage->out, flush);
	assert_int_equal(stage->out.avail_in, 0);
	assert_true(stage->out.avail_out > 0);
	stage->wire_len = WIRE_MAX - stage->out.avail_out;
}

/* Waits until the client has said exactly that, as it is. */
static void server_hears(struct stage *stage, const char *text)
{
	char line[256];
	size_t len = 0;

	while (len < strlen(text)) {
		ssize_t n;

		turn(stage);
		n = read(stage->server, line + len, sizeof(line) - len);
		len += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(len, strlen(text));
	assert_memory_equal(line, text, len);
}

/* The same, compressed. */
static void server_inflates(struct stage *stage, const char *text)
{
	char line[256];

	stage->in.next_out = (Bytef *)line;
	stage->in.avail_out = sizeof(line);
	while (sizeof(line) - stage->in.avail_out < strlen(text)) {
		unsigned char wire[256];
		ssize_t n;

		turn(stage);
		n = read(stage->server, wire, sizeof(wire));
		stage->in.next_in = wire;
		stage->in.avail_in = n > 0 ? (uInt)n : 0;
		if (n > 0)
			assert_int_equal(inflate(&stage->in, Z_SYNC_FLUSH), Z_OK);
	}
	assert_int_equal(sizeof(line) - stage->in.avail_out, strlen(text));
	assert_memory_equal(line, text, strlen(text));
}

static int setup(void **state)
{
	struct stage *stage = xcalloc(1, sizeof(*stage));
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	(void)evutil_make_socket_nonblocking(pair[0]);
	(void)evutil_make_socket_nonblocking(pair[1]);
	assert_int_equal(deflateInit2(&stage->out, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	assert_int_equal(inflateInit2(&stage->in, -15), Z_OK);
	stage->server = pair[1];
	session_watch_open(&stage->watch);
	session_watch_start(
		&stage->watch,
		bufferevent_socket_new(stage->watch.base, pair[0], BEV_OPT_CLOSE_ON_FREE),
		SESSION_WATCH_S);
	server_says(stage, "* OK hello\r\n");
	while (stage->watch.responses < 1)
		turn(stage);
	stage->watch.responses = 0;
	*state = stage;
	return 0;
}

static int teardown(void **state)
{
	struct stage *stage = *state;

	session_watch_close(&stage->watch);
	(void)close(stage->server);
	(void)deflateEnd(&stage->out);
	(void)inflateEnd(&stage->in);
	free(stage);
	return 0;
}

/* Asks for compression, and FETCH behind it; the server agrees. */
static void agree(struct stage *stage)
{
	assert_true(imap_session_compress(stage->watch.session, session_watch_done, &stage->watch));
	imap_session_say(stage->watch.session, "FETCH", session_watch_done, &stage->watch);
	server_hears(stage, "m1 COMPRESS DEFLATE\r\n");
	server_says(stage, "m1 OK go\r\n");
	server_inflates(stage, "m2 FETCH\r\n");
	assert_int_equal(stage->watch.answers, 1);
}

static void server_goes(struct stage *stage)
{
	assert_int_equal(shutdown(stage->server, SHUT_WR), 0);
	session_watch_until_closed(&stage->watch);
}

/* One cut decides nothing, nor does the answer's being in one packet with what follows it. */
static void test_cut_anywhere(void **state)
{
	struct stage *stage = *state;

	agree(stage);
	server_deflates(stage, conversation, strlen(conversation), Z_SYNC_FLUSH);
	for (size_t i = 0; i < stage->wire_len; i++) {
		server_writes(stage, stage->wire + i, 1);
		turn(stage);
		turn(stage);
	}
	while (stage->watch.answers < 2)
		turn(stage);
	assert_int_equal(stage->watch.responses, 2);
	assert_int_equal(stage->watch.bodies, 2);
	assert_int_equal(stage->watch.bytes, 10);
	assert_false(stage->watch.closed);
}

static void test_in_one_packet_with_the_answer(void **state)
{
	struct stage *stage = *state;
	char packet[256] = "m1 OK go\r\n";
	size_t len = strlen(packet);

	assert_true(imap_session_compress(stage->watch.session, session_watch_done, &stage->watch));
	imap_session_say(stage->watch.session, "FETCH", session_watch_done, &stage->watch);
	server_hears(stage, "m1 COMPRESS DEFLATE\r\n");
	server_deflates(stage, conversation, strlen(conversation), Z_SYNC_FLUSH);
	assert_true(len + stage->wire_len <= sizeof(packet));
	memcpy(packet + len, stage->wire, stage->wire_len);
	server_writes(stage, packet, len + stage->wire_len);
	while (stage->watch.answers < 2)
		turn(stage);
	assert_int_equal(stage->watch.bodies, 2);
	server_inflates(stage, "m2 FETCH\r\n");
}

static void test_refused_is_as_before(void **state)
{
	struct stage *stage = *state;

	assert_true(imap_session_compress(stage->watch.session, session_watch_done, &stage->watch));
	imap_session_say(stage->watch.session, "FETCH", session_watch_done, &stage->watch);
	server_hears(stage, "m1 COMPRESS DEFLATE\r\n");
	server_says(stage, "m1 NO not today\r\n");
	server_hears(stage, "m2 FETCH\r\n");
	server_says(stage, conversation);
	while (stage->watch.answers < 2)
		turn(stage);
	assert_int_equal(stage->watch.bodies, 2);
	assert_false(
		imap_session_compress(stage->watch.session, session_watch_done, &stage->watch));
}

static void test_asks_for_more(void **state)
{
	struct stage *stage = *state;

	assert_true(imap_session_compress(stage->watch.session, session_watch_done, &stage->watch));
	server_hears(stage, "m1 COMPRESS DEFLATE\r\n");
	server_says(stage, "+ well\r\n");
	session_watch_until_closed(&stage->watch);
	assert_int_equal(stage->watch.why, OUTCOME_PROTOCOL);
	assert_non_null(strstr(stage->watch.err.text, "COMPRESS"));
}

/* The connection ends after any number of bytes: nothing that is not whole is an answer. */
static void test_truncated(void **state)
{
	struct stage *stage = *state;
	size_t whole = 0;

	for (size_t cut = 0; whole == 0; cut++) {
		agree(stage);
		server_deflates(stage, conversation, strlen(conversation), Z_SYNC_FLUSH);
		whole = cut + 1 == stage->wire_len;
		server_writes(stage, stage->wire, cut);
		server_goes(stage);
		assert_int_equal(stage->watch.why, OUTCOME_RETRY);
		assert_non_null(strstr(stage->watch.err.text, "closed the connection"));
		assert_true(stage->watch.responses <= 2);
		(void)teardown(state);
		(void)setup(state);
		stage = *state;
	}
}

static void test_garbage(void **state)
{
	struct stage *stage = *state;

	agree(stage);
	server_says(stage, "* 1 EXISTS\r\nm2 OK but I do not compress at all\r\n");
	session_watch_until_closed(&stage->watch);
	assert_int_equal(stage->watch.why, OUTCOME_PROTOCOL);
	assert_non_null(strstr(stage->watch.err.text, "not DEFLATE"));
	assert_int_equal(stage->watch.responses, 0);
}

/* What came before is good all the same. */
static void test_garbage_behind(void **state)
{
	struct stage *stage = *state;

	agree(stage);
	server_deflates(stage, conversation, strlen(conversation), Z_SYNC_FLUSH);
	memset(stage->wire + stage->wire_len, 0xff, 16);
	server_writes(stage, stage->wire, stage->wire_len + 16);
	session_watch_until_closed(&stage->watch);
	assert_int_equal(stage->watch.why, OUTCOME_PROTOCOL);
	assert_int_equal(stage->watch.bodies, 2);
	assert_int_equal(stage->watch.answers, 2);
}

static void test_server_ends_the_stream(void **state)
{
	struct stage *stage = *state;

	agree(stage);
	server_deflates(stage, conversation, strlen(conversation), Z_FINISH);
	server_writes(stage, stage->wire, stage->wire_len);
	session_watch_until_closed(&stage->watch);
	assert_int_equal(stage->watch.why, OUTCOME_RETRY);
	assert_non_null(strstr(stage->watch.err.text, "ended the compressed connection"));
	assert_int_equal(stage->watch.answers, 2);
}

static void test_bye_and_the_end(void **state)
{
	static const char bye[] = "* BYE [UNAVAILABLE] maintenance\r\n";
	struct stage *stage = *state;

	agree(stage);
	server_deflates(stage, bye, strlen(bye), Z_FINISH);
	server_writes(stage, stage->wire, stage->wire_len);
	session_watch_until_closed(&stage->watch);
	assert_int_equal(stage->watch.why, OUTCOME_RETRY);
	assert_non_null(strstr(stage->watch.err.text, "maintenance"));
}

/* A few KiB that are 64 MiB: they come in pieces, and none while the session is paused. */
static void test_bomb(void **state)
{
	static char zeros[1 << 20];
	struct stage *stage = *state;
	char head[64];
	size_t sent = 0, pauses = 0;

	(void)snprintf(head, sizeof(head), "* 1 FETCH (UID 1 BODY[] {%d}\r\n", BOMB);
	agree(stage);
	server_deflates(stage, head, strlen(head), Z_NO_FLUSH);
	for (size_t i = 0; i < BOMB / sizeof(zeros); i++)
		server_deflates(stage, zeros, sizeof(zeros), Z_NO_FLUSH);
	server_deflates(stage, ")\r\n", 3, Z_SYNC_FLUSH);
	stage->watch.pausing = true;
	while (stage->watch.responses < 1) {
		uint64_t before = stage->watch.bytes;
		ssize_t n = write(stage->server, stage->wire + sent, stage->wire_len - sent);

		sent += n > 0 ? (size_t)n : 0;
		turn(stage);
		assert_true(stage->watch.bytes - before <= 2 * CHUNK_MAX);
		if (!stage->watch.paused)
			continue;
		before = stage->watch.bytes;
		turn(stage);
		assert_int_equal(stage->watch.bytes, before);
		assert_true(stage->watch.after_pause_bytes <= CHUNK_MAX);
		stage->watch.paused = false;
		pauses++;
		imap_session_resume(stage->watch.session);
	}
	assert_int_equal(stage->watch.bytes, BOMB);
	assert_true(pauses >= BOMB / CHUNK_MAX / 2);
}

static void test_does_not_go_back(void **state)
{
	struct stage *stage = *state;

	agree(stage);
	server_deflates(stage, conversation, strlen(conversation), Z_SYNC_FLUSH);
	server_writes(stage, stage->wire, stage->wire_len);
	while (stage->watch.answers < 2)
		turn(stage);
	assert_null(imap_session_detach(stage->watch.session));
}

static void test_free_in_the_middle(void **state)
{
	struct stage *stage = *state;

	assert_true(imap_session_is_local(stage->watch.session));
	agree(stage);
	stage->watch.pausing = true;
	server_deflates(stage, conversation, strlen(conversation), Z_SYNC_FLUSH);
	server_writes(stage, stage->wire, stage->wire_len);
	while (!stage->watch.paused)
		turn(stage);
	imap_session_free(stage->watch.session);
	stage->watch.session = NULL;
	turn(stage);
	assert_false(stage->watch.closed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cut_anywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_one_packet_with_the_answer, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_refused_is_as_before, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asks_for_more, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server_ends_the_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bye_and_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bomb, setup, teardown),
		cmocka_unit_test_setup_teardown(test_does_not_go_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_in_the_middle, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
