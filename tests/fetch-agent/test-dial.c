/* SPDX-License-Identifier: MIT */
/*
 * test-dial.c - connections that do not come about: name servers that are silent, fail or know no
 * such name, addresses that swallow what is sent to them, TLS that is refused. Everything is on
 * loopback, and in one event loop.
 */
#include "fetch-agent/net/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netinet/in.h>
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
#include "fetch-agent/net/tls.h"

#include "common/banned.h"

#define LONG_MS	     10000
#define SHORT_MS     300
#define FILL_MAX     8 /* connections that a full queue takes at most */
#define DNS_SILENT   (-1)
#define DNS_SERVFAIL 2
#define DNS_NXDOMAIN 3

struct stage {
	struct event_base *base;
	struct evdns_base *dns;
	int name_server, answer;
	struct event *question;
	int questions;
	bool done;
	enum outcome what;
	struct bufferevent *bev;
	char text[ERR_TEXT_MAX];
};

/* The question again, as an answer with nothing but a code. */
static void on_question(evutil_socket_t fd, short what, void *context)
{
	struct stage *stage = context;
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	unsigned char packet[512];
	ssize_t len = recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &from_len);

	(void)what;
	assert_true(len > 12);
	stage->questions++;
	if (stage->answer == DNS_SILENT)
		return;
	packet[2] = 0x81; /* an answer, as was wished */
	packet[3] = (unsigned char)(0x80 | stage->answer);
	assert_int_equal(sendto(fd, packet, (size_t)len, 0, (struct sockaddr *)&from, from_len),
			 len);
}

static struct sockaddr_in loopback(const char *host, int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	assert_int_equal(inet_pton(AF_INET, host, &address.sin_addr), 1);
	return address;
}

/* A socket of the type at host and port, 0: any. */
static int bound(int type, const char *host, int *port)
{
	struct sockaddr_in address = loopback(host, *port);
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static int setup(void **state)
{
	struct stage *stage = xcalloc(1, sizeof(*stage));
	char name_server[32];
	int port = 0;

	(void)signal(SIGPIPE, SIG_IGN);
	stage->base = event_base_new();
	stage->dns = evdns_base_new(stage->base, 0);
	stage->name_server = bound(SOCK_DGRAM, "127.0.0.1", &port);
	stage->question = event_new(stage->base, stage->name_server, EV_READ | EV_PERSIST,
				    on_question, stage);
	assert_int_equal(event_add(stage->question, NULL), 0);
	(void)snprintf(name_server, sizeof(name_server), "127.0.0.1:%d", port);
	assert_int_equal(evdns_base_nameserver_ip_add(stage->dns, name_server), 0);
	*state = stage;
	return 0;
}

static int teardown(void **state)
{
	struct stage *stage = *state;

	if (stage->bev != NULL)
		bufferevent_free(stage->bev);
	event_free(stage->question);
	(void)close(stage->name_server);
	(void)event_base_loop(stage->base,
			      EVLOOP_NONBLOCK); /* what waits to be told reads the resolver */
	evdns_base_free(stage->dns, 0);
	event_base_free(stage->base);
	free(stage);
	return 0;
}

static void on_done(void *context, enum outcome what, struct bufferevent *bev,
		    const struct err *err)
{
	struct stage *stage = context;

	assert_false(stage->done);
	stage->done = true;
	stage->what = what;
	stage->bev = bev;
	(void)snprintf(stage->text, sizeof(stage->text), "%s", err->text);
	(void)event_base_loopbreak(stage->base);
}

static struct dial *start(struct stage *stage, const char *host, int port, int deadline_ms)
{
	const struct dial_target target = {
		.base = stage->base,
		.dns = stage->dns,
		.host = host,
		.port = (uint16_t)port,
		.deadline = deadline_in_ms(deadline_ms),
	};

	return dial_start(&target, on_done, stage);
}

static void dial_fails(struct stage *stage, int deadline_ms, const char *words)
{
	(void)start(stage, "mail.test", 993, deadline_ms);
	while (!stage->done)
		(void)event_base_loop(stage->base, EVLOOP_ONCE);
	assert_int_equal(stage->what, OUTCOME_RETRY);
	assert_null(stage->bev);
	if (strstr(stage->text, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, stage->text);
	assert_non_null(strstr(stage->text, "mail.test"));
	assert_true(stage->questions > 0);
}

static void a_silent_name_server_costs_the_deadline(void **state)
{
	struct stage *stage = *state;
	struct deadline patience = deadline_in_ms(LONG_MS);

	stage->answer = DNS_SILENT;
	dial_fails(stage, SHORT_MS, "no connection before the deadline");
	assert_false(deadline_passed(patience));
}

static void a_name_server_that_fails_is_said(void **state)
{
	struct stage *stage = *state;

	stage->answer = DNS_SERVFAIL;
	dial_fails(stage, 6 * LONG_MS, "look-up failed: ");
}

static void an_unknown_name_is_said(void **state)
{
	struct stage *stage = *state;

	stage->answer = DNS_NXDOMAIN;
	dial_fails(stage, 6 * LONG_MS, "look-up failed: ");
}

static void a_look_up_is_cancelled(void **state)
{
	struct stage *stage = *state;
	struct dial *dial;

	stage->answer = DNS_SILENT;
	dial = start(stage, "mail.test", 993, LONG_MS);
	while (stage->questions == 0)
		(void)event_base_loop(stage->base, EVLOOP_ONCE);
	dial_cancel(dial);
	for (int i = 0; i < 3; i++)
		(void)event_base_loop(stage->base, EVLOOP_NONBLOCK);
	assert_false(stage->done);
}

/* A listener whose queue is full: Linux drops what asks for a connection, as a router does that
 * leads nowhere. */
static void make_hole(int *hole, int fill[FILL_MAX], const char *host, int port)
{
	struct sockaddr_in address = loopback(host, port);

	*hole = bound(SOCK_STREAM, host, &port);
	assert_int_equal(listen(*hole, 0), 0);
	for (int i = 0; i < FILL_MAX; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(fill[i], (struct sockaddr *)&address, sizeof(address));
	}
}

/* mail.test has two addresses, and the first swallows everything. */
static void an_address_that_leads_nowhere_is_passed_over(void **state)
{
	struct stage *stage = *state;
	char hosts[] = "/tmp/mailoauth-hosts-XXXXXX";
	static const char lines[] = "127.0.0.2 mail.test\n127.0.0.1 mail.test\n";
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	int port = 0, hole, fill[FILL_MAX];
	int listener = bound(SOCK_STREAM, "127.0.0.1", &port);
	int fd = mkstemp(hosts);

	assert_int_equal(write(fd, lines, strlen(lines)), strlen(lines));
	(void)close(fd);
	assert_int_equal(evdns_base_load_hosts(stage->dns, hosts), 0);
	(void)unlink(hosts);
	assert_int_equal(listen(listener, 1), 0);
	make_hole(&hole, fill, "127.0.0.2", port);
	(void)start(stage, "mail.test", port, LONG_MS / 2);
	while (!stage->done)
		(void)event_base_loop(stage->base, EVLOOP_ONCE);
	if (stage->what != OUTCOME_OK)
		fail_msg("%s", stage->text);
	assert_int_equal(getpeername(bufferevent_getfd(stage->bev), (struct sockaddr *)&peer, &len),
			 0);
	assert_int_equal(peer.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	for (int i = 0; i < FILL_MAX; i++)
		(void)close(fill[i]);
	(void)close(hole);
	(void)close(listener);
}

static void on_client(evutil_socket_t fd, short what, void *context)
{
	static const char alert[] = "\x15\x03\x03\x00\x02\x02\x28"; /* fatal, handshake_failure */
	int *client = context;

	(void)what;
	*client = accept(fd, NULL, NULL);
	assert_int_equal(write(*client, alert, sizeof(alert) - 1), sizeof(alert) - 1);
}

static void an_alert_is_said(void **state)
{
	struct stage *stage = *state;
	struct err err = ERR_INIT;
	SSL_CTX *tls = tls_context_new(NULL, &err);
	int port = 0, client = -1, listener = bound(SOCK_STREAM, "127.0.0.1", &port);
	struct event *incoming =
		event_new(stage->base, listener, EV_READ | EV_PERSIST, on_client, &client);
	const struct dial_target target = {.base = stage->base,
					   .dns = stage->dns,
					   .host = "127.0.0.1",
					   .port = (uint16_t)port,
					   .tls = tls,
					   .deadline = deadline_in_ms(LONG_MS)};

	assert_non_null(tls);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(event_add(incoming, NULL), 0);
	(void)dial_start(&target, on_done, stage);
	while (!stage->done)
		(void)event_base_loop(stage->base, EVLOOP_ONCE);
	assert_int_equal(stage->what, OUTCOME_RETRY);
	assert_non_null(strstr(stage->text, "TLS: "));
	assert_non_null(strstr(stage->text, "handshake failure"));
	event_free(incoming);
	(void)close(client);
	(void)close(listener);
	SSL_CTX_free(tls);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(a_silent_name_server_costs_the_deadline),
		ON_STAGE(a_name_server_that_fails_is_said),
		ON_STAGE(an_unknown_name_is_said),
		ON_STAGE(a_look_up_is_cancelled),
		ON_STAGE(an_address_that_leads_nowhere_is_passed_over),
		ON_STAGE(an_alert_is_said),
	};

	return cmocka_run_group_tests_name("dial", tests, NULL, NULL);
}
