/* SPDX-License-Identifier: MIT */
/*
 * test-authorization.c - the front channel: vectors of RFC 7636 and RFC 4648, the URL, and
 * redirects of every kind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "token-helper/oauth/authorization.h"

#include "common/banned.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void test_pkce_vector(void **state)
{
	struct buffer challenge = BUFFER_INIT(64);

	(void)state;
	/* RFC 7636, appendix B */
	assert_true(pkce_challenge(span_from_str("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
				   &challenge));
	assert_string_equal(buffer_cstr(&challenge), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
	buffer_release(&challenge);
}

static void test_base64url(void **state)
{
	static const char *const pairs[][2] = {
		{"", ""},
		{"f", "Zg"},
		{"fo", "Zm8"},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg"},
		{"fooba", "Zm9vYmE"},
		{"foobar", "Zm9vYmFy"},
		{"\xfb\xff\xfe", "-__-"},
	};
	static const char *const bad[] = {"Z",	   "Zg==",   "Zh",   "Zm9",
					  "Zm9v+", "Zm9v/A", "Zm 9", "Zm9vY"};
	struct buffer out = BUFFER_INIT(64);

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		buffer_clear(&out);
		assert_true(base64url_encode(span_from_str(pairs[i][0]), &out));
		assert_string_equal(buffer_cstr(&out), pairs[i][1]);
		buffer_clear(&out);
		assert_true(base64url_decode(span_from_str(pairs[i][1]), &out));
		assert_string_equal(buffer_cstr(&out), pairs[i][0]);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		buffer_clear(&out);
		assert_false(base64url_decode(span_from_str(bad[i]), &out));
	}
	buffer_clear(&out);
	assert_false(base64url_decode((struct span){"Zm\0v", 4}, &out));
	buffer_release(&out);
}

/* A client that the compiler lets us fill from literals. */
static struct oauth_client test_client(void)
{
	static char issuer[] = "https://as.example";
	static char authorize_url[] = "https://as.example/authorize";
	static char client_id[] = "id&1";
	static char scope[] = "https://mail.example/ openid";

	return (struct oauth_client){
		.issuer = issuer,
		.authorize_url = authorize_url,
		.client_id = client_id,
		.scope = scope,
	};
}

static void test_start(void **state)
{
	static const char *const bad[] = {"http://as.example/",	 "http://localhost.evil.example/",
					  "http://localhost/#x", "javascript:alert(1)",
					  "ftp://localhost/",	 "https://u:p@as.example/",
					  "localhost",		 ""};
	struct authorization auth, other;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(authorization_start(&auth, bad[i], NULL), OUTCOME_CONFIG);
		authorization_release(&auth);
	}
	assert_int_equal(authorization_start(&auth, NULL, NULL), OUTCOME_CONFIG);
	assert_int_equal(authorization_start(&auth, "http://localhost:1/x", NULL), OUTCOME_OK);
	assert_int_equal(authorization_start(&other, "https://as.example/native", NULL),
			 OUTCOME_OK);
	assert_int_equal(auth.state.len, 43);
	assert_int_equal(auth.nonce.len, 43);
	assert_int_equal(auth.verifier.len, 43);
	assert_string_not_equal(auth.state.data, auth.nonce.data);
	assert_string_not_equal(auth.state.data, auth.verifier.data);
	assert_string_not_equal(auth.state.data, other.state.data);
	assert_string_not_equal(auth.verifier.data, other.verifier.data);
	authorization_release(&auth);
	authorization_release(&other);
}

static void set(struct buffer *buf, const char *text)
{
	buffer_init_secret(buf, 64);
	assert_true(buffer_append_str(buf, text));
}

static void fixed_authorization(struct authorization *auth)
{
	assert_int_equal(authorization_start(auth, "http://localhost:1234/cb", NULL), OUTCOME_OK);
	buffer_release(&auth->state);
	buffer_release(&auth->nonce);
	buffer_release(&auth->verifier);
	set(&auth->state, "STATE-123");
	set(&auth->nonce, "NONCE-123");
	set(&auth->verifier, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

static void test_url(void **state)
{
	static char hint[] = "a+b@example.org", extra[] = "prompt=consent&login_hint=me";
	static char with_query[] = "https://as.example/authorize?p=1",
		    plain[] = "http://as.example/";
	struct oauth_client client = test_client();
	struct buffer url = BUFFER_INIT(4096), small = BUFFER_INIT(100);
	struct authorization auth;

	(void)state;
	fixed_authorization(&auth);
	client.login_hint = hint;
	assert_int_equal(authorization_url(&auth, &client, &url, NULL), OUTCOME_OK);
	assert_string_equal(
		buffer_cstr(&url),
		"https://as.example/authorize?response_type=code&client_id=id%261&redirect_uri="
		"http%3A%2F%2Flocalhost%3A1234%2Fcb&state=STATE-123&code_challenge="
		"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&scope="
		"https%3A%2F%2Fmail.example%2F+openid&login_hint=a%2Bb%40example.org&nonce="
		"NONCE-123");
	assert_null(strstr(url.data, "dBjft"));
	/* No parameter twice: the preset's login_hint is the one. */
	buffer_clear(&url);
	client.authorize_extra = extra;
	client.authorize_url = with_query;
	assert_int_equal(authorization_url(&auth, &client, &url, NULL), OUTCOME_OK);
	assert_non_null(strstr(url.data, "/authorize?p=1&response_type=code&"));
	assert_non_null(strstr(url.data, "&prompt=consent&login_hint=me"));
	assert_null(strstr(url.data, "a%2Bb"));
	assert_int_equal(authorization_url(&auth, &client, &small, NULL), OUTCOME_NOMEM);
	client.authorize_url = plain;
	assert_int_equal(authorization_url(&auth, &client, &url, NULL), OUTCOME_CONFIG);
	client = test_client();
	client.client_id = NULL;
	assert_int_equal(authorization_url(&auth, &client, &url, NULL), OUTCOME_CONFIG);
	buffer_release(&url);
	buffer_release(&small);
	authorization_release(&auth);
}

struct redirect_case {
	const char *redirect;
	enum outcome outcome;
	const char *expected; /* OK: the code; else a part of the text */
};

static const struct redirect_case redirect_cases[] = {
	{"code=C1&state=STATE-123", OUTCOME_OK, "C1"},
	{"?code=C1&state=STATE-123", OUTCOME_OK, "C1"},
	{"state=STATE-123&session_state=x&code=C1", OUTCOME_OK, "C1"},
	{"http://localhost:1234/cb?code=C1&state=STATE-123", OUTCOME_OK, "C1"},
	{"  http://localhost:1234/cb?code=C1&st\n  ate=STATE-123\r\n", OUTCOME_OK, "C1"},
	{"localhost:1234/cb?code=C1&state=STATE-123", OUTCOME_OK, "C1"},
	{"http://localhost:1234/cb?code=C1&state=STATE-123#", OUTCOME_OK, "C1"},
	{"http://localhost:1234/cb?code=C1&state=STATE-123#_=_", OUTCOME_OK, "C1"},
	{"http://localhost:1234/cb#code=C1&state=STATE-123", OUTCOME_OK, "C1"},
	{"#code=C1&state=STATE-123", OUTCOME_OK, "C1"},
	{"code=a%2Fb%20c+d&state=STATE%2D123", OUTCOME_OK, "a/b c d"},
	{"c%6fde=C1&state=STATE-123", OUTCOME_OK, "C1"},
	{"code=a://b?c=d&state=STATE-123", OUTCOME_OK, "a://b?c=d"},
	{"code=C1&state=STATE-123&iss=https%3A%2F%2Fas.example", OUTCOME_OK, "C1"},
	{"&&code=C1&&state=STATE-123&", OUTCOME_OK, "C1"},
	{"code=C1&state=STATE-123&novalue", OUTCOME_OK, "C1"},

	{"", OUTCOME_PROTOCOL, "no code"},
	{"hello", OUTCOME_PROTOCOL, "no code"},
	{"http://localhost:1234/cb", OUTCOME_PROTOCOL, "no code"},
	{"http://localhost:1234/favicon.ico?", OUTCOME_PROTOCOL, "no code"},
	{"state=STATE-123", OUTCOME_PROTOCOL, "no code"},
	{"code=&state=STATE-123", OUTCOME_PROTOCOL, "no code"},
	{"code=C1", OUTCOME_PROTOCOL, "no state"},
	{"code=C1&state=", OUTCOME_PROTOCOL, "no state"},
	{"error=access_denied", OUTCOME_PROTOCOL, "no state, and says access_denied"},
	{"error=odd%c2%9b31m%1b", OUTCOME_PROTOCOL, "no state, and says odd?31m"},
	{"error=AQAAa1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7", OUTCOME_PROTOCOL, "says [removed]"},
	{"code=C1&code=C2&state=STATE-123", OUTCOME_PROTOCOL, "twice"},
	{"code=C1&state=STATE-123&state=STATE-123", OUTCOME_PROTOCOL, "twice"},
	{"code=C1&c%6fde=C2&state=STATE-123", OUTCOME_PROTOCOL, "twice"},
	{"code=C1&error=x&state=STATE-123", OUTCOME_PROTOCOL, "both"},
	{"code=%&state=STATE-123", OUTCOME_PROTOCOL, "malformed"},
	{"code=%4&state=STATE-123", OUTCOME_PROTOCOL, "malformed"},
	{"code=%zz&state=STATE-123", OUTCOME_PROTOCOL, "malformed"},
	{"code=C1&state=STATE-123&x=%", OUTCOME_PROTOCOL, "malformed"},
	{"code=C%001&state=STATE-123", OUTCOME_PROTOCOL, "malformed"},
	{"https://as.example/authorize?state=STATE-123&code_challenge=x", OUTCOME_PROTOCOL,
	 "after the sign-in"},

	{"code=C1&state=STATE-124", OUTCOME_DENIED, "another attempt"},
	{"code=C1&state=state-123", OUTCOME_DENIED, "another attempt"},
	{"code=C1&state=STATE-1234", OUTCOME_DENIED, "another attempt"},
	{"error=access_denied&state=other", OUTCOME_DENIED, "another attempt"},
	{"code=C1&state=other&iss=https://evil.example", OUTCOME_DENIED, "another attempt"},

	{"code=C1&state=STATE-123&iss=https%3A%2F%2Fevil.example", OUTCOME_CONSENT,
	 "https://evil.example instead of https://as.example"},
	{"code=C1&state=STATE-123&iss=https%3A%2F%2Fas.example%2F", OUTCOME_CONSENT, "instead of"},
	{"code=C1&state=STATE-123&iss=", OUTCOME_CONSENT, "instead of"},
	{"error=access_denied&state=STATE-123&iss=https://evil.example", OUTCOME_CONSENT,
	 "instead of"},
	{"error=access_denied&error_description=The+user+said%20no.%0aFORGED&state=STATE-123",
	 OUTCOME_CONSENT, "says access_denied: The user said no.: consent was declined"},
	{"error=access_denied&state=STATE-123", OUTCOME_CONSENT, "consent was declined"},
	{"error=server_error&state=STATE-123", OUTCOME_CONSENT, "later"},
	{"error=odd%1b%5b31m&state=STATE-123", OUTCOME_CONSENT, "says odd?[31m; authorize again"},
};

static void test_redirects(void **state)
{
	const struct oauth_client client = test_client();
	struct buffer code = BUFFER_INIT_SECRET(4096);
	struct authorization auth;

	(void)state;
	fixed_authorization(&auth);
	for (size_t i = 0; i < COUNT(redirect_cases); i++) {
		const struct redirect_case *c = &redirect_cases[i];
		struct err err = ERR_INIT;
		enum outcome what;

		assert_true(buffer_set(&code, "before", 6));
		what = authorization_parse_redirect(&auth, &client, span_from_str(c->redirect),
						    &code, &err);
		if (what != c->outcome)
			fail_msg("%s: %s %s", c->redirect, outcome_name(what), err.text);
		assert_string_equal(buffer_cstr(&code),
				    what == OUTCOME_OK ? c->expected : "before");
		if (what != OUTCOME_OK && strstr(err.text, c->expected) == NULL)
			fail_msg("%s: %s", c->redirect, err.text);
		assert_null(strstr(err.text, "STATE-123"));
		assert_null(strstr(err.text, "FORGED"));
	}
	buffer_release(&code);
	authorization_release(&auth);
}

/* No prefix of a redirect passes as one before its state is complete; none reads past its end. */
static void test_truncated_redirects(void **state)
{
	static const char whole[] =
		"http://localhost:1/cb?code=C%31&iss=https%3A%2F%2Fas.example&state=STATE-123";
	const struct oauth_client client = test_client();
	struct buffer code = BUFFER_INIT_SECRET(4096);
	struct authorization auth;

	(void)state;
	fixed_authorization(&auth);
	for (size_t len = 0; len < sizeof(whole); len++) {
		char *exact = malloc(len + 1); /* the sanitizer watches its end */
		enum outcome what;

		assert_non_null(exact);
		memcpy(exact, whole, len);
		what = authorization_parse_redirect(&auth, &client, (struct span){exact, len},
						    &code, NULL);
		assert_int_equal(what == OUTCOME_OK, len == sizeof(whole) - 1);
		free(exact);
	}
	assert_int_equal(authorization_parse_redirect(
				 &auth, &client, (struct span){"code=C1\0&state=STATE-123", 24},
				 &code, NULL),
			 OUTCOME_PROTOCOL);
	buffer_release(&code);
	authorization_release(&auth);
}

static void test_redirect_limits(void **state)
{
	const struct oauth_client client = test_client();
	struct buffer code = BUFFER_INIT_SECRET(8), text = BUFFER_INIT(20000);
	struct authorization auth;

	(void)state;
	fixed_authorization(&auth);
	assert_int_equal(authorization_parse_redirect(
				 &auth, &client, span_from_str("code=123456789&state=STATE-123"),
				 &code, NULL),
			 OUTCOME_NOMEM);
	for (int i = 0; i < 65; i++)
		assert_true(buffer_append_str(&text, "a=b&"));
	assert_true(buffer_append_str(&text, "code=C1&state=STATE-123"));
	assert_int_equal(
		authorization_parse_redirect(&auth, &client, buffer_span(&text), &code, NULL),
		OUTCOME_PROTOCOL);
	buffer_clear(&text);
	assert_true(buffer_append_str(&text, "code=C1&state=STATE-123&a="));
	while (text.len < 17000)
		assert_true(buffer_append_byte(&text, 'a'));
	assert_int_equal(
		authorization_parse_redirect(&auth, &client, buffer_span(&text), &code, NULL),
		OUTCOME_PROTOCOL);
	buffer_release(&code);
	buffer_release(&text);
	authorization_release(&auth);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pkce_vector),	cmocka_unit_test(test_base64url),
		cmocka_unit_test(test_start),		cmocka_unit_test(test_url),
		cmocka_unit_test(test_redirects),	cmocka_unit_test(test_truncated_redirects),
		cmocka_unit_test(test_redirect_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
