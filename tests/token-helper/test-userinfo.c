/* SPDX-License-Identifier: MIT */
/*
 * test-userinfo.c - what the UserInfo endpoint says of who signed in: whole, cut off, or not at
 * all.
 */
#include "token-helper/oauth/userinfo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/banned.h"

static char url[] = "https://as.example/me";
static char issuer[] = "https://as.example";
static char claims[] = "preferred_username email";
static const struct oauth_client client = {
	.userinfo_url = url, .issuer = issuer, .identity_claims = claims};

static enum outcome parse(int status, const char *text, size_t len, struct identity *identity,
			  struct err *err)
{
	struct buffer body = BUFFER_INIT_SECRET(65536);
	struct http_response response = {.outcome = OUTCOME_OK, .status = status, .body = &body};
	enum outcome outcome;

	(void)buffer_append(&body, text, len);
	outcome = userinfo_parse(&client, &response, identity, err);
	buffer_release(&body);
	return outcome;
}

static const struct answer {
	int status;
	const char *body;
	enum outcome outcome;
	const char *said; /* the name, or a part of the error */
} answers[] = {
	{200, "{\"sub\":\"1\",\"email\":\"a@x\"}", OUTCOME_OK, "a@x"},
	{200, "{\"sub\":\"1\",\"email\":\"a@x\",\"preferred_username\":\"b@x\"}", OUTCOME_OK,
	 "b@x"},
	{200, "{\"sub\":\"1\",\"email\":\"a@x\",\"email_verified\":false}", OUTCOME_OK, NULL},
	{200, "{\"sub\":\"1\",\"email\":\"a@x\\nb\"}", OUTCOME_OK, NULL},
	{200, "{\"email\":\"a@x\"}", OUTCOME_PROTOCOL, "the userinfo has no usable sub"},
	{200, "{\"sub\":7}", OUTCOME_PROTOCOL, "no usable sub"},
	{200, "<html>", OUTCOME_PROTOCOL, "as.example did not answer with JSON"},
	{200, "", OUTCOME_PROTOCOL, "did not answer with JSON"},
	{200, "e30.e30.c2ln", OUTCOME_PROTOCOL, "did not answer with JSON"},
	{302, "", OUTCOME_CONFIG, "as.example answered HTTP 302"},
	{401, "{\"error\":\"invalid_token\"}", OUTCOME_CONFIG, "HTTP 401"},
	{429, "", OUTCOME_RETRY, "HTTP 429"},
	{503, "", OUTCOME_RETRY, "HTTP 503"},
};

static void the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const struct answer *a = &answers[i];
		struct identity identity = {0};
		struct err err = ERR_INIT;

		assert_int_equal(parse(a->status, a->body, strlen(a->body), &identity, &err),
				 a->outcome);
		if (a->outcome != OUTCOME_OK) {
			assert_null(identity.subject);
			assert_non_null(strstr(err.text, a->said));
			continue;
		}
		assert_string_equal(identity.subject, "1");
		assert_string_equal(identity.issuer, issuer);
		if (a->said == NULL)
			assert_null(identity.name);
		else
			assert_string_equal(identity.name, a->said);
		identity_release(&identity);
	}
}

static void no_part_of_it_will_do(void **state)
{
	const char *whole = answers[1].body;

	(void)state;
	for (size_t len = 0; len < strlen(whole); len++) {
		struct identity identity = {0};
		struct err err = ERR_INIT;

		assert_int_equal(parse(200, whole, len, &identity, &err), OUTCOME_PROTOCOL);
		assert_null(identity.subject);
	}
}

static void what_never_came_is_passed_on(void **state)
{
	struct http_response response = {.outcome = OUTCOME_RETRY};
	struct identity identity = {0};
	struct err err = ERR_INIT;

	(void)state;
	(void)err_set(&response.err, OUTCOME_RETRY, "as.example: refused");
	assert_int_equal(userinfo_parse(&client, &response, &identity, &err), OUTCOME_RETRY);
	assert_string_equal(err.text, "as.example: refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(no_part_of_it_will_do),
		cmocka_unit_test(what_never_came_is_passed_on),
	};

	return cmocka_run_group_tests_name("userinfo", tests, NULL, NULL);
}
