/* SPDX-License-Identifier: MIT */
/* test-helper-protocol.c - framing, fields, requests and replies of PROTOCOL.md. */
#include "common/helper-protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/banned.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Netstrings ---------------------------------------------------------------------------------- */

struct netstring {
	const char *bytes;
	enum parse result;
	const char *payload;
	size_t consumed;
};

static const struct netstring netstrings[] = {
	{"0:,", PARSE_DONE, "", 3},
	{"3:OK ,", PARSE_DONE, "OK ", 6},
	{"3:a,b,", PARSE_DONE, "a,b", 6},
	{"5:hello,5:world,", PARSE_DONE, "hello", 8},
	{"20:01234567890123456789,", PARSE_DONE, "01234567890123456789", 24},
	{"", PARSE_MORE, NULL, 0},
	{"2", PARSE_MORE, NULL, 0},
	{"20", PARSE_MORE, NULL, 0},
	{"20:", PARSE_MORE, NULL, 0},
	{"3:abc", PARSE_MORE, NULL, 0},
	{"21:", PARSE_BAD, NULL, 0},
	{"21", PARSE_BAD, NULL, 0},
	{"99999999999999999999999999", PARSE_BAD, NULL, 0},
	{"03:abc,", PARSE_BAD, NULL, 0},
	{"3:abcd", PARSE_BAD, NULL, 0},
	{"3;abc,", PARSE_BAD, NULL, 0},
	{"-1:,", PARSE_BAD, NULL, 0},
	{" 3:abc,", PARSE_BAD, NULL, 0},
	{":,", PARSE_BAD, NULL, 0},
	{"HTTP/1.1 400", PARSE_BAD, NULL, 0},
};

static void netstring_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(netstrings); i++) {
		const struct netstring *row = &netstrings[i];
		struct span payload = {"untouched", 9};
		size_t consumed = 777;
		enum parse result =
			netstring_parse(span_from_str(row->bytes), 20, &payload, &consumed);

		assert_int_equal(result, row->result);
		if (result == PARSE_DONE) {
			assert_true(span_equals(payload, row->payload));
			assert_int_equal(consumed, row->consumed);
		} else {
			assert_true(span_equals(payload, "untouched"));
			assert_int_equal(consumed, 777);
		}
	}
}

/* Fed byte by byte from memory that ends where the bytes end, the verdict must be the table's. */
static void netstring_byte_at_a_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(netstrings); i++) {
		size_t len = strlen(netstrings[i].bytes);
		enum parse result = PARSE_MORE;
		struct span payload;
		size_t consumed;

		for (size_t n = 0; n <= len && result == PARSE_MORE; n++) {
			char *exact = malloc(n > 0 ? n : 1);

			memcpy(exact, netstrings[i].bytes, n);
			result = netstring_parse((struct span){exact, n}, 20, &payload, &consumed);
			free(exact);
		}
		assert_int_equal(result, netstrings[i].result);
	}
}

/* No proper beginning of a whole netstring is done, and none is bad. */
static void netstring_truncated(void **state)
{
	static const char whole[] = "20:01234567890123456789,";
	struct span payload;
	size_t consumed;

	(void)state;
	for (size_t n = 0; n < strlen(whole); n++)
		assert_int_equal(netstring_parse((struct span){whole, n}, 20, &payload, &consumed),
				 PARSE_MORE);
}

static void netstring_append_and_back(void **state)
{
	struct buffer out = BUFFER_INIT(64);
	struct buffer tight = BUFFER_INIT(5);

	(void)state;
	assert_true(netstring_append(&out, span_from_str("ping ")));
	assert_true(netstring_append(&out, span_from_str("")));
	assert_string_equal(out.data, "5:ping ,0:,");
	assert_false(netstring_append(&tight, span_from_str("abc")));
	buffer_release(&out);
	buffer_release(&tight);
}

/* Fields -------------------------------------------------------------------------------------- */

static void fields_escape_and_back(void **state)
{
	struct buffer out = BUFFER_INIT(4096);
	struct buffer value = BUFFER_INIT(256);
	char all[256];

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	assert_true(fields_append_str(&out, "user", "a b%c=d\x7f\xc3\xa9"));
	assert_true(fields_append_str(&out, "empty", ""));
	assert_true(fields_append_int(&out, "min_valid", 0));
	assert_true(fields_append_int(&out, "expires", INT64_MAX));
	assert_string_equal(out.data, "user=a%20b%25c=d%7F%C3%A9 empty= min_valid=0 "
				      "expires=9223372036854775807");
	assert_true(fields_append(&out, "all", (struct span){all, 256}));
	assert_true(fields_valid(buffer_span(&out)));
	assert_true(fields_get(buffer_span(&out), "all", &value));
	assert_int_equal(value.len, 256);
	assert_memory_equal(value.data, all, 256);
	assert_true(fields_get(buffer_span(&out), "empty", &value));
	assert_int_equal(value.len, 0);
	assert_true(fields_get(buffer_span(&out), "user", &value));
	assert_string_equal(value.data, "a b%c=d\x7f\xc3\xa9");
	buffer_release(&out);
	buffer_release(&value);
}

static void fields_get_leaves_alone_what_it_cannot_give(void **state)
{
	struct span fields = span_from_str("a=1 long=123456789 bad=%4 worse=%zz b=2 a=3 e=%6a%6B");
	struct buffer value = BUFFER_INIT(8);

	(void)state;
	assert_true(fields_get(fields, "a", &value));
	assert_string_equal(value.data, "1");
	assert_false(fields_get(fields, "long", &value));
	assert_false(fields_get(fields, "bad", &value));
	assert_false(fields_get(fields, "worse", &value));
	assert_false(fields_get(fields, "none", &value));
	assert_false(fields_get(fields, "lon", &value));
	assert_false(fields_get(fields, "", &value));
	assert_string_equal(value.data, "1");
	assert_true(fields_get(fields, "b", &value));
	assert_true(fields_get(fields, "e", &value));
	assert_string_equal(value.data, "jk");
	buffer_release(&value);
}

static void fields_numbers(void **state)
{
	struct span fields = span_from_str("n=600 z=0 neg=-1 text=6x big=18446744073709551616 no=");
	uint64_t number = 7;

	(void)state;
	assert_false(fields_get_u64(fields, "neg", UINT64_MAX, &number));
	assert_false(fields_get_u64(fields, "text", UINT64_MAX, &number));
	assert_false(fields_get_u64(fields, "big", UINT64_MAX, &number));
	assert_false(fields_get_u64(fields, "no", UINT64_MAX, &number));
	assert_false(fields_get_u64(fields, "n", 599, &number));
	assert_false(fields_get_u64(fields, "absent", 599, &number));
	assert_int_equal(number, 7);
	assert_true(fields_get_u64(fields, "n", 600, &number));
	assert_int_equal(number, 600);
	assert_true(fields_get_u64(fields, "z", 600, &number));
	assert_int_equal(number, 0);
}

static void fields_validity(void **state)
{
	static const struct {
		const char *fields;
		bool valid;
	} table[] = {
		{"", true},
		{"a=", true},
		{"a=b=c", true},
		{"a=1 b=2", true},
		{"min_valid=0", true},
		{"abcdefghijklmnopqrstuvwxyz_abcde=1", true},
		{"abcdefghijklmnopqrstuvwxyz_abcdef=1", false},
		{"a", false},
		{"=1", false},
		{"A=1", false},
		{"a1=1", false},
		{"a=1 a=2", false},
		{"a=1  b=2", false},
		{" a=1", false},
		{"a=1 ", false},
		{" ", false},
		{"a=%", false},
		{"a=%4", false},
		{"a=%4g", false},
		{"a=\t", false},
		{"a=\xc3\xa9", false},
		{"a=1\nb=2", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		if (fields_valid(span_from_str(table[i].fields)) != table[i].valid)
			fail_msg("fields \"%s\" should be %s", table[i].fields,
				 table[i].valid ? "valid" : "invalid");
	}
}

static void fields_are_at_most_32(void **state)
{
	struct buffer out = BUFFER_INIT(1024);
	char key[] = "a_";

	(void)state;
	for (int i = 0; i < 32; i++) {
		key[0] = (char)('a' + i % 26);
		key[1] = i < 26 ? '_' : 'x';
		assert_true(fields_append_int(&out, key, i));
	}
	assert_true(fields_valid(buffer_span(&out)));
	assert_true(fields_append_int(&out, "one_more", 1));
	assert_false(fields_valid(buffer_span(&out)));
	buffer_release(&out);
}

/* Requests and replies ------------------------------------------------------------------------ */

static void requests(void **state)
{
	static const struct {
		const char *payload;
		const char *verb; /* NULL: malformed */
		const char *key;
	} table[] = {
		{"ping ", "ping", ""},
		{"token user=a selector=", "token", "user=a selector="},
		{"authorize-begin account=relay", "authorize-begin", "account=relay"},
		{"login [smtp.office365.com]:587", "login", "[smtp.office365.com]:587"},
		{"login a b", "login", "a b"},
		{"abcdefghijklmnopqrstuvwxyz-abcde x", "abcdefghijklmnopqrstuvwxyz-abcde", "x"},
		{"abcdefghijklmnopqrstuvwxyz-abcdef x", NULL, NULL},
		{"ping", NULL, NULL},
		{" ping", NULL, NULL},
		{"", NULL, NULL},
		{"Ping ", NULL, NULL},
		{"ping2 ", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct helper_request request;
		bool parsed = helper_request_parse(span_from_str(table[i].payload), &request);

		assert_int_equal(parsed, table[i].verb != NULL);
		if (parsed) {
			assert_true(span_equals(request.verb, table[i].verb));
			assert_true(span_equals(request.key, table[i].key));
		}
	}
}

static void replies(void **state)
{
	static const struct {
		const char *payload;
		bool valid;
		enum helper_status status;
		enum outcome outcome;
		const char *text;
	} table[] = {
		{"OK ", true, HELPER_OK, OUTCOME_OK, ""},
		{"OK user=a b", true, HELPER_OK, OUTCOME_OK, "user=a b"},
		{"NOTFOUND ", true, HELPER_NOTFOUND, OUTCOME_CONFIG, ""},
		{"TEMP retry later", true, HELPER_TEMP, OUTCOME_RETRY, "later"},
		{"TEMP the disk is full", true, HELPER_TEMP, OUTCOME_RETRY, "the disk is full"},
		{"TEMP consent x", true, HELPER_TEMP, OUTCOME_RETRY, "consent x"},
		{"TEMP ", true, HELPER_TEMP, OUTCOME_RETRY, ""},
		{"TIMEOUT too slow", true, HELPER_TEMP, OUTCOME_RETRY, "too slow"},
		{"PERM consent run: x", true, HELPER_PERM, OUTCOME_CONSENT, "run: x"},
		{"PERM denied", true, HELPER_PERM, OUTCOME_DENIED, ""},
		{"PERM protocol bad", true, HELPER_PERM, OUTCOME_PROTOCOL, "bad"},
		{"PERM config no account", true, HELPER_PERM, OUTCOME_CONFIG, "no account"},
		{"PERM configuration", true, HELPER_PERM, OUTCOME_CONFIG, "configuration"},
		{"PERM ok fine", true, HELPER_PERM, OUTCOME_CONFIG, "ok fine"},
		{"PERM retry x", true, HELPER_PERM, OUTCOME_CONFIG, "retry x"},
		{"OK", false, HELPER_OK, OUTCOME_OK, ""},
		{"ok ", false, HELPER_OK, OUTCOME_OK, ""},
		{"", false, HELPER_OK, OUTCOME_OK, ""},
		{"MAYBE x", false, HELPER_OK, OUTCOME_OK, ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct helper_reply reply;
		bool parsed = helper_reply_parse(span_from_str(table[i].payload), &reply);

		assert_int_equal(parsed, table[i].valid);
		if (!parsed)
			continue;
		assert_int_equal(reply.status, table[i].status);
		assert_int_equal(reply.outcome, table[i].outcome);
		assert_true(span_equals(reply.text, table[i].text));
	}
}

static void failures_are_written_as_they_are_read(void **state)
{
	struct buffer out = BUFFER_INIT(HELPER_REPLY_MAX);
	struct helper_reply reply;

	(void)state;
	for (int i = OUTCOME_RETRY; i <= OUTCOME_PROTOCOL; i++) {
		buffer_clear(&out);
		assert_true(helper_reply_append_failure(&out, (enum outcome)i, "account a: b"));
		assert_true(helper_reply_parse(buffer_span(&out), &reply));
		assert_int_equal(reply.outcome, i);
		assert_true(span_equals(reply.text, "account a: b"));
	}
	buffer_clear(&out);
	assert_true(helper_reply_append_failure(&out, OUTCOME_NOMEM, "x"));
	assert_string_equal(out.data, "TEMP retry x");
	buffer_clear(&out);
	assert_true(helper_reply_append_failure(&out, OUTCOME_OK, "x"));
	assert_string_equal(out.data, "PERM protocol x");
	buffer_release(&out);
}

static void failure_text_is_one_bounded_line(void **state)
{
	struct buffer out = BUFFER_INIT(HELPER_REPLY_MAX);
	char text[1200];

	(void)state;
	assert_true(helper_reply_append_failure(&out, OUTCOME_CONFIG, "a\nb\rc\177"));
	assert_string_equal(out.data, "PERM config a?b?c?");
	memset(text, 'x', sizeof(text));
	memcpy(text + 999, "\xc3\xa9", 2);
	text[sizeof(text) - 1] = '\0';
	buffer_clear(&out);
	assert_true(helper_reply_append_failure(&out, OUTCOME_CONFIG, text));
	/* 1,000 bytes would end inside the é. */
	assert_int_equal(out.len, strlen("PERM config ") + 999);
	buffer_release(&out);
}

/* The exchange that PROTOCOL.md shows. */
static void worked_exchange(void **state)
{
	static const char said[] = "{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"}";
	struct buffer out = BUFFER_INIT(HELPER_REQUEST_MAX);
	char fingerprint[17];

	(void)state;
	(void)buffer_append_str(&out, "rejected");
	(void)fields_append_str(&out, "account", "relay");
	(void)fields_append_str(&out, "service", "smtp");
	(void)fields_append_str(&out, "host", "smtp.office365.com");
	(void)fields_append_str(&out, "mech", "XOAUTH2");
	(void)snprintf(
		fingerprint, sizeof(fingerprint), "%016llx",
		(unsigned long long)token_fingerprint(span_from_str("EwBAAl3BAAUFFpUAo7J3")));
	(void)fields_append_str(&out, "fingerprint", fingerprint);
	(void)fields_append_str(&out, "said", said);
	assert_int_equal(out.len, 157);
	assert_string_equal(out.data,
			    "rejected account=relay service=smtp host=smtp.office365.com "
			    "mech=XOAUTH2 fingerprint=b81dc78186d797a0 "
			    "said={\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"}");
	buffer_release(&out);
}

/* Tokens -------------------------------------------------------------------------------------- */

static void tokens(void **state)
{
	static const struct {
		const char *token;
		bool valid;
	} table[] = {
		{"mF_9.B5f-4.1JqM", true},
		{"a", true},
		{"abc==", true},
		{"A-._~+/z", true},
		{"", false},
		{"=", false},
		{"a=b", false},
		{"a b", false},
		{"a\001", false},
		{"a\n", false},
		{"a\"", false},
		{"\xc3\xa9", false},
	};
	char longest[HELPER_TOKEN_MAX + 1];

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		assert_int_equal(token_is_valid(span_from_str(table[i].token)), table[i].valid);
	assert_false(token_is_valid((struct span){"a\0b", 3}));
	memset(longest, 'x', sizeof(longest));
	assert_true(token_is_valid((struct span){longest, HELPER_TOKEN_MAX}));
	assert_false(token_is_valid((struct span){longest, HELPER_TOKEN_MAX + 1}));
	/* The published test vectors of FNV-1a. */
	assert_int_equal(token_fingerprint(span_from_str("")), 0xcbf29ce484222325u);
	assert_int_equal(token_fingerprint(span_from_str("a")), 0xaf63dc4c8601ec8cu);
	assert_int_equal(token_fingerprint(span_from_str("foobar")), 0x85944171f73967e8u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(netstring_table),
		cmocka_unit_test(netstring_byte_at_a_time),
		cmocka_unit_test(netstring_truncated),
		cmocka_unit_test(netstring_append_and_back),
		cmocka_unit_test(fields_escape_and_back),
		cmocka_unit_test(fields_get_leaves_alone_what_it_cannot_give),
		cmocka_unit_test(fields_numbers),
		cmocka_unit_test(fields_validity),
		cmocka_unit_test(fields_are_at_most_32),
		cmocka_unit_test(requests),
		cmocka_unit_test(replies),
		cmocka_unit_test(failures_are_written_as_they_are_read),
		cmocka_unit_test(failure_text_is_one_bounded_line),
		cmocka_unit_test(worked_exchange),
		cmocka_unit_test(tokens),
	};

	return cmocka_run_group_tests_name("helper-protocol", tests, NULL, NULL);
}
