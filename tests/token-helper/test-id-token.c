/* SPDX-License-Identifier: MIT */
/*
 * test-id-token.c - who signed in, and every way in which an id_token can be somebody else's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "token-helper/oauth/authorization.h"
#include "token-helper/oauth/id-token.h"

#include "common/banned.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define NOW	     1800000000
#define TENANT	     "11111111-2222-3333-4444-55555555abcd"
#define MS	     "https://login.microsoftonline.com/{tenantid}/v2.0"
#define MS_ISS	     "\"iss\":\"https://login.microsoftonline.com/" TENANT "/v2.0\""
#define ISS	     "\"iss\":\"https://as.example\""
#define REST	     "\"sub\":\"s1\",\"aud\":\"cid\",\"exp\":1800000100,\"nonce\":\"n1\""

struct claims_case {
	const char *issuer; /* expected; NULL: "https://as.example" */
	const char *claims;
	enum outcome outcome;
	const char *text;
	const char *subject;
	const char *name;
};

static const struct claims_case claims_cases[] = {
	{NULL, "{" ISS "," REST "}", OUTCOME_OK, "", "s1", NULL},
	{NULL, "{" ISS "," REST ",\"email\":\"a@x\"}", OUTCOME_OK, "", "s1", "a@x"},
	{NULL, "{" ISS "," REST ",\"email\":\"a@x\",\"preferred_username\":\"p@x\"}", OUTCOME_OK,
	 "", "s1", "p@x"},
	{NULL, "{" ISS "," REST ",\"email\":\"a@x\",\"email_verified\":true}", OUTCOME_OK, "", "s1",
	 "a@x"},
	{NULL, "{" ISS "," REST ",\"email\":\"a@x\",\"email_verified\":false}", OUTCOME_OK, "",
	 "s1", NULL},
	{NULL, "{" ISS "," REST ",\"email\":\"a@x\",\"email_verified\":\"false\"}", OUTCOME_OK, "",
	 "s1", NULL},
	{NULL, "{" ISS "," REST ",\"email\":\"a\\n@x\"}", OUTCOME_OK, "", "s1", NULL},
	{NULL, "{" ISS "," REST ",\"email\":\"a\xed\xa0\x80@x\"}", OUTCOME_OK, "", "s1", NULL},
	{NULL, "{" ISS "," REST ",\"email\":\"\xf0\x9f\x98\x80@x\"}", OUTCOME_OK, "", "s1",
	 "\xf0\x9f\x98\x80@x"},
	{NULL, "{" ISS "," REST ",\"email\":\"a\xc2\x9b@x\"}", OUTCOME_OK, "", "s1", NULL},
	{NULL, "{" ISS "," REST ",\"email\":\"a\\u202e@x\"}", OUTCOME_OK, "", "s1", NULL},
	{NULL, "{" ISS "," REST ",\"email\":[\"a@x\"]}", OUTCOME_OK, "", "s1", NULL},

	/* iss */
	{NULL, "{" REST "}", OUTCOME_PROTOCOL, "iss", NULL, NULL},
	{NULL, "{\"iss\":\"https://as.example/\"," REST "}", OUTCOME_CONSENT, "not from", NULL,
	 NULL},
	{NULL, "{\"iss\":\"https://AS.example\"," REST "}", OUTCOME_CONSENT, "not from", NULL,
	 NULL},
	{"https://accounts.google.com", "{\"iss\":\"accounts.google.com\"," REST "}", OUTCOME_OK,
	 "", "s1", NULL},
	{"https://accounts.google.com", "{\"iss\":\"https://accounts.google.com\"," REST "}",
	 OUTCOME_OK, "", "s1", NULL},
	{NULL, "{\"iss\":\"as.example\"," REST "}", OUTCOME_CONSENT, "not from", NULL, NULL},
	{MS, "{" MS_ISS "," REST "}", OUTCOME_OK, "", "s1", NULL},
	{MS, "{" MS_ISS "," REST ",\"tid\":\"" TENANT "\"}", OUTCOME_OK, "", "s1", NULL},
	{MS, "{" MS_ISS "," REST ",\"tid\":\"" TENANT "\",\"oid\":\"o1\"}", OUTCOME_OK, "",
	 TENANT "/o1", NULL},
	{MS, "{" MS_ISS "," REST ",\"tid\":\"99999999-2222-3333-4444-55555555abcd\"}",
	 OUTCOME_CONSENT, "not from", NULL, NULL},
	{MS, "{\"iss\":\"" MS "\"," REST "}", OUTCOME_CONSENT, "not from", NULL, NULL},
	{MS,
	 "{\"iss\":\"https://login.microsoftonline.com/evil/../aaaaaaaaaaaaaaaaaaaaaaaaaaa/"
	 "v2.0\"," REST "}",
	 OUTCOME_CONSENT, "not from", NULL, NULL},
	{MS, "{\"iss\":\"https://evil.example/" TENANT "/v2.0\"," REST "}", OUTCOME_CONSENT,
	 "not from", NULL, NULL},

	/* sub */
	{NULL, "{" ISS ",\"aud\":\"cid\",\"exp\":1800000100,\"nonce\":\"n1\"}", OUTCOME_PROTOCOL,
	 "sub", NULL, NULL},
	{NULL, "{" ISS ",\"sub\":\"\",\"aud\":\"cid\",\"exp\":1800000100,\"nonce\":\"n1\"}",
	 OUTCOME_PROTOCOL, "sub", NULL, NULL},

	/* aud, azp */
	{NULL, "{" ISS ",\"sub\":\"s1\",\"exp\":1800000100,\"nonce\":\"n1\"}", OUTCOME_PROTOCOL,
	 "aud", NULL, NULL},
	{NULL, "{" ISS ",\"sub\":\"s1\",\"aud\":\"other\",\"exp\":1800000100,\"nonce\":\"n1\"}",
	 OUTCOME_CONSENT, "cid", NULL, NULL},
	{NULL, "{" ISS ",\"sub\":\"s1\",\"aud\":[\"cid\"],\"exp\":1800000100,\"nonce\":\"n1\"}",
	 OUTCOME_OK, "", "s1", NULL},
	{NULL, "{" ISS ",\"sub\":\"s1\",\"aud\":[],\"exp\":1800000100,\"nonce\":\"n1\"}",
	 OUTCOME_PROTOCOL, "aud", NULL, NULL},
	{NULL,
	 "{" ISS ",\"sub\":\"s1\",\"aud\":[\"x\",\"cid\"],\"exp\":1800000100,\"nonce\":\"n1\"}",
	 OUTCOME_CONSENT, "azp", NULL, NULL},
	{NULL,
	 "{" ISS ",\"sub\":\"s1\",\"aud\":[\"x\",\"cid\"],\"azp\":\"cid\",\"exp\":1800000100,"
	 "\"nonce\":\"n1\"}",
	 OUTCOME_OK, "", "s1", NULL},
	{NULL,
	 "{" ISS ",\"sub\":\"s1\",\"aud\":[\"x\",\"y\"],\"azp\":\"cid\",\"exp\":1800000100,"
	 "\"nonce\":\"n1\"}",
	 OUTCOME_CONSENT, "azp", NULL, NULL},
	{NULL, "{" ISS "," REST ",\"azp\":\"x\"}", OUTCOME_CONSENT, "azp", NULL, NULL},
	{NULL, "{" ISS ",\"sub\":\"s1\",\"aud\":[[\"cid\"],1],\"exp\":1800000100,\"nonce\":\"n1\"}",
	 OUTCOME_CONSENT, "aud", NULL, NULL},
	{NULL,
	 "{" ISS ",\"sub\":\"s1\",\"aud\":[\"cid\\u0000x\"],\"exp\":1800000100,\"nonce\":\"n1\"}",
	 OUTCOME_CONSENT, "aud", NULL, NULL},

	/* exp: 120 s of skew */
	{NULL, "{" ISS ",\"sub\":\"s1\",\"aud\":\"cid\",\"nonce\":\"n1\"}", OUTCOME_PROTOCOL, "exp",
	 NULL, NULL},
	{NULL, "{" ISS ",\"sub\":\"s1\",\"aud\":\"cid\",\"exp\":1799999880,\"nonce\":\"n1\"}",
	 OUTCOME_OK, "", "s1", NULL},
	{NULL, "{" ISS ",\"sub\":\"s1\",\"aud\":\"cid\",\"exp\":1799999879,\"nonce\":\"n1\"}",
	 OUTCOME_CONSENT, "expired 121 s ago", NULL, NULL},
	{NULL,
	 "{" ISS ",\"sub\":\"s1\",\"aud\":\"cid\",\"exp\":-9223372036854775808,\"nonce\":\"n1\"}",
	 OUTCOME_CONSENT, "expired", NULL, NULL},

	/* nonce */
	{NULL, "{" ISS ",\"sub\":\"s1\",\"aud\":\"cid\",\"exp\":1800000100}", OUTCOME_PROTOCOL,
	 "nonce", NULL, NULL},
	{NULL, "{" ISS ",\"sub\":\"s1\",\"aud\":\"cid\",\"exp\":1800000100,\"nonce\":\"n2\"}",
	 OUTCOME_CONSENT, "nonce", NULL, NULL},

	{NULL, "[]", OUTCOME_PROTOCOL, "JWT", NULL, NULL},
	{NULL, "not json", OUTCOME_PROTOCOL, "JWT", NULL, NULL},
	{NULL, "", OUTCOME_PROTOCOL, "JWT", NULL, NULL},
};

static void make_jwt(const char *claims, struct buffer *jwt)
{
	buffer_clear(jwt);
	assert_true(buffer_append_str(jwt, "eyJhbGciOiJSUzI1NiJ9."));
	assert_true(base64url_encode(span_from_str(claims), jwt));
	assert_true(buffer_append_str(jwt, ".c2ln"));
}

static struct oauth_client test_client(void)
{
	static char issuer[] = "https://as.example", client_id[] = "cid";
	static char claims[] = "preferred_username upn email";

	return (struct oauth_client){
		.issuer = issuer, .client_id = client_id, .identity_claims = claims};
}

static void assert_text(const char *actual, const char *expected)
{
	if (expected == NULL)
		assert_null(actual);
	else
		assert_string_equal(actual, expected);
}

static void test_claims(void **state)
{
	struct buffer jwt = BUFFER_INIT_SECRET(20000);

	(void)state;
	for (size_t i = 0; i < COUNT(claims_cases); i++) {
		const struct claims_case *c = &claims_cases[i];
		struct oauth_client client = test_client();
		char *issuer = c->issuer != NULL ? strdup(c->issuer) : NULL;
		struct identity identity = {0};
		struct err err = ERR_INIT;
		enum outcome what;

		if (issuer != NULL)
			client.issuer = issuer;
		make_jwt(c->claims, &jwt);
		what = id_token_read(buffer_span(&jwt), &client, span_from_str("n1"), NOW,
				     &identity, &err);
		if (what != c->outcome || strstr(err.text, c->text) == NULL)
			fail_msg("%s: %s %s", c->claims, outcome_name(what), err.text);
		assert_text(identity.subject, c->subject);
		assert_text(identity.name, c->name);
		identity_release(&identity);
		free(issuer);
	}
	buffer_release(&jwt);
}

static void test_refresh_has_no_nonce(void **state)
{
	const struct oauth_client client = test_client();
	struct buffer jwt = BUFFER_INIT_SECRET(20000);
	struct identity identity = {0};

	(void)state;
	make_jwt("{" ISS ",\"sub\":\"s1\",\"aud\":\"cid\",\"exp\":1800000100}", &jwt);
	assert_int_equal(id_token_read(buffer_span(&jwt), &client, (struct span){"", 0}, NOW,
				       &identity, NULL),
			 OUTCOME_OK);
	assert_string_equal(identity.issuer, "https://as.example");
	identity_release(&identity);
	buffer_release(&jwt);
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {"",	     ".",	    "..",    "a.b",
					  "a.b.c.d", "a.e30.c.d.e", "a.!.c", "a.e30=.c",
					  "e30",     "a.e30" /* {} without an end */};
	const struct oauth_client client = test_client();
	struct identity identity = {0};
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(id_token_read(span_from_str(bad[i]), &client, span_from_str("n1"),
					       NOW, &identity, &err),
				 OUTCOME_PROTOCOL);
		assert_null(identity.subject);
	}
}

static void test_truncated(void **state)
{
	const struct oauth_client client = test_client();
	struct buffer jwt = BUFFER_INIT_SECRET(20000);
	struct identity identity = {0};

	(void)state;
	make_jwt("{" ISS "," REST "}", &jwt);
	for (size_t len = 0; len < jwt.len - 4; len++) {
		char *exact = malloc(len + 1);

		assert_non_null(exact);
		memcpy(exact, jwt.data, len);
		assert_int_equal(id_token_read((struct span){exact, len}, &client,
					       span_from_str("n1"), NOW, &identity, NULL),
				 OUTCOME_PROTOCOL);
		free(exact);
	}
	buffer_release(&jwt);
}

static void test_matching(void **state)
{
	static const struct {
		const char *expected;
		const char *claims;
		bool matches;
	} cases[] = {
		{NULL, "{" ISS "," REST "}", true},
		{"a@x", "{" ISS "," REST "}", false},
		{"a@x", "{" ISS "," REST ",\"email\":\"A@X\"}", true},
		{"b@x a@x", "{" ISS "," REST ",\"email\":\"a@x\"}", true},
		{"a@x", "{" ISS "," REST ",\"email\":\"a@xy\"}", false},
		{"a@xy", "{" ISS "," REST ",\"email\":\"a@x\"}", false},
		{"a@x", "{" ISS "," REST ",\"preferred_username\":\"p@x\",\"email\":\"a@x\"}",
		 true},
		{"a@x", "{" ISS "," REST ",\"email\":\"a@x\",\"email_verified\":false}", false},
		{"a@x", "{" ISS "," REST ",\"nickname\":\"a@x\"}", false},
	};
	struct buffer jwt = BUFFER_INIT_SECRET(20000);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct oauth_client client = test_client();
		struct identity identity = {0};
		char *expected = cases[i].expected != NULL ? strdup(cases[i].expected) : NULL;

		client.identity = expected;
		make_jwt(cases[i].claims, &jwt);
		assert_int_equal(id_token_read(buffer_span(&jwt), &client, span_from_str("n1"), NOW,
					       &identity, NULL),
				 OUTCOME_OK);
		if (identity_matches(&identity, &client) != cases[i].matches)
			fail_msg("%s %s", cases[i].expected, cases[i].claims);
		identity_release(&identity);
		free(expected);
	}
	buffer_release(&jwt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_claims),	  cmocka_unit_test(test_refresh_has_no_nonce),
		cmocka_unit_test(test_malformed), cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_matching),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
