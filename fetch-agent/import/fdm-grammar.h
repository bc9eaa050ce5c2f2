/* SPDX-License-Identifier: MIT */
/*
 * fdm-grammar.h - the statements of an fdm.conf (fdm.conf(5)): macros, actions, accounts and rules,
 * each the tokens that say what it is.
 */
#ifndef FETCH_AGENT_IMPORT_FDM_GRAMMAR_H
#define FETCH_AGENT_IMPORT_FDM_GRAMMAR_H

#include "fetch-agent/import/fdm-lexer.h"

/* The tokens from `from` up to `to`. */
struct fdm_named {
	const char *name; /* "" of a rule */
	size_t from, to;
};

struct fdm_table {
	struct fdm_named *named;
	size_t count;
};

struct fdm_file {
	struct import_plan *plan; /* borrowed */
	struct fdm_tokens tokens;
	struct fdm_table macros, actions, accounts, rules;
	bool no_received; /* set no-received */
};

/* What cannot be read is in the plan's problems; other statements are noted there. */
void fdm_file_read(struct fdm_file *file, struct span text, struct import_plan *plan);
void fdm_file_release(struct fdm_file *file);

/* The last of that name, as fdm has it; NULL: there is none. */
const struct fdm_named *fdm_find(const struct fdm_table *table, const char *name);

/* A string with the macros in it replaced. Given; NULL: a macro is not known (noted), or it is too
 * long. */
char *fdm_value(struct fdm_file *file, size_t at);

#endif
