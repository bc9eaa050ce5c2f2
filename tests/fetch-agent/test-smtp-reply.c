/* SPDX-License-Identifier: MIT */
/* test-smtp-reply.c - what listeners answer: whole, cut anywhere, cut off, and wrong. */
#include "fetch-agent/delivery/smtp-reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/banned.h"

/* All replies of bytes as one line each, "code|status|lines" ("/" parts them), then how it ended.
 */
static void trace(struct span bytes, size_t step, struct buffer *out)
{
	struct smtp_reply_reader reader;
	enum smtp_parse parse = SMTP_PARSE_MORE;
	struct err err = ERR_INIT;
	size_t at = 0, consumed;

	smtp_reply_reader_init(&reader);
	while (at < bytes.len && parse != SMTP_PARSE_MALFORMED) {
		size_t len = step > 0 && bytes.len - at > step ? step : bytes.len - at;

		parse = smtp_reply_feed(&reader, (struct span){bytes.ptr + at, len}, &consumed,
					&err);
		at += consumed;
		assert_true(parse != SMTP_PARSE_MORE || consumed == len);
		if (parse != SMTP_PARSE_REPLY)
			continue;
		(void)buffer_printf(out, "%d|%s|", reader.reply.code, reader.reply.status);
		for (size_t i = 0; i < reader.reply.text.len; i++)
			(void)buffer_append_byte(out, reader.reply.text.data[i] == '\n'
							      ? '/'
							      : reader.reply.text.data[i]);
		(void)buffer_append_byte(out, '\n');
	}
	if (parse == SMTP_PARSE_MALFORMED)
		(void)buffer_append_str(out, "malformed");
	else if (reader.line.len > 0 || (reader.lines > 0 && !reader.whole))
		(void)buffer_append_str(out, "more");
	smtp_reply_reader_release(&reader);
}

static const struct {
	const char *bytes, *wanted;
} table[] = {
	{"220 mx.example ESMTP\r\n", "220||mx.example ESMTP\n"},
	{"250 2.1.0 Ok\r\n", "250|2.1.0|Ok\n"},
	{"250-mx\r\n250-SIZE 10\r\n250 PIPELINING\r\n", "250||mx/SIZE 10/PIPELINING\n"},
	{"550-5.1.1 no such user,\r\n550 5.1.1 try another\r\n",
	 "550|5.1.1|no such user,/try another\n"},
	{"354\r\n", "354||\n"},
	{"250 \r\n", "250||\n"},
	{"250-\r\n250 x\r\n", "250||/x\n"},
	{"250 ok\n550 no\n", "250||ok\n550||no\n"},
	{"250 a\rb\r\n", "250||a\rb\n"},
	{"452 4.2.2\r\n", "452|4.2.2|\n"},
	{"250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n354 go\r\n", "250|2.0.0|Ok\n250|2.0.0|Ok\n354||go\n"},
	{"250 5.1.1 status of another class\r\n", "250||5.1.1 status of another class\n"},
	{"550 5.1 short\r\n", "550||5.1 short\n"},
	{"550 5.1.1x\r\n", "550||5.1.1x\n"},
	{"550 5.1234.1 long\r\n", "550||5.1234.1 long\n"},
	{"550 5.999.999 most\r\n", "550|5.999.999|most\n"},
	{"", ""},
	{"25", "more"},
	{"250 ok", "more"},
	{"250-ok\r\n", "more"},
	{"250-ok\r\n250", "more"},
	{"250-ok\r\n550 no\r\n", "malformed"},
	{"\r\n", "malformed"},
	{"25\r\n", "malformed"},
	{"hello\r\n", "malformed"},
	{"2501 x\r\n", "malformed"},
	{"250\tx\r\n", "malformed"},
	{"150 x\r\n", "malformed"},
	{"650 x\r\n", "malformed"},
	{"2a0 x\r\n", "malformed"},
	{" 250 x\r\n", "malformed"},
	{"250 ok\r\nSSH-2.0\r\n", "250||ok\nmalformed"},
};

static void replies_are_read(void **state)
{
	struct buffer got = BUFFER_INIT(65536);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		buffer_clear(&got);
		trace(span_from_str(table[i].bytes), 0, &got);
		assert_string_equal(buffer_cstr(&got), table[i].wanted);
	}
	buffer_release(&got);
}

static void byte_by_byte_is_the_same(void **state)
{
	struct buffer got = BUFFER_INIT(65536);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (size_t step = 1; step < 4; step++) {
			buffer_clear(&got);
			trace(span_from_str(table[i].bytes), step, &got);
			assert_string_equal(buffer_cstr(&got), table[i].wanted);
		}
	}
	buffer_release(&got);
}

/* A reply that is cut off is never a reply. */
static void cut_off_is_not_whole(void **state)
{
	static const char whole[] = "250-2.1.5 one\r\n250-2.1.5 two\r\n250 2.1.5 three\r\n";
	struct buffer got = BUFFER_INIT(65536);

	(void)state;
	for (size_t len = 1; len + 1 < sizeof(whole); len++) {
		buffer_clear(&got);
		trace((struct span){whole, len}, 0, &got);
		assert_string_equal(buffer_cstr(&got), "more");
	}
	buffer_release(&got);
}

static void a_nul_is_a_byte(void **state)
{
	static const char bytes[] = "250 a\0b\r\n";
	struct smtp_reply_reader reader;
	struct buffer words = BUFFER_INIT(64);
	struct err err;
	size_t consumed;

	(void)state;
	smtp_reply_reader_init(&reader);
	assert_int_equal(
		smtp_reply_feed(&reader, (struct span){bytes, sizeof(bytes) - 1}, &consumed, &err),
		SMTP_PARSE_REPLY);
	assert_int_equal(reader.reply.text.len, 3);
	smtp_reply_words(&reader.reply, &words);
	assert_string_equal(buffer_cstr(&words), "250 a?b");
	buffer_release(&words);
	smtp_reply_reader_release(&reader);
}

static enum smtp_parse feed_lines(size_t lines, size_t line_len, struct smtp_reply_reader *reader)
{
	struct buffer bytes = BUFFER_INIT(1 << 24);
	enum smtp_parse parse;
	struct err err = ERR_INIT;
	size_t consumed;

	for (size_t i = 0; i < lines; i++) {
		(void)buffer_printf(&bytes, "250%c", i + 1 < lines ? '-' : ' ');
		for (size_t j = 4; j < line_len; j++)
			(void)buffer_append_byte(&bytes, 'x');
		(void)buffer_append_byte(&bytes, '\n');
	}
	parse = smtp_reply_feed(reader, buffer_span(&bytes), &consumed, &err);
	assert_true(reader->reply.text.len <= SMTP_REPLY_TEXT_MAX);
	assert_true(parse != SMTP_PARSE_MALFORMED || err.text[0] != '\0');
	buffer_release(&bytes);
	return parse;
}

static void everything_has_a_limit(void **state)
{
	static const struct {
		size_t lines, line_len;
		enum smtp_parse wanted;
	} cases[] = {
		{1, SMTP_REPLY_LINE_MAX, SMTP_PARSE_REPLY},
		{1, SMTP_REPLY_LINE_MAX + 1, SMTP_PARSE_MALFORMED},
		{SMTP_REPLY_LINES_MAX, 8, SMTP_PARSE_REPLY},
		{SMTP_REPLY_LINES_MAX + 1, 8, SMTP_PARSE_MALFORMED},
		{SMTP_REPLY_LINES_MAX, SMTP_REPLY_LINE_MAX, SMTP_PARSE_REPLY},
	};
	struct smtp_reply_reader reader;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		smtp_reply_reader_init(&reader);
		assert_int_equal(feed_lines(cases[i].lines, cases[i].line_len, &reader),
				 cases[i].wanted);
		smtp_reply_reader_release(&reader);
	}
}

static struct smtp_capability offered(const char *bytes)
{
	struct smtp_reply_reader reader;
	struct smtp_capability capability;
	struct err err;
	size_t consumed;

	smtp_reply_reader_init(&reader);
	assert_int_equal(smtp_reply_feed(&reader, span_from_str(bytes), &consumed, &err),
			 SMTP_PARSE_REPLY);
	capability = smtp_capability_parse(&reader.reply);
	smtp_reply_reader_release(&reader);
	return capability;
}

static void keywords_are_compared_whole(void **state)
{
	struct smtp_capability all = offered("250-mx\r\n250-pipelining\r\n250-SIZE 10240000\r\n"
					     "250-8BitMime\r\n250 SMTPUTF8\r\n");
	struct smtp_capability none = offered("250-PIPELINING\r\n250-PIPELININGS\r\n250-XSIZE 1\r\n"
					      "250-8BIT\r\n250 SMTPUTF8=no\r\n");

	(void)state;
	assert_true(all.pipelining && all.eight_bit && all.utf8 && all.size);
	assert_int_equal(all.size_bytes, 10240000);
	assert_false(none.pipelining || none.eight_bit || none.utf8 || none.size);
	assert_true(offered("250-mx\r\n250 SIZE\r\n").size);
	assert_int_equal(offered("250-mx\r\n250 SIZE 99999999999999999999\r\n").size_bytes, 0);
	assert_false(offered("250 mx\r\n").pipelining);
}

static void words_are_the_listeners(void **state)
{
	struct smtp_reply_reader reader;
	struct buffer words = BUFFER_INIT(64);
	struct err err;
	size_t consumed;

	(void)state;
	smtp_reply_reader_init(&reader);
	(void)smtp_reply_feed(&reader, span_from_str("550-5.7.1 go\r\n550 5.7.1 away\r\n"),
			      &consumed, &err);
	smtp_reply_words(&reader.reply, &words);
	assert_string_equal(buffer_cstr(&words), "550 5.7.1 go away");
	buffer_release(&words);
	smtp_reply_reader_release(&reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_read),
		cmocka_unit_test(byte_by_byte_is_the_same),
		cmocka_unit_test(cut_off_is_not_whole),
		cmocka_unit_test(a_nul_is_a_byte),
		cmocka_unit_test(everything_has_a_limit),
		cmocka_unit_test(keywords_are_compared_whole),
		cmocka_unit_test(words_are_the_listeners),
	};

	return cmocka_run_group_tests_name("smtp-reply", tests, NULL, NULL);
}
