/* SPDX-License-Identifier: MIT */
/* test-messages.c - the bytes of both mechanisms, what may go into them, and what is made of a
 * challenge. */
#include "sasl-plugin/challenge.h"
#include "sasl-plugin/login.h"
#include "sasl-plugin/mechanism.h"

#include <sasl/sasl.h>
#include <sasl/saslutil.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/helper-protocol.h"

#include "common/banned.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct vector {
	const struct mechanism *mechanism;
	const char *user;
	const char *host;
	const char *token;
	uint16_t port;
	const char *base64;
};

/* Microsoft's, Google's and RFC 7628's published examples, curl's test 922, and our own. */
static const struct vector vectors[] = {
	{&mechanism_xoauth2, "test@contoso.onmicrosoft.com", "",
	 "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA", 0,
	 "dXNlcj10ZXN0QGNvbnRvc28ub25taWNyb3NvZnQuY29tAWF1dGg9QmVhcmVyIEV3QkFBbDNCQUFVRkZwVUFvN0oz"
	 "VmUwYmpMQldaV0NjbFJDM0VvQUEBAQ=="},
	{&mechanism_xoauth2, "someuser@example.com", "imap.example.com",
	 "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg", 993,
	 "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhk"
	 "SFJoZG1semRHRXVZMjl0Q2cBAQ=="},
	{&mechanism_xoauth2, "user", "", "mF_9.B5f-4.1JqM", 0,
	 "dXNlcj11c2VyAWF1dGg9QmVhcmVyIG1GXzkuQjVmLTQuMUpxTQEB"},
	{&mechanism_xoauth2, "relay@contoso.example", "smtp.office365.com",
	 "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA", 587,
	 "dXNlcj1yZWxheUBjb250b3NvLmV4YW1wbGUBYXV0aD1CZWFyZXIgRXdCQUFsM0JBQVVGRnBVQW83SjNWZTBiakxC"
	 "V1pXQ2NsUkMzRW9BQQEB"},
	{&mechanism_oauthbearer, "user@example.com", "server.example.com",
	 "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", 143,
	 "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVy"
	 "IHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"},
	{&mechanism_oauthbearer, "relay@contoso.example", "smtp.office365.com",
	 "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA", 587,
	 "bixhPXJlbGF5QGNvbnRvc28uZXhhbXBsZSwBaG9zdD1zbXRwLm9mZmljZTM2NS5jb20BcG9ydD01ODcBYXV0aD1C"
	 "ZWFyZXIgRXdCQUFsM0JBQVVGRnBVQW83SjNWZTBiakxCV1pXQ2NsUkMzRW9BQQEB"},
	{&mechanism_oauthbearer, "user,name=x@contoso.example", "imap.example.net", "abc", 993,
	 "bixhPXVzZXI9MkNuYW1lPTNEeEBjb250b3NvLmV4YW1wbGUsAWhvc3Q9aW1hcC5leGFtcGxlLm5ldAFwb3J0PTk5"
	 "MwFhdXRoPUJlYXJlciBhYmMBAQ=="},
};

static struct login login_of(const struct vector *vector)
{
	return (struct login){
		.user = span_from_str(vector->user),
		.token = span_from_str(vector->token),
		.host = span_from_str(vector->host),
		.port = vector->port,
	};
}

static void published_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		struct login login = login_of(&vectors[i]);
		struct buffer out = BUFFER_INIT_SECRET(MECHANISM_MESSAGE_MAX);
		char text[1024];
		unsigned len;

		assert_int_equal(login_check(&login, NULL), OUTCOME_OK);
		assert_true(vectors[i].mechanism->append_message(&out, &login));
		assert_int_equal(
			sasl_encode64(out.data, (unsigned)out.len, text, sizeof(text), &len),
			SASL_OK);
		assert_string_equal(text, vectors[i].base64);
		buffer_release(&out);
	}
}

static void unknown_host_and_port_are_left_out(void **state)
{
	struct vector vector = {.user = "u", .host = "", .token = "t"};
	struct login login = login_of(&vector);
	struct buffer out = BUFFER_INIT(256);

	(void)state;
	assert_true(mechanism_oauthbearer.append_message(&out, &login));
	assert_string_equal(out.data, "n,a=u,\001auth=Bearer t\001\001");
	buffer_release(&out);
}

/* The longest of everything still fits: nothing that login_check() passes can fail for length. */
static void longest_message_fits(void **state)
{
	struct buffer out = BUFFER_INIT(MECHANISM_MESSAGE_MAX);
	char bytes[HELPER_TOKEN_MAX];
	char commas[LOGIN_USER_MAX];
	struct login login = {
		.user = {commas, LOGIN_USER_MAX},
		.token = {bytes, HELPER_TOKEN_MAX},
		.host = {bytes, LOGIN_HOST_MAX},
		.port = 65535,
	};

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	memset(commas, ',', sizeof(commas));
	assert_int_equal(login_check(&login, NULL), OUTCOME_OK);
	assert_true(mechanism_oauthbearer.append_message(&out, &login));
	buffer_release(&out);
}

static void what_may_not_go_into_a_message(void **state)
{
	static const struct {
		const char *user;
		size_t user_len;
		const char *host;
		const char *token;
		enum outcome what;
	} table[] = {
		{"u", 1, "h", "t", OUTCOME_OK},
		{"\xc3\xa9@x", 4, "", "t", OUTCOME_OK},
		{"", 0, "h", "t", OUTCOME_CONFIG},
		{"a\001auth=Bearer x", 15, "h", "t", OUTCOME_CONFIG},
		{"a\0b", 3, "h", "t", OUTCOME_CONFIG},
		{"a\rb", 3, "h", "t", OUTCOME_CONFIG},
		{"a\nb", 3, "h", "t", OUTCOME_CONFIG},
		{"a\177b", 3, "h", "t", OUTCOME_CONFIG},
		{"u", 1, "h\001x", "t", OUTCOME_CONFIG},
		{"u", 1, "h x", "t", OUTCOME_CONFIG},
		{"u", 1, "h\xc3\xa9", "t", OUTCOME_CONFIG},
		{"u", 1, "h", "", OUTCOME_CONFIG},
		{"u", 1, "h", "t\001", OUTCOME_CONFIG},
		{"u", 1, "h", "t t", OUTCOME_CONFIG},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct login login = {.user = {table[i].user, table[i].user_len},
				      .token = span_from_str(table[i].token),
				      .host = span_from_str(table[i].host)};
		struct err err = ERR_INIT;

		assert_int_equal(login_check(&login, &err), table[i].what);
		assert_int_equal(err.text[0] != '\0', table[i].what != OUTCOME_OK);
	}
}

static void ports(void **state)
{
	(void)state;
	assert_int_equal(login_port(span_from_str("192.0.2.1;587")), 587);
	assert_int_equal(login_port(span_from_str("2001:db8::1;993")), 993);
	assert_int_equal(login_port(span_from_str("192.0.2.1")), 0);
	assert_int_equal(login_port(span_from_str("192.0.2.1;")), 0);
	assert_int_equal(login_port(span_from_str("192.0.2.1;65536")), 0);
	assert_int_equal(login_port(span_from_str("192.0.2.1;0587")), 0);
	assert_int_equal(login_port(span_from_str("192.0.2.1;58x")), 0);
	assert_int_equal(login_port(span_from_str(NULL)), 0);
}

struct refusal {
	const char *bytes;
	enum challenge_kind kind;
	const char *status;
	const char *scope;
};

static const struct refusal refusals[] = {
	{"", CHALLENGE_NONE, "", ""},
	{"AUTHENTICATE XOAUTH2 dXNlcj1h", CHALLENGE_NONE, "", ""},
	{"AUTH XOAUTH2 dXNlcj1h", CHALLENGE_NONE, "", ""},
	{"{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"}", CHALLENGE_ERROR, "401",
	 "mail"},
	{"{\"status\":\"invalid_token\",\"scope\":\"mail\",\"openid-configuration\":\"https://"
	 "idp.example/.well-known/openid-configuration\"}",
	 CHALLENGE_ERROR, "invalid_token", "mail"},
	{"{\"status\":400}", CHALLENGE_ERROR, "400", ""},
	{" {\t\"scope\" :\r\n\"https://mail.google.com/\" , \"status\":\"400\"} ", CHALLENGE_ERROR,
	 "400", "https://mail.google.com/"},
	{"{}", CHALLENGE_ERROR, "", ""},
	{"{\"status\":null,\"x\":[1,{\"status\":\"no\"},\"]}\"],\"y\":{\"a\":\"\\\"}\"}}",
	 CHALLENGE_ERROR, "null", ""},
	{"{\"status\":\"a\\\"b\\\\c\\/d\\n\\u0041\\u00e9\\u000a\"}", CHALLENGE_ERROR,
	 "a\"b\\c/d A??", ""},
	{"{\"status\":\"line\nforged\"}", CHALLENGE_ERROR, "line?forged", ""},
	{"{\"status\":\"\xc2\x9b"
	 "31m\xe2\x80\xae\"}",
	 CHALLENGE_ERROR, "??31m???", ""},
	{"{\"status\":\"1\",\"status\":\"2\"}", CHALLENGE_ERROR, "2", ""},
	{"{", CHALLENGE_OTHER, "", ""},
	{"{\"status\"", CHALLENGE_OTHER, "", ""},
	{"{\"status\":}", CHALLENGE_OTHER, "", ""},
	{"{\"status\":\"401\"", CHALLENGE_OTHER, "", ""},
	{"{\"status\":\"401\",}", CHALLENGE_OTHER, "", ""},
	{"{\"status\":\"401\"}x", CHALLENGE_OTHER, "", ""},
	{"{\"status\":\"\\u00g0\"}", CHALLENGE_OTHER, "", ""},
	{"{\"status\":\"\\q\"}", CHALLENGE_OTHER, "", ""},
	{"{\"status\":\"401\" \"scope\":\"x\"}", CHALLENGE_OTHER, "", ""},
	{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", CHALLENGE_OTHER, "", ""},
	{"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]}", CHALLENGE_OTHER, "", ""},
	{"\"401\"", CHALLENGE_OTHER, "", ""},
	{"Send token", CHALLENGE_OTHER, "", ""},
	{"\xff\xfe\xfd", CHALLENGE_OTHER, "", ""},
};

static void challenge_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct challenge challenge = challenge_read(span_from_str(refusals[i].bytes));

		if (challenge.kind != refusals[i].kind)
			fail_msg("challenge %s is of kind %d", refusals[i].bytes, challenge.kind);
		assert_string_equal(challenge.status, refusals[i].status);
		assert_string_equal(challenge.scope, refusals[i].scope);
	}
}

/* From memory that ends where the bytes end: no beginning of an object is an object. */
static void challenge_truncated(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		size_t len = strlen(refusals[i].bytes);

		for (size_t n = 1; n < len; n++) {
			char *exact = malloc(n);
			struct challenge challenge;

			memcpy(exact, refusals[i].bytes, n);
			challenge = challenge_read((struct span){exact, n});
			if (refusals[i].kind == CHALLENGE_ERROR && refusals[i].bytes[n] != ' ' &&
			    len - n > 0)
				assert_int_equal(challenge.kind, CHALLENGE_OTHER);
			free(exact);
		}
	}
}

static void challenge_is_bounded(void **state)
{
	struct buffer json = BUFFER_INIT(100000);
	struct challenge challenge;

	(void)state;
	(void)buffer_append_str(&json, "{\"scope\":\"");
	while (json.len < 4000)
		(void)buffer_append_byte(&json, 's');
	(void)buffer_append_str(&json, "\",\"status\":\"401\"}");
	challenge = challenge_read(buffer_span(&json));
	assert_int_equal(challenge.kind, CHALLENGE_ERROR);
	assert_int_equal(strlen(challenge.scope), CHALLENGE_SCOPE_MAX - 1);
	assert_string_equal(challenge.status, "401");
	while (json.len < 65536)
		(void)buffer_append_byte(&json, ' ');
	assert_int_equal(challenge_read(buffer_span(&json)).kind, CHALLENGE_OTHER);
	assert_int_equal(challenge_read((struct span){"{\"status\":\"4\0\"}", 15}).kind,
			 CHALLENGE_ERROR);
	buffer_release(&json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(unknown_host_and_port_are_left_out),
		cmocka_unit_test(longest_message_fits),
		cmocka_unit_test(what_may_not_go_into_a_message),
		cmocka_unit_test(ports),
		cmocka_unit_test(challenge_table),
		cmocka_unit_test(challenge_truncated),
		cmocka_unit_test(challenge_is_bounded),
	};

	return cmocka_run_group_tests_name("sasl-messages", tests, NULL, NULL);
}
