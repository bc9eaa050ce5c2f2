/* SPDX-License-Identifier: MIT */
/*
 * test-imap-parser.c - the same responses whatever the cut, no byte of a body kept, no limit
 * passed.
 */
#include "fetch-agent/imap/imap-parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fetch-agent/imap-examples.h"
#include "tests/fetch-agent/imap-trace.h"

#include "common/banned.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool same(struct span a, struct span b)
{
	return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static void expect(const struct example *example, const struct imap_trace *trace)
{
	if (!same(buffer_span(&trace->text), example->trace))
		fail_msg("%s:\n%s\ninstead of\n%s", example->name, buffer_cstr(&trace->text),
			 example->trace.ptr);
	assert_false(trace->body_size_wrong);
	assert_int_equal(trace->malformed, !example->valid);
}

static void examples_are_understood(void **state)
{
	struct imap_trace trace;

	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++) {
		imap_trace_run(&trace, examples[i].bytes, 0, NULL);
		expect(&examples[i], &trace);
		assert_int_equal(trace.idle, examples[i].valid);
		imap_trace_release(&trace);
	}
}

static void steps_do_not_matter(void **state)
{
	static const size_t steps[] = {1, 2, 3, 7, 16};
	struct imap_trace trace;

	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++) {
		for (size_t s = 0; s < COUNT(steps); s++) {
			imap_trace_run(&trace, examples[i].bytes, steps[s], NULL);
			expect(&examples[i], &trace);
			imap_trace_release(&trace);
		}
	}
}

static void cuts_do_not_matter(void **state)
{
	struct imap_trace trace;

	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++) {
		for (size_t cut = 0; cut <= examples[i].bytes.len; cut++) {
			imap_trace_run_cut(&trace, examples[i].bytes, cut, NULL);
			expect(&examples[i], &trace);
			imap_trace_release(&trace);
		}
	}
}

/* What ends early says nothing else, says nothing of a failure, and knows that it was cut. */
static void truncation_is_noticed(void **state)
{
	struct imap_trace trace;

	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++) {
		struct span part = {examples[i].bytes.ptr, 0};

		for (; part.len < examples[i].bytes.len; part.len++) {
			bool boundary = part.len == 0 || part.ptr[part.len - 1] == '\n';

			imap_trace_run(&trace, part, 0, NULL);
			assert_true(trace.text.len <= examples[i].trace.len);
			if (trace.text.len > 0)
				assert_memory_equal(trace.text.data, examples[i].trace.ptr,
						    trace.text.len);
			assert_false(trace.malformed);
			assert_true(boundary || !trace.idle);
			imap_trace_release(&trace);
		}
	}
}

static void one_stream(void **state)
{
	struct buffer all = BUFFER_INIT(1 << 20);
	struct buffer wanted = BUFFER_INIT(1 << 20);
	struct imap_trace trace;

	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++) {
		if (!examples[i].valid)
			continue;
		assert_true(buffer_append_span(&all, examples[i].bytes));
		assert_true(buffer_append_span(&wanted, examples[i].trace));
	}
	for (size_t step = 0; step < 100; step++) {
		imap_trace_run(&trace, buffer_span(&all), step, NULL);
		assert_true(same(buffer_span(&trace.text), buffer_span(&wanted)));
		assert_true(trace.idle);
		imap_trace_release(&trace);
	}
	buffer_release(&all);
	buffer_release(&wanted);
}

static const struct imap_limits small = {
	.response_bytes = 256,
	.literal_bytes = 20,
	.literals = 3,
	.depth = 4,
	.items = 8,
};

struct limit {
	const char *bytes;
	const char *why; /* NULL: within */
};

static void limits_hold(void **state)
{
	static const struct limit table[] = {
		{"* X {20}\r\n12345678901234567890\r\n", NULL},
		{"* X {21}\r\n", "a literal is too long"},
		{"* X {9223372036854775807}\r\n", "a literal is too long"},
		{"* X {99999999999999999999}\r\n", "a literal is too long"},
		{"* X {1}\r\na{1}\r\na{1}\r\na\r\n", NULL},
		{"* X {1}\r\na{1}\r\na{1}\r\na{0}\r\n", "too many literals"},
		{"* 1 FETCH (X ((((1)))) UID 1)\r\n", NULL},
		{"* 1 FETCH (X (((((1))))) UID 1)\r\n", "nest too deep"},
		{"* 1 FETCH (X ((((((((((((((((((((((((((((((((", "" /* not complete */},
		{"* FLAGS (1 2 3 4 5 6 7 8)\r\n", NULL},
		{"* FLAGS (1 2 3 4 5 6 7 8 9)\r\n", "too many items"},
		{"* CAPABILITY 1 2 3 4 5 6 7 8\r\n", NULL},
		{"* CAPABILITY 1 2 3 4 5 6 7 8 9\r\n", "too many items"},
		{"* LIST (1 2 3 4 5 6 7 8 9) NIL x\r\n", "too many items"},
		{"* 1 FETCH (A 1 B 1 C 1 D 1)\r\n", NULL},
		{"* 1 FETCH (A 1 B 1 C 1 D 1 E 1)\r\n", "too many items"},
		{"* STATUS x (A 1 B 2 C 3 D 4)\r\n", NULL},
		{"* STATUS x (A 1 B 2 C 3 D 4 E 5)\r\n", "too many items"},
		{"* ESEARCH A 1 B 2 C 3 D 4 E 5\r\n", "too many items"},
		{"* 1 FETCH (UID 9 BODY[] {9223372036854775807}\r\n", "" /* streams */},
		{"* 1 FETCH (UID 9 BODY[] {9223372036854775808}\r\n", "too large"},
		{"* SEARCH 1 2 3 4 5 6 7 8 9 10\r\n", NULL},
	};
	struct imap_trace trace;

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		imap_trace_run(&trace, span_from_str(table[i].bytes), i % 2, &small);
		if (table[i].why == NULL) {
			assert_int_equal(trace.responses, 1);
			assert_true(trace.idle);
		} else if (table[i].why[0] == '\0') {
			assert_false(trace.malformed || trace.idle);
		} else if (strstr(buffer_cstr(&trace.text), table[i].why) == NULL) {
			fail_msg("%s: %s", table[i].bytes, buffer_cstr(&trace.text));
		}
		imap_trace_release(&trace);
	}
}

/* A line of n bytes without its end, of every kind that is not parted. */
static void long_lines_are_refused(void **state)
{
	static const char *const heads[] = {"* OK ",	    "a1 NO ",	 "+ ",
					    "* X ",	    "* SEARCH ", "* ESEARCH UID ALL ",
					    "* 1 FETCH (X "};
	struct imap_trace trace;
	char line[400];

	(void)state;
	memset(line, '1', sizeof(line));
	for (size_t i = 0; i < COUNT(heads); i++) {
		memcpy(line, heads[i], strlen(heads[i]));
		imap_trace_run(&trace, (struct span){line, 255}, 0, &small);
		assert_false(trace.malformed);
		imap_trace_release(&trace);
		imap_trace_run(&trace, (struct span){line, 256}, 0, &small);
		assert_non_null(strstr(buffer_cstr(&trace.text), "too long"));
		imap_trace_release(&trace);
	}
	/* Exactly as long as it may be, with its end. */
	memcpy(line, "* OK ", 5);
	memcpy(line + 254, "\r\n", 2);
	imap_trace_run(&trace, (struct span){line, 256}, 1, &small);
	assert_int_equal(trace.responses, 1);
	imap_trace_release(&trace);
	/* Literals count too. */
	memset(line, '1', sizeof(line));
	memcpy(line, "* X ", 4);
	memcpy(line + 235, "{20}\r\n", 6);
	imap_trace_run(&trace, (struct span){line, 241}, 1, &small);
	assert_non_null(strstr(buffer_cstr(&trace.text), "too long"));
	imap_trace_release(&trace);
}

struct pieces {
	uint32_t next; /* the number that has to come now */
	uint32_t step;
	size_t responses;
	size_t more;
	bool tagged;
	bool modseq;
};

static void count_set(struct pieces *pieces, struct imap_set set, bool more)
{
	uint32_t first;
	uint32_t last;

	pieces->responses++;
	pieces->more += more;
	while (imap_set_next(&set, &first, &last)) {
		assert_int_equal(first, pieces->next);
		pieces->next = last + pieces->step;
	}
}

static void feed_pieces(struct imap_parser *parser, struct pieces *pieces, struct span bytes)
{
	struct imap_response response;
	struct err err;
	size_t consumed;

	for (;;) {
		enum imap_parse result =
			imap_parser_feed(parser, bytes, &consumed, &response, &err);

		bytes.ptr += consumed;
		bytes.len -= consumed;
		if (result == IMAP_PARSE_MALFORMED)
			fail_msg("%s", err.text);
		if (result == IMAP_PARSE_MORE)
			return;
		if (response.kind == IMAP_VANISHED) {
			count_set(pieces, response.vanished.uids, response.vanished.more);
			assert_true(response.vanished.earlier);
			assert_int_equal(imap_parser_is_idle(parser), !response.vanished.more);
			continue;
		}
		assert_true(response.kind == IMAP_SEARCH || response.kind == IMAP_ESEARCH);
		count_set(pieces, response.search.set, response.search.more);
		pieces->tagged = span_equals(response.search.tag, "a7");
		pieces->modseq = (response.search.has & IMAP_ESEARCH_MODSEQ) != 0;
	}
}

/* 20,000 odd numbers between head and tail, fed in steps, through a buffer of 256 bytes. */
static struct pieces run_pieces(const char *head, char separator, const char *tail, size_t step)
{
	struct imap_parser *parser = imap_parser_new(&small, NULL);
	struct pieces pieces = {.next = 1, .step = 2};
	struct buffer text = BUFFER_INIT(1 << 20);
	struct span left;

	(void)buffer_append_str(&text, head);
	for (uint32_t i = 0; i < 20000; i++) {
		if (i > 0)
			(void)buffer_append_byte(&text, separator);
		(void)buffer_printf(&text, "%u", 2 * i + 1);
	}
	(void)buffer_append_str(&text, tail);
	assert_true(buffer_ok(&text));
	for (left = buffer_span(&text); left.len > 0;) {
		size_t len = left.len < step ? left.len : step;

		feed_pieces(parser, &pieces, (struct span){left.ptr, len});
		left.ptr += len;
		left.len -= len;
	}
	assert_true(imap_parser_is_idle(parser));
	assert_int_equal(pieces.next, 40001);
	assert_true(pieces.more > 300);
	assert_int_equal(pieces.more, pieces.responses - 1);
	imap_parser_free(parser);
	buffer_release(&text);
	return pieces;
}

static void long_results_come_in_pieces(void **state)
{
	static const size_t steps[] = {1, 13, 256, 4096, 1 << 20};

	(void)state;
	for (size_t i = 0; i < COUNT(steps); i++) {
		(void)run_pieces("* SEARCH ", ' ', "\r\n", steps[i]);
		assert_true(run_pieces("* SEARCH ", ' ', " (MODSEQ 77)\r\n", steps[i]).modseq);
		assert_true(run_pieces("* ESEARCH (TAG \"a7\") UID ALL ", ',', "\r\n", steps[i])
				    .tagged);
		assert_true(
			run_pieces("* ESEARCH UID ALL ", ',', " MODSEQ 9\r\n", steps[i]).modseq);
		(void)run_pieces("* VANISHED (EARLIER) ", ',', "\r\n", steps[i]);
	}
}

struct big {
	uint64_t bytes;
	const char *from; /* chunks lie within */
	const char *to;
	unsigned ends;
};

static void big_begin(void *ctx, const struct imap_body *body)
{
	struct big *big = ctx;

	assert_int_equal(body->size, 300000000);
	big->bytes = 0;
}

static void big_chunk(void *ctx, struct span bytes)
{
	struct big *big = ctx;

	assert_true(bytes.len > 0 && bytes.ptr >= big->from && bytes.ptr + bytes.len <= big->to);
	big->bytes += bytes.len;
}

static void big_end(void *ctx)
{
	struct big *big = ctx;

	assert_int_equal(big->bytes, 300000000);
	big->ends++;
}

/* The sink is given the caller's own bytes, all of them, at once. */
static void bodies_are_not_copied(void **state)
{
	static char chunk[65536];
	struct big big = {.from = chunk, .to = chunk + sizeof(chunk)};
	struct imap_body_sink sink = {big_begin, big_chunk, big_end, &big};
	struct imap_parser *parser = imap_parser_new(&small, &sink);
	struct imap_response response;
	uint64_t left = 300000000;
	size_t consumed;

	(void)state;
	assert_int_equal(imap_parser_feed(parser,
					  span_from_str("* 1 FETCH (BODY[] {300000000}\r\n"),
					  &consumed, &response, NULL),
			 IMAP_PARSE_MORE);
	while (left > 0) {
		size_t len = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);

		assert_int_equal(imap_parser_feed(parser, (struct span){chunk, len}, &consumed,
						  &response, NULL),
				 IMAP_PARSE_MORE);
		assert_int_equal(consumed, len);
		left -= len;
		assert_int_equal(big.bytes, 300000000 - left);
	}
	assert_int_equal(big.ends, 1);
	assert_int_equal(imap_parser_feed(parser, span_from_str(" UID 5)\r\n* 1 EX"), &consumed,
					  &response, NULL),
			 IMAP_PARSE_RESPONSE);
	assert_int_equal(consumed, 9);
	assert_int_equal(response.fetch.uid, 5);
	imap_parser_free(parser);
}

/* Bytes behind a response stay with the caller, who may have to refuse or to decompress them. */
static void one_response_at_a_time(void **state)
{
	struct imap_parser *parser = imap_parser_new(NULL, NULL);
	struct imap_response response;
	size_t consumed;

	(void)state;
	assert_int_equal(imap_parser_feed(parser, span_from_str("a1 OK begin TLS\r\n* 1 EXISTS"),
					  &consumed, &response, NULL),
			 IMAP_PARSE_RESPONSE);
	assert_int_equal(consumed, 17);
	assert_true(imap_parser_is_idle(parser));
	assert_int_equal(
		imap_parser_feed(parser, (struct span){NULL, 0}, &consumed, &response, NULL),
		IMAP_PARSE_MORE);
	assert_int_equal(consumed, 0);
	imap_parser_free(parser);
}

static void malformed_is_for_good(void **state)
{
	struct imap_parser *parser = imap_parser_new(NULL, NULL);
	struct imap_response response;
	struct err first = ERR_INIT;
	struct err second = ERR_INIT;
	size_t consumed = 99;

	(void)state;
	assert_int_equal(
		imap_parser_feed(parser, span_from_str("* OK x\r\n"), &consumed, &response, &first),
		IMAP_PARSE_RESPONSE);
	assert_int_equal(imap_parser_feed(parser, span_from_str("* 1 FETCH (UID \x1b[31m\001)\r\n"),
					  &consumed, &response, &first),
			 IMAP_PARSE_MALFORMED);
	assert_non_null(strstr(first.text, "at byte 8: "));
	assert_non_null(strstr(first.text, "near \"?[31m?)\""));
	assert_int_equal(imap_parser_feed(parser, span_from_str("* OK x\r\n"), &consumed, &response,
					  &second),
			 IMAP_PARSE_MALFORMED);
	assert_int_equal(consumed, 0);
	assert_string_equal(first.text, second.text);
	imap_parser_free(parser);
}

static void names_in_utf8(void **state)
{
	struct span line = span_from_str("* LIST () \"/\" \"R&-D\"\r\n");
	struct imap_parser *parser = imap_parser_new(NULL, NULL);
	struct imap_response response;
	size_t consumed;

	(void)state;
	(void)imap_parser_feed(parser, line, &consumed, &response, NULL);
	assert_true(span_equals(response.list.utf8, "R&D"));
	imap_parser_set_utf8(parser, true);
	(void)imap_parser_feed(parser, line, &consumed, &response, NULL);
	assert_true(span_equals(response.list.utf8, "R&-D"));
	imap_parser_free(parser);
}

static void flags_and_words(void **state)
{
	struct span words = span_from_str("(a  b)c ");
	struct span word;

	(void)state;
	assert_true(imap_word_next(&words, &word) && span_equals(word, "a"));
	assert_true(imap_word_next(&words, &word) && span_equals(word, "b"));
	assert_true(imap_word_next(&words, &word) && span_equals(word, "c"));
	assert_false(imap_word_next(&words, &word));
	assert_true(span_equals(word, "c"));
	assert_int_equal(imap_flags_parse(span_from_str("(\\SEEN \\deleted Seen \\Seenx $x)")),
			 IMAP_FLAG_SEEN | IMAP_FLAG_DELETED);
	assert_int_equal(imap_flags_parse(span_from_str("\\*")), IMAP_FLAG_ANY);
	assert_int_equal(imap_flags_parse((struct span){NULL, 0}), 0);
}

static void dates(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} right[] = {
		{"01-Jan-1970 00:00:00 +0000", 0},
		{" 1-Jan-1970 00:00:00 +0000", 0},
		{"1-jan-1970 01:00:00 +0100", 0},
		{"31-Dec-1969 23:59:59 +0000", -1},
		{"17-Jul-1996 02:44:25 -0700", 837596665},
		{"29-Feb-2000 12:00:00 +0000", 951825600},
		{"28-Feb-1900 00:00:00 +0000", -2203977600},
		{"01-Mar-2100 00:00:00 +0000", 4107542400},
		{"19-Jan-2038 03:14:08 +0000", 2147483648},
		{"31-Dec-9999 23:59:60 -2359", 253402300800 + 86340},
		{"01-Jan-0001 00:00:00 +0000", -62135596800},
	};
	static const char *const wrong[] = {"",
					    "x",
					    "17-Jul-1996",
					    "17-Jul-1996 02:44:25",
					    "17-Jul-1996 02:44:25 0700",
					    "17-Jul-1996 02:44:25 -0700x",
					    "17-Jux-1996 02:44:25 -0700",
					    "00-Jul-1996 02:44:25 -0700",
					    "32-Jul-1996 02:44:25 -0700",
					    "17-Jul-1996 24:44:25 -0700",
					    "17-Jul-1996 02:60:25 -0700",
					    "17-Jul-1996 02:44:61 -0700",
					    "17-Jul-1996 02:44:25 -2400",
					    "17-Jul-96 02:44:25 -0700",
					    "17-Jul-0000 02:44:25 -0700"};
	int64_t seconds = 42;

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(imap_date_parse(span_from_str(wrong[i]), &seconds));
	assert_int_equal(seconds, 42);
	for (size_t i = 0; i < COUNT(right); i++) {
		assert_true(imap_date_parse(span_from_str(right[i].text), &seconds));
		if (seconds != right[i].seconds)
			fail_msg("%s: %lld", right[i].text, (long long)seconds);
	}
}

/* Every code has a name that leads back to it. */
static void codes(void **state)
{
	(void)state;
	for (int i = IMAP_CODE_UNKNOWN + 1; i <= IMAP_CODE_WEBALERT; i++)
		assert_int_equal(imap_code_parse(span_from_str(imap_code_name((enum imap_code)i))),
				 i);
	assert_int_equal(imap_code_parse(span_from_str("")), IMAP_CODE_UNKNOWN);
	assert_int_equal(imap_code_parse(span_from_str("ALERTX")), IMAP_CODE_UNKNOWN);
	assert_string_equal(imap_code_name(IMAP_CODE_NONE), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_are_understood),
		cmocka_unit_test(steps_do_not_matter),
		cmocka_unit_test(cuts_do_not_matter),
		cmocka_unit_test(truncation_is_noticed),
		cmocka_unit_test(one_stream),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(long_results_come_in_pieces),
		cmocka_unit_test(bodies_are_not_copied),
		cmocka_unit_test(one_response_at_a_time),
		cmocka_unit_test(malformed_is_for_good),
		cmocka_unit_test(names_in_utf8),
		cmocka_unit_test(flags_and_words),
		cmocka_unit_test(dates),
		cmocka_unit_test(codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
