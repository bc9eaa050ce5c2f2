/* SPDX-License-Identifier: MIT */
/* message-head.c - see message-head.h. */
#include "fetch-agent/delivery/message-head.h"

#include <stdlib.h>
#include <string.h>

#include "common/banned.h"

void message_head_init(struct message_head *head)
{
	buffer_init(&head->bytes, MESSAGE_HEAD_MAX);
	head->whole = false;
}

void message_head_clear(struct message_head *head)
{
	buffer_clear(&head->bytes);
	head->whole = false;
}

void message_head_release(struct message_head *head)
{
	buffer_release(&head->bytes);
	head->whole = false;
}

/* Filling ----------------------------------------------------------------------------------------
 */

/* The n-th byte before the one at `at` of bytes, which follow what head has. A message begins as if
 * a line had ended: its first line may be the empty one. */
static char byte_before(const struct message_head *head, struct span bytes, size_t at, size_t n)
{
	if (n <= at)
		return bytes.ptr[at - n];
	n -= at;
	return n <= head->bytes.len ? head->bytes.data[head->bytes.len - n] : '\n';
}

/* The LF at `at` ends a line that has nothing else but perhaps a CR. */
static bool ends_empty_line(const struct message_head *head, struct span bytes, size_t at)
{
	char before = byte_before(head, bytes, at, 1);

	return before == '\n' || (before == '\r' && byte_before(head, bytes, at, 2) == '\n');
}

bool message_head_feed(struct message_head *head, struct span *bytes)
{
	size_t room = MESSAGE_HEAD_MAX - head->bytes.len;
	size_t take = bytes->len < room ? bytes->len : room;
	size_t at = 0;
	const char *lf;

	if (head->whole)
		return true;
	while (!head->whole && at < take &&
	       (lf = memchr(bytes->ptr + at, '\n', take - at)) != NULL) {
		head->whole = ends_empty_line(head, *bytes, (size_t)(lf - bytes->ptr));
		at = (size_t)(lf - bytes->ptr) + 1;
	}
	if (head->whole)
		take = at;
	if (!buffer_append(&head->bytes, bytes->ptr, take))
		abort(); /* as xalloc: out of memory; the ceiling is kept above */
	bytes->ptr += take;
	bytes->len -= take;
	head->whole = head->whole || head->bytes.len == MESSAGE_HEAD_MAX;
	return head->whole;
}

void message_head_end(struct message_head *head)
{
	head->whole = true;
}

/* Reading ----------------------------------------------------------------------------------------
 */

static bool is_wsp(char byte)
{
	return byte == ' ' || byte == '\t';
}

/* The line at the start of bytes, with those that are folded into it. */
static size_t folded_line_len(struct span bytes)
{
	size_t len = 0;

	do {
		const char *lf = memchr(bytes.ptr + len, '\n', bytes.len - len);

		len = lf != NULL ? (size_t)(lf - bytes.ptr) + 1 : bytes.len;
	} while (len < bytes.len && is_wsp(bytes.ptr[len]));
	return len;
}

static struct span without_line_end(struct span line)
{
	if (line.len > 0 && line.ptr[line.len - 1] == '\n')
		line.len--;
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* RFC 5322 2.2, and 4.5: white space may stand before the colon. */
static bool field_of(struct span line, struct message_field *field_out)
{
	struct span rest = without_line_end(line);
	size_t name = 0, colon;

	while (name < rest.len && rest.ptr[name] > 32 && rest.ptr[name] < 127 &&
	       rest.ptr[name] != ':')
		name++;
	colon = name;
	while (colon < rest.len && is_wsp(rest.ptr[colon]))
		colon++;
	if (name == 0 || colon == rest.len || rest.ptr[colon] != ':')
		return false;
	field_out->name = (struct span){rest.ptr, name};
	field_out->value = (struct span){rest.ptr + colon + 1, rest.len - colon - 1};
	field_out->whole = line;
	return true;
}

bool message_head_next(const struct message_head *head, size_t *at, struct message_field *field_out)
{
	while (*at < head->bytes.len) {
		struct span line = {head->bytes.data + *at, head->bytes.len - *at};

		line.len = folded_line_len(line);
		*at += line.len;
		if (field_of(line, field_out))
			return true;
	}
	return false;
}

bool message_head_find(const struct message_head *head, const char *name, size_t *at,
		       struct message_field *field_out)
{
	struct message_field field;

	while (message_head_next(head, at, &field)) {
		if (span_equals_nocase(field.name, name)) {
			*field_out = field;
			return true;
		}
	}
	return false;
}
