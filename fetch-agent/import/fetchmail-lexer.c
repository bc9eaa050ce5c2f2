/* SPDX-License-Identifier: MIT */
/* fetchmail-lexer.c - see fetchmail-lexer.h. */
#include "fetch-agent/import/fetchmail-lexer.h"

#include <string.h>

#include "common/banned.h"

void fetchmail_lexer_init(struct fetchmail_lexer *lexer, struct span text)
{
	*lexer = (struct fetchmail_lexer){.left = text, .line = 1};
	buffer_init_secret(&lexer->text, FETCHMAIL_TOKEN_MAX);
	fetchmail_lexer_next(lexer);
}

void fetchmail_lexer_release(struct fetchmail_lexer *lexer)
{
	buffer_release(&lexer->text);
}

/* The next byte, or -1. */
static int peek(const struct fetchmail_lexer *lexer)
{
	return lexer->left.len > 0 ? (unsigned char)lexer->left.ptr[0] : -1;
}

static int take(struct fetchmail_lexer *lexer)
{
	int byte = peek(lexer);

	if (byte >= 0) {
		lexer->left.ptr++;
		lexer->left.len--;
		lexer->line += byte == '\n';
	}
	return byte;
}

static bool is_between(int byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == ',' ||
	       byte == ';' || byte == ':';
}

static void skip(struct fetchmail_lexer *lexer)
{
	while (is_between(peek(lexer)) || peek(lexer) == '#') {
		if (take(lexer) == '#') {
			while (peek(lexer) >= 0 && peek(lexer) != '\n')
				(void)take(lexer);
		}
	}
}

/* -1: byte is no digit of this base. */
static int digit_of(int byte, int base)
{
	int digit = -1;

	if (byte >= '0' && byte <= '9')
		digit = byte - '0';
	else if (byte >= 'a' && byte <= 'f')
		digit = byte - 'a' + 10;
	else if (byte >= 'A' && byte <= 'F')
		digit = byte - 'A' + 10;
	return digit < base ? digit : -1;
}

/* Up to three digits; a number begins with 0 in octal, 0x or x in hexadecimal. */
static int escaped_number(struct fetchmail_lexer *lexer)
{
	int base = 10, value = 0;

	if (peek(lexer) == 'x') {
		(void)take(lexer);
		base = 16;
	} else if (peek(lexer) == '0') {
		base = 8;
	}
	for (int i = 0; i < 3 && digit_of(peek(lexer), base) >= 0; i++)
		value = value * base + digit_of(take(lexer), base);
	return value & 0xff;
}

static void take_escape(struct fetchmail_lexer *lexer)
{
	static const char names[] = "nrtb", bytes[] = "\n\r\t\b";
	int byte = peek(lexer);
	const char *name = byte > 0 ? strchr(names, byte) : NULL;

	if (byte == '\n') { /* the line goes on */
		(void)take(lexer);
	} else if (digit_of(byte, 10) >= 0 || byte == 'x') {
		(void)buffer_append_byte(&lexer->text, (char)escaped_number(lexer));
	} else if (name != NULL) {
		(void)take(lexer);
		(void)buffer_append_byte(&lexer->text, bytes[name - names]);
	} else if (byte >= 0) {
		(void)buffer_append_byte(&lexer->text, (char)take(lexer));
	}
}

static enum fetchmail_token bad(struct fetchmail_lexer *lexer, const char *why)
{
	buffer_clear(&lexer->text);
	(void)buffer_append_str(&lexer->text, why);
	lexer->left.len = 0;
	return FETCHMAIL_BAD;
}

static enum fetchmail_token take_quoted(struct fetchmail_lexer *lexer, int quote)
{
	int byte;

	while ((byte = take(lexer)) >= 0 && byte != quote) {
		if (byte == '\\')
			take_escape(lexer);
		else
			(void)buffer_append_byte(&lexer->text, (char)byte);
	}
	return byte == quote ? FETCHMAIL_STRING : bad(lexer, "the string has no end");
}

static enum fetchmail_token take_word(struct fetchmail_lexer *lexer)
{
	while (peek(lexer) >= 0 && !is_between(peek(lexer)) && peek(lexer) != '=') {
		int byte = take(lexer);

		if (byte == '\\')
			take_escape(lexer);
		else
			(void)buffer_append_byte(&lexer->text, (char)byte);
	}
	return FETCHMAIL_WORD;
}

static enum fetchmail_token take_token(struct fetchmail_lexer *lexer)
{
	int byte = peek(lexer);

	if (byte < 0)
		return FETCHMAIL_END;
	if (byte == '"' || byte == '\'')
		return take_quoted(lexer, take(lexer));
	if (byte == '=') {
		(void)take(lexer);
		(void)buffer_append_byte(&lexer->text, '=');
		return FETCHMAIL_EQUALS;
	}
	return take_word(lexer);
}

void fetchmail_lexer_next(struct fetchmail_lexer *lexer)
{
	if (lexer->token == FETCHMAIL_BAD)
		return;
	skip(lexer);
	buffer_clear(&lexer->text);
	lexer->token_line = lexer->line;
	lexer->token = take_token(lexer);
	if (lexer->token == FETCHMAIL_BAD)
		return;
	if (!buffer_ok(&lexer->text))
		lexer->token = bad(lexer, "the word is too long");
	else if (memchr(buffer_cstr(&lexer->text), '\0', lexer->text.len) != NULL)
		lexer->token = bad(lexer, "a NUL byte");
}
