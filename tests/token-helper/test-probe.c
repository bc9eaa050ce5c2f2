/* SPDX-License-Identifier: MIT */
/*
 * test-probe.c - the dialogues of `mailoauth test` with a server that is a socketpair: replies
 * whole, byte by byte and cut off, and the lines that go out. Real servers: tests/e2e/probe.sh.
 */
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

#include "token-helper/cli-test-token.h"
#include "token-helper/json/json-reader.h"
#include "token-helper/probe/probe-dialogue.h"

#include "common/banned.h"

#define HEARD_MAX 8192

struct scene {
	int server;
	struct wire wire;
	struct talk talk;
	struct buffer seen; /* by the watcher */
};

static void on_step(void *arg, const struct probe_step *step)
{
	(void)arg;
	(void)step;
}

static void on_line(void *arg, enum probe_stage stage, bool from_client, struct span line)
{
	struct buffer *seen = arg;

	(void)stage;
	(void)buffer_printf(seen, "%c%.*s\n", from_client ? 'C' : 'S', (int)line.len, line.ptr);
}

static const struct probe_target target = {
	.service = "smtp", .account = "relay", .user = "r@example.org", .host = "localhost"};

static void scene_open(struct scene *scene, const struct probe_watch *watch)
{
	int ends[2];

	*scene = (struct scene){.seen = BUFFER_INIT(HEARD_MAX)};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	scene->server = ends[1];
	wire_init(&scene->wire, 5, watch);
	scene->wire.fd = ends[0];
	scene->talk = (struct talk){.wire = &scene->wire,
				    .target = &target,
				    .said = BUFFER_INIT(SAID_MAX),
				    .offered = BUFFER_INIT(OFFERED_MAX)};
}

static void scene_close(struct scene *scene)
{
	wire_release(&scene->wire);
	buffer_release(&scene->talk.said);
	buffer_release(&scene->talk.offered);
	buffer_release(&scene->seen);
	if (scene->server >= 0)
		(void)close(scene->server);
}

static void server_says(const struct scene *scene, const char *text)
{
	assert_int_equal(write(scene->server, text, strlen(text)), strlen(text));
}

/* Says it and hangs up. */
static void server_ends(struct scene *scene, const char *text, size_t len)
{
	assert_int_equal(write(scene->server, text, len), len);
	(void)shutdown(scene->server, SHUT_WR);
}

static void server_heard(const struct scene *scene, char heard[HEARD_MAX])
{
	ssize_t n = read(scene->server, heard, HEARD_MAX - 1);

	assert_true(n >= 0);
	heard[n] = '\0';
}

static const struct probe_watch watch = {.step = on_step};

/* What a server offers ------------------------------------------------------------------------ */

static void offers_are_read(void **state)
{
	static const struct {
		const struct dialogue *dialogue;
		const char *reply, *mechanisms;
		bool starttls, initial;
	} cases[] = {
		{&dialogue_smtp, "250 mail\r\n", "", false, true},
		{&dialogue_smtp, "250-m\r\n250-STARTTLS\r\n250 AUTH=LOGIN\r\n", "LOGIN", true,
		 true},
		{&dialogue_smtp, "250-m\n250-AUTH PLAIN XOAUTH2\n250 AUTHENTIC X\n",
		 "PLAIN XOAUTH2", false, true},
		{&dialogue_imap,
		 "* CAPABILITY IMAP4rev1 SASL-IR auth=xoauth2 AUTH=PLAIN STARTTLS\r\na1 OK x\r\n",
		 "xoauth2 PLAIN", true, true},
		{&dialogue_imap, "* CAPABILITY IMAP4rev1\r\n* 3 EXISTS\r\na1 OK\r\n", "", false,
		 false},
		{&dialogue_pop, "+OK list\r\nTOP\r\nSASL PLAIN XOAUTH2\r\nSTLS\r\n.\r\n",
		 "PLAIN XOAUTH2", true, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene scene;
		struct err err = ERR_INIT;

		scene_open(&scene, &watch);
		server_says(&scene, cases[i].reply);
		assert_int_equal(cases[i].dialogue->capabilities(&scene.talk, &err), OUTCOME_OK);
		assert_string_equal(buffer_cstr(&scene.talk.offered), cases[i].mechanisms);
		assert_int_equal(scene.talk.can_starttls, cases[i].starttls);
		assert_int_equal(scene.talk.can_initial, cases[i].initial);
		scene_close(&scene);
	}
}

/* Whatever place a reply is cut at, it is no reply, and never a good one. */
static void cut_replies_are_no_replies(void **state)
{
	static const struct {
		const struct dialogue *dialogue;
		const char *reply;
	} cases[] = {
		{&dialogue_smtp, "250-mail\r\n250 AUTH XOAUTH2\r\n"},
		{&dialogue_imap, "* CAPABILITY IMAP4rev1\r\na1 OK\r\n"},
		{&dialogue_pop, "+OK\r\nSASL XOAUTH2\r\n.\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t len = 0; len < strlen(cases[i].reply); len++) {
			struct scene scene;
			struct err err = ERR_INIT;

			scene_open(&scene, &watch);
			server_ends(&scene, cases[i].reply, len);
			assert_int_equal(cases[i].dialogue->capabilities(&scene.talk, &err),
					 OUTCOME_RETRY);
			assert_string_equal(err.text, "the server closed the connection");
			scene_close(&scene);
		}
	}
}

/* The mechanisms are ours and no other, in whatever case and company. */
static void only_our_mechanisms_are_taken(void **state)
{
	static const struct {
		const char *offered, *wanted, *common;
	} cases[] = {
		{"PLAIN LOGIN", NULL, ""},
		{"PLAIN xoauth2 LOGIN", NULL, "XOAUTH2"},
		{"OAUTHBEARER XOAUTH2", NULL, "XOAUTH2 OAUTHBEARER"},
		{"OAUTHBEARER XOAUTH2", "OAUTHBEARER", "OAUTHBEARER"},
		{"XOAUTH2X XOAUTH XOAUTH22", NULL, ""},
		{"XOAUTH2", "OAUTHBEARER", ""},
		{"", NULL, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct probe_target wants = {.mechanism = cases[i].wanted};
		struct talk talk = {.target = &wants, .offered = BUFFER_INIT(OFFERED_MAX)};
		struct buffer common = BUFFER_INIT(64);

		talk_offer(&talk, span_from_str(cases[i].offered));
		talk_common_mechanisms(&talk, &common);
		assert_string_equal(buffer_cstr(&common), cases[i].common);
		buffer_release(&common);
		buffer_release(&talk.offered);
	}
}

/* AUTH ---------------------------------------------------------------------------------------- */

/* RFC 4954 4: 512 octets with CRLF; RFC 2449 4: 255. One more, and the message waits. */
static void the_first_message_stands_where_it_fits(void **state)
{
	static const struct {
		const struct dialogue *dialogue;
		size_t fits;
	} cases[] = {{&dialogue_smtp, 512 - strlen("AUTH XOAUTH2 \r\n")},
		     {&dialogue_pop, 255 - strlen("AUTH XOAUTH2 \r\n")}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t more = 0; more < 2; more++) {
			char secret[1024], heard[HEARD_MAX];
			size_t len = cases[i].fits + more;
			struct scene scene;
			struct err err = ERR_INIT;
			bool sent;

			memset(secret, 'x', sizeof(secret));
			scene_open(&scene, &watch);
			assert_int_equal(cases[i].dialogue->auth(&scene.talk, "XOAUTH2",
								 (struct span){secret, len}, &sent,
								 &err),
					 OUTCOME_OK);
			server_heard(&scene, heard);
			assert_int_equal(sent, more == 0);
			assert_int_equal(strlen(heard), more == 0
								? len + strlen("AUTH XOAUTH2 \r\n")
								: strlen("AUTH XOAUTH2\r\n"));
			scene_close(&scene);
		}
	}
}

static void replies_to_auth_are_told_apart(void **state)
{
	static const struct {
		const struct dialogue *dialogue;
		const char *reply;
		enum heard heard;
		const char *text;
		bool later;
	} cases[] = {
		{&dialogue_smtp, "334 \r\n", HEARD_CHALLENGE, "", false},
		{&dialogue_smtp, "334\r\n", HEARD_CHALLENGE, "", false},
		{&dialogue_smtp, "334 eyJ9\r\n", HEARD_CHALLENGE, "eyJ9", false},
		{&dialogue_smtp, "235 2.7.0 ok\r\n", HEARD_YES, "2.7.0 ok", false},
		{&dialogue_smtp, "535-5.7.8 a\r\n535 5.7.8 b\r\n", HEARD_NO, "5.7.8 b", false},
		{&dialogue_smtp, "454 4.7.0 later\r\n", HEARD_NO, "4.7.0 later", true},
		{&dialogue_imap, "+ \r\n", HEARD_CHALLENGE, "", false},
		{&dialogue_imap, "+\r\n", HEARD_CHALLENGE, "", false},
		{&dialogue_imap, "+ eyJ9\r\n", HEARD_CHALLENGE, "eyJ9", false},
		{&dialogue_imap, "* OK hm\r\na0 OK in\r\n", HEARD_YES, "OK in", false},
		{&dialogue_imap, "a0 NO out\r\n", HEARD_NO, "NO out", false},
		{&dialogue_imap, "a00 OK\r\na0 BAD out\r\n", HEARD_NO, "BAD out", false},
		{&dialogue_pop, "+ eyJ9\r\n", HEARD_CHALLENGE, "eyJ9", false},
		{&dialogue_pop, "+\r\n", HEARD_CHALLENGE, "", false},
		{&dialogue_pop, "+OK in\r\n", HEARD_YES, "+OK in", false},
		{&dialogue_pop, "-ERR [SYS/TEMP] x\r\n", HEARD_NO, "-ERR [SYS/TEMP] x", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene scene;
		struct err err = ERR_INIT;
		enum heard heard;
		struct span text;

		scene_open(&scene, &watch);
		server_says(&scene, cases[i].reply);
		assert_int_equal(cases[i].dialogue->hear(&scene.talk, &heard, &text, &err),
				 OUTCOME_OK);
		assert_int_equal(heard, cases[i].heard);
		assert_true(span_equals(text, cases[i].text));
		assert_int_equal(scene.talk.later, cases[i].later);
		scene_close(&scene);
	}
}

/* Nothing that looks like a yes without being one is taken for it. */
static void odd_replies_are_refused(void **state)
{
	static const struct {
		const struct dialogue *dialogue;
		const char *reply;
	} cases[] = {
		{&dialogue_smtp, "23 5 ok\r\n"},     {&dialogue_smtp, "2355 ok\r\n"},
		{&dialogue_smtp, "135 ok\r\n"},	     {&dialogue_smtp, "\r\n"},
		{&dialogue_smtp, "+OK\r\n"},	     {&dialogue_smtp, "999 ok\r\n"},
		{&dialogue_pop, "OK\r\n"},	     {&dialogue_pop, "\r\n"},
		{&dialogue_pop, "235 2.7.0 ok\r\n"}, {&dialogue_pop, "* OK\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene scene;
		struct err err = ERR_INIT;
		enum heard heard;
		struct span text;

		scene_open(&scene, &watch);
		server_says(&scene, cases[i].reply);
		assert_int_equal(cases[i].dialogue->hear(&scene.talk, &heard, &text, &err),
				 OUTCOME_PROTOCOL);
		scene_close(&scene);
	}
}

/* The watcher --------------------------------------------------------------------------------- */

static void secrets_are_not_seen(void **state)
{
	struct scene scene;
	const struct probe_watch sees = {.step = on_step, .line = on_line, .arg = &scene.seen};
	char heard[HEARD_MAX];
	struct err err = ERR_INIT;
	struct span line;

	(void)state;
	scene_open(&scene, &sees);
	scene.wire.hidden[0] = span_from_str("TOKEN");
	scene.wire.hidden[1] = span_from_str("VE9LRU4=");
	assert_int_equal(wire_say_secret(&scene.wire, "AUTH X ", span_from_str("VE9LRU4="), &err),
			 OUTCOME_OK);
	server_heard(&scene, heard);
	assert_string_equal(heard, "AUTH X VE9LRU4=\r\n");
	server_says(&scene, "535 TOKEN VE9LRU4= TOKE TOKENTOKEN\r\n");
	assert_int_equal(wire_line(&scene.wire, &line, &err), OUTCOME_OK);
	assert_true(span_equals(line, "535 [secret, 5 bytes] [secret, 8 bytes] TOKE [secret, 5 "
				      "bytes][secret, 5 bytes]"));
	assert_string_equal(buffer_cstr(&scene.seen),
			    "CAUTH X [8 bytes]\nS535 [secret, 5 bytes] [secret, 8 bytes] TOKE "
			    "[secret, 5 bytes][secret, 5 bytes]\n");
	scene_close(&scene);
}

static void mailboxes_are_counted(void **state)
{
	struct scene scene;
	struct err err = ERR_INIT;

	(void)state;
	scene_open(&scene, &watch);
	server_says(&scene, "* 7 RECENT\r\n* 23 EXISTS\r\n* 99999999999 EXISTS\r\na1 OK\r\n");
	assert_int_equal(dialogue_imap.mailbox(&scene.talk, &err), OUTCOME_OK);
	assert_int_equal(scene.talk.messages, 23);
	server_says(&scene, "+OK 42 1000\r\n");
	assert_int_equal(dialogue_pop.mailbox(&scene.talk, &err), OUTCOME_OK);
	assert_int_equal(scene.talk.messages, 42);
	scene_close(&scene);
}

/* The message --------------------------------------------------------------------------------- */

static void the_message_is_whole(void **state)
{
	struct buffer text = BUFFER_INIT(4096);

	(void)state;
	assert_true(probe_message("r@example.org", "p@example.net", "relay", 1795453870, "1.2",
				  "host.example", &text));
	assert_non_null(strstr(buffer_cstr(&text), "Date: Mon, 23 Nov 2026 17:11:10 +0000\r\n"));
	assert_non_null(strstr(buffer_cstr(&text), "From: <r@example.org>\r\nTo: <p@example.net>"
						   "\r\nMessage-ID: "
						   "<1.2.mailoauth-test@example.org>\r\n"));
	assert_string_equal(text.data + text.len - 5, "\r\n.\r\n");
	for (size_t i = 0; i < text.len; i++)
		assert_true(text.data[i] != '\n' || text.data[i - 1] == '\r');
	buffer_release(&text);
}

static void no_address_says_another_command(void **state)
{
	static const char *const bad[] = {"",		"a",	 "a@",	   "@b",       "a@b@c",
					  "a b@c",	"a@b>",	 "<a@b",   "a@b\r\nX", "a@b\tSIZE",
					  "\xc3\xa4@b", "a,b@c", "\"a\"@b"};
	struct buffer text = BUFFER_INIT(4096);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(probe_message(bad[i], "p@b", "r", 1, "1", "h", &text));
		assert_false(probe_message("p@b", bad[i], "r", 1, "1", "h", &text));
	}
	buffer_release(&text);
}

/* Where, and how ------------------------------------------------------------------------------ */

static void ports_and_tls_are_the_usual(void **state)
{
	static const struct {
		const char *service;
		uint16_t port;
		enum probe_tls tls;
		uint16_t port_is;
		enum probe_tls tls_is;
	} cases[] = {
		{"smtp", 0, PROBE_TLS_USUAL, 587, PROBE_TLS_STARTTLS},
		{"smtp", 465, PROBE_TLS_USUAL, 465, PROBE_TLS_IMPLICIT},
		{"smtp", 0, PROBE_TLS_IMPLICIT, 465, PROBE_TLS_IMPLICIT},
		{"smtp", 2525, PROBE_TLS_USUAL, 2525, PROBE_TLS_STARTTLS},
		{"imap", 0, PROBE_TLS_USUAL, 993, PROBE_TLS_IMPLICIT},
		{"imap", 143, PROBE_TLS_USUAL, 143, PROBE_TLS_STARTTLS},
		{"imap", 0, PROBE_TLS_STARTTLS, 143, PROBE_TLS_STARTTLS},
		{"pop", 0, PROBE_TLS_USUAL, 995, PROBE_TLS_IMPLICIT},
		{"pop", 0, PROBE_TLS_STARTTLS, 110, PROBE_TLS_STARTTLS},
		{"pop", 110, PROBE_TLS_IMPLICIT, 110, PROBE_TLS_IMPLICIT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct probe_target at = {
			.service = cases[i].service, .port = cases[i].port, .tls = cases[i].tls};

		assert_int_equal(probe_port(&at), cases[i].port_is);
		assert_int_equal(probe_tls_of(&at), cases[i].tls_is);
	}
}

/* Tokens -------------------------------------------------------------------------------------- */

/* {"aud":"https://outlook.office365.com","scp":"SMTP.Send","upn":"r@example.org","roles":["a","b"]}
 */
#define JWT                                                                                        \
	"eyJhbGciOiJub25lIn0."                                                                     \
	"eyJhdWQiOiJodHRwczovL291dGxvb2sub2ZmaWNlMzY1LmNvbSIsInNjcCI6IlNNVFAuU2VuZCIsInVwbiI6InJA" \
	"ZXhhbXBsZS5vcmciLCJyb2xlcyI6WyJhIiwiYiJdfQ.c2ln"

static void tokens_say_what_they_are_for(void **state)
{
	static const char *const opaque[] = {"",   "ya29.a0AfH6", "EwBAAl3BAAUFFpUAo7J3", "a.b.c",
					     "..", "a.!!!!.c",	  "x.eyJhIjox.y",	  "a.e30"};
	struct json_object *claims = token_claims(span_from_str(JWT));
	struct buffer text = BUFFER_INIT(1024);

	(void)state;
	assert_non_null(claims);
	token_describe(claims, &text);
	assert_string_equal(buffer_cstr(&text), "for https://outlook.office365.com, scp SMTP.Send, "
						"roles a b, upn r@example.org");
	assert_string_equal(token_owner(claims), "r@example.org");
	json_release(claims);
	buffer_release(&text);
	for (size_t i = 0; i < sizeof(opaque) / sizeof(opaque[0]); i++)
		assert_null(token_claims(span_from_str(opaque[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offers_are_read),
		cmocka_unit_test(cut_replies_are_no_replies),
		cmocka_unit_test(only_our_mechanisms_are_taken),
		cmocka_unit_test(the_first_message_stands_where_it_fits),
		cmocka_unit_test(replies_to_auth_are_told_apart),
		cmocka_unit_test(odd_replies_are_refused),
		cmocka_unit_test(secrets_are_not_seen),
		cmocka_unit_test(mailboxes_are_counted),
		cmocka_unit_test(the_message_is_whole),
		cmocka_unit_test(no_address_says_another_command),
		cmocka_unit_test(ports_and_tls_are_the_usual),
		cmocka_unit_test(tokens_say_what_they_are_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
