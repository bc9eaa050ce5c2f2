/* SPDX-License-Identifier: MIT */
/* test-message-head.c - where a header ends, however it is cut, and which fields stand in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "fetch-agent/delivery/message-head.h"

#include "common/banned.h"

static const struct example {
	const char *head, *body;
	const char *fields; /* NAME=VALUE| for each */
} examples[] = {
	{"A: 1\r\nB: 2\r\n\r\n", "body\r\n\r\n", "A= 1|B= 2|"},
	{"A: 1\nB: 2\n\n", "\nbody", "A= 1|B= 2|"},
	{"A: 1\r\n\n", "body", "A= 1|"},
	{"A: 1\n\r\n", "body", "A= 1|"},
	{"\r\n", "body", ""},
	{"\n", "\r\n", ""},
	{"A: 1\r\n B\r\n\tC: 2\r\nD:\r\n\r\n", "", "A= 1\r\n B\r\n\tC: 2|D=|"},
	{"A: 1\r\r\nB: \r2\r\n\r\n", "x", "A= 1\r|B= \r2|"},
	{"From alice Sat Jan  1 10:00:00 2000\r\nFrom: a@b\r\n\r\n", "x", "From= a@b|"},
	{">From x: y\r\n folded: too\r\nA : 1\r\n\r\n", "x", "A= 1|"},
	{" first: folds nothing\r\nA\t \t:1\r\n: 2\r\nno field\r\n\r\n", "x", "A=1|"},
	{"\xc3\xa9: 1\r\nA: \xc3\xa9\r\n\r\n", "x", "A= \xc3\xa9|"},
	{"A: 1\r\n \r\nB: 2\r\n\r\n", "x", "A= 1\r\n |B= 2|"},
	/* Without the empty line: all that has come. */
	{"A: 1\r\nB: 2", "", "A= 1|B= 2|"},
	{"A: 1\r\nB: 2\r\n", "", "A= 1|B= 2|"},
	{"A: 1\r\nB: 2\r", "", "A= 1|B= 2|"},
	{"", "", ""},
};

static void feed(struct message_head *head, struct span message, size_t step, size_t *body_at)
{
	struct span left = message;

	while (left.len > 0) {
		struct span piece = {left.ptr, left.len < step ? left.len : step};
		struct span rest = piece;
		bool whole = message_head_feed(head, &rest);

		assert_int_equal(whole, head->whole);
		assert_true(whole || rest.len == 0);
		left.ptr += piece.len - rest.len;
		left.len -= piece.len - rest.len;
		if (whole)
			break;
	}
	message_head_end(head);
	*body_at = message.len - left.len;
}

static void fields_of(const struct message_head *head, struct buffer *text)
{
	struct message_field field;
	size_t at = 0;

	while (message_head_next(head, &at, &field)) {
		assert_ptr_equal(field.name.ptr, field.whole.ptr);
		(void)buffer_append_span(text, field.name);
		(void)buffer_append_byte(text, '=');
		(void)buffer_append_span(text, field.value);
		(void)buffer_append_byte(text, '|');
	}
}

static void check(const struct example *example, size_t step)
{
	struct buffer message = BUFFER_INIT(4096), fields = BUFFER_INIT(4096);
	struct message_head head;
	size_t body_at;

	(void)buffer_append_str(&message, example->head);
	(void)buffer_append_str(&message, example->body);
	message_head_init(&head);
	feed(&head, buffer_span(&message), step, &body_at);
	assert_int_equal(body_at, strlen(example->head));
	assert_true(span_equals(buffer_span(&head.bytes), example->head));
	fields_of(&head, &fields);
	assert_string_equal(buffer_cstr(&fields), example->fields);
	message_head_release(&head);
	buffer_release(&message);
	buffer_release(&fields);
}

static void headers_however_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		for (size_t step = 1; step < 64; step++)
			check(&examples[i], step);
	}
}

/* A message that ends anywhere in its header is all header. */
static void truncated_anywhere(void **state)
{
	const char *text = examples[0].head;
	struct message_head head;
	size_t body_at;

	(void)state;
	message_head_init(&head);
	for (size_t len = 0; len <= strlen(text); len++) {
		feed(&head, (struct span){text, len}, 3, &body_at);
		assert_int_equal(body_at, len);
		assert_int_equal(head.bytes.len, len);
		assert_true(head.whole);
		message_head_clear(&head);
		assert_false(head.whole);
	}
	message_head_release(&head);
}

static void too_long_ends_at_the_ceiling(void **state)
{
	size_t size = MESSAGE_HEAD_MAX + 100, body_at;
	char *text = xcalloc(1, size);
	struct message_head head;

	(void)state;
	memset(text, 'a', size);
	message_head_init(&head);
	feed(&head, (struct span){text, size}, 4093, &body_at);
	assert_int_equal(body_at, MESSAGE_HEAD_MAX);
	assert_int_equal(head.bytes.len, MESSAGE_HEAD_MAX);
	message_head_release(&head);
	free(text);
}

static void nuls_are_bytes(void **state)
{
	static const char text[] = "A: \0\r\n\0: 1\r\nB: 2\r\n\r\nbody";
	struct message_head head;
	struct message_field field;
	size_t body_at, at = 0;

	(void)state;
	message_head_init(&head);
	feed(&head, (struct span){text, sizeof(text) - 1}, 1, &body_at);
	assert_int_equal(body_at, sizeof(text) - 5);
	assert_true(message_head_find(&head, "b", &at, &field));
	assert_true(span_equals(field.value, " 2"));
	assert_false(message_head_find(&head, "b", &at, &field));
	message_head_release(&head);
}

static void finds_in_any_case_one_after_the_other(void **state)
{
	static const char text[] =
		"Received: 1\r\nTo: x\r\nRECEIVED: 2\r\n a\r\nreceived-spf: 3\r\n\r\n";
	struct span bytes = span_from_str(text);
	struct message_head head;
	struct message_field field;
	size_t at = 0;

	(void)state;
	message_head_init(&head);
	assert_true(message_head_feed(&head, &bytes));
	assert_true(message_head_find(&head, "Received", &at, &field));
	assert_true(span_equals(field.value, " 1"));
	assert_true(message_head_find(&head, "Received", &at, &field));
	assert_true(span_equals(field.whole, "RECEIVED: 2\r\n a\r\n"));
	assert_false(message_head_find(&head, "Received", &at, &field));
	message_head_release(&head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_however_cut),
		cmocka_unit_test(truncated_anywhere),
		cmocka_unit_test(too_long_ends_at_the_ceiling),
		cmocka_unit_test(nuls_are_bytes),
		cmocka_unit_test(finds_in_any_case_one_after_the_other),
	};

	return cmocka_run_group_tests_name("message-head", tests, NULL, NULL);
}
