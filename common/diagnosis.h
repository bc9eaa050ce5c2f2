/* SPDX-License-Identifier: MIT */
/*
 * diagnosis.h - what refusals and failures mean, and what to do about them: one table for all
 * programs.
 *
 * Host half. Texts are matched for people, and for how long to wait; a protocol's own codes stand
 * in the text that is looked at, as "[LIMIT]" or "535 5.7.3". What the table does not know is no
 * diagnosis: then the protocol's status alone decides. Nothing may depend on which row of
 * DIAGNOSIS_OAUTH fits: the providers change their numbers and texts as they like.
 */
#ifndef COMMON_DIAGNOSIS_H
#define COMMON_DIAGNOSIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/outcome.h"

/* Who says it. */
enum diagnosis_where {
	DIAGNOSIS_IMAP = 1 << 0,
	DIAGNOSIS_POP = 1 << 1,
	DIAGNOSIS_SMTP = 1 << 2,     /* a server that mail is sent through */
	DIAGNOSIS_DELIVERY = 1 << 3, /* what fetched mail is delivered to: LMTP, SMTP, a program */
	DIAGNOSIS_OAUTH = 1 << 4,    /* authorization and token endpoints; the redirect */
	DIAGNOSIS_MACHINE = 1 << 5,  /* this machine: Postfix, Cyrus SASL, TLS, DNS, our programs */
};
#define DIAGNOSIS_ANYWHERE 0x3f

/* What kind of trouble it is: who has to do something. */
enum diagnosis_class {
	DIAGNOSIS_PASSING,	 /* nobody: it is tried again */
	DIAGNOSIS_LIMIT,	 /* nobody now: ask for less */
	DIAGNOSIS_TOKEN,	 /* a fresh token may do */
	DIAGNOSIS_SIGN_IN,	 /* a person authorizes again */
	DIAGNOSIS_CONFIGURATION, /* our administrator */
	DIAGNOSIS_RIGHTS,	 /* the provider's administrator gives a right */
	DIAGNOSIS_SWITCHED_OFF,	 /* the provider's administrator switches something on */
	DIAGNOSIS_NETWORK,	 /* what lies between */
	DIAGNOSIS_FAULT,	 /* a program is wrong: ours, the client's or the server's */
	DIAGNOSIS_CLASSES
};

struct diagnosis {
	const char *id; /* "smtp-send-as-denied": for scripts and searches, never changed */
	unsigned where; /* enum diagnosis_where */
	/*
	 * In any case; '|' separates alternatives, and with '*' the parts of one come in this
	 * order. A number at an edge of a part is a whole number: "5.7.1" is not in "5.7.139".
	 */
	const char *pattern;
	enum diagnosis_class class;
	enum outcome outcome;
	int64_t wait_s;	     /* before it is worth trying again; 0: nothing is known of it */
	const char *meaning; /* a clause for the log */
	const char *remedy;  /* a clause for the log; NULL: nothing, or the outcome says it */
	/* One a line. NULL: the meaning says it all, or nothing is to be done. */
	const char *causes;  /* the likeliest first */
	const char *steps;   /* what to do, in this order */
	const char *source;  /* who says so, and of when that is; NULL: the trade's knowledge */
	const char *example; /* the words as they were seen, one a line: each finds this row */
};

/* The first row of the table that fits; NULL: none. The words may stand in a longer text. */
const struct diagnosis *diagnosis_find(unsigned where, struct span said);

/*
 * All that fit, in their order: begin, then next until NULL. said is borrowed until then. at_out
 * (may be NULL) as for diagnosis_fits().
 */
#define DIAGNOSIS_PAIRS 8192
struct diagnosis_search {
	unsigned where;
	struct span said;
	size_t index;
	uint64_t pairs[DIAGNOSIS_PAIRS /
		       64]; /* of letters, in said: most rows have one that is not */
};
void diagnosis_search_begin(struct diagnosis_search *search, unsigned where, struct span said);
const struct diagnosis *diagnosis_search_next(struct diagnosis_search *search, struct span *at_out);

/* All rows, what is special before what is general; NULL behind the last. */
const struct diagnosis *diagnosis_at(size_t index);

/* Whether the row's words are in the text. at_out (may be NULL): from where to where. */
bool diagnosis_fits(const struct diagnosis *row, struct span said, struct span *at_out);

/* "limit", "sign-in", "configuration", ... */
const char *diagnosis_class_name(enum diagnosis_class class);

/*
 * How long the server itself asks to wait: "Suggested Backoff Time: 299961 milliseconds". 0: it
 * does not say. A day at most, whatever it says.
 */
int64_t diagnosis_wait_ms(struct span said);

#endif
