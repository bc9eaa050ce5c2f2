/* SPDX-License-Identifier: MIT */
/*
 * imap-fetch.h - the items of a FETCH response, and which of its literals is a body.
 *
 * Inside of imap/ only. The same walk runs over a response that has just announced a literal and
 * over the complete one, so that both agree on what is a body: of a body's literal only the head is
 * in the collected response.
 */
#ifndef FETCH_AGENT_IMAP_IMAP_FETCH_H
#define FETCH_AGENT_IMAP_IMAP_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "fetch-agent/imap/imap-lexer.h"
#include "fetch-agent/imap/imap-parser.h"

enum fetch_step {
	FETCH_DONE,    /* the closing parenthesis, and nothing behind it */
	FETCH_BODY,    /* stands behind the head of a body's literal, where the bytes end */
	FETCH_LITERAL, /* the bytes end behind the head of another literal */
	FETCH_BAD,     /* lex.why */
};

struct fetch_walk {
	struct imap_lexer lex; /* at the list, behind the word FETCH */
	const struct imap_body_sink *sink;
	size_t passed;		 /* bodies that earlier walks gave to the sink already */
	struct imap_body body;	 /* the last one met; with FETCH_BODY the one to stream */
	struct imap_fetch fetch; /* seq set by the caller */
};

/* Bodies that are NIL or quoted go to the sink during the walk, each once: passed counts them. */
enum fetch_step fetch_walk_run(struct fetch_walk *walk);

#endif
