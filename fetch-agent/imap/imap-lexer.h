/* SPDX-License-Identifier: MIT */
/*
 * imap-lexer.h - the small words of one collected response.
 *
 * Inside of imap/ only. Works on a response without its line end; collected literals stand in
 * it as {n} CRLF and n bytes. Each lex_*() that returns bool advances past what it read, or leaves
 * `why` behind and the position at what was wrong. Reading on after a failure is not useful.
 */
#ifndef FETCH_AGENT_IMAP_IMAP_LEXER_H
#define FETCH_AGENT_IMAP_IMAP_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "fetch-agent/imap/imap-parser.h"

struct imap_lexer {
	const char *cur;
	const char *end;
	const struct imap_limits *limits;
	bool is_prefix;	 /* the response goes on behind the literal that was announced last */
	size_t items;	 /* list members seen */
	bool cut;	 /* the failure: a literal that is announced but not there yet */
	const char *why; /* the failure, for people; constant */
};

#define IMAP_NUMBER_MAX ((uint64_t)INT64_MAX)

struct imap_lexer lex_over(struct span bytes, const struct imap_limits *limits);

/* Sets why, unless there is a reason already. Always false. */
bool lex_fail(struct imap_lexer *lex, const char *why);

void lex_spaces(struct imap_lexer *lex); /* any number of them */
bool lex_at_end(const struct imap_lexer *lex);
bool lex_is_at(const struct imap_lexer *lex, char byte);
bool lex_byte(struct imap_lexer *lex, char byte, const char *why);
struct span lex_rest(const struct imap_lexer *lex); /* without trailing spaces */

/* One item of a list more. */
bool lex_count_item(struct imap_lexer *lex);

/* Up to a space, parenthesis, quote or control character; not empty. */
bool lex_word(struct imap_lexer *lex, struct span *out);

bool lex_number(struct imap_lexer *lex, uint64_t max, uint64_t *out);

/* "(a b c)", what stands within, without looking at the words. No lists within. */
bool lex_words(struct imap_lexer *lex, struct span *out);

struct imap_string {
	enum { IMAP_STRING_NIL, IMAP_STRING_QUOTED, IMAP_STRING_LITERAL, IMAP_STRING_BARE } form;
	struct span bytes; /* quoted: with the backslashes */
	size_t escapes;	   /* quoted: how many backslashes do not count */
};

/* Quoted or literal; not NIL, not bare. */
bool lex_string(struct imap_lexer *lex, struct imap_string *out);

/* Also NIL, in any case, and bare words. */
bool lex_astring(struct imap_lexer *lex, struct imap_string *out);

/* {n}, ~{n}, {n+} and the line end, not the bytes that follow. */
bool lex_is_at_literal(const struct imap_lexer *lex);
bool lex_literal_head(struct imap_lexer *lex, uint64_t *size_out);

/* Any value: word, number, string, list of values. */
bool lex_skip_value(struct imap_lexer *lex);

/* Digits, ':' and ',' that make a set; may be empty. */
bool lex_set(struct imap_lexer *lex, struct imap_set *out);

/* The string without backslashes: borrowed from the response, or from scratch, which is set. */
bool imap_string_value(const struct imap_string *string, struct buffer *scratch, struct span *out);

/*
 * Does line (without its end) end in a literal's head? Then *size_out; a size that no 63 bits hold
 * is UINT64_MAX.
 */
bool imap_line_announces_literal(struct span line, uint64_t *size_out);

#endif
