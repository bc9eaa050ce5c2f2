/* SPDX-License-Identifier: MIT */
/*
 * names.h - whom and what a line of a log speaks of, as far as it can be seen.
 *
 * Pure. Names end in commands that people copy: none has a character that a shell or a terminal
 * would take for more than a letter.
 */
#ifndef TOKEN_HELPER_EXPLAIN_NAMES_H
#define TOKEN_HELPER_EXPLAIN_NAMES_H

#include "common/buffer.h"

#define NAME_MAX_BYTES 254

/* "" where the line does not say. */
struct names {
	char account[NAME_MAX_BYTES + 1]; /* ours: "account=relay" */
	char host[NAME_MAX_BYTES + 1];	  /* "smtp.office365.com[52.97.1.2]" */
	char user[NAME_MAX_BYTES + 1];	  /* who logged in */
	char sender[NAME_MAX_BYTES + 1];  /* as whom user wanted to send */
};

void names_find(struct span line, struct names *names);

/* Appends text, with the words ACCOUNT, HOST, LOGGED-IN and SENDER as far as names has them. */
void names_fill_in(struct buffer *out, const char *text, const struct names *names);

#endif
