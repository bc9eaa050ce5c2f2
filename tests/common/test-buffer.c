/* SPDX-License-Identifier: MIT */
/* test-buffer.c - buffers keep their ceiling, fail sticky, move without copying. */
#include "common/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/banned.h"

static void grows_up_to_its_ceiling(void **state)
{
	struct buffer buf = BUFFER_INIT(1000);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_true(buffer_append_byte(&buf, (char)('a' + i % 26)));
	assert_int_equal(buf.len, 1000);
	assert_int_equal(buf.data[25], 'z');
	assert_int_equal(buf.data[1000], '\0');
	assert_false(buffer_append_byte(&buf, 'x'));
	assert_int_equal(buf.len, 1000);
	buffer_release(&buf);
}

static void failure_is_sticky_until_cleared(void **state)
{
	struct buffer buf = BUFFER_INIT(4);

	(void)state;
	assert_true(buffer_append_str(&buf, "abc"));
	assert_false(buffer_append_str(&buf, "de"));
	assert_false(buffer_append_byte(&buf, 'd'));
	assert_false(buffer_ok(&buf));
	assert_string_equal(buffer_cstr(&buf), "abc");
	buffer_clear(&buf);
	assert_true(buffer_ok(&buf));
	assert_true(buffer_append_str(&buf, "wxyz"));
	buffer_release(&buf);
	assert_int_equal(buf.max, 4);
}

static void length_cannot_wrap(void **state)
{
	struct buffer buf = BUFFER_INIT(SIZE_MAX);

	(void)state;
	assert_true(buffer_append_str(&buf, "abc"));
	buf.max = 10;
	assert_false(buffer_append(&buf, "", SIZE_MAX - 1));
	buffer_release(&buf);
}

/* Allocations grow by doubling and never pass the ceiling. */
static void growth_is_geometric(void **state)
{
	struct buffer buf = BUFFER_INIT(100000);
	int moves = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		size_t size = buf.size;

		assert_true(buffer_append_byte(&buf, 'x'));
		if (buf.size != size)
			moves++;
	}
	assert_in_range(moves, 2, 12);
	assert_int_equal(buf.size, 100001);
	buffer_release(&buf);
}

static void printf_and_set(void **state)
{
	struct buffer buf = BUFFER_INIT(64);

	(void)state;
	assert_true(buffer_printf(&buf, "%s=%d", "port", 587));
	assert_string_equal(buf.data, "port=587");
	assert_true(buffer_set(&buf, "a\0b", 3));
	assert_memory_equal(buf.data, "a\0b", 4);
	assert_false(buffer_printf(&buf, "%100d", 1));
	assert_false(buffer_ok(&buf));
	buffer_release(&buf);
}

static void consume_wipes_what_a_secret_leaves(void **state)
{
	struct buffer buf = BUFFER_INIT_SECRET(64);

	(void)state;
	assert_true(buffer_append_str(&buf, "headSECRET"));
	buffer_consume(&buf, 4);
	assert_string_equal(buf.data, "SECRET");
	assert_memory_equal(buf.data + 6, "\0\0\0\0", 4);
	buffer_clear(&buf);
	assert_memory_equal(buf.data, "\0\0\0\0\0\0", 6);
	buffer_release(&buf);
	assert_true(buf.secret);
}

static void move_takes_everything(void **state)
{
	struct buffer src = BUFFER_INIT_SECRET(64);
	struct buffer dst = BUFFER_INIT(8);
	char *data;

	(void)state;
	assert_true(buffer_append_str(&src, "a long enough text"));
	assert_true(buffer_append_str(&dst, "old"));
	data = src.data;
	buffer_move(&dst, &src);
	assert_ptr_equal(dst.data, data);
	assert_true(dst.secret);
	assert_int_equal(dst.max, 64);
	assert_null(src.data);
	assert_int_equal(src.max, 64);
	buffer_move(&dst, &dst);
	assert_string_equal(dst.data, "a long enough text");
	buffer_release(&dst);
	buffer_release(&src);
}

static void spans_compare_whole(void **state)
{
	(void)state;
	assert_true(span_equals(span_from_str("smtp"), "smtp"));
	assert_false(span_equals(span_from_str("smtps"), "smtp"));
	assert_false(span_equals(span_from_str("smt"), "smtp"));
	assert_true(span_equals_nocase(span_from_str("SmTp"), "smtp"));
	assert_true(span_equals(span_from_str(NULL), ""));
	assert_true(equal_constant_time(span_from_str("abc"), span_from_str("abc")));
	assert_false(equal_constant_time(span_from_str("abc"), span_from_str("abd")));
	assert_false(equal_constant_time(span_from_str("abc"), span_from_str("ab")));
	wipe(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_up_to_its_ceiling),
		cmocka_unit_test(failure_is_sticky_until_cleared),
		cmocka_unit_test(length_cannot_wrap),
		cmocka_unit_test(growth_is_geometric),
		cmocka_unit_test(printf_and_set),
		cmocka_unit_test(consume_wipes_what_a_secret_leaves),
		cmocka_unit_test(move_takes_everything),
		cmocka_unit_test(spans_compare_whole),
	};

	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
