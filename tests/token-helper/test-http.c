/* SPDX-License-Identifier: MIT */
/*
 * test-http.c - the HTTP client against servers that misbehave: what comes back is a class of
 * trouble, in time, and no secret goes astray.
 */
#include <curl/curl.h>
#include <dlfcn.h>
#include <event2/event.h>
#include <netdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/deadline.h"
#include "common/xalloc.h"
#include "tests/token-helper/fake-http.h"
#include "token-helper/http/http-client.h"

#include "common/banned.h"

#define OK_HEAD	 "HTTP/1.1 200 OK\r\nContent-Type: Application/JSON; charset=utf-8\r\n"
#define OK_REPLY OK_HEAD "Content-Length: 2\r\n\r\n{}"

/* What a callback saw. */
struct seen {
	struct event_base *base;
	struct http_exchange *exchange;
	int calls;
	enum outcome outcome;
	int status;
	int64_t retry_after_s;
	bool is_dated;
	int64_t clock_ahead_s;
	int64_t duration_ms;
	char content_type[64];
	char text[ERR_TEXT_MAX];
	struct buffer body;
};

static void on_done(void *context, struct http_response *response)
{
	struct seen *seen = context;

	seen->calls++;
	seen->outcome = response->outcome;
	seen->status = response->status;
	seen->retry_after_s = response->retry_after_s;
	seen->is_dated = response->is_dated;
	seen->clock_ahead_s = response->clock_ahead_s;
	seen->duration_ms = response->duration_ms;
	memcpy(seen->content_type, response->content_type, sizeof(seen->content_type));
	memcpy(seen->text, response->err.text, sizeof(seen->text));
	assert_true(response->body->secret);
	buffer_move(&seen->body, response->body);
	http_cancel(seen->exchange); /* harmless from in here */
	(void)event_base_loopbreak(seen->base);
}

typedef struct http_exchange *ask_fn(struct http_client *client, const struct http_request *request,
				     http_done_fn *done, void *context);

static void ask(struct seen *seen, ask_fn *how, const struct http_request *request)
{
	struct http_client *http;

	*seen = (struct seen){.base = event_base_new(), .body = BUFFER_INIT(HTTP_BODY_MAX)};
	http = http_client_new(seen->base, "mailoauth-test");
	seen->exchange = how(http, request, on_done, seen);
	assert_non_null(seen->exchange);
	assert_int_equal(seen->calls, 0);
	(void)event_base_dispatch(seen->base);
	assert_int_equal(seen->calls, 1);
	http_client_free(http);
	event_base_free(seen->base);
}

static void post_request(struct seen *seen, const struct http_request *request)
{
	ask(seen, http_post, request);
}

static void post_url(struct seen *seen, const char *url, int timeout_ms)
{
	const struct http_request request = {
		.url = url,
		.form = span_from_str("grant_type=refresh_token&refresh_token=s3cret"),
		.timeout_ms = timeout_ms,
	};

	post_request(seen, &request);
}

/* One request to a server that plays text. Gives the request it got. */
static char *post_to(struct seen *seen, enum fake_http_manner manner, const char *text,
		     int timeout_ms)
{
	struct fake_http fake;
	char url[64];

	fake_http_start(&fake, manner, text);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/token", fake.port);
	post_url(seen, url, timeout_ms);
	return fake_http_stop(&fake);
}

/* Through a proxy that plays text, to a host that nobody looks up. Gives what the proxy got. */
static char *post_through(struct seen *seen, const char *text)
{
	struct fake_http fake;
	char proxy[64];
	const struct http_request request = {
		.url = "https://login.example.test/token",
		.form = span_from_str("grant_type=refresh_token&refresh_token=s3cret"),
		.proxy = proxy,
		.timeout_ms = 5000,
	};

	fake_http_start(&fake, FAKE_HTTP_SEND, text);
	(void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", fake.port);
	post_request(seen, &request);
	return fake_http_stop(&fake);
}

static void assert_outcome(const struct seen *seen, enum outcome what)
{
	if (seen->outcome != what)
		fail_msg("%s: %s", outcome_name(seen->outcome), seen->text);
}

/* A proxy that lets nothing through: it is said who it was and what it wants, and it gets nothing.
 */
static void test_proxy(void **state)
{
	static const struct {
		const char *answer, *says;
	} rows[] = {
		{"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic "
		 "realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
		 "login.example.test: the proxy answered HTTP 407: it wants a login"},
		{"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nno\r\n",
		 "login.example.test: the proxy answered HTTP 403 and lets nothing through"},
		{"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
		 "the proxy answered HTTP 503"},
		{"HTTP/1.1 302 Found\r\nLocation: https://login.evil/\r\n\r\n",
		 "the proxy answered HTTP 302"},
		{"", "login.example.test: "}, /* hangs up */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen seen;
		char *request = post_through(&seen, rows[i].answer);

		assert_outcome(&seen, OUTCOME_RETRY);
		if (strncmp(seen.text, rows[i].says, strlen(rows[i].says)) != 0 &&
		    strstr(seen.text, rows[i].says) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", seen.text, rows[i].says);
		assert_int_equal(strncmp(request, "CONNECT login.example.test:443 ", 31), 0);
		assert_null(strstr(request, "s3cret"));
		buffer_release(&seen.body);
		free(request);
	}
}

static void test_request(void **state)
{
	struct seen seen;
	char *request;

	(void)state;
	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	assert_int_equal(setenv("all_proxy", "http://127.0.0.1:1", 1), 0);
	request = post_to(&seen, FAKE_HTTP_SEND, OK_REPLY, 5000);
	assert_int_equal(unsetenv("http_proxy"), 0);
	assert_int_equal(unsetenv("all_proxy"), 0);
	assert_outcome(&seen, OUTCOME_OK);
	assert_int_equal(seen.status, 200);
	assert_int_equal(seen.retry_after_s, -1);
	assert_string_equal(seen.content_type, "application/json");
	assert_string_equal(buffer_cstr(&seen.body), "{}");
	assert_int_equal(strncmp(request, "POST /token HTTP/1.1\r\n", 22), 0);
	assert_non_null(strstr(request, "\r\nUser-Agent: mailoauth-test\r\n"));
	assert_non_null(strstr(request, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
	assert_null(strstr(request, "Expect"));
	assert_null(strstr(request, "Authorization"));
	assert_non_null(strstr(request, "\r\n\r\ngrant_type=refresh_token&refresh_token=s3cret"));
	buffer_release(&seen.body);
	free(request);
}

static void test_get(void **state)
{
	struct fake_http fake;
	struct seen seen;
	char url[64];
	char *request;
	struct http_request get = {
		.url = url,
		.form = span_from_str("not=sent"),
		.bearer = span_from_str("s3cret"),
		.timeout_ms = 5000,
	};

	(void)state;
	fake_http_start(&fake, FAKE_HTTP_SEND, OK_REPLY);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/me", fake.port);
	ask(&seen, http_get, &get);
	buffer_release(&seen.body);
	get.bearer.len = 0;
	ask(&seen, http_get, &get);
	assert_outcome(&seen, OUTCOME_OK);
	assert_string_equal(buffer_cstr(&seen.body), "{}");
	buffer_release(&seen.body);
	request = fake_http_stop(&fake);
	assert_int_equal(strncmp(request, "GET /me HTTP/1.1\r\n", 18), 0);
	assert_non_null(strstr(request, "\r\nAuthorization: Bearer s3cret\r\n"));
	assert_null(strstr(request, "not=sent"));
	/* Only who has a token shows one. */
	assert_null(strstr(strstr(request, "s3cret") + 1, "Authorization"));
	assert_non_null(strstr(strstr(request, "s3cret") + 1, "GET /me"));
	free(request);
	get.url = "http://as.example/me";
	ask(&seen, http_get, &get);
	assert_outcome(&seen, OUTCOME_CONFIG);
	buffer_release(&seen.body);
}

static void test_basic(void **state)
{
	struct buffer userpwd = BUFFER_INIT_SECRET(100);
	struct fake_http fake;
	struct seen seen;
	char url[64];
	char *request;

	(void)state;
	fake_http_start(&fake, FAKE_HTTP_SEND, OK_REPLY);
	(void)snprintf(url, sizeof(url), "http://localhost:%d/", fake.port);
	assert_true(form_encode(&userpwd, span_from_str("id")));
	assert_true(buffer_append_byte(&userpwd, ':'));
	assert_true(form_encode(&userpwd, span_from_str("a:b%+c d")));
	post_request(&seen, &(struct http_request){.url = url,
						   .form = span_from_str("x=y"),
						   .userpwd = &userpwd,
						   .timeout_ms = 5000});
	request = fake_http_stop(&fake);
	assert_outcome(&seen, OUTCOME_OK);
	/* base64("id:a%3Ab%25%2Bc+d") */
	assert_non_null(strstr(request, "\r\nAuthorization: Basic aWQ6YSUzQWIlMjUlMkJjK2Q=\r\n"));
	buffer_release(&userpwd);
	buffer_release(&seen.body);
	free(request);
}

/*
 * libcurl asks for names with getaddrinfo() in a thread of its own; this one stands in for the C
 * library's. "slow.test" is a name whose server is silent.
 */
#define SLOW_LOOKUP_S 3

int getaddrinfo(const char *restrict node, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
	static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	if (node != NULL && strcmp(node, "slow.test") == 0) {
		(void)sleep(SLOW_LOOKUP_S);
		return EAI_AGAIN;
	}
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(node, service, hints, result);
}

/* The deadline holds for the name's lookup too, and so does the loop: it serves everybody else. */
static void test_slow_lookup(void **state)
{
	struct deadline late = deadline_in_ms(1500);
	struct seen seen;

	(void)state;
	post_url(&seen, "https://slow.test/token", 200);
	assert_outcome(&seen, OUTCOME_RETRY);
	assert_false(deadline_passed(late));
}

static void test_cancelled_lookup(void **state)
{
	struct deadline late = deadline_in_ms(1500);
	struct event_base *base = event_base_new();
	struct http_client *http = http_client_new(base, "mailoauth-test");
	const struct http_request request = {.url = "https://slow.test/", .timeout_ms = 60000};
	struct http_exchange *exchange = http_post(http, &request, NULL, NULL);

	(void)state;
	for (int i = 0; i < 3; i++)
		(void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	http_cancel(exchange);
	http_client_free(http);
	event_base_free(base);
	assert_false(deadline_passed(late));
}

struct answer_case {
	const char *name;
	enum fake_http_manner manner;
	const char *text;
	int timeout_ms;
	enum outcome outcome;
	int status;
	int64_t retry_after_s;
	const char *body;
};

static const struct answer_case answer_cases[] = {
	{"chunked", FAKE_HTTP_SEND,
	 OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n5;x=y\r\n\": 1}\r\n0\r\n\r\n",
	 5000, OUTCOME_OK, 200, -1, "{\"a\": 1}"},
	{"chunked, with a trailer", FAKE_HTTP_SEND,
	 OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Checksum: 1\r\n\r\n", 5000,
	 OUTCOME_OK, 200, -1, "{}"},
	{"early hints first", FAKE_HTTP_SEND, "HTTP/1.1 103 x\r\nLink: </a>\r\n\r\n" OK_REPLY, 5000,
	 OUTCOME_OK, 200, -1, "{}"},
	{"early hints, then half a header", FAKE_HTTP_SEND,
	 "HTTP/1.1 103 x\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Le", 5000, OUTCOME_RETRY,
	 0, -1, ""},
	{"closed by the server", FAKE_HTTP_SEND, "HTTP/1.0 400 No\r\n\r\n{\"error\":1}", 5000,
	 OUTCOME_OK, 400, -1, "{\"error\":1}"},
	{"slow but in time", FAKE_HTTP_TRICKLE, "HTTP/1.0 200 OK\r\n\r\n{}", 5000, OUTCOME_OK, 200,
	 -1, "{}"},
	{"a trickle past the deadline", FAKE_HTTP_TRICKLE,
	 OK_HEAD
	 "Content-Length: 100\r\n\r\n"
	 "..................................................................................",
	 500, OUTCOME_RETRY, 0, -1, ""},
	{"silence", FAKE_HTTP_SILENCE, "", 300, OUTCOME_RETRY, 0, -1, ""},
	{"nothing at all", FAKE_HTTP_SEND, "", 5000, OUTCOME_RETRY, 0, -1, ""},
	{"half a header", FAKE_HTTP_SEND, "HTTP/1.1 200 OK\r\nContent-Le", 5000, OUTCOME_RETRY, 0,
	 -1, ""},
	{"half a body", FAKE_HTTP_SEND, OK_HEAD "Content-Length: 100\r\n\r\n{", 5000, OUTCOME_RETRY,
	 0, -1, NULL},
	{"a broken chunk", FAKE_HTTP_SEND, OK_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 5000,
	 OUTCOME_RETRY, 0, -1, ""},
	{"garbage", FAKE_HTTP_SEND, "* OK IMAP4rev1 ready\r\n", 5000, OUTCOME_RETRY, 0, -1, ""},
	{"64 MiB, announced", FAKE_HTTP_FLOOD, OK_HEAD "Content-Length: 67108864\r\n\r\n", 20000,
	 OUTCOME_PROTOCOL, 0, -1, NULL},
	{"64 MiB, unannounced", FAKE_HTTP_FLOOD, "HTTP/1.0 200 OK\r\n\r\n", 20000, OUTCOME_PROTOCOL,
	 0, -1, NULL},
	{"a header without end", FAKE_HTTP_FLOOD, "HTTP/1.0 200 OK\r\nA: ", 20000, OUTCOME_RETRY, 0,
	 -1, NULL},
	{"retry after seconds", FAKE_HTTP_SEND,
	 "HTTP/1.1 429 x\r\nRetry-After: 17 \r\nContent-Length: 0\r\n\r\n", 5000, OUTCOME_OK, 429,
	 17, ""},
	{"retry after too long", FAKE_HTTP_SEND,
	 "HTTP/1.1 503 x\r\nretry-after: 99999999999999999999\r\nContent-Length: 0\r\n\r\n", 5000,
	 OUTCOME_OK, 503, 3600, ""},
	{"retry after a past date", FAKE_HTTP_SEND,
	 "HTTP/1.1 503 x\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: "
	 "0\r\n\r\n",
	 5000, OUTCOME_OK, 503, 0, ""},
	{"retry after nonsense", FAKE_HTTP_SEND,
	 "HTTP/1.1 503 x\r\nRetry-After: -5 soon\r\nContent-Length: 0\r\n\r\n", 5000, OUTCOME_OK,
	 503, -1, ""},
};

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answer_cases) / sizeof(answer_cases[0]); i++) {
		const struct answer_case *c = &answer_cases[i];
		struct seen seen;

		free(post_to(&seen, c->manner, c->text, c->timeout_ms));
		if (seen.outcome != c->outcome || seen.status != c->status ||
		    seen.retry_after_s != c->retry_after_s)
			fail_msg("%s: %s, status %d, retry after %d: %s", c->name,
				 outcome_name(seen.outcome), seen.status, (int)seen.retry_after_s,
				 seen.text);
		if (c->body != NULL)
			assert_string_equal(buffer_cstr(&seen.body), c->body);
		assert_true(seen.body.len <= HTTP_BODY_MAX);
		if (c->outcome != OUTCOME_OK)
			assert_non_null(strstr(seen.text, "127.0.0.1"));
		assert_null(strstr(seen.text, "s3cret"));
		assert_true(seen.duration_ms < c->timeout_ms + 2000);
		buffer_release(&seen.body);
	}
}

static void test_retry_after_date(void **state)
{
	time_t at = time(NULL) + 100;
	char date[64];
	struct seen seen;
	struct tm tm;
	char *text;

	(void)state;
	assert_non_null(gmtime_r(&at, &tm));
	assert_true(strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
	text = xasprintf("HTTP/1.1 429 x\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", date);
	free(post_to(&seen, FAKE_HTTP_SEND, text, 5000));
	assert_in_range(seen.retry_after_s, 90, 100);
	buffer_release(&seen.body);
	free(text);
}

/* What a Date header says of our clock; without one, or with nonsense, nothing is known. */
static void test_clock(void **state)
{
	time_t at = time(NULL) - 700;
	char date[64];
	struct seen seen;
	struct tm tm;
	char *text;

	(void)state;
	assert_non_null(gmtime_r(&at, &tm));
	assert_true(strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
	text = xasprintf("HTTP/1.1 400 x\r\nDate: %s\r\nContent-Length: 0\r\n\r\n", date);
	free(post_to(&seen, FAKE_HTTP_SEND, text, 5000));
	assert_true(seen.is_dated);
	assert_in_range(seen.clock_ahead_s, 700, 705);
	buffer_release(&seen.body);
	free(text);
	free(post_to(&seen, FAKE_HTTP_SEND,
		     "HTTP/1.1 200 x\r\nDate: yesterday\r\nContent-Length: 0\r\n\r\n", 5000));
	assert_false(seen.is_dated);
	buffer_release(&seen.body);
	free(post_to(&seen, FAKE_HTTP_SEND, OK_REPLY, 5000));
	assert_false(seen.is_dated);
	buffer_release(&seen.body);
}

/* RFC 9110 15.4.8 would have the refresh token posted again, to wherever the server says. */
static void test_redirect_is_not_followed(void **state)
{
	struct fake_http other;
	struct seen seen;
	char *text, *request;

	(void)state;
	fake_http_start(&other, FAKE_HTTP_SEND, OK_REPLY);
	text = xasprintf("HTTP/1.1 307 x\r\nLocation: http://127.0.0.1:%d/steal\r\nContent-Length: "
			 "0\r\n\r\n",
			 other.port);
	free(post_to(&seen, FAKE_HTTP_SEND, text, 5000));
	assert_outcome(&seen, OUTCOME_OK);
	assert_int_equal(seen.status, 307);
	request = fake_http_stop(&other);
	assert_string_equal(request, "");
	buffer_release(&seen.body);
	free(request);
	free(text);
}

static void test_nobody_listens(void **state)
{
	struct fake_http fake;
	struct seen seen;
	char url[64];

	(void)state;
	fake_http_start(&fake, FAKE_HTTP_SEND, "");
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/token", fake.port);
	free(fake_http_stop(&fake));
	post_url(&seen, url, 5000);
	assert_outcome(&seen, OUTCOME_RETRY);
	assert_non_null(strstr(seen.text, "127.0.0.1"));
}

static void test_certificates(void **state)
{
	struct fake_http fake;
	struct seen seen;
	char url[64];

	(void)state;
	fake_http_start(&fake, FAKE_HTTP_TLS, OK_REPLY);
	(void)snprintf(url, sizeof(url), "https://localhost:%d/token", fake.port);
	post_url(&seen, url, 5000);
	free(fake_http_stop(&fake));
	assert_outcome(&seen, OUTCOME_CONFIG);
	assert_non_null(strstr(seen.text, "localhost: its certificate is not trusted"));
	assert_non_null(strstr(seen.text, "self-signed"));
	assert_non_null(strstr(seen.text, "ca_file"));

	/* Trusted, but another host's. */
	fake_http_start(&fake, FAKE_HTTP_TLS, OK_REPLY);
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/token", fake.port);
	post_request(&seen, &(struct http_request){
				    .url = url, .ca_file = fake.ca_file, .timeout_ms = 5000});
	free(fake_http_stop(&fake));
	assert_outcome(&seen, OUTCOME_CONFIG);

	fake_http_start(&fake, FAKE_HTTP_TLS, OK_REPLY);
	(void)snprintf(url, sizeof(url), "https://localhost:%d/token", fake.port);
	post_request(&seen, &(struct http_request){
				    .url = url, .ca_file = fake.ca_file, .timeout_ms = 5000});
	free(fake_http_stop(&fake));
	assert_outcome(&seen, OUTCOME_OK);
	assert_int_equal(seen.status, 200);
	buffer_release(&seen.body);

	fake_http_start(&fake, FAKE_HTTP_SILENCE, "");
	(void)snprintf(url, sizeof(url), "https://localhost:%d/token", fake.port);
	post_request(&seen, &(struct http_request){
				    .url = url, .ca_file = "/nonexistent.pem", .timeout_ms = 5000});
	free(fake_http_stop(&fake));
	assert_outcome(&seen, OUTCOME_CONFIG);
	assert_non_null(strstr(seen.text, "/nonexistent.pem"));
}

/* Instead of libc's, for libcrypto too: how often the system's certificates are read. */
static int bundle_reads;

static FILE *open_counted(const char *name, const char *path, const char *mode)
{
	FILE *(*real)(const char *, const char *);
	const char *bundle = curl_version_info(CURLVERSION_NOW)->cainfo;

	if (bundle != NULL && strcmp(path, bundle) == 0)
		bundle_reads++;
	*(void **)&real = dlsym(RTLD_NEXT, name);
	return real(path, mode);
}

FILE *fopen(const char *restrict path, const char *restrict mode)
{
	return open_counted("fopen", path, mode);
}

FILE *fopen64(const char *restrict path, const char *restrict mode)
{
	return open_counted("fopen64", path, mode);
}

/* Not once for each connection: that takes the time of ten of them. */
static void test_certificates_are_read_once(void **state)
{
	struct seen seen = {.base = event_base_new(), .body = BUFFER_INIT(HTTP_BODY_MAX)};
	struct http_client *http = http_client_new(seen.base, "mailoauth-test");
	struct http_request request = {.form = span_from_str("a=b"), .timeout_ms = 5000};
	struct fake_http fake;
	char url[64];

	(void)state;
	request.url = url;
	bundle_reads = 0;
	for (int i = 1; i <= 3; i++) {
		fake_http_start(&fake, FAKE_HTTP_TLS, OK_REPLY);
		(void)snprintf(url, sizeof(url), "https://localhost:%d/token", fake.port);
		seen.exchange = http_post(http, &request, on_done, &seen);
		(void)event_base_dispatch(seen.base);
		assert_int_equal(seen.calls, i);
		assert_non_null(strstr(seen.text, "its certificate is not trusted"));
		free(fake_http_stop(&fake));
	}
	assert_in_range(bundle_reads, 0, 1);
	http_client_free(http);
	event_base_free(seen.base);
	buffer_release(&seen.body);
}

static void test_urls(void **state)
{
	static const struct {
		const char *url;
		bool allowed;
		const char *host;
	} cases[] = {
		{"https://login.example/token", true, "login.example"},
		{"HTTPS://login.example:8443/t?x=y", true, "login.example"},
		{"http://127.0.0.1:80/", true, "127.0.0.1"},
		{"http://127.9.9.9/", true, "127.9.9.9"},
		{"http://[::1]:5/", true, "[::1]"},
		{"http://localhost/", true, "localhost"},
		{"http://login.example/token", false, "login.example"},
		{"http://127.0.0.1.login.example/", false, "127.0.0.1.login.example"},
		{"http://localhost.login.example/", false, "localhost.login.example"},
		{"http://127.0.0.1@login.example/", false, "login.example"},
		{"https://user:pw@login.example/", false, "login.example"},
		{"http://128.0.0.1/", false, "128.0.0.1"},
		{"http://[::2]/", false, "[::2]"},
		{"ftp://127.0.0.1/", false, "127.0.0.1"},
		{"file:///etc/passwd", false, ""},
		{"login.example/token", false, ""},
		{"", false, ""},
		{"https://", false, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char host[64];

		if (http_url_is_allowed(cases[i].url) != cases[i].allowed)
			fail_msg("%s", cases[i].url);
		http_url_host(cases[i].url, host, sizeof(host));
		assert_string_equal(host, cases[i].host);
	}
	assert_false(http_url_is_allowed(NULL));
}

static void test_refused_urls(void **state)
{
	struct seen seen;

	(void)state;
	post_url(&seen, "http://login.example/token?secret=s3cret", 5000);
	assert_outcome(&seen, OUTCOME_CONFIG);
	assert_non_null(strstr(seen.text, "login.example"));
	assert_null(strstr(seen.text, "s3cret"));
	post_url(&seen, "", 5000);
	assert_outcome(&seen, OUTCOME_CONFIG);
}

/* Twenty at once, half of them cancelled, one from inside another's callback. */
struct crowd {
	struct seen seen;
	struct http_exchange *victim;
	int finished;
};

static void on_one_of_many(void *context, struct http_response *response)
{
	struct crowd *crowd = context;

	assert_int_equal(response->outcome, OUTCOME_OK);
	http_cancel(crowd->victim);
	crowd->victim = NULL;
	if (++crowd->finished == 9)
		(void)event_base_loopbreak(crowd->seen.base);
}

static void test_many_and_cancel(void **state)
{
	struct http_exchange *exchanges[20];
	struct crowd crowd = {.seen = {.base = event_base_new()}};
	struct http_client *http = http_client_new(crowd.seen.base, "mailoauth-test");
	struct fake_http fake, silent;
	char url[64], silent_url[64];

	(void)state;
	fake_http_start(&fake, FAKE_HTTP_SEND, OK_REPLY);
	fake_http_start(&silent, FAKE_HTTP_SILENCE, "");
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", fake.port);
	(void)snprintf(silent_url, sizeof(silent_url), "http://127.0.0.1:%d/", silent.port);
	for (int i = 0; i < 20; i++) {
		struct http_request request = {.url = i == 0 ? silent_url : url,
					       .form = span_from_str("a=b"),
					       .timeout_ms = 5000};

		exchanges[i] = http_post(http, &request, on_one_of_many, &crowd);
	}
	crowd.victim = exchanges[0];
	for (int i = 10; i < 20; i++)
		http_cancel(exchanges[i]);
	(void)event_base_dispatch(crowd.seen.base);
	assert_int_equal(crowd.finished, 9);
	/* One that still runs is ended with the client, without its callback. */
	(void)http_post(http, &(struct http_request){.url = silent_url, .timeout_ms = 5000},
			on_one_of_many, &crowd);
	(void)event_base_loop(crowd.seen.base, EVLOOP_NONBLOCK);
	http_client_free(http);
	event_base_free(crowd.seen.base);
	assert_int_equal(crowd.finished, 9);
	free(fake_http_stop(&fake));
	free(fake_http_stop(&silent));
}

struct sockets {
	const struct event *event[4];
	size_t count;
};

static int note_socket(const struct event_base *base, const struct event *event, void *context)
{
	struct sockets *sockets = context;

	(void)base;
	if (event_get_fd(event) >= 0 && sockets->count < 4)
		sockets->event[sockets->count++] = event;
	return 0;
}

/* One turn, in which something happens on every socket before anything else does. */
static void busy_turn(struct event_base *base)
{
	struct sockets sockets = {.count = 0};

	assert_int_equal(event_base_foreach_event(base, note_socket, &sockets), 0);
	for (size_t i = 0; i < sockets.count; i++)
		event_active((struct event *)(uintptr_t)sockets.event[i], EV_READ, 0);
	(void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* What has ended is collected though others never leave the event loop in peace. */
static void test_collected_beside_traffic(void **state)
{
	struct seen seen = {.base = event_base_new(), .body = BUFFER_INIT(HTTP_BODY_MAX)};
	struct http_client *http = http_client_new(seen.base, "mailoauth-test");
	struct deadline patience = deadline_in_ms(5000);
	struct http_request request = {.form = span_from_str("a=b"), .timeout_ms = 60000};
	struct fake_http fake, silent;
	char url[64];

	(void)state;
	fake_http_start(&fake, FAKE_HTTP_SEND, OK_REPLY);
	fake_http_start(&silent, FAKE_HTTP_SILENCE, "");
	request.url = url;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", silent.port);
	(void)http_post(http, &request, on_done, &seen);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", fake.port);
	seen.exchange = http_post(http, &request, on_done, &seen);
	while (seen.calls == 0 && !deadline_passed(patience))
		busy_turn(seen.base);
	assert_int_equal(seen.calls, 1);
	assert_outcome(&seen, OUTCOME_OK);
	http_client_free(http);
	event_base_free(seen.base);
	buffer_release(&seen.body);
	free(fake_http_stop(&fake));
	free(fake_http_stop(&silent));
}

static void test_form(void **state)
{
	struct buffer form = BUFFER_INIT(100);
	struct buffer small = BUFFER_INIT(5);

	(void)state;
	assert_true(form_append(&form, "a", span_from_str("x y&z=%+~\xc3\xb6/*-._0Zz")));
	assert_true(form_append(&form, "b", (struct span){"\0", 1}));
	assert_true(form_append(&form, "c", span_from_str("")));
	assert_string_equal(buffer_cstr(&form), "a=x+y%26z%3D%25%2B%7E%C3%B6%2F*-._0Zz&b=%00&c=");
	assert_false(form_append(&small, "a", span_from_str("%%")));
	buffer_release(&form);
	buffer_release(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_refused_urls),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_basic),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_retry_after_date),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_redirect_is_not_followed),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_certificates_are_read_once),
		cmocka_unit_test(test_many_and_cancel),
		cmocka_unit_test(test_collected_beside_traffic),
		cmocka_unit_test(test_slow_lookup),
		cmocka_unit_test(test_cancelled_lookup),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
