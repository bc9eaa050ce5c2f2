/* SPDX-License-Identifier: MIT */
/*
 * fetchmail-lexer.h - the tokens of a .fetchmailrc (fetchmail(1), "Run Control Syntax").
 *
 * Free form: line ends mean nothing outside of comments and strings, and punctuation is noise but
 * for '='. What is quoted is never a keyword.
 */
#ifndef FETCH_AGENT_IMPORT_FETCHMAIL_LEXER_H
#define FETCH_AGENT_IMPORT_FETCHMAIL_LEXER_H

#include "common/buffer.h"

#define FETCHMAIL_TOKEN_MAX 8192

enum fetchmail_token {
	FETCHMAIL_END,
	FETCHMAIL_WORD,	  /* a keyword, a number, or a string without quotes */
	FETCHMAIL_STRING, /* it was quoted */
	FETCHMAIL_EQUALS,
	FETCHMAIL_BAD, /* text says what is wrong; nothing follows */
};

struct fetchmail_lexer {
	struct span left;
	int line;
	enum fetchmail_token token; /* the current one */
	int token_line;
	struct buffer text; /* secret: it may be a password */
};

void fetchmail_lexer_init(struct fetchmail_lexer *lexer, struct span text);
void fetchmail_lexer_release(struct fetchmail_lexer *lexer);

/* Goes to the next token. */
void fetchmail_lexer_next(struct fetchmail_lexer *lexer);

#endif
