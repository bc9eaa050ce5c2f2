/* SPDX-License-Identifier: MIT */
/* imap-encode.c - see imap-encode.h. */
#include "fetch-agent/imap/imap-encode.h"

#include <stdio.h>
#include <string.h>

#include "common/banned.h"

#define RANGE_MAX 24 /* ",4294967295:4294967295" and its NUL */

enum form { FORM_BARE, FORM_QUOTED, FORM_LITERAL, FORM_NONE };

/* RFC 3501 ASTRING-CHAR, without "]" and "+": old servers stumble. */
static bool is_bare_byte(unsigned char c)
{
	return c > ' ' && c < 0x7f && strchr("(){%*\"\\]+", c) == NULL;
}

static enum form form_of(const struct imap_encoder *enc, struct span value)
{
	enum form form =
		value.len > 0 && !span_equals_nocase(value, "NIL") ? FORM_BARE : FORM_QUOTED;

	if (value.len > IMAP_QUOTED_MAX)
		form = FORM_LITERAL;
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];

		if (c == '\0')
			return FORM_NONE;
		if (c < ' ' || c == 0x7f || (c >= 0x80 && !enc->utf8))
			form = FORM_LITERAL;
		else if (!is_bare_byte(c) && form == FORM_BARE)
			form = FORM_QUOTED;
	}
	return form;
}

static bool encode_quoted(struct imap_encoder *enc, struct span value)
{
	(void)buffer_append_byte(enc->out, '"');
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] == '"' || value.ptr[i] == '\\')
			(void)buffer_append_byte(enc->out, '\\');
		(void)buffer_append_byte(enc->out, value.ptr[i]);
	}
	return buffer_append_byte(enc->out, '"');
}

static bool encode_literal(struct imap_encoder *enc, struct span value)
{
	bool waits = enc->literals == IMAP_LITERALS_SYNC ||
		     (enc->literals == IMAP_LITERALS_MINUS && value.len > IMAP_LITERAL_MINUS_MAX);

	if (waits && enc->wait_count == IMAP_WAITS_MAX)
		return false;
	(void)buffer_printf(enc->out, "{%zu%s}\r\n", value.len, waits ? "" : "+");
	if (waits)
		enc->waits[enc->wait_count++] = enc->out->len;
	return buffer_append_span(enc->out, value);
}

bool imap_encode_astring(struct imap_encoder *enc, struct span value)
{
	enum form form = form_of(enc, value);

	if (form == FORM_NONE)
		return false;
	if (form == FORM_LITERAL)
		return encode_literal(enc, value);
	if (form == FORM_BARE)
		return buffer_append_span(enc->out, value);
	return encode_quoted(enc, value);
}

bool imap_encode_mailbox(struct imap_encoder *enc, struct span name)
{
	struct buffer utf7 = BUFFER_INIT(IMAP_UTF7_GROWTH * name.len + IMAP_UTF7_GROWTH);
	bool done;

	if (span_equals_nocase(name, "INBOX"))
		return buffer_append_str(enc->out, "INBOX");
	done = imap_utf7_encode(&utf7, name) &&
	       imap_encode_astring(enc, enc->utf8 ? name : buffer_span(&utf7));
	buffer_release(&utf7);
	return done;
}

void imap_set_begin(struct imap_set_builder *set, struct buffer *out, size_t max_bytes)
{
	*set = (struct imap_set_builder){
		.out = out,
		.max_bytes = max_bytes,
		.start = out->len,
		.tail = out->len,
		.empty = true,
	};
}

/* Writes first:last over what stands from at on; the set is untouched when it has no room. */
static bool write_range(struct imap_set_builder *set, size_t at, uint32_t first, uint32_t last)
{
	struct buffer *out = set->out;
	char text[RANGE_MAX];
	int len;

	if (first == last)
		len = snprintf(text, sizeof(text), "%s%u", at > set->start ? "," : "", first);
	else
		len = snprintf(text, sizeof(text), "%s%u:%u", at > set->start ? "," : "", first,
			       last);
	if (!buffer_ok(out) || at - set->start + (size_t)len > set->max_bytes ||
	    at + (size_t)len > out->max)
		return false;
	out->len = at;
	if (!buffer_append(out, text, (size_t)len))
		return false;
	set->tail = at;
	set->first = first;
	set->last = last;
	set->empty = false;
	return true;
}

bool imap_set_add_range(struct imap_set_builder *set, uint32_t first, uint32_t last)
{
	if (first == 0 || last < first)
		return false;
	if (!set->empty && first == set->last + 1)
		return write_range(set, set->tail, set->first, last);
	return write_range(set, set->out->len, first, last);
}

bool imap_set_add(struct imap_set_builder *set, uint32_t uid)
{
	return imap_set_add_range(set, uid, uid);
}
