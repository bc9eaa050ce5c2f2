/* SPDX-License-Identifier: MIT */
/*
 * fdm-lexer.h - the tokens of an fdm.conf: words, strings and punctuation, with the lines that they
 * stand in.
 */
#ifndef FETCH_AGENT_IMPORT_FDM_LEXER_H
#define FETCH_AGENT_IMPORT_FDM_LEXER_H

#include "common/buffer.h"
#include "fetch-agent/import/import-plan.h"

#define FDM_TOKEN_MAX 8192

struct fdm_token {
	char *text; /* perhaps a password */
	int line;
	bool quoted, first; /* first: of its line */
};

struct fdm_tokens {
	struct import_plan *plan; /* borrowed: what is wrong goes there */
	struct fdm_token *token;
	size_t count;
};

/* What cannot be read is in the plan's problems. */
void fdm_tokens_read(struct fdm_tokens *tokens, struct span bytes, struct import_plan *plan);
void fdm_tokens_release(struct fdm_tokens *tokens);

/* Whether a token before `to` is this word, not in quotes. */
bool fdm_is(const struct fdm_tokens *tokens, size_t at, size_t to, const char *word);

#endif
