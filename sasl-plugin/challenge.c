/* SPDX-License-Identifier: MIT */
/*
 * challenge.c - see challenge.h.
 *
 * A JSON reader for one object of which two members matter. It keeps no tree and does not recurse:
 * nested values are walked over by counting brackets outside strings.
 */
#include "sasl-plugin/challenge.h"

#include <string.h>

#include "common/scanner.h"

#include "common/banned.h"

#define KEY_MAX	    64
#define MEMBERS_MAX 64
#define DEPTH_MAX   16

/* Where a value's text goes; what does not fit is dropped. text is always terminated, and ASCII: it
 * is for a log, which is read at a terminal. */
struct words {
	char *text;
	size_t size;
	size_t len;
};

static void words_put(struct words *words, unsigned byte)
{
	if (words->len + 1 >= words->size)
		return;
	words->text[words->len++] = byte < 0x20 || byte >= 0x7f ? '?' : (char)byte;
	words->text[words->len] = '\0';
}

static void skip_space(struct scanner *scan)
{
	while (scan->cur < scan->end && *scan->cur != '\0' && strchr(" \t\r\n", *scan->cur) != NULL)
		scan->cur++;
}

static int hex_value(char byte)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *hit = byte != '\0' ? strchr(digits, byte) : NULL;

	if (hit == NULL)
		return -1;
	return (int)(hit - digits) < 16 ? (int)(hit - digits) : (int)(hit - digits) - 6;
}

/* The four digits after "\u". What is not ASCII becomes '?': the text is for a log. */
static bool scan_unicode(struct scanner *scan, struct words *words)
{
	struct span digits;
	unsigned value = 0;

	if (!scan_take(scan, 4, &digits))
		return false;
	for (size_t i = 0; i < 4; i++) {
		int digit = hex_value(digits.ptr[i]);

		if (digit < 0)
			return false;
		value = value << 4 | (unsigned)digit;
	}
	words_put(words, value < 0x80 ? value : '?');
	return true;
}

/* What follows a backslash. */
static bool scan_escape(struct scanner *scan, struct words *words)
{
	struct span escape;

	if (!scan_take(scan, 1, &escape))
		return false;
	switch (escape.ptr[0]) {
	case '"':
	case '\\':
	case '/':
		words_put(words, (unsigned char)escape.ptr[0]);
		return true;
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		words_put(words, ' ');
		return true;
	case 'u':
		return scan_unicode(scan, words);
	default:
		return false;
	}
}

static bool scan_string(struct scanner *scan, struct words *words)
{
	struct span byte;

	if (!scan_byte(scan, '"'))
		return false;
	while (scan_take(scan, 1, &byte)) {
		if (byte.ptr[0] == '"')
			return true;
		if (byte.ptr[0] != '\\')
			words_put(words, (unsigned char)byte.ptr[0]);
		else if (!scan_escape(scan, words))
			return false;
	}
	return false;
}

/* A number, true, false or null. */
static bool scan_bare(struct scanner *scan, struct words *words)
{
	static const char bare[] = "0123456789+-.abcdefghijklmnopqrstuvwxyzE";
	const char *start = scan->cur;

	while (scan->cur < scan->end && *scan->cur != '\0' && strchr(bare, *scan->cur) != NULL)
		words_put(words, (unsigned char)*scan->cur++);
	return scan->cur > start;
}

/* An object or array, walked over. */
static bool scan_nested(struct scanner *scan)
{
	struct words nowhere = {0};
	struct span byte;
	int depth = 0;

	do {
		if (scan->cur < scan->end && *scan->cur == '"') {
			if (!scan_string(scan, &nowhere))
				return false;
			continue;
		}
		if (!scan_take(scan, 1, &byte))
			return false;
		if (byte.ptr[0] == '{' || byte.ptr[0] == '[')
			depth++;
		else if (byte.ptr[0] == '}' || byte.ptr[0] == ']')
			depth--;
	} while (depth > 0 && depth <= DEPTH_MAX);
	return depth == 0;
}

static bool scan_value(struct scanner *scan, struct words *words)
{
	if (scanner_at_end(scan))
		return false;
	if (*scan->cur == '"')
		return scan_string(scan, words);
	if (*scan->cur == '{' || *scan->cur == '[')
		return scan_nested(scan);
	return scan_bare(scan, words);
}

static bool scan_member(struct scanner *scan, struct challenge *challenge)
{
	char key_text[KEY_MAX] = "";
	struct words key = {.text = key_text, .size = sizeof(key_text)};
	struct words value = {0};

	if (!scan_string(scan, &key))
		return false;
	skip_space(scan);
	if (!scan_byte(scan, ':'))
		return false;
	skip_space(scan);
	if (strcmp(key_text, "status") == 0)
		value = (struct words){challenge->status, sizeof(challenge->status), 0};
	else if (strcmp(key_text, "scope") == 0)
		value = (struct words){challenge->scope, sizeof(challenge->scope), 0};
	if (value.text != NULL)
		value.text[0] = '\0';
	return scan_value(scan, &value);
}

/* One object and nothing after it. */
static bool scan_object(struct scanner *scan, struct challenge *challenge)
{
	skip_space(scan);
	if (!scan_byte(scan, '{'))
		return false;
	skip_space(scan);
	for (int members = 0; !scan_byte(scan, '}'); members++) {
		if (members == MEMBERS_MAX || (members > 0 && !scan_byte(scan, ',')))
			return false;
		skip_space(scan);
		if (!scan_member(scan, challenge))
			return false;
		skip_space(scan);
	}
	skip_space(scan);
	return scanner_at_end(scan);
}

/* NeoMutt's second step after a success gets what it had sent: its command with our message in it.
 */
static bool is_own_command(struct span bytes)
{
	struct scanner scan = scanner_over(bytes);

	return scan_literal(&scan, "AUTHENTICATE ") || scan_literal(&scan, "AUTH ");
}

struct challenge challenge_read(struct span bytes)
{
	struct challenge challenge = {.kind = CHALLENGE_ERROR};
	struct scanner scan = scanner_over(bytes);

	if (bytes.len == 0 || is_own_command(bytes))
		return (struct challenge){.kind = CHALLENGE_NONE};
	if (bytes.len > CHALLENGE_JSON_MAX || !scan_object(&scan, &challenge))
		return (struct challenge){.kind = CHALLENGE_OTHER};
	return challenge;
}
