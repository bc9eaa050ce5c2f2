/* SPDX-License-Identifier: MIT */
/*
 * test-token-answer.c - what answers of token endpoints mean, and what is sent to get them.
 */
#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/helper-protocol.h"
#include "common/xalloc.h"
#include "tests/token-helper/fake-http.h"
#include "token-helper/oauth/token-request.h"

#include "common/banned.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define GOOD	     "\"access_token\":\"at-1\",\"token_type\":\"Bearer\""
#define SECRET_44    "AQAAa1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r8s9t0"

static char token_url[] = "https://login.example/token";

static void parse(const struct oauth_client *client, int status, const char *body,
		  struct token_answer *answer)
{
	struct buffer bytes = BUFFER_INIT_SECRET(HTTP_BODY_MAX);
	struct http_response response = {.outcome = OUTCOME_OK,
					 .status = status,
					 .retry_after_s = 7,
					 .content_type = "text/html",
					 .body = &bytes};

	assert_true(buffer_append_str(&bytes, body));
	token_answer_parse(client, &response, answer);
	buffer_release(&bytes);
}

/* The server may have retired the old one whatever else it says. */
static void test_refresh_token_is_kept(void **state)
{
	static const char *const bodies[] = {
		"{\"refresh_token\":\"rt-2\"}",
		"{\"refresh_token\":\"rt-2\",\"access_token\":\"\",\"token_type\":\"Bearer\"}",
		"{\"refresh_token\":\"rt-2\",\"access_token\":{},\"token_type\":\"Bearer\"}",
		"{\"refresh_token\":\"rt-2\",\"access_token\":\"a b\",\"token_type\":\"Bearer\"}",
		"{\"refresh_token\":\"rt-2\"," GOOD ",\"token_type\":\"mac\"}",
	};
	const struct oauth_client client = {.token_url = token_url};

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct token_answer answer;

		parse(&client, 200, bodies[i], &answer);
		assert_int_not_equal(answer.outcome, OUTCOME_OK);
		assert_int_equal(answer.set.access_token.len, 0);
		if (strcmp(buffer_cstr(&answer.set.refresh_token), "rt-2") != 0)
			fail_msg("lost: %s", bodies[i]);
		token_answer_release(&answer);
	}
}

struct answer_case {
	int status;
	const char *body;
	enum outcome outcome;
	const char *error;
	const char *text; /* a part of it */
};

static const struct answer_case answer_cases[] = {
	{200, "{" GOOD "}", OUTCOME_OK, "", ""},
	{200, " \r\n{" GOOD ",\"unknown\":{\"a\":[1,2]}}\n ", OUTCOME_OK, "", ""},
	{200, "{\"access_token\":\"at-1\",\"token_type\":\"bEARER\"}", OUTCOME_OK, "", ""},
	{201, "{" GOOD "}", OUTCOME_OK, "", ""},
	{200, "{\"access_token\":\"at-1\",\"token_type\":\"mac\"}", OUTCOME_CONFIG, "",
	 "token_type"},
	{200, "{\"access_token\":\"at-1\"}", OUTCOME_CONFIG, "", "token_type"},
	{200, "{\"access_token\":\"a b\",\"token_type\":\"Bearer\"}", OUTCOME_CONFIG, "",
	 "3 bytes"},
	{200, "{\"access_token\":\"a\\u0000\",\"token_type\":\"Bearer\"}", OUTCOME_CONFIG, "",
	 "2 bytes"},
	{200, "{\"access_token\":\"a\\u0001\",\"token_type\":\"Bearer\"}", OUTCOME_CONFIG, "",
	 "2 bytes"},
	{200, "{" GOOD ",\"refresh_token\":\"a\\nb\"}", OUTCOME_CONFIG, "", "refresh token"},
	{200, "{\"access_token\":\"\",\"token_type\":\"Bearer\"}", OUTCOME_RETRY, "",
	 "no access_token"},
	{200, "{\"access_token\":5,\"token_type\":\"Bearer\"}", OUTCOME_RETRY, "",
	 "no access_token"},
	{200, "{}", OUTCOME_RETRY, "", "no access_token"},
	{200, "", OUTCOME_RETRY, "", "text/html"},
	{200, "<html>Please log in to the hotel</html>", OUTCOME_RETRY, "", "proxy"},
	{200, "[{" GOOD "}]", OUTCOME_RETRY, "", "not a single object"},
	{200, "{" GOOD "} trailing", OUTCOME_RETRY, "", ""},
	{200, "{" GOOD, OUTCOME_RETRY, "", "ends too early"},
	{200, "access_token=at-1&token_type=bearer", OUTCOME_RETRY, "", ""},
	{302, "{" GOOD "}", OUTCOME_RETRY, "", "HTTP 302"},
	{307, "", OUTCOME_RETRY, "", "HTTP 307"},
	{403, "<html>blocked</html>", OUTCOME_RETRY, "", "HTTP 403"},
	{404, "{\"message\":\"no route\"}", OUTCOME_RETRY, "", "token_url"},
	{400, "{\"error\":{\"code\":400}}", OUTCOME_RETRY, "", "no OAuth error"},
	{500, "{\"error\":\"invalid_grant\"}", OUTCOME_RETRY, "invalid_grant", "HTTP 500"},
	{408, "{\"error\":\"invalid_request\"}", OUTCOME_RETRY, "invalid_request", ""},
	{429, "{\"error\":\"invalid_request\"}", OUTCOME_RETRY, "invalid_request", "HTTP 429"},
	{503, "", OUTCOME_RETRY, "", "HTTP 503"},
	{400, "{\"error\":\"invalid_grant\"}", OUTCOME_CONSENT, "invalid_grant",
	 "login.example answered HTTP 400 invalid_grant"},
	{401, "{\"error\":\"invalid_grant\"}", OUTCOME_CONSENT, "invalid_grant", "HTTP 401"},
	{200, "{\"error\":\"invalid_grant\"}", OUTCOME_CONSENT, "invalid_grant", "HTTP 200"},
	{400, "{\"error\":\"interaction_required\"}", OUTCOME_CONSENT, "interaction_required", ""},
	{400, "{\"error\":\"consent_required\"}", OUTCOME_CONSENT, "consent_required", ""},
	{400, "{\"error\":\"login_required\"}", OUTCOME_CONSENT, "login_required", ""},
	{400, "{\"error\":\"INVALID_REFRESH_TOKEN\"}", OUTCOME_CONSENT, "INVALID_REFRESH_TOKEN",
	 ""},
	{401, "{\"error\":\"invalid_client\"}", OUTCOME_CONFIG, "invalid_client", ""},
	{400, "{\"error\":\"unauthorized_client\"}", OUTCOME_CONFIG, "unauthorized_client", ""},
	{400, "{\"error\":\"unsupported_grant_type\"}", OUTCOME_CONFIG, "unsupported_grant_type",
	 ""},
	{400, "{\"error\":\"invalid_scope\"}", OUTCOME_CONFIG, "invalid_scope", ""},
	{400, "{\"error\":\"invalid_request\"}", OUTCOME_CONFIG, "invalid_request", ""},
	{400, "{\"error\":\"invalid_resource\"}", OUTCOME_CONFIG, "invalid_resource", ""},
	{400, "{\"error\":\"Invalid_Grant\"}", OUTCOME_CONFIG, "Invalid_Grant", ""},
	{400, "{\"error\":\"something_new\"}", OUTCOME_CONFIG, "something_new", ""},
	{400, "{\"error\":\"bad \\n\\u001b code\"}", OUTCOME_CONFIG, "bad????code", ""},
	{400, "{\"error\":\"temporarily_unavailable\"}", OUTCOME_RETRY, "temporarily_unavailable",
	 ""},
	{400, "{\"error\":\"server_error\"}", OUTCOME_RETRY, "server_error", ""},
	{400,
	 "{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS700082: expired. Trace ID: "
	 "11111111-2222-3333-4444-555555555555 Correlation ID: x Timestamp: y\"}",
	 OUTCOME_CONSENT, "invalid_grant", "HTTP 400 invalid_grant: AADSTS700082: expired."},
	{400, "{\"error\":\"invalid_grant\",\"error_description\":\"one\\r\\ntwo FORGED\"}",
	 OUTCOME_CONSENT, "invalid_grant", "invalid_grant: one"},
	{400,
	 "{\"error\":\"invalid_grant\",\"error_description\":\"J\xc3\xb6rg\xc2\x9b"
	 "31m\\u202e\xff.\"}",
	 OUTCOME_CONSENT, "invalid_grant", "invalid_grant: J\xc3\xb6rg?31m??."},
	{400,
	 "{\"error\":\"invalid_grant\",\"error_description\":\"The token " SECRET_44
	 " is unknown\"}",
	 OUTCOME_CONSENT, "invalid_grant", "The token [removed] is unknown"},
	{400,
	 "{\"error\":\"invalid_grant\",\"error_description\":\"app "
	 "11111111-2222-3333-4444-555555555555, see "
	 "https://login.example/a/rather/long/path/in/the/documentation.\"}",
	 OUTCOME_CONSENT, "invalid_grant",
	 "11111111-2222-3333-4444-555555555555, see "
	 "https://login.example/a/rather/long/path/in/the/documentation."},
};

static void test_answers(void **state)
{
	const struct oauth_client client = {.token_url = token_url};

	(void)state;
	for (size_t i = 0; i < COUNT(answer_cases); i++) {
		const struct answer_case *c = &answer_cases[i];
		struct token_answer answer;

		parse(&client, c->status, c->body, &answer);
		if (answer.outcome != c->outcome || strcmp(answer.error, c->error) != 0 ||
		    strstr(answer.err.text, c->text) == NULL)
			fail_msg("%d %s: %s %s %s", c->status, c->body,
				 outcome_name(answer.outcome), answer.error, answer.err.text);
		assert_int_equal(answer.status, c->status);
		assert_int_equal(answer.retry_after_s, 7);
		assert_string_equal(buffer_cstr(&answer.set.access_token),
				    c->outcome == OUTCOME_OK ? "at-1" : "");
		assert_null(strstr(answer.err.text, "Trace"));
		assert_null(strstr(answer.err.text, "FORGED"));
		assert_null(strstr(answer.err.text, SECRET_44));
		token_answer_release(&answer);
	}
}

static void test_expiry(void **state)
{
	static const struct {
		const char *member;
		int64_t expected;
	} cases[] = {
		{"", TOKEN_EXPIRES_DEFAULT_S},
		{",\"expires_in\":3599", 3599},
		{",\"expires_in\":\"3599\"", 3599},
		{",\"expires_in\":3599.9", 3599},
		{",\"expires_in\":\"3599.5\"", 3599},
		{",\"expires_in\":1", 1},
		{",\"expires_in\":31536001", 31536000},
		{",\"expires_in\":9223372036854775807", 31536000},
		{",\"expires_in\":99999999999999999999999999", 31536000},
		{",\"expires_in\":1e300", 31536000},
		{",\"expires_in\":0", TOKEN_EXPIRES_DEFAULT_S},
		{",\"expires_in\":-1", TOKEN_EXPIRES_DEFAULT_S},
		{",\"expires_in\":null", TOKEN_EXPIRES_DEFAULT_S},
		{",\"expires_in\":\"soon\"", TOKEN_EXPIRES_DEFAULT_S},
		{",\"expires_in\":\"\"", TOKEN_EXPIRES_DEFAULT_S},
		{",\"expires_in\":\"36 00\"", TOKEN_EXPIRES_DEFAULT_S},
		{",\"expires_in\":[3599]", TOKEN_EXPIRES_DEFAULT_S},
		{",\"expires_in\":10,\"expires_in\":20", 20},
	};
	const struct oauth_client client = {.token_url = token_url};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct token_answer answer;
		char *body = xasprintf("{" GOOD "%s}", cases[i].member);

		parse(&client, 200, body, &answer);
		assert_int_equal(answer.outcome, OUTCOME_OK);
		if (answer.set.expires_in_s != cases[i].expected)
			fail_msg("%s: %lld", body, (long long)answer.set.expires_in_s);
		token_answer_release(&answer);
		free(body);
	}
}

static void test_scopes(void **state)
{
	static const struct {
		const char *required;
		const char *member;
		bool granted;
	} cases[] = {
		{NULL, ",\"scope\":\"x\"", true},
		{"a", "", true},
		{"a", ",\"scope\":\"\"", true},
		{"a b", ",\"scope\":\"b  c a\"", true},
		{"a", ",\"scope\":\"A\"", true},
		{"a", ",\"scope\":\"ab\"", false},
		{"a b", ",\"scope\":\"a\"", false},
		{"https://outlook.office.com/SMTP.Send",
		 ",\"scope\":\"https://outlook.office365.com/smtp.send openid\"", true},
		{"https://outlook.office365.com/IMAP.AccessAsUser.All",
		 ",\"scope\":\"https://outlook.office.com/SMTP.Send\"", false},
		{"https://outlook.office.com/SMTP.Send",
		 ",\"scope\":\"https://graph.microsoft.com/SMTP.Send\"", false},
		{"https://outlook.office.com/SMTP.Send", ",\"scope\":\"SMTP.Send\"", false},
		{"https://mail.google.com/",
		 ",\"scope\":\"openid https://www.googleapis.com/auth/userinfo.email\"", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *required = xstrdup(cases[i].required);
		const struct oauth_client client = {.token_url = token_url,
						    .required_scope = required};
		char *body = xasprintf("{" GOOD ",\"refresh_token\":\"rt-2\"%s}", cases[i].member);
		struct token_answer answer;

		parse(&client, 200, body, &answer);
		if (answer.outcome != (cases[i].granted ? OUTCOME_OK : OUTCOME_CONSENT))
			fail_msg("%s %s: %s", cases[i].required, body, answer.err.text);
		/* Whatever is missing, a new refresh token is not dropped. */
		assert_string_equal(buffer_cstr(&answer.set.refresh_token), "rt-2");
		token_answer_release(&answer);
		free(required);
		free(body);
	}
}

static void test_long_tokens(void **state)
{
	const struct oauth_client client = {.token_url = token_url};
	struct buffer body = BUFFER_INIT(HTTP_BODY_MAX);
	struct token_answer answer;

	(void)state;
	for (size_t len = HELPER_TOKEN_MAX; len <= HELPER_TOKEN_MAX + 1; len++) {
		buffer_clear(&body);
		assert_true(buffer_append_str(&body, "{\"token_type\":\"Bearer\",\"refresh_token\":"
						     "\"rt-2\",\"access_token\":\""));
		for (size_t i = 0; i < len; i++)
			assert_true(buffer_append_byte(&body, 'a'));
		assert_true(buffer_append_str(&body, "\"}"));
		parse(&client, 200, body.data, &answer);
		assert_int_equal(answer.outcome,
				 len == HELPER_TOKEN_MAX ? OUTCOME_OK : OUTCOME_CONFIG);
		assert_string_equal(buffer_cstr(&answer.set.refresh_token), "rt-2");
		if (answer.outcome != OUTCOME_OK)
			assert_non_null(strstr(answer.err.text, "9001 bytes"));
		token_answer_release(&answer);
	}
	buffer_release(&body);
}

static void test_details(void **state)
{
	const struct oauth_client client = {.token_url = token_url};
	struct token_answer answer;

	(void)state;
	parse(&client, 200,
	      "{" GOOD ",\"refresh_token\":\"r 1\",\"id_token\":\"i.d.t\",\"scope\":\"a b\"}",
	      &answer);
	assert_string_equal(buffer_cstr(&answer.set.refresh_token), "r 1");
	assert_string_equal(buffer_cstr(&answer.set.id_token), "i.d.t");
	assert_string_equal(answer.set.scope, "a b");
	assert_true(answer.set.access_token.secret && answer.set.refresh_token.secret);
	token_answer_release(&answer);
	parse(&client, 200, "{" GOOD ",\"scope\":\"a\\u0000\xff b\"}", &answer);
	assert_string_equal(answer.set.scope, "a?? b");
	token_answer_release(&answer);
	parse(&client, 400, "{\"error\":\"x\",\"error_description\":\"J\xc3\xb6rg\"}", &answer);
	assert_non_null(strstr(answer.err.text, "x: J\xc3\xb6rg"));
	token_answer_release(&answer);
	parse(&client, 400, "{\"error\":\"x\",\"error_description\":\"J\xc3\xb6rg\xc0\xaf\"}",
	      &answer);
	assert_non_null(strstr(answer.err.text, "x: J\xc3\xb6rg??"));
	token_answer_release(&answer);
	parse(&client, 400,
	      "{\"error\":\"invalid_grant\",\"correlation_id\":\"12-ab\",\"error_description\":\"x "
	      "Correlation ID: 99\"}",
	      &answer);
	assert_string_equal(answer.correlation, "12-ab");
	token_answer_release(&answer);
	parse(&client, 400,
	      "{\"error\":\"invalid_grant\",\"correlation_id\":\"no "
	      "good\",\"error_description\":\"x. "
	      "Trace ID: 77\\r\\nCorrelation ID: 99-cd Timestamp: z\"}",
	      &answer);
	assert_string_equal(answer.correlation, "99-cd");
	token_answer_release(&answer);
}

/* Long, in several bytes a character, and with nothing but rubbish. */
static void test_long_description(void **state)
{
	const struct oauth_client client = {.token_url = token_url};
	struct buffer body = BUFFER_INIT(10000);
	struct token_answer answer;
	size_t len;

	(void)state;
	assert_true(
		buffer_append_str(&body, "{\"error\":\"invalid_grant\",\"error_description\":\"."));
	for (int i = 0; i < 500; i++)
		assert_true(buffer_append_str(&body, "\xe2\x82\xac"));
	assert_true(buffer_append_str(&body, "\"}"));
	parse(&client, 400, body.data, &answer);
	len = strlen(strstr(answer.err.text, ": ") + 2);
	assert_in_range(len, 398, 400);
	assert_int_equal((len - 1) % 3, 0);
	token_answer_release(&answer);
	buffer_release(&body);
}

static void test_no_answer(void **state)
{
	static const struct {
		enum outcome response, answer;
	} cases[] = {
		{OUTCOME_RETRY, OUTCOME_RETRY},
		{OUTCOME_CONFIG, OUTCOME_CONFIG},
		{OUTCOME_PROTOCOL, OUTCOME_RETRY},
	};
	const struct oauth_client client = {.token_url = token_url};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_response response = {
			.outcome = cases[i].response, .err = {"why"}, .retry_after_s = -1};
		struct token_answer answer;

		token_answer_parse(&client, &response, &answer);
		assert_int_equal(answer.outcome, cases[i].answer);
		assert_int_equal(answer.status, 0);
		assert_string_equal(answer.err.text, "why");
		token_answer_release(&answer);
	}
}

/* Over the wire -------------------------------------------------------------------------------- */

struct seen {
	struct event_base *base;
	struct token_request *request;
	int calls;
	enum outcome outcome;
	char text[ERR_TEXT_MAX];
	char token[64];
};

static void on_token(void *context, struct token_answer *answer)
{
	struct seen *seen = context;

	seen->calls++;
	seen->outcome = answer->outcome;
	memcpy(seen->text, answer->err.text, sizeof(seen->text));
	(void)snprintf(seen->token, sizeof(seen->token), "%s",
		       buffer_cstr(&answer->set.access_token));
	token_request_cancel(seen->request); /* harmless from in here */
	(void)event_base_loopbreak(seen->base);
}

static struct oauth_client wire_client(int port, enum client_auth_method method)
{
	struct oauth_client client = {
		.token_url = xasprintf("http://127.0.0.1:%d/token", port),
		.client_id = xstrdup("id:1"),
		.auth = client_auth_new(method),
		.scope = xstrdup("a b"),
		.timeout_ms = 5000,
	};

	if (client_auth_material(method) == MATERIAL_SECRET)
		assert_true(
			buffer_append_str(&client_auth_add(client.auth, "new")->secret, "s+%&"));
	return client;
}

static void wire_client_release(struct oauth_client *client)
{
	free(client->token_url);
	free(client->client_id);
	free(client->scope);
	client_auth_drop(client->auth);
}

/* What the server got for a refresh, or with auth for a code. Gives. */
static char *ask(enum client_auth_method method, const struct authorization *auth,
		 struct seen *seen)
{
	struct oauth_client client;
	struct http_client *http;
	struct fake_http fake;

	fake_http_start(&fake, FAKE_HTTP_SEND, "HTTP/1.1 200 OK\r\n\r\n{" GOOD "}");
	client = wire_client(fake.port, method);
	*seen = (struct seen){.base = event_base_new()};
	http = http_client_new(seen->base, "mailoauth-test");
	seen->request = auth != NULL ? token_request_code(http, &client, auth, span_from_str("c/1"),
							  on_token, seen)
				     : token_request_refresh(http, &client, span_from_str("r+1"),
							     NULL, on_token, seen);
	wire_client_release(&client); /* borrowed for the call only */
	assert_int_equal(seen->calls, 0);
	(void)event_base_dispatch(seen->base);
	assert_int_equal(seen->calls, 1);
	http_client_free(http);
	event_base_free(seen->base);
	return fake_http_stop(&fake);
}

static void assert_body(const char *request, const char *body)
{
	const char *end = strstr(request, "\r\n\r\n");

	assert_non_null(end);
	assert_string_equal(end + 4, body);
}

static void test_refresh_requests(void **state)
{
	struct seen seen;
	char *request;

	(void)state;
	request = ask(CLIENT_AUTH_NONE, NULL, &seen);
	assert_int_equal(seen.outcome, OUTCOME_OK);
	assert_string_equal(seen.token, "at-1");
	assert_body(request,
		    "grant_type=refresh_token&refresh_token=r%2B1&scope=a+b&client_id=id%3A1");
	free(request);
	request = ask(CLIENT_AUTH_POST, NULL, &seen);
	assert_body(request,
		    "grant_type=refresh_token&refresh_token=r%2B1&scope=a+b&client_secret=s%"
		    "2B%25%26&client_id=id%3A1");
	assert_null(strstr(request, "Authorization"));
	free(request);
	request = ask(CLIENT_AUTH_BASIC, NULL, &seen);
	assert_body(request, "grant_type=refresh_token&refresh_token=r%2B1&scope=a+b");
	/* base64("id%3A1:s%2B%25%26") */
	assert_non_null(strstr(request, "Authorization: Basic aWQlM0ExOnMlMkIlMjUlMjY=\r\n"));
	free(request);
}

static void test_code_request(void **state)
{
	struct authorization auth;
	struct seen seen;
	char *request, *body;

	(void)state;
	assert_int_equal(authorization_start(&auth, "http://localhost:9/cb", NULL), OUTCOME_OK);
	request = ask(CLIENT_AUTH_NONE, &auth, &seen);
	body = xasprintf("grant_type=authorization_code&code=c%%2F1&redirect_uri=http%%3A%%2F%%"
			 "2Flocalhost%%3A9%%2Fcb&code_verifier=%s&client_id=id%%3A1",
			 auth.verifier.data);
	assert_int_equal(seen.outcome, OUTCOME_OK);
	assert_body(request, body);
	free(request);
	free(body);
	authorization_release(&auth);
}

static void test_unsendable(void **state)
{
	struct seen seen = {.base = event_base_new()};
	struct http_client *http = http_client_new(seen.base, "mailoauth-test");
	struct oauth_client client = wire_client(1, CLIENT_AUTH_NONE);
	struct buffer token = BUFFER_INIT(200000);

	(void)state;
	while (token.len < 140000)
		assert_true(buffer_append_byte(&token, 'a'));
	seen.request =
		token_request_refresh(http, &client, buffer_span(&token), NULL, on_token, &seen);
	(void)event_base_dispatch(seen.base);
	assert_int_equal(seen.outcome, OUTCOME_CONFIG);
	assert_non_null(strstr(seen.text, "too long"));
	free(client.token_url);
	client.token_url = NULL;
	seen.request =
		token_request_refresh(http, &client, span_from_str("r"), NULL, on_token, &seen);
	(void)event_base_dispatch(seen.base);
	assert_int_equal(seen.outcome, OUTCOME_CONFIG);
	assert_int_equal(seen.calls, 2);
	token_request_cancel(
		token_request_refresh(http, &client, span_from_str("r"), NULL, on_token, &seen));
	(void)event_base_loop(seen.base, EVLOOP_NONBLOCK);
	assert_int_equal(seen.calls, 2);
	token_request_cancel(NULL);
	http_client_free(http);
	event_base_free(seen.base);
	wire_client_release(&client);
	buffer_release(&token);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_long_tokens),
		cmocka_unit_test(test_details),
		cmocka_unit_test(test_long_description),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_refresh_requests),
		cmocka_unit_test(test_refresh_token_is_kept),
		cmocka_unit_test(test_code_request),
		cmocka_unit_test(test_unsendable),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
