/* SPDX-License-Identifier: MIT */
/*
 * fuzz-message-head.c - what a message can begin with.
 *
 * Beside not crashing: header and body are the message, cut as it may; fields follow one another,
 * lie in the header, and hold no empty line.
 */
#include <stdint.h>
#include <string.h>

#include "fetch-agent/delivery/message-head.h"
#include "tests/fuzz/require.h"

#include "common/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t head_len(struct message_head *head, struct span message, size_t step)
{
	struct span left = message;
	bool whole = false;

	message_head_clear(head);
	while (left.len > 0 && !whole) {
		struct span piece = {left.ptr, left.len < step ? left.len : step};
		size_t len = piece.len;

		whole = message_head_feed(head, &piece);
		require(whole || piece.len == 0);
		left.ptr += len - piece.len;
		left.len -= len - piece.len;
	}
	message_head_end(head);
	require(head->bytes.len == message.len - left.len);
	require(head->bytes.len == 0 ||
		memcmp(head->bytes.data, message.ptr, head->bytes.len) == 0);
	return head->bytes.len;
}

static void check_fields(const struct message_head *head)
{
	const char *from = head->bytes.data, *end = from;
	struct message_field field;
	size_t at = 0;

	if (head->bytes.len > 0) /* without a byte there is no data to point past */
		end += head->bytes.len;
	while (message_head_next(head, &at, &field)) {
		const char *stop = field.whole.ptr + field.whole.len;

		require(field.whole.ptr >= from && stop <= end &&
			at == (size_t)(stop - head->bytes.data));
		require(field.name.len > 0 && field.name.ptr == field.whole.ptr);
		require(field.value.ptr > field.name.ptr + field.name.len - 1);
		require(field.value.ptr + field.value.len <= stop);
		require(memchr(field.name.ptr, '\n', field.name.len) == NULL);
		from = stop;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = {1, 3, 100};
	struct span message = {(const char *)data, size};
	struct message_head head;
	size_t whole;

	message_head_init(&head);
	whole = head_len(&head, message, SIZE_MAX);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		require(head_len(&head, message, steps[i]) == whole);
	check_fields(&head);
	message_head_release(&head);
	return 0;
}
