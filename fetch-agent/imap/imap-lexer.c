/* SPDX-License-Identifier: MIT */
/* imap-lexer.c - see imap-lexer.h. */
#include "fetch-agent/imap/imap-lexer.h"

#include <string.h>

#include "common/scanner.h"

#include "common/banned.h"

struct imap_lexer lex_over(struct span bytes, const struct imap_limits *limits)
{
	return (struct imap_lexer){
		.cur = bytes.ptr,
		.end = bytes.ptr + bytes.len,
		.limits = limits,
	};
}

bool lex_fail(struct imap_lexer *lex, const char *why)
{
	if (lex->why == NULL)
		lex->why = why;
	return false;
}

void lex_spaces(struct imap_lexer *lex)
{
	while (lex->cur < lex->end && *lex->cur == ' ')
		lex->cur++;
}

bool lex_at_end(const struct imap_lexer *lex)
{
	return lex->cur == lex->end;
}

bool lex_is_at(const struct imap_lexer *lex, char byte)
{
	return lex->cur < lex->end && *lex->cur == byte;
}

bool lex_byte(struct imap_lexer *lex, char byte, const char *why)
{
	if (!lex_is_at(lex, byte))
		return lex_fail(lex, why);
	lex->cur++;
	return true;
}

struct span lex_rest(const struct imap_lexer *lex)
{
	const char *end = lex->end;

	while (end > lex->cur && end[-1] == ' ')
		end--;
	return (struct span){lex->cur, (size_t)(end - lex->cur)};
}

bool lex_count_item(struct imap_lexer *lex)
{
	if (++lex->items > lex->limits->items)
		return lex_fail(lex, "too many items in one response");
	return true;
}

static bool ends_word(char c)
{
	return (unsigned char)c <= ' ' || c == '(' || c == ')' || c == '"' || c == 0x7f;
}

bool lex_word(struct imap_lexer *lex, struct span *out)
{
	const char *p = lex->cur;

	while (p < lex->end && !ends_word(*p))
		p++;
	if (p == lex->cur)
		return lex_fail(lex, "a word is missing");
	*out = (struct span){lex->cur, (size_t)(p - lex->cur)};
	lex->cur = p;
	return true;
}

bool lex_number(struct imap_lexer *lex, uint64_t max, uint64_t *out)
{
	struct scanner scan = {lex->cur, lex->end};

	/* Leading zeros are not IMAP, but mean nothing else either. */
	while (scanner_left(&scan) > 1 && *scan.cur == '0' && scan.cur[1] >= '0' &&
	       scan.cur[1] <= '9')
		scan.cur++;
	if (!scan_u64(&scan, max, out))
		return lex_fail(lex, "a number is missing or too large");
	lex->cur = scan.cur;
	return true;
}

bool lex_words(struct imap_lexer *lex, struct span *out)
{
	const char *start;
	struct span word;

	if (!lex_byte(lex, '(', "a list is missing"))
		return false;
	lex_spaces(lex);
	start = lex->cur;
	for (; !lex_is_at(lex, ')'); lex_spaces(lex)) {
		if (!lex_word(lex, &word) || !lex_count_item(lex))
			return false;
	}
	*out = (struct span){start, (size_t)(lex->cur - start)};
	lex->cur++;
	return true;
}

bool lex_is_at_literal(const struct imap_lexer *lex)
{
	return lex_is_at(lex, '{') ||
	       (lex_is_at(lex, '~') && lex->end - lex->cur > 1 && lex->cur[1] == '{');
}

bool lex_literal_head(struct imap_lexer *lex, uint64_t *size_out)
{
	uint64_t size = 0;

	if (lex_is_at(lex, '~'))
		lex->cur++;
	if (!lex_byte(lex, '{', "a literal is missing") || !lex_number(lex, IMAP_NUMBER_MAX, &size))
		return false;
	if (lex_is_at(lex, '+'))
		lex->cur++;
	if (!lex_byte(lex, '}', "a literal's size does not end"))
		return false;
	if (lex_is_at(lex, '\r'))
		lex->cur++;
	if (!lex_byte(lex, '\n', "a literal's size is not at the end of its line"))
		return false;
	*size_out = size;
	return true;
}

static bool lex_literal(struct imap_lexer *lex, struct imap_string *out)
{
	uint64_t size = 0;

	if (!lex_literal_head(lex, &size))
		return false;
	if (size > (uint64_t)(lex->end - lex->cur) || (lex->is_prefix && lex_at_end(lex))) {
		lex->cut = true;
		return lex_fail(lex, "a literal is not complete");
	}
	*out = (struct imap_string){IMAP_STRING_LITERAL, {lex->cur, (size_t)size}, 0};
	lex->cur += size;
	return true;
}

static bool lex_quoted(struct imap_lexer *lex, struct imap_string *out)
{
	const char *start = ++lex->cur;
	size_t escapes = 0;

	for (; lex->cur < lex->end && *lex->cur != '"'; lex->cur++) {
		if (*lex->cur == '\r' || *lex->cur == '\n')
			return lex_fail(lex, "a quoted string runs past its line");
		if (*lex->cur == '\\') {
			escapes++;
			if (++lex->cur == lex->end)
				break;
		}
	}
	if (lex_at_end(lex))
		return lex_fail(lex, "a quoted string does not end");
	*out = (struct imap_string){
		IMAP_STRING_QUOTED, {start, (size_t)(lex->cur - start)}, escapes};
	lex->cur++;
	return true;
}

bool lex_string(struct imap_lexer *lex, struct imap_string *out)
{
	if (lex_is_at(lex, '"'))
		return lex_quoted(lex, out);
	if (lex_is_at_literal(lex))
		return lex_literal(lex, out);
	return lex_fail(lex, "a string is missing");
}

bool lex_astring(struct imap_lexer *lex, struct imap_string *out)
{
	struct span word;

	if (lex_is_at(lex, '"') || lex_is_at_literal(lex))
		return lex_string(lex, out);
	if (!lex_word(lex, &word))
		return false;
	*out = (struct imap_string){IMAP_STRING_BARE, word, 0};
	if (span_equals_nocase(word, "NIL"))
		out->form = IMAP_STRING_NIL;
	return true;
}

bool lex_skip_value(struct imap_lexer *lex)
{
	struct imap_string string;
	size_t depth = 0;

	do {
		lex_spaces(lex);
		if (lex_is_at(lex, '(')) {
			if (++depth > lex->limits->depth)
				return lex_fail(lex, "lists nest too deep");
			lex->cur++;
		} else if (lex_is_at(lex, ')') && depth > 0) {
			depth--;
			lex->cur++;
		} else if (!lex_astring(lex, &string) || !lex_count_item(lex)) {
			return false;
		}
	} while (depth > 0);
	return true;
}

bool lex_set(struct imap_lexer *lex, struct imap_set *out)
{
	const char *p = lex->cur;
	struct imap_set walk;
	uint32_t first;
	uint32_t last;

	while (p < lex->end && ((*p >= '0' && *p <= '9') || *p == ':' || *p == ','))
		p++;
	*out = (struct imap_set){{lex->cur, (size_t)(p - lex->cur)}};
	walk = *out;
	while (imap_set_next(&walk, &first, &last))
		;
	if (walk.text.len > 0) {
		lex->cur = walk.text.ptr;
		return lex_fail(lex, "a set of numbers is wrong");
	}
	lex->cur = p;
	return true;
}

bool imap_string_value(const struct imap_string *string, struct buffer *scratch, struct span *out)
{
	*out = string->bytes;
	if (string->escapes == 0)
		return true;
	buffer_clear(scratch);
	for (size_t i = 0; i < string->bytes.len; i++) {
		if (string->bytes.ptr[i] == '\\')
			i++;
		(void)buffer_append_byte(scratch, string->bytes.ptr[i]);
	}
	*out = buffer_span(scratch);
	return buffer_ok(scratch);
}

bool imap_line_announces_literal(struct span line, uint64_t *size_out)
{
	const char *start = line.ptr;
	const char *p = line.ptr + line.len;
	struct scanner scan;

	if (p == start || *--p != '}')
		return false;
	if (p > start && p[-1] == '+')
		p--;
	scan.end = p;
	while (p > start && p[-1] >= '0' && p[-1] <= '9')
		p--;
	if (p == scan.end || p == start || p[-1] != '{')
		return false;
	while (scan.end - p > 1 && *p == '0')
		p++;
	scan.cur = p;
	if (!scan_u64(&scan, IMAP_NUMBER_MAX, size_out))
		*size_out = UINT64_MAX;
	return true;
}
