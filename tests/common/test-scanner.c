/* SPDX-License-Identifier: MIT */
/* test-scanner.c - scanners advance on success only. */
#include "common/scanner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/banned.h"

static void literals_and_bytes(void **state)
{
	struct scanner scan = scanner_over(span_from_str("OK data"));

	(void)state;
	assert_false(scan_literal(&scan, "OK data and more"));
	assert_false(scan_byte(&scan, 'K'));
	assert_int_equal(scanner_left(&scan), 7);
	assert_true(scan_literal(&scan, "OK "));
	assert_true(scan_byte(&scan, 'd'));
	assert_int_equal(scanner_left(&scan), 3);
}

static void until_has_a_maximum(void **state)
{
	struct scanner scan = scanner_over(span_from_str("verb key"));
	struct span out = {"untouched", 9};

	(void)state;
	assert_false(scan_until(&scan, ' ', 3, &out));
	assert_false(scan_until(&scan, '!', 100, &out));
	assert_true(span_equals(out, "untouched"));
	assert_true(scan_until(&scan, ' ', 4, &out));
	assert_true(span_equals(out, "verb"));
	assert_false(scan_take(&scan, 4, &out));
	assert_true(scan_take(&scan, 3, &out));
	assert_true(scanner_at_end(&scan));
	assert_false(scan_until(&scan, ' ', 4, &out));
	assert_true(scan_take(&scan, 0, &out));
}

static void lines(void **state)
{
	struct scanner scan = scanner_over(span_from_str("one\n\ntwo")), none = {NULL, NULL};
	struct span out = {"untouched", 9};

	(void)state;
	assert_true(scan_line(&scan, &out));
	assert_true(span_equals(out, "one"));
	assert_true(scan_line(&scan, &out));
	assert_int_equal(out.len, 0);
	assert_true(scan_line(&scan, &out));
	assert_true(span_equals(out, "two"));
	assert_false(scan_line(&scan, &out));
	assert_true(span_equals(out, "two"));
	assert_false(scan_line(&none, &out));
	scan = scanner_over(span_from_str("last\n"));
	assert_true(scan_line(&scan, &out));
	assert_true(span_equals(out, "last"));
	assert_false(scan_line(&scan, &out));
}

struct number {
	const char *text;
	uint64_t max;
	bool valid;
	uint64_t value;
	size_t left;
};

static void numbers(void **state)
{
	static const struct number table[] = {
		{"0", 0, true, 0, 0},
		{"7", 6, false, 0, 1},
		{"42x", 100, true, 42, 1},
		{"100", 100, true, 100, 0},
		{"101", 100, false, 0, 3},
		{"007", 100, false, 0, 3},
		{"", 100, false, 0, 0},
		{"-1", 100, false, 0, 2},
		{"+1", 100, false, 0, 2},
		{" 1", 100, false, 0, 2},
		{"18446744073709551615", UINT64_MAX, true, UINT64_MAX, 0},
		{"18446744073709551616", UINT64_MAX, false, 0, 20},
		{"99999999999999999999999", UINT64_MAX, false, 0, 23},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct scanner scan = scanner_over(span_from_str(table[i].text));
		uint64_t value = 0;

		assert_int_equal(scan_u64(&scan, table[i].max, &value), table[i].valid);
		assert_int_equal(value, table[i].value);
		assert_int_equal(scanner_left(&scan), table[i].left);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_and_bytes),
		cmocka_unit_test(until_has_a_maximum),
		cmocka_unit_test(lines),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests_name("scanner", tests, NULL, NULL);
}
