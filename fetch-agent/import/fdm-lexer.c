/* SPDX-License-Identifier: MIT */
/* fdm-lexer.c - see fdm-lexer.h. */
#include "fetch-agent/import/fdm-lexer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/scanner.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define TOKENS_MAX 20000

static void add_token(struct fdm_tokens *tokens, const struct buffer *text, int line, bool quoted)
{
	bool first = tokens->count == 0 || tokens->token[tokens->count - 1].line < line;

	if (tokens->count == TOKENS_MAX || !buffer_ok(text) ||
	    memchr(buffer_cstr(text), '\0', text->len) != NULL) {
		if (tokens->plan->problems.count == 0)
			import_problem(tokens->plan, line,
				       "a NUL byte, a word that is too long, or too many words");
		return;
	}
	tokens->token = xgrow(tokens->token, tokens->count, sizeof(*tokens->token));
	tokens->token[tokens->count++] = (struct fdm_token){
		xspandup(buffer_span(text)),
		line,
		quoted,
		first,
	};
}

static bool take_quoted(struct scanner *scan, struct buffer *text, int *line)
{
	char quote = *scan->cur++;

	while (scan->cur < scan->end && *scan->cur != quote) {
		if (*scan->cur == '\\' && scan->cur + 1 < scan->end && quote == '"')
			scan->cur++;
		*line += *scan->cur == '\n';
		(void)buffer_append_byte(text, *scan->cur++);
	}
	return scan_byte(scan, quote);
}

static void take_token(struct fdm_tokens *tokens, struct scanner *scan, int *line)
{
	struct buffer text = BUFFER_INIT_SECRET(FDM_TOKEN_MAX);
	int began = *line;
	bool quoted = *scan->cur == '"' || *scan->cur == '\'';

	if (quoted) {
		if (!take_quoted(scan, &text, line))
			import_problem(tokens->plan, began, "the string has no end");
	} else if (strchr("{}=<>(),", *scan->cur) != NULL && *scan->cur != '\0') {
		(void)buffer_append_byte(&text, *scan->cur++);
	} else {
		do
			(void)buffer_append_byte(&text, *scan->cur++);
		while (scan->cur < scan->end && !isspace((unsigned char)*scan->cur) &&
		       memchr("{}=<>(),\"'", *scan->cur, 10) == NULL);
	}
	add_token(tokens, &text, began, quoted);
	buffer_release(&text);
}

void fdm_tokens_read(struct fdm_tokens *tokens, struct span bytes, struct import_plan *plan)
{
	*tokens = (struct fdm_tokens){.plan = plan};
	struct scanner scan = scanner_over(bytes);
	int line = 1;

	while (scan.cur < scan.end && tokens->plan->problems.count == 0) {
		if (*scan.cur == '#') {
			while (scan.cur < scan.end && *scan.cur != '\n')
				scan.cur++;
		} else if (isspace((unsigned char)*scan.cur)) {
			line += *scan.cur++ == '\n';
		} else {
			take_token(tokens, &scan, &line);
		}
	}
}

void fdm_tokens_release(struct fdm_tokens *tokens)
{
	for (size_t i = 0; i < tokens->count; i++) {
		wipe(tokens->token[i].text, strlen(tokens->token[i].text));
		free(tokens->token[i].text);
	}
	free(tokens->token);
	*tokens = (struct fdm_tokens){0};
}

bool fdm_is(const struct fdm_tokens *tokens, size_t at, size_t to, const char *word)
{
	return at < to && !tokens->token[at].quoted && strcmp(tokens->token[at].text, word) == 0;
}
