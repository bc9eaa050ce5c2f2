/* SPDX-License-Identifier: MIT */
/*
 * cli-test-run.c - whole runs of mailoauth against a daemon and a browser played by the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/daemon-command.h"
#include "common/xalloc.h"
#include "tests/token-helper/cli-stage.h"
#include "token-helper/cli-exit.h"

#include "common/banned.h"

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define CODE	  "SECRET-CODE-1234"

static int set_up(void **state)
{
	struct stage *stage = xcalloc(1, sizeof(*stage));

	stage_open(stage);
	*state = stage;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *stage = *state;

	stage_close(stage);
	free(stage);
	return 0;
}

static void assert_contains(const struct buffer *text, const char *part)
{
	if (strstr(buffer_cstr(text), part) == NULL)
		fail_msg("\"%s\" is not in: %s", part, buffer_cstr(text));
}

static void assert_lacks(const struct buffer *text, const char *part)
{
	if (strstr(buffer_cstr(text), part) != NULL)
		fail_msg("\"%s\" is in: %s", part, buffer_cstr(text));
}

/* token, refresh, status ----------------------------------------------------------------------- */

static void token_is_printed_alone(void **state)
{
	struct stage *stage = *state;

	stage_start(stage, ARGV("token", "relay", "--service", "imap", "--min-valid", "300"), NULL);
	stage_expect(stage, "token selector=relay service=imap min_valid=300");
	stage_answer(stage,
		     "OK account=relay user=r@example.org expires=1795453870 token=EwBA.x-y");
	assert_int_equal(stage_wait(stage), CLI_OK);
	assert_string_equal(buffer_cstr(&stage->said), "EwBA.x-y\n");
	assert_int_equal(stage->complained.len, 0);
}

/* Every class of refusal: nothing on standard output, the daemon's words on standard error, the
 * table's status. */
static void refusals_have_their_exit_status(void **state)
{
	static const struct {
		const char *reply;
		int exit;
		const char *says;
	} cases[] = {
		{"PERM denied relay: this user may not", 77, "mailoauth: relay: this user may not"},
		{"PERM consent relay: run: mailoauth authorize relay", 10,
		 "run: mailoauth authorize"},
		{"TEMP retry relay: the token endpoint is down", 75, "endpoint is down; run: "},
		{"PERM config no account \"relay\"", 78, "no account \"relay\"; run: "},
		{"PERM protocol unknown verb", 76, "unknown verb; run: "},
		{"OK account=relay", 76, "no token in it"},
		{"OK token=a%0Ab", 76, "no token in it"},
		{"NOTFOUND ", 76, "not mailoauthd"},
		{"HTTP/1.1 200", 76, "not mailoauthd"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stage stage;

		stage_open(&stage);
		stage_start(&stage, ARGV("token", "relay"), NULL);
		stage_expect(&stage, "token selector=relay");
		stage_answer(&stage, cases[i].reply);
		assert_int_equal(stage_wait(&stage), cases[i].exit);
		assert_int_equal(stage.said.len, 0);
		assert_contains(&stage.complained, cases[i].says);
		stage_close(&stage);
	}
}

static void garbage_is_a_protocol_failure(void **state)
{
	struct stage *stage = *state;

	stage_start(stage, ARGV("token", "relay"), NULL);
	stage_expect(stage, "token ");
	stage_answer_raw(stage, "220 mail.example.org ESMTP\r\n");
	assert_int_equal(stage_wait(stage), CLI_PROTOCOL);
	assert_int_equal(stage->said.len, 0);
}

static void absent_daemon_is_unreachable(void **state)
{
	struct stage *stage = *state;

	assert_int_equal(unlink(stage->socket), 0);
	stage_start(stage, ARGV("token", "relay"), NULL);
	assert_int_equal(stage_wait(stage), CLI_UNREACHABLE);
	assert_contains(&stage->complained, stage->socket);
	assert_contains(&stage->complained, daemon_command(DAEMON_START));
}

static void terminal_escapes_are_not_passed_on(void **state)
{
	struct stage *stage = *state;

	stage_start(stage, ARGV("token", "relay"), NULL);
	stage_expect(stage, "token ");
	stage_answer(stage, "PERM denied \x1b[2J\xc2\x9b"
			    "31mrelay");
	assert_int_equal(stage_wait(stage), CLI_DENIED);
	assert_contains(&stage->complained, "?[2J?31mrelay");
}

static void refresh_says_both_expiries(void **state)
{
	struct stage *stage = *state;

	stage_start(stage, ARGV("refresh", "relay"), NULL);
	stage_expect(stage, "refresh account=relay");
	stage_answer(stage, "OK {\"account\":\"relay\",\"expires\":1795453870,"
			    "\"expires_before\":1795450270}");
	assert_int_equal(stage_wait(stage), CLI_OK);
	assert_contains(&stage->said, "2026-11-23 17:11:10Z");
	assert_contains(&stage->said, "2026-11-23 16:11:10Z");
}

static void status_of_all_is_a_table_without_colours(void **state)
{
	struct stage *stage = *state;

	stage_start(stage, ARGV("status"), (const char *const[]){"TERM=xterm", NULL});
	stage_expect(stage, "status ");
	assert_string_equal(buffer_cstr(&stage->request), "status ");
	stage_answer(stage,
		     "OK {\"version\":1,\"now\":1795450000,\"accounts\":[{\"account\":\"relay\","
		     "\"state\":\"valid\",\"user\":\"r@example.org\"}]}");
	assert_int_equal(stage_wait(stage), CLI_OK);
	assert_contains(&stage->said, "ACCOUNT  STATE  USER");
	assert_contains(&stage->said, "relay    valid  r@example.org");
	assert_lacks(&stage->said, "\033");
}

static void status_json_passes_what_it_does_not_know(void **state)
{
	struct stage *stage = *state;

	stage_start(stage, ARGV("status", "relay", "--json"), NULL);
	stage_expect(stage, "status account=relay");
	stage_answer(stage, "OK {\"version\":1,\"accounts\":[],\"new\":\"a/b\"}");
	assert_int_equal(stage_wait(stage), CLI_OK);
	assert_contains(&stage->said, "\"new\":\"a/b\"");
}

static void wrong_command_lines_ask_nobody(void **state)
{
	const char *const *const lines[] = {
		ARGV("token"),
		ARGV("token", "a", "b"),
		ARGV("nonsense"),
		ARGV("config"),
		ARGV("config", "chek"),
		ARGV("token", "a", "--port", "1"),
		ARGV("authorize", "a", "--port", "70000"),
		ARGV("authorize", "a", "--port", "8080x"),
		ARGV("token", "a", "--service", "ftp"),
		ARGV("token", "a", "--min-valid", "-1"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct stage stage;

		stage_open(&stage);
		stage_start(&stage, lines[i], NULL);
		assert_int_equal(stage_wait(&stage), CLI_USAGE);
		assert_int_equal(stage.said.len, 0);
		stage_close(&stage);
	}
}

/* The checker has its own tests; here: that the file reaches it, and its verdict the exit status.
 */
static void config_check_says_where_it_is_wrong(void **state)
{
	struct stage *stage = *state;
	char path[128], says[160];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/conf", stage->dir);
	(void)snprintf(says, sizeof(says), "%s:2: ", path);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs("[account relay]\nno_such_key = 1\n", f);
	(void)fclose(f);
	stage_start(stage, ARGV("config", "check", "-c", path), NULL);
	assert_int_equal(stage_wait(stage), CLI_CONFIG);
	assert_contains(&stage->said, says);
	(void)unlink(path);
}

/* authorize --------------------------------------------------------------------------------------
 */

#define URL "https://login.example.org/authorize?client_id=x&state=abc"

/* Plays authorize-begin up to the invitation; gives the port. */
static unsigned begin(struct stage *stage, const char *const argv[], const char *const env[])
{
	char reply[512];
	unsigned port;

	stage_start(stage, argv, env);
	stage_expect(stage, "authorize-begin account=relay port=");
	port = stage_port(stage);
	(void)snprintf(reply, sizeof(reply),
		       "OK {\"flow\":\"f1\",\"url\":\"" URL "\",\"redirect_uri\":"
		       "\"http://127.0.0.1:%u/cb\",\"expires_in\":600,\"user\":\"r@example.org\"}",
		       port);
	stage_answer(stage, reply);
	stage_until_said(stage, "press Enter.\n");
	assert_contains(&stage->said, "\n" URL "\n");
	assert_contains(&stage->said, "Sign in as r@example.org");
	return port;
}

#define DONE                                                                                       \
	"OK {\"account\":\"relay\",\"identity\":\"r@example.org\",\"scope\":\"smtp imap\","        \
	"\"expires\":1795453870,\"refresh_token\":true}"

static void assert_no_code(struct stage *stage)
{
	assert_lacks(&stage->said, "SECRET");
	assert_lacks(&stage->complained, "SECRET");
}

static void assert_page_headers(const struct buffer *page)
{
	assert_contains(page, "Cache-Control: no-store\r\n");
	assert_contains(page, "Referrer-Policy: no-referrer\r\n");
	assert_contains(page, "Content-Security-Policy: default-src 'none';");
	assert_contains(page, "X-Content-Type-Options: nosniff\r\n");
	assert_lacks(page, "<script");
	assert_lacks(page, "SECRET");
}

/* The answer to a redirect that ends it sends the browser on, and has nothing to be seen; the page
 * is there, once. */
static void read_page(struct stage *stage, int fd, unsigned port, struct buffer *page)
{
	struct buffer answer = BUFFER_INIT(1 << 17);
	char request[256];
	const char *at;

	stage_read(stage, fd, &answer);
	assert_contains(&answer, " 303 See Other\r\n");
	assert_lacks(&answer, "<");
	assert_page_headers(&answer);
	at = strstr(buffer_cstr(&answer), "Location: /");
	assert_non_null(at);
	at += strlen("Location: ");
	assert_int_equal(strcspn(at, "\r"), 33);
	/* Another path, and another host's name, are told nothing. */
	stage_read(stage, stage_send(port, "GET /0 HTTP/1.1\r\nHost: localhost\r\n\r\n"), page);
	assert_contains(page, "HTTP/1.1 410 ");
	(void)snprintf(request, sizeof(request), "GET %.33s HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		       at);
	stage_read(stage, stage_send(port, request), page);
	assert_contains(page, "HTTP/1.1 410 ");
	assert_lacks(page, "relay");
	(void)snprintf(request, sizeof(request), "GET %.33s HTTP/1.1\r\nHost: localhost\r\n\r\n",
		       at);
	stage_read(stage, stage_send(port, request), page);
	assert_contains(page, "HTTP/1.1 200 ");
	buffer_release(&answer);
}

static void redirect_is_taken_by_get(void **state)
{
	struct stage *stage = *state;
	struct buffer page = BUFFER_INIT(1 << 17);
	unsigned port = begin(stage, ARGV("authorize", "relay"), NULL);
	int fd = stage_send(port, "GET /cb?code=" CODE "%2F&state=abc HTTP/1.1\r\n"
				  "Host: 127.0.0.1\r\n\r\n");

	stage_expect(stage, "authorize-finish flow=f1 query=code=" CODE "%252F&state=abc");
	stage_answer(stage, DONE);
	read_page(stage, fd, port, &page);
	assert_contains(&page, "HTTP/1.1 200 ");
	assert_contains(&page, "<dd>r@example.org</dd>");
	assert_contains(&page, "2026-11-23 17:11:10Z");
	assert_page_headers(&page);
	assert_int_equal(stage_wait(stage), CLI_OK);
	assert_contains(&stage->said, "Authorized: relay");
	assert_contains(&stage->said, "smtp imap");
	assert_contains(&stage->said, "2026-11-23 17:11:10Z");
	assert_int_equal(stage->complained.len, 0);
	assert_no_code(stage);
	assert_int_equal(stage_connect(AF_INET, port), -1);
	buffer_release(&page);
}

static void redirect_is_taken_by_post(void **state)
{
	struct stage *stage = *state;
	struct buffer page = BUFFER_INIT(1 << 17);
	unsigned port = begin(stage, ARGV("authorize", "relay"), NULL);
	int fd = stage_send(port, "POST /cb HTTP/1.1\r\nHost: localhost\r\n"
				  "Content-Type: application/x-www-form-urlencoded\r\n"
				  "Content-Length: 31\r\n\r\ncode=" CODE "&state=abc");

	stage_expect(stage, "authorize-finish flow=f1 query=code=" CODE "&state=abc");
	stage_answer(stage, DONE);
	read_page(stage, fd, port, &page);
	assert_contains(&page, "HTTP/1.1 200 ");
	assert_int_equal(stage_wait(stage), CLI_OK);
	buffer_release(&page);
}

static void redirect_is_taken_over_ipv6(void **state)
{
	struct stage *stage = *state;
	static const char get[] =
		"GET /cb?error=access_denied&state=abc HTTP/1.0\r\nHost: [::1]:80\r\n\r\n";
	struct buffer page = BUFFER_INIT(1 << 17);
	unsigned port;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (fd < 0)
		skip();
	(void)close(fd);
	port = begin(stage, ARGV("authorize", "relay"), NULL);
	fd = stage_connect(AF_INET6, port);
	if (fd < 0)
		skip();
	assert_int_equal(write(fd, get, sizeof(get) - 1), (ssize_t)sizeof(get) - 1);
	stage_expect(stage, "authorize-finish flow=f1 query=error=access_denied&state=abc");
	stage_answer(stage,
		     "PERM consent relay: the sign-in was declined; run: mailoauth authorize "
		     "relay");
	read_page(stage, fd, port, &page);
	assert_contains(&page, "the sign-in was declined");
	assert_int_equal(stage_wait(stage), CLI_CONSENT);
	buffer_release(&page);
}

/* Nothing of this may reach the daemon: stage_expect() would see it before the real redirect. */
static void junk_is_turned_away_first(void **state)
{
	static const struct {
		const char *request, *status;
	} junk[] = {
		{"GET /cb?code=SECRETx&state=y HTTP/1.1\r\nHost: rebound.example\r\n\r\n",
		 "HTTP/1.1 404 "},
		{"GET /cb?code=SECRETx&state=y HTTP/1.1\r\nHost: "
		 "localhost.rebound.example:80\r\n\r\n",
		 "HTTP/1.1 404 "},
		{"GET http://rebound.example/cb?code=SECRETx HTTP/1.1\r\nHost: localhost\r\n\r\n",
		 "HTTP/1.1 404 "},
		{"GET /cb?code=SECRETx&state=y HTTP/1.0\r\n\r\n", "HTTP/1.0 404 "},
		{"GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 404 "},
		{"GET /cb/?code=SECRETx&state=y HTTP/1.1\r\nHost: localhost\r\n\r\n",
		 "HTTP/1.1 404 "},
		{"GET /?code=SECRETx&state=y HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 404 "},
		{"GET /cb HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400 "},
		{"GET /cb?state=y HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400 "},
		{"HEAD /cb?code=SECRETx HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 501 "},
		{"POST /cb HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
		 "text/plain\r\nContent-Length: "
		 "6\r\n\r\n"
		 "code=x",
		 "HTTP/1.1 400 "},
		{"\x16\x03\x01 this is TLS\r\n\r\n", "HTTP/1.1 400 "},
	};
	struct stage *stage = *state;
	struct buffer page = BUFFER_INIT(1 << 17);
	unsigned port = begin(stage, ARGV("authorize", "relay"), NULL);
	int silent = stage_connect(AF_INET, port);
	int fd;

	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		stage_read(stage, stage_send(port, junk[i].request), &page);
		if (page.len > 0 || i + 1 < sizeof(junk) / sizeof(junk[0]))
			assert_contains(&page, junk[i].status);
	}
	fd = stage_send(port,
			"GET /cb?code=" CODE "&state=abc HTTP/1.1\r\nHost: localhost\r\n\r\n");
	stage_expect(stage, "authorize-finish flow=f1 query=code=" CODE);
	stage_answer(stage, DONE);
	read_page(stage, fd, port, &page);
	assert_contains(&page, "HTTP/1.1 200 ");
	assert_int_equal(stage_wait(stage), CLI_OK);
	(void)close(silent);
	buffer_release(&page);
}

static void forged_state_does_not_end_the_wait(void **state)
{
	struct stage *stage = *state;
	struct buffer page = BUFFER_INIT(1 << 17);
	unsigned port = begin(stage, ARGV("authorize", "relay"), NULL);
	int fd = stage_send(port,
			    "GET /cb?code=evil&state=forged HTTP/1.1\r\nHost: localhost\r\n\r\n");

	stage_expect(stage, "authorize-finish flow=f1 query=code=evil&state=forged");
	stage_answer(stage, "PERM denied relay: state is not this <b>sign-in's</b>");
	stage_read(stage, fd, &page);
	assert_contains(&page, "HTTP/1.1 400 ");
	assert_contains(&page, "this &lt;b&gt;sign-in&#39;s&lt;/b&gt;");
	assert_contains(&page, "still waits");
	stage_until_complained(stage, "Still waiting");
	fd = stage_send(port,
			"GET /cb?code=" CODE "&state=abc HTTP/1.1\r\nHost: localhost\r\n\r\n");
	stage_expect(stage, "authorize-finish flow=f1 query=code=" CODE);
	stage_answer(stage, DONE);
	read_page(stage, fd, port, &page);
	assert_contains(&page, "HTTP/1.1 200 ");
	assert_int_equal(stage_wait(stage), CLI_OK);
	buffer_release(&page);
}

static void wrong_user_is_said_in_both_places(void **state)
{
	struct stage *stage = *state;
	struct buffer page = BUFFER_INIT(1 << 17);
	unsigned port = begin(stage, ARGV("authorize", "relay"), NULL);
	int fd = stage_send(port,
			    "GET /cb?code=" CODE "&state=abc HTTP/1.1\r\nHost: localhost\r\n\r\n");

	stage_expect(stage, "authorize-finish ");
	stage_answer(stage,
		     "PERM consent relay: eve@example.org signed in, r@example.org must; nothing "
		     "is stored; run: mailoauth authorize relay");
	read_page(stage, fd, port, &page);
	assert_contains(&page, "eve@example.org signed in, r@example.org must");
	assert_int_equal(stage_wait(stage), CLI_CONSENT);
	assert_contains(&stage->complained, "eve@example.org signed in, r@example.org must");
	assert_lacks(&stage->said, "Authorized");
	assert_no_code(stage);
	buffer_release(&page);
}

static void missing_refresh_token_is_warned_of(void **state)
{
	struct stage *stage = *state;

	(void)begin(stage, ARGV("authorize", "relay"), NULL);
	stage_type(stage, "http://127.0.0.1/cb?code=" CODE "&state=abc\n");
	stage_expect(stage, "authorize-finish ");
	stage_answer(stage, "OK {\"account\":\"relay\",\"identity\":null,\"scope\":null,"
			    "\"expires\":1795453870,\"refresh_token\":false}");
	assert_int_equal(stage_wait(stage), CLI_OK);
	assert_contains(&stage->said, "not verified");
	assert_contains(&stage->complained, "offline_access");
}

static void forgetting_nothing_is_said(void **state)
{
	struct stage *stage = *state;

	stage_start(stage, ARGV("forget", "relay", "--yes"), NULL);
	stage_expect(stage, "forget account=relay");
	stage_answer(stage, "OK {\"revoked\":false,\"deleted\":false,\"text\":null}");
	assert_int_equal(stage_wait(stage), CLI_OK);
	assert_contains(&stage->said, "relay: there was no grant, so nothing was done\n");
}

static void url_is_pasted_through_a_pipe(void **state)
{
	struct stage *stage = *state;

	stage_start(stage, ARGV("authorize", "relay", "--paste"), NULL);
	stage_expect(stage, "authorize-begin account=relay port=0");
	stage_answer(stage, "OK {\"flow\":\"f1\",\"url\":\"" URL "\",\"redirect_uri\":"
			    "\"http://localhost\",\"expires_in\":600,\"user\":null}");
	stage_until_said(stage, "press Enter.\n");
	stage_type(stage, "\n   \nwhat?\n");
	stage_until_complained(stage, "no code= in it");
	stage_type(stage, "https://x.example/a?code_challenge=x&state=y\n");
	stage_until_complained(stage, "that is the URL to sign in at");
	/* Without a newline, and then the end: still a line. */
	stage_type(stage, " \"http://localhost/?code=" CODE "&state=abc\"");
	stage_end_input(stage);
	stage_expect(stage,
		     "authorize-finish flow=f1 query=http://localhost/?code=" CODE "&state=abc");
	assert_lacks(&stage->request, "\"");
	stage_answer(stage, DONE);
	assert_int_equal(stage_wait(stage), CLI_OK);
	assert_no_code(stage);
}

#define REDIRECTS(grant)                                                                           \
	"OK {\"version\":1,\"now\":1,\"next\":null,\"accounts\":[{\"account\":\"relay\","          \
	"\"state\":\"valid\",\"grant\":\"" grant "\",\"redirects\":[\"http://localhost/b\","       \
	"\"https://login.microsoftonline.com/common/oauth2/nativeclient\"]}]}"

/* Says why not, in words, before anything begins. */
static void redirect_is_one_of_the_accounts(void **state)
{
	static const struct {
		const char *wanted, *port, *status;
		enum cli_exit exit;
		const char *says;
	} cases[] = {
		{"http://localhost/c", "9", REDIRECTS("authorization_code"), CLI_USAGE,
		 "its redirect is http://localhost/b or https://login.microsoftonline.com/common/"
		 "oauth2/nativeclient, as mailoauth.conf says, and not http://localhost/c; run: "
		 "mailoauth authorize relay --redirect http://localhost/b\n"},
		{"http://127.0.0.1:8400/b/", "9", REDIRECTS("authorization_code"), CLI_USAGE,
		 "relay --redirect http://localhost/b --port 8400\n"},
		{"localhost/b", "9", REDIRECTS("authorization_code"), CLI_USAGE,
		 "relay --redirect http://localhost/b\n"},
		{"http://login.microsoftonline.com/common/oauth2/nativeclient", "9",
		 REDIRECTS("device_code"), CLI_USAGE,
		 "relay --redirect https://login.microsoftonline.com/common/oauth2/nativeclient\n"},
		{"https://mail.example/b", "9", REDIRECTS("authorization_code"), CLI_USAGE,
		 "not https://mail.example/b; run: mailoauth explain redirect-uris\n"},
		{"http://localhost/b", "9", REDIRECTS("client_credentials"), CLI_USAGE,
		 "for accounts that a person signs in for"},
		{"http://localhost/b", "9",
		 "OK {\"version\":1,\"next\":null,\"accounts\":[{\"account\":\"relay\"}]}",
		 CLI_PROTOCOL, "mailoauthd is older"},
		{"http://localhost/b", "9", "PERM config there is no account \"relay\"", CLI_CONFIG,
		 "there is no account"},
	};
	struct stage *stage = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		stage_start(stage,
			    ARGV("authorize", "relay", "--redirect", cases[i].wanted, "--port",
				 cases[i].port),
			    NULL);
		buffer_clear(&stage->complained);
		stage_expect(stage, "status account=relay");
		stage_answer(stage, cases[i].status);
		assert_int_equal(stage_wait(stage), cases[i].exit);
		assert_contains(&stage->complained, cases[i].says);
	}
}

static void redirect_with_a_port_is_listened_for(void **state)
{
	struct stage *stage = *state;
	char reply[512], page_request[128];
	struct buffer page = BUFFER_INIT(1 << 17);
	unsigned port, fixed;
	int fd;

	stage_start(stage, ARGV("authorize", "relay", "--redirect", "http://localhost/b"), NULL);
	stage_expect(stage, "status account=relay");
	stage_answer(stage, REDIRECTS("device_code"));
	stage_expect(stage, "authorize-begin account=relay port=");
	port = stage_port(stage);
	/* Nobody else has it now; the next but one is as good as any. */
	fixed = port > 60000 ? port - 2 : port + 2;
	assert_contains(&stage->request, " by=code redirect=http://localhost/b");
	(void)snprintf(reply, sizeof(reply),
		       "OK {\"flow\":\"f1\",\"url\":\"" URL
		       "\",\"redirect\":\"http://localhost/b\","
		       "\"redirect_uri\":\"http://127.0.0.1:%u/b\",\"expires_in\":600}",
		       fixed);
	stage_answer(stage, reply);
	stage_until_said(stage, "press Enter.\n");
	(void)snprintf(reply, sizeof(reply),
		       "Redirect URI: http://127.0.0.1:%u/b (to be registered as "
		       "http://localhost/b)\n",
		       fixed);
	assert_contains(&stage->said, reply);
	(void)snprintf(page_request, sizeof(page_request),
		       "GET /b?code=" CODE " HTTP/1.1\r\nHost: localhost\r\n\r\n");
	fd = stage_send(fixed, page_request);
	stage_expect(stage, "authorize-finish flow=f1");
	stage_answer(stage, DONE);
	read_page(stage, fd, fixed, &page);
	assert_int_equal(stage_wait(stage), CLI_OK);
	buffer_release(&page);
}

static void metadata_that_is_on_its_way_is_waited_for(void **state)
{
	struct stage *stage = *state;

	stage_start(stage, ARGV("authorize", "relay", "--paste"), NULL);
	stage_expect(stage, "authorize-begin account=relay port=0");
	stage_answer(stage, "TEMP retry the metadata has not come yet");
	stage_expect(stage, "authorize-begin account=relay port=0");
	stage_answer(stage, "PERM config account relay: the issuer is another");
	assert_int_equal(stage_wait(stage), CLI_CONFIG);
	assert_lacks(&stage->complained, "not come yet");
	assert_contains(&stage->complained, "the issuer is another");
}

static void end_of_input_alone_ends_only_pasting(void **state)
{
	struct stage *stage = *state;

	stage_start(stage, ARGV("authorize", "relay", "--paste"), NULL);
	stage_end_input(stage);
	stage_expect(stage, "authorize-begin account=relay port=0");
	stage_answer(stage, "OK {\"flow\":\"f1\",\"url\":\"" URL "\",\"redirect_uri\":"
			    "\"http://localhost\"}");
	stage_expect(stage, "authorize-cancel flow=f1");
	stage_answer(stage, "OK ");
	assert_int_equal(stage_wait(stage), CLI_CONSENT);
	assert_contains(&stage->complained, "run: mailoauth authorize relay\n");
}

static void listener_goes_on_after_end_of_input(void **state)
{
	struct stage *stage = *state;
	struct buffer page = BUFFER_INIT(1 << 17);
	unsigned port;
	int fd;

	port = begin(stage, ARGV("authorize", "relay"), NULL);
	stage_end_input(stage);
	fd = stage_send(port, "GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n");
	stage_read(stage, fd, &page);
	fd = stage_send(port, "GET /cb?code=" CODE " HTTP/1.1\r\nHost: localhost\r\n\r\n");
	stage_expect(stage, "authorize-finish ");
	stage_answer(stage, DONE);
	read_page(stage, fd, port, &page);
	assert_int_equal(stage_wait(stage), CLI_OK);
	buffer_release(&page);
}

static void time_out_names_the_causes(void **state)
{
	struct stage *stage = *state;

	(void)begin(stage, ARGV("authorize", "relay", "--timeout", "1"), NULL);
	stage_expect(stage, "authorize-cancel flow=f1");
	stage_answer(stage, "OK ");
	assert_int_equal(stage_wait(stage), CLI_CONSENT);
	assert_contains(&stage->complained, "host, port or path");
	assert_contains(&stage->complained, "http://127.0.0.1:");
	assert_contains(&stage->complained, "another machine");
	assert_contains(&stage->complained, "nobody signed in");
	assert_contains(&stage->complained, "run: mailoauth authorize relay");
}

static void interrupt_cancels_the_flow(void **state)
{
	struct stage *stage = *state;

	(void)begin(stage, ARGV("authorize", "relay"), NULL);
	assert_int_equal(kill(stage->tool, SIGINT), 0);
	stage_expect(stage, "authorize-cancel flow=f1");
	stage_answer(stage, "OK ");
	assert_int_equal(stage_wait(stage), 128 + SIGINT);
}

static void browser_that_hangs_up_does_no_harm(void **state)
{
	const struct linger reset = {.l_onoff = 1};
	struct stage *stage = *state;
	unsigned port = begin(stage, ARGV("authorize", "relay"), NULL);
	int fd = stage_send(port,
			    "GET /cb?code=" CODE "&state=abc HTTP/1.1\r\nHost: localhost\r\n\r\n");

	stage_expect(stage, "authorize-finish ");
	/* First an end, then a reset: writing to that is what raises SIGPIPE. */
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	(void)close(fd);
	stage_answer(stage, DONE);
	assert_int_equal(stage_wait(stage), CLI_OK);
	assert_contains(&stage->said, "Authorized: relay");
}

static void ssh_line_is_printed_in_a_session(void **state)
{
	struct stage *stage = *state;
	char line[64];
	unsigned port =
		begin(stage, ARGV("authorize", "relay"),
		      (const char *const[]){"SSH_CONNECTION=192.0.2.7 40000 192.0.2.1 22", NULL});

	(void)snprintf(line, sizeof(line), "\nssh -L %u:127.0.0.1:%u ", port, port);
	assert_contains(&stage->said, line);
	assert_contains(&stage->said, "@192.0.2.1\n");
}

static void url_that_could_steer_is_refused(void **state)
{
	static const char *const urls[] = {"--help", "javascript:alert(1)", "http://example.org/",
					   "https://x/\\u001b[2J", "https://x/ y"};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct stage stage;
		char reply[256];

		stage_open(&stage);
		stage_start(&stage, ARGV("authorize", "relay"), NULL);
		stage_expect(&stage, "authorize-begin ");
		(void)snprintf(
			reply, sizeof(reply),
			"OK {\"flow\":\"f\",\"url\":\"%s\",\"redirect_uri\":\"http://localhost\"}",
			urls[i]);
		stage_answer(&stage, reply);
		assert_int_equal(stage_wait(&stage), CLI_PROTOCOL);
		assert_int_equal(stage.said.len, 0);
		stage_close(&stage);
	}
}

static void taken_port_is_said(void **state)
{
	struct stage *stage = *state;
	struct stage second;
	unsigned port = begin(stage, ARGV("authorize", "relay"), NULL);
	char number[16];

	(void)snprintf(number, sizeof(number), "%u", port);
	stage_open(&second);
	stage_start(&second, ARGV("authorize", "relay", "--port", number), NULL);
	assert_int_equal(stage_wait(&second), CLI_RETRY);
	assert_contains(&second.complained, "is taken by another program");
	stage_close(&second);
}

/* A browser that is a script: it is given the URL, nothing on its terminal, and no shell in
 * between. */
static void named_browser_gets_the_url(void **state)
{
	struct stage *stage = *state;
	char path[128], env[160], seen[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/browser", stage->dir);
	(void)snprintf(env, sizeof(env), "BROWSER=%s", path);
	(void)snprintf(seen, sizeof(seen), "%s/fifo", stage->dir);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fprintf(f, "#!/bin/sh\nprintf '%%s\\n' \"$1\" > %s\necho NOISE\n", seen);
	(void)fclose(f);
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(mkfifo(seen, 0600), 0);
	stage_start(stage, ARGV("authorize", "relay"),
		    (const char *const[]){env, "DISPLAY=:9", NULL});
	stage_expect(stage, "authorize-begin ");
	stage_answer(stage, "OK {\"flow\":\"f1\",\"url\":\"" URL "\",\"redirect_uri\":"
			    "\"http://localhost\"}");
	f = fopen(seen, "r");
	assert_non_null(f);
	assert_non_null(fgets(env, sizeof(env), f));
	assert_string_equal(env, URL "\n");
	(void)fclose(f);
	stage_until_said(stage, "A browser was started.");
	assert_lacks(&stage->said, "NOISE");
	(void)unlink(path);
	(void)unlink(seen);
}

/* explain: the words of the command line, a log on standard input, a topic; the daemon is not
 * asked.
 */
static void words_are_explained(void **state)
{
	struct stage *stage = *state;

	stage_start(stage, ARGV("explain", "535", "5.7.3", "Authentication", "unsuccessful"), NULL);
	assert_int_equal(stage_wait(stage), CLI_OK);
	assert_contains(&stage->said, "(token: smtp-auth-refused)\n  why    the identity:");
	assert_int_equal(stage->complained.len, 0);
}

static void a_log_is_explained(void **state)
{
	struct stage *stage = *state;

	stage_start(stage, ARGV("explain", "--json"), NULL);
	stage_type(stage, "account=relay invalid_grant: AADSTS700082: no\n");
	stage_type(stage, "account=relay invalid_grant: AADSTS700082: no\n");
	stage_end_input(stage);
	assert_int_equal(stage_wait(stage), CLI_OK);
	assert_contains(&stage->said, "\"id\":\"oauth-refresh-unused\"");
	assert_contains(&stage->said, "\"count\":2,\"account\":\"relay\"");
}

static void what_is_unknown_has_a_status_of_its_own(void **state)
{
	struct stage *stage = *state;

	stage_start(stage, ARGV("explain", "--", "-ERR strange"), NULL);
	assert_int_equal(stage_wait(stage), 1);
	assert_contains(&stage->said, "Nothing is known of these words.");
	assert_contains(&stage->said, "-ERR: POP: refused");
}

static void a_topic_is_printed(void **state)
{
	struct stage *stage = *state;

	stage_start(stage, ARGV("explain", "-c", TEST_TOPICS "/../none.conf", "scope", "ms365"),
		    NULL);
	assert_int_equal(stage_wait(stage), CLI_OK);
	assert_contains(&stage->said, "Scopes at Microsoft 365");
	assert_contains(&stage->said, "\nLast verified: ");
}

#define RUN(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(token_is_printed_alone),
		RUN(refusals_have_their_exit_status),
		RUN(garbage_is_a_protocol_failure),
		RUN(absent_daemon_is_unreachable),
		RUN(terminal_escapes_are_not_passed_on),
		RUN(refresh_says_both_expiries),
		RUN(status_of_all_is_a_table_without_colours),
		RUN(status_json_passes_what_it_does_not_know),
		RUN(wrong_command_lines_ask_nobody),
		RUN(config_check_says_where_it_is_wrong),
		RUN(words_are_explained),
		RUN(a_log_is_explained),
		RUN(what_is_unknown_has_a_status_of_its_own),
		RUN(a_topic_is_printed),
		RUN(forgetting_nothing_is_said),
		RUN(redirect_is_one_of_the_accounts),
		RUN(redirect_with_a_port_is_listened_for),
		RUN(redirect_is_taken_by_get),
		RUN(redirect_is_taken_by_post),
		RUN(redirect_is_taken_over_ipv6),
		RUN(junk_is_turned_away_first),
		RUN(forged_state_does_not_end_the_wait),
		RUN(wrong_user_is_said_in_both_places),
		RUN(missing_refresh_token_is_warned_of),
		RUN(url_is_pasted_through_a_pipe),
		RUN(metadata_that_is_on_its_way_is_waited_for),
		RUN(end_of_input_alone_ends_only_pasting),
		RUN(listener_goes_on_after_end_of_input),
		RUN(time_out_names_the_causes),
		RUN(interrupt_cancels_the_flow),
		RUN(browser_that_hangs_up_does_no_harm),
		RUN(ssh_line_is_printed_in_a_session),
		RUN(url_that_could_steer_is_refused),
		RUN(taken_port_is_said),
		RUN(named_browser_gets_the_url),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("mailoauth, whole runs", tests, NULL, NULL);
}
