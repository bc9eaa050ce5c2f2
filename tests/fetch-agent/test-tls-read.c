/* SPDX-License-Identifier: MIT */
/*
 * test-tls-read.c - a session over TLS, whose records come together, in pieces, slowly, or broken.
 * OpenSSL holds what no socket tells of any more: all of it must be taken, and no more than that
 * awaited.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <signal.h>
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
#include "fetch-agent/net/low-water.h"
#include "fetch-agent/net/tls.h"
#include "tests/fetch-agent/session-watch.h"
#include "tests/fetch-agent/tls-server.h"

#include "common/banned.h"

#define TOGETHER      40 /* responses, of which the whole is more than is read ahead */
#define TOGETHER_BODY 3000
#define BODY	      1000000
#define PIECE	      500

static char ca_file[] = "/tmp/mo-tls-XXXXXX";
static SSL_CTX *server_context, *client_context;

struct stage {
	struct session_watch watch;
	int fd; /* the server's; non-blocking */
	SSL *server;
};

/* TCP, which has what a pair of Unix sockets lacks: a low-water mark. */
static void connected_pair(int *client, int *server)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static const int on = 1;

	assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	*client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(*client, (struct sockaddr *)&address, len), 0);
	*server = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(*server >= 0);
	(void)close(listener);
	(void)evutil_make_socket_nonblocking(*client);
	assert_int_equal(setsockopt(*server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
}

static void shake_hands(struct stage *stage)
{
	while (SSL_do_handshake(stage->server) != 1)
		session_watch_turn(&stage->watch);
}

static int setup_with(void **state, int timeout_s)
{
	struct stage *stage = xcalloc(1, sizeof(*stage));
	struct err err = ERR_INIT;
	int client;

	connected_pair(&client, &stage->fd);
	session_watch_open(&stage->watch);
	stage->server = SSL_new(server_context);
	SSL_set_accept_state(stage->server);
	assert_int_equal(SSL_set_fd(stage->server, stage->fd), 1);
	session_watch_start(&stage->watch,
			    bufferevent_openssl_socket_new(
				    stage->watch.base, client,
				    tls_session_new(client_context, "mail.example.test", &err),
				    BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE),
			    timeout_s);
	shake_hands(stage);
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
	SSL_free(stage->server);
	(void)close(stage->fd);
	free(stage);
	return 0;
}

static int group_setup(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	server_context = tls_server_new("DNS:mail.example.test", ca_file);
	client_context = tls_context_new(ca_file, &err);
	assert_non_null(client_context);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	SSL_CTX_free(server_context);
	SSL_CTX_free(client_context);
	return unlink(ca_file);
}

/* A record, or several, at once; the client has its turn only while the socket is full. */
static void server_says(struct stage *stage, const char *text, size_t len)
{
	int sent;

	while ((sent = SSL_write(stage->server, text, (int)len)) <= 0) {
		assert_int_equal(SSL_get_error(stage->server, sent), SSL_ERROR_WANT_WRITE);
		session_watch_turn(&stage->watch);
	}
	assert_int_equal(sent, len);
}

/* A greeting and TOGETHER bodies, each a record of its own, before the client reads anything. */
static void say_together(struct stage *stage)
{
	char text[TOGETHER_BODY + 64];
	size_t len;

	server_says(stage, "* OK hello\r\n", 12);
	for (unsigned i = 1; i <= TOGETHER; i++) {
		len = (size_t)snprintf(text, sizeof(text), "* %u FETCH (UID %u BODY[] {%d}\r\n", i,
				       i, TOGETHER_BODY);
		memset(text + len, 'x', TOGETHER_BODY);
		len += TOGETHER_BODY;
		len += (size_t)snprintf(text + len, sizeof(text) - len, ")\r\n");
		server_says(stage, text, len);
	}
}

static void records_that_come_together_are_taken(void **state)
{
	struct stage *stage = *state;

	say_together(stage);
	while (stage->watch.responses < TOGETHER + 1)
		(void)event_base_loop(stage->watch.base, EVLOOP_ONCE);
	assert_int_equal(stage->watch.bytes, TOGETHER * TOGETHER_BODY);
}

static void a_pause_leaves_none_behind(void **state)
{
	struct stage *stage = *state;
	uint64_t before;

	stage->watch.pausing = true;
	say_together(stage);
	while (stage->watch.responses < TOGETHER + 1) {
		(void)event_base_loop(stage->watch.base, EVLOOP_ONCE);
		if (!stage->watch.paused)
			continue;
		before = stage->watch.bytes;
		session_watch_turn(&stage->watch);
		assert_int_equal(stage->watch.bytes, before);
		stage->watch.paused = false;
		imap_session_resume(stage->watch.session);
	}
	assert_int_equal(stage->watch.bytes, TOGETHER * TOGETHER_BODY);
}

/* Less than the session is woken for, again and again, for longer than it bears silence. */
static void a_body_that_trickles_is_not_silence(void **state)
{
	static const struct timeval a_while = {.tv_usec = 300000};
	struct stage *stage = *state;
	char piece[PIECE], text[64];

	memset(piece, 'x', sizeof(piece));
	imap_session_say(stage->watch.session, "FETCH 1 BODY[]", session_watch_done, &stage->watch);
	(void)snprintf(text, sizeof(text), "* OK hello\r\n* 1 FETCH (BODY[] {%d}\r\n", BODY);
	server_says(stage, text, strlen(text));
	for (int i = 0; i < 12; i++) {
		(void)event_base_loopexit(stage->watch.base, &a_while);
		(void)event_base_dispatch(stage->watch.base);
		assert_false(stage->watch.closed);
		server_says(stage, piece, sizeof(piece));
	}
	session_watch_until_closed(&stage->watch); /* but what follows is */
	assert_int_equal(stage->watch.why, OUTCOME_RETRY);
	assert_non_null(strstr(stage->watch.err.text, "silent"));
	assert_int_equal(stage->watch.bytes, 12 * PIECE);
}

/* Else who has gone in the middle of a message is waited for twice as long. */
static void silence_is_silence_where_much_is_expected(void **state)
{
	struct low_water mark = {0};
	int client, server, bytes = 0;
	socklen_t len = sizeof(bytes);

	(void)state;
	connected_pair(&client, &server);
	low_water_expect(&mark, client, BODY);
	assert_int_equal(getsockopt(client, SOL_SOCKET, SO_RCVLOWAT, &bytes, &len), 0);
	assert_in_range(bytes, 2, BODY);
	assert_false(low_water_drop(&mark, client));
	low_water_expect(&mark, client, BODY);
	assert_int_equal(send(server, "x", 1, 0), 1);
	while (recv(client, &bytes, 1, MSG_PEEK) != 1)
		; /* on loopback it is on its way */
	assert_true(low_water_drop(&mark, client));
	assert_int_equal(getsockopt(client, SOL_SOCKET, SO_RCVLOWAT, &bytes, &len), 0);
	assert_int_equal(bytes, 1);
	assert_false(low_water_drop(&mark, client));
	(void)close(client);
	(void)close(server);
}

static void the_end_of_a_large_body_wakes(void **state)
{
	struct stage *stage = *state;
	char piece[PIECE], text[64];

	memset(piece, 'x', sizeof(piece));
	(void)snprintf(text, sizeof(text), "* OK hello\r\n* 1 FETCH (BODY[] {%d}\r\n", BODY);
	server_says(stage, text, strlen(text));
	for (int i = 0; i < BODY / PIECE; i++)
		server_says(stage, piece, sizeof(piece));
	while (stage->watch.bytes < BODY)
		(void)event_base_loop(stage->watch.base, EVLOOP_ONCE);
	server_says(stage, ")\r\n", 3);
	while (stage->watch.responses < 2)
		(void)event_base_loop(stage->watch.base, EVLOOP_ONCE);
}

static void a_farewell_with_the_end_is_heard(void **state)
{
	static const char bye[] = "* BYE [UNAVAILABLE] going down\r\n";
	struct stage *stage = *state;

	say_together(stage);
	server_says(stage, bye, strlen(bye));
	(void)SSL_shutdown(stage->server);
	(void)shutdown(stage->fd, SHUT_RDWR);
	session_watch_until_closed(&stage->watch);
	assert_int_equal(stage->watch.bytes, TOGETHER * TOGETHER_BODY);
	assert_non_null(strstr(stage->watch.err.text, "[UNAVAILABLE] going down"));
}

static void what_breaks_behind_records_is_said(void **state)
{
	static const char garbage[] = "\x17\x03\x03\x00\x40"
				      "0123456789012345678901234567890123456789012345678901234567"
				      "890123";
	struct stage *stage = *state;

	say_together(stage);
	assert_int_equal(write(stage->fd, garbage, sizeof(garbage) - 1), sizeof(garbage) - 1);
	session_watch_until_closed(&stage->watch);
	assert_int_equal(stage->watch.bytes, TOGETHER * TOGETHER_BODY);
	assert_int_equal(stage->watch.why, OUTCOME_RETRY);
	assert_non_null(strstr(stage->watch.err.text, "TLS: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records_that_come_together_are_taken, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_pause_leaves_none_behind, setup, teardown),
		cmocka_unit_test(silence_is_silence_where_much_is_expected),
		cmocka_unit_test_setup_teardown(a_body_that_trickles_is_not_silence,
						setup_impatient, teardown),
		cmocka_unit_test_setup_teardown(the_end_of_a_large_body_wakes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_farewell_with_the_end_is_heard, setup, teardown),
		cmocka_unit_test_setup_teardown(what_breaks_behind_records_is_said, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
