/* SPDX-License-Identifier: MIT */
/* test-smtp-dot.c - a message as it goes over the wire: whole, and cut at every place. */
#include "fetch-agent/delivery/smtp-dot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/banned.h"

static const struct {
	const char *message, *wire;
} table[] = {
	{"", ".\r\n"},
	{"a\r\n", "a\r\n.\r\n"},
	{"a", "a\r\n.\r\n"},
	{"a\n", "a\r\n.\r\n"},
	{"a\nb\n\nc\n", "a\r\nb\r\n\r\nc\r\n.\r\n"},
	{".", "..\r\n.\r\n"},
	{".\r\n", "..\r\n.\r\n"},
	{"..\r\n.a\r\na.\r\n", "...\r\n..a\r\na.\r\n.\r\n"},
	{"a\r\n.\r\nMAIL FROM:<x>\r\n", "a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n"},
	{"a\n.\nb\n", "a\r\n..\r\nb\r\n.\r\n"},
	{"a\n.\r\nb\n", "a\r\n..\r\nb\r\n.\r\n"},
	{"a\rb\r\r\nc\r", "a\rb\r\r\nc\r\r\n.\r\n"},
	{"a\r.\r\n", "a\r.\r\n.\r\n"},
	{"\r\n\r\n", "\r\n\r\n.\r\n"},
	{"\n\r\n", "\r\n\r\n.\r\n"},
	{"\r", "\r\r\n.\r\n"},
	{"\r.\n", "\r.\r\n.\r\n"},
};

/* Cut after first bytes, and then into pieces of step. */
static void check(size_t row, size_t first, size_t step)
{
	struct smtp_dot dot = SMTP_DOT_INIT;
	struct evbuffer *out = evbuffer_new();
	size_t len = strlen(table[row].message), wire = strlen(table[row].wire);
	size_t at = 0, piece = first;

	for (; at < len; at += piece, piece = step) {
		if (piece > len - at)
			piece = len - at;
		smtp_dot_feed(&dot, (struct span){table[row].message + at, piece}, out);
	}
	smtp_dot_end(&dot, out);
	assert_int_equal(evbuffer_get_length(out), wire);
	assert_memory_equal(evbuffer_pullup(out, -1), table[row].wire, wire);
	assert_false(dot.eight_bit);
	evbuffer_free(out);
}

static void lines_and_dots(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof(table) / sizeof(table[0]); row++)
		check(row, SIZE_MAX, SIZE_MAX);
}

static void cut_anywhere_it_is_the_same(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof(table) / sizeof(table[0]); row++) {
		for (size_t step = 1; step < 4; step++) {
			for (size_t first = 1; first <= strlen(table[row].message); first++)
				check(row, first, step);
		}
	}
}

static void eight_bit_is_seen(void **state)
{
	char text[40];

	(void)state;
	for (size_t at = 0; at < sizeof(text); at++) {
		struct smtp_dot dot = SMTP_DOT_INIT;
		struct evbuffer *out = evbuffer_new();

		memset(text, 'a', sizeof(text));
		smtp_dot_feed(&dot, (struct span){text, sizeof(text)}, out);
		assert_false(dot.eight_bit);
		text[at] = '\x80';
		smtp_dot_feed(&dot, (struct span){text, sizeof(text)}, out);
		assert_true(dot.eight_bit);
		evbuffer_free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_and_dots),
		cmocka_unit_test(cut_anywhere_it_is_the_same),
		cmocka_unit_test(eight_bit_is_seen),
	};

	return cmocka_run_group_tests_name("smtp-dot", tests, NULL, NULL);
}
