/* SPDX-License-Identifier: MIT */
/*
 * fetchmail-grammar.h - a .fetchmailrc (fetchmail(1), 6.4 and the 7 series), user by user.
 *
 * Options before the first `user` of a server are every user's of it, and those of `defaults`
 * everybody's.
 */
#ifndef FETCH_AGENT_IMPORT_FETCHMAIL_GRAMMAR_H
#define FETCH_AGENT_IMPORT_FETCHMAIL_GRAMMAR_H

#include "common/config.h"
#include "fetch-agent/import/fetchmail-keywords.h"
#include "fetch-agent/import/import-plan.h"

struct fetchmail_option {
	struct words words;
	bool set, no; /* no: "no KEYWORD" */
	int line;
};

/* By enum fetchmail_slot. */
struct fetchmail_options {
	struct fetchmail_option option[SLOT_COUNT];
};

/* Of a server; with the options that it has in the end. */
struct fetchmail_user {
	struct import_plan *plan;
	const struct fetchmail_options *global; /* what was set up to here */
	struct fetchmail_options options;
	char *host;	    /* the name after poll; NULL: not in a server */
	bool skipped;	    /* by skip */
	int line;	    /* of the poll, then of the user */
	char *remote;	    /* user name there; NULL: not said */
	struct words local; /* names here */
};

/* Borrowed. */
typedef void fetchmail_user_fn(const struct fetchmail_user *user);

/* Calls each for every user of every server. *global has all that was set in the end, and is to be
 * released; what cannot be read is in the plan's problems. */
void fetchmail_grammar_read(struct span text, struct import_plan *plan, fetchmail_user_fn *each,
			    struct fetchmail_options *global);
void fetchmail_options_release(struct fetchmail_options *options);

/* 0: it is none. */
uint64_t fetchmail_number(const char *text);

#endif
