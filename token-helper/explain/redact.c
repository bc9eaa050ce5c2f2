/* SPDX-License-Identifier: MIT */
/* redact.c - see redact.h. */
#include "token-helper/explain/redact.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "common/utf8.h"

#include "common/banned.h"

#define RUN_MAX	 31 /* bytes in one run that are still a word */
#define GUID_LEN 36
#define REMOVED	 "[removed]"

/* What follows such a word is a secret, at least so many bytes of it. */
static const struct {
	const char *word;
	bool assigned; /* '=' or ':' must follow, perhaps in quotes; else white space */
	size_t min;
} keys[] = {
	{"access_token", true, 4},
	{"refresh_token", true, 4},
	{"id_token", true, 4},
	{"client_secret", true, 1},
	{"client_assertion", true, 4},
	{"assertion", true, 4},
	{"code_verifier", true, 1},
	{"device_code", true, 8},
	{"code", true, 20},
	{"token", true, 8},
	{"secret", true, 4},
	{"password", true, 1},
	{"passwd", true, 1},
	{"pass", true, 1},
	{"bearer", false, 4},
	{"auth plain", false, 4},
	{"auth login", false, 12},
	{"auth xoauth2", false, 4},
	{"auth oauthbearer", false, 4},
	{"authenticate plain", false, 4},
	{"authenticate login", false, 12},
	{"authenticate xoauth2", false, 4},
	{"authenticate oauthbearer", false, 4},
};

static bool is_token_byte(char c)
{
	switch (c) {
	case '-':
	case '.':
	case '_':
	case '~':
	case '+':
	case '=':
	case '%':
	case '/':
		return true;
	default:
		return isalnum((unsigned char)c);
	}
}

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static bool is_guid(struct span run)
{
	if (run.len != GUID_LEN)
		return false;
	for (size_t i = 0; i < run.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? run.ptr[i] != '-' : !isxdigit((unsigned char)run.ptr[i]))
			return false;
	}
	return true;
}

/* Exchange's: "MapiExceptionSendAsDenied". Nothing but letters, as a token hardly ever is. */
static bool is_exception(struct span run)
{
	for (size_t i = 0; i < run.len; i++) {
		if (!isalpha((unsigned char)run.ptr[i]))
			return false;
	}
	return memmem(run.ptr, run.len, "Exception", 9) != NULL;
}

/* A JSON Web Token, and Google's: with dots in them, and perhaps short. */
static bool begins_like_token(struct span piece)
{
	return piece.len > 16 &&
	       (memcmp(piece.ptr, "eyJ", 3) == 0 || memcmp(piece.ptr, "ya29.", 5) == 0);
}

/* Host names, paths and dotted names have short runs; a token has a long one somewhere. */
static bool is_secret_like(struct span piece)
{
	size_t begin = 0;

	if (begins_like_token(piece))
		return true;
	for (size_t i = 0; i <= piece.len; i++) {
		struct span run = {piece.ptr + begin, i - begin};

		if (i < piece.len && piece.ptr[i] != '.' && piece.ptr[i] != '/')
			continue;
		if (run.len > RUN_MAX && !is_guid(run) && !is_exception(run))
			return true;
		begin = i + 1;
	}
	return false;
}

static size_t piece_length(struct span text)
{
	size_t len = 0;

	while (len < text.len && is_token_byte(text.ptr[len]))
		len++;
	return len;
}

/* How much of text lies before a value: quotes, blanks and an assignment. 0: there is none. */
static size_t before_value(struct span text, bool assigned)
{
	size_t i = 0;
	bool seen = false;

	while (i < text.len && text.ptr[i] != '\0' &&
	       strchr(assigned ? " \t\"'=:" : " \t", text.ptr[i]) != NULL) {
		seen = seen || !assigned || text.ptr[i] == '=' || text.ptr[i] == ':';
		i++;
	}
	return seen ? i : 0;
}

static size_t value_length(struct span text)
{
	size_t len = 0;

	while (len < text.len && (unsigned char)text.ptr[len] > ' ' &&
	       strchr("\"'&,;}<>", text.ptr[len]) == NULL)
		len++;
	return len;
}

/* The word at the start of text that announces a secret: how much to keep (the word), how much to
 * drop (the secret). */
static bool announces(struct span text, size_t *keep, size_t *drop)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t len = strlen(keys[i].word), gap, value;
		struct span rest;

		if (text.len < len || strncasecmp(text.ptr, keys[i].word, len) != 0)
			continue;
		rest = (struct span){text.ptr + len, text.len - len};
		gap = before_value(rest, keys[i].assigned);
		value = value_length((struct span){rest.ptr + gap, rest.len - gap});
		if (gap > 0 && value >= keys[i].min) {
			*keep = len + gap;
			*drop = value;
			return true;
		}
	}
	return false;
}

static struct span word_at(struct span line, size_t *at)
{
	size_t begin;

	while (*at < line.len && line.ptr[*at] == ' ')
		(*at)++;
	begin = *at;
	while (*at < line.len && line.ptr[*at] != ' ')
		(*at)++;
	return (struct span){line.ptr + begin, *at - begin};
}

/* What a server offers: "250-AUTH LOGIN XOAUTH2 PLAIN". */
static bool ends_in_auth(struct span word)
{
	return word.len >= 4 && strncasecmp(word.ptr + word.len - 4, "AUTH", 4) == 0;
}

/* IMAP's "a1 LOGIN alice secret", which ends the line: where its last word begins. */
static size_t login_password(struct span line)
{
	struct span before[3] = {{"", 0}, {"", 0}, {"", 0}};
	bool in_list = false;
	size_t at = 0;

	for (struct span word = word_at(line, &at); word.len > 0; word = word_at(line, &at)) {
		before[0] = before[1];
		before[1] = before[2];
		before[2] = word;
		if (word_at(line, &(size_t){at}).len == 0 &&
		    span_equals_nocase(before[0], "LOGIN") && !in_list)
			return (size_t)(word.ptr - line.ptr);
		in_list = in_list || ends_in_auth(word);
	}
	return line.len;
}

/* One character, or '?' for what is none or steers. Its length in text. */
static size_t append_character(struct buffer *out, struct span text)
{
	uint32_t code;
	size_t len = utf8_char(text, &code);

	if (len == 0 || utf8_is_steering(code))
		(void)buffer_append_byte(out, '?');
	else
		(void)buffer_append(out, text.ptr, len);
	return len == 0 ? 1 : len;
}

static void append_clean(struct buffer *out, struct span text)
{
	while (text.len > 0 && buffer_ok(out)) {
		size_t len = append_character(out, text);

		text = (struct span){text.ptr + len, text.len - len};
	}
}

void redact_append(struct buffer *out, struct span line)
{
	size_t password = login_password(line);
	char before = ' ';

	for (size_t i = 0; i < line.len && buffer_ok(out);) {
		struct span rest = {line.ptr + i, line.len - i};
		size_t keep = 0, drop = 0, piece = is_token_byte(before) ? 0 : piece_length(rest);

		if (i == password) {
			(void)buffer_append_str(out, REMOVED);
			return;
		}
		if (!is_word_byte(before) && announces(rest, &keep, &drop)) {
			append_clean(out, (struct span){rest.ptr, keep});
			(void)buffer_append_str(out, REMOVED);
		} else if (is_secret_like((struct span){rest.ptr, piece})) {
			(void)buffer_append_str(out, REMOVED);
			drop = piece;
		} else {
			keep = append_character(out, rest);
		}
		i += keep + drop;
		before = line.ptr[i - 1];
	}
}
