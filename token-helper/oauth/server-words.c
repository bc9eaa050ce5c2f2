/* SPDX-License-Identifier: MIT */
/* server-words.c - see server-words.h. */
#include "token-helper/oauth/server-words.h"

#include <stdint.h>
#include <string.h>

#include "common/utf8.h"

#include "common/banned.h"

#define PIECE_MAX 31 /* bytes in one piece that are still a word */
#define GUID_LEN  36
#define REMOVED	  "[removed]"

static const char ms_trace[] = "Trace ID:";
static const char ms_correlation[] = "Correlation ID:";

bool words_are_plain(struct span text)
{
	uint32_t code;

	while (text.len > 0) {
		size_t len = utf8_char(text, &code);

		if (len == 0 || utf8_is_steering(code))
			return false;
		text = (struct span){text.ptr + len, text.len - len};
	}
	return true;
}

static struct span find(struct span text, const char *word)
{
	const char *hit = memmem(text.ptr, text.len, word, strlen(word));

	return hit != NULL ? (struct span){hit, text.len - (size_t)(hit - text.ptr)}
			   : (struct span){NULL, 0};
}

static bool is_token_byte(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-._~+=%/", c) != NULL);
}

static bool is_guid(struct span piece)
{
	if (piece.len != GUID_LEN)
		return false;
	for (size_t i = 0; i < piece.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash != (piece.ptr[i] == '-') ||
		    (!dash && strchr("0123456789abcdefABCDEF", piece.ptr[i]) == NULL))
			return false;
	}
	return true;
}

/* A sentence's full stop is no part of the piece before it. */
static struct span next_piece(struct span text)
{
	size_t len = 0;

	while (len < text.len && is_token_byte(text.ptr[len]))
		len++;
	while (len > 0 && text.ptr[len - 1] == '.')
		len--;
	return (struct span){text.ptr, len};
}

/* A URL is one piece too, with nothing random in it up to the first '?'. */
static bool is_secret_like(struct span piece)
{
	size_t run = 0;

	if (piece.len <= PIECE_MAX || is_guid(piece))
		return false;
	if (piece.ptr[0] != '/')
		return true;
	for (size_t i = 0; i < piece.len; i++) {
		run = piece.ptr[i] == '/' ? 0 : run + 1;
		if (run > PIECE_MAX)
			return true;
	}
	return false;
}

static struct span first_line(struct span text)
{
	struct span trace;

	while (text.len > 0 && (unsigned char)text.ptr[0] <= ' ')
		text = (struct span){text.ptr + 1, text.len - 1};
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\n' || text.ptr[i] == '\r')
			text.len = i;
	}
	trace = find(text, ms_trace);
	if (trace.ptr != NULL)
		text.len = (size_t)(trace.ptr - text.ptr);
	while (text.len > 0 && (unsigned char)text.ptr[text.len - 1] <= ' ')
		text.len--;
	return text;
}

/* Not in the middle of a UTF-8 character. */
static size_t cut_at(const char *text, size_t len)
{
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

/* One byte for each that is no character and for each character that steers; words is as long as
 * text, or shorter. */
static void copy_plain(struct span text, char *words)
{
	uint32_t code;

	while (text.len > 0) {
		size_t len = utf8_char(text, &code);

		if (len == 0 || utf8_is_steering(code)) {
			*words++ = '?';
			len = len == 0 ? 1 : len;
		} else {
			memcpy(words, text.ptr, len);
			words += len;
		}
		text = (struct span){text.ptr + len, text.len - len};
	}
	*words = '\0';
}

void server_words(struct span description, char words[SERVER_WORDS_MAX + 1])
{
	struct span rest = first_line(description);
	struct buffer out = BUFFER_INIT(SERVER_WORDS_MAX * 4);
	size_t len;

	while (rest.len > 0 && out.len <= SERVER_WORDS_MAX) {
		struct span piece = next_piece(rest);

		if (is_secret_like(piece)) {
			(void)buffer_append_str(&out, REMOVED);
		} else {
			piece.len = piece.len > 0 ? piece.len : 1;
			(void)buffer_append_span(&out, piece);
		}
		rest = (struct span){rest.ptr + piece.len, rest.len - piece.len};
	}
	len = out.len <= SERVER_WORDS_MAX ? out.len : cut_at(out.data, SERVER_WORDS_MAX);
	copy_plain((struct span){buffer_cstr(&out), len}, words);
	buffer_release(&out);
}

void server_words_correlation(struct span description, char *id, size_t size)
{
	struct span tail = find(description, ms_correlation);
	size_t len = 0;

	id[0] = '\0';
	if (tail.ptr == NULL)
		return;
	tail.ptr += strlen(ms_correlation);
	tail.len -= strlen(ms_correlation);
	while (tail.len > 0 && tail.ptr[0] == ' ')
		tail = (struct span){tail.ptr + 1, tail.len - 1};
	while (len < tail.len && len < size - 1 && tail.ptr[len] != '\0' &&
	       strchr("0123456789abcdefABCDEF-", tail.ptr[len]) != NULL) {
		id[len] = tail.ptr[len];
		len++;
	}
	id[len] = '\0';
}
