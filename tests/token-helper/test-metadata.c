/* SPDX-License-Identifier: MIT */
/*
 * test-metadata.c - where an authorization server's metadata is, and which of it is believed.
 */
#include "token-helper/oauth/metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/banned.h"

#define ISSUER "https://as.example"
#define HEAD   "{\"issuer\":\"" ISSUER "\","
#define TOKEN  "\"token_endpoint\":\"https://as.example/t\""

static const struct place {
	const char *issuer;
	const char *first, *second;
} places[] = {
	/* RFC 8414 3.1 and 5 */
	{"https://example.com", "https://example.com/.well-known/oauth-authorization-server",
	 "https://example.com/.well-known/openid-configuration"},
	{"https://example.com/issuer1",
	 "https://example.com/.well-known/oauth-authorization-server/issuer1",
	 "https://example.com/issuer1/.well-known/openid-configuration"},
	{"https://h.example/application/o/mail/",
	 "https://h.example/.well-known/oauth-authorization-server/application/o/mail",
	 "https://h.example/application/o/mail/.well-known/openid-configuration"},
	{"http://127.0.0.1:81/", "http://127.0.0.1:81/.well-known/oauth-authorization-server",
	 "http://127.0.0.1:81/.well-known/openid-configuration"},
};

static void it_is_looked_for_in_two_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char *first = metadata_url(places[i].issuer, 0);
		char *second = metadata_url(places[i].issuer, 1);

		assert_string_equal(first, places[i].first);
		assert_string_equal(second, places[i].second);
		assert_null(metadata_url(places[i].issuer, 2));
		free(first);
		free(second);
	}
	assert_null(metadata_url("as.example", 0));
}

static enum outcome parse(int status, const char *text, size_t len, struct metadata *metadata,
			  struct err *err)
{
	struct buffer body = BUFFER_INIT_SECRET(65536);
	struct http_response response = {.outcome = OUTCOME_OK, .status = status, .body = &body};
	enum outcome outcome;

	(void)buffer_append(&body, text, len);
	outcome = metadata_parse(ISSUER, &response, metadata, err);
	buffer_release(&body);
	return outcome;
}

static const char whole[] =
	HEAD TOKEN ",\"authorization_endpoint\":\"https://as.example/a\","
		   "\"device_authorization_endpoint\":\"https://as.example/d\","
		   "\"revocation_endpoint\":\"https://as.example/r\","
		   "\"userinfo_endpoint\":\"https://as.example/u\",\"scopes_supported\":[\"x\"]}";

static void it_is_read(void **state)
{
	struct metadata metadata = {0};
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(parse(200, whole, strlen(whole), &metadata, &err), OUTCOME_OK);
	assert_string_equal(metadata.token_url, "https://as.example/t");
	assert_string_equal(metadata.authorize_url, "https://as.example/a");
	assert_string_equal(metadata.device_url, "https://as.example/d");
	assert_string_equal(metadata.revoke_url, "https://as.example/r");
	assert_string_equal(metadata.userinfo_url, "https://as.example/u");
	metadata_release(&metadata);
	assert_null(metadata.token_url);
}

static const struct wrong {
	int status;
	const char *body;
	enum outcome outcome;
	const char *why;
} wrongs[] = {
	{200, "{\"issuer\":\"https://as.example/\"," TOKEN "}", OUTCOME_CONFIG,
	 "it is that of https://as.example/, not of https://as.example:"},
	{200, "{\"issuer\":\"https://AS.example\"," TOKEN "}", OUTCOME_CONFIG, "it is that of"},
	{200, "{" TOKEN "}", OUTCOME_PROTOCOL, "names no issuer"},
	{200, HEAD "\"x\":1}", OUTCOME_PROTOCOL, "names no token_endpoint"},
	{200, HEAD "\"token_endpoint\":\"http://as.example/t\"}", OUTCOME_PROTOCOL,
	 "its token_endpoint is no https URL"},
	{200, HEAD "\"token_endpoint\":\"https://u:p@as.example/t\"}", OUTCOME_PROTOCOL,
	 "its token_endpoint is no https URL"},
	{200, HEAD TOKEN ",\"userinfo_endpoint\":\"ftp://x\"}", OUTCOME_PROTOCOL,
	 "its userinfo_endpoint is no https URL"},
	{200, HEAD TOKEN ",\"revocation_endpoint\":\"\"}", OUTCOME_PROTOCOL,
	 "its revocation_endpoint"},
	{200, "<html>", OUTCOME_PROTOCOL, "not JSON"},
	{404, whole, OUTCOME_CONFIG, "HTTP 404"},
	{301, "", OUTCOME_CONFIG, "HTTP 301"},
	{503, "", OUTCOME_RETRY, "HTTP 503"},
	{429, "", OUTCOME_RETRY, "HTTP 429"},
};

static void what_is_wrong_is_not_believed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		struct metadata metadata = {0};
		struct err err = ERR_INIT;

		assert_int_equal(parse(wrongs[i].status, wrongs[i].body, strlen(wrongs[i].body),
				       &metadata, &err),
				 wrongs[i].outcome);
		if (strstr(err.text, wrongs[i].why) == NULL)
			fail_msg("%s: %s", wrongs[i].body, err.text);
		assert_null(metadata.token_url);
	}
}

static void no_part_of_it_will_do(void **state)
{
	(void)state;
	for (size_t len = 0; len < strlen(whole); len++) {
		struct metadata metadata = {0};
		struct err err = ERR_INIT;

		assert_int_equal(parse(200, whole, len, &metadata, &err), OUTCOME_PROTOCOL);
		assert_null(metadata.token_url);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_looked_for_in_two_places),
		cmocka_unit_test(it_is_read),
		cmocka_unit_test(what_is_wrong_is_not_believed),
		cmocka_unit_test(no_part_of_it_will_do),
	};

	return cmocka_run_group_tests_name("metadata", tests, NULL, NULL);
}
