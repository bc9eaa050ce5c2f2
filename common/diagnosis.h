/* SPDX-License-Identifier: MIT */
/*
 * diagnosis.h - what servers' refusals mean, and what to do about them: one table for all programs.
 *
 * Host half. Texts are matched for people, and for how long to wait; a protocol's own codes stand
 * in the text that is looked at, as "[LIMIT]". What the table does not know is no diagnosis: then
 * the protocol's status alone decides.
 */
#ifndef COMMON_DIAGNOSIS_H
#define COMMON_DIAGNOSIS_H

#include <stdint.h>

#include "common/buffer.h"
#include "common/outcome.h"

enum diagnosis_where {
	DIAGNOSIS_IMAP = 1 << 0,
};

struct diagnosis {
	unsigned where;	     /* enum diagnosis_where */
	const char *pattern; /* in any case; with '*' its parts come in this order */
	enum outcome outcome;
	int64_t wait_s;	     /* before it is worth trying again; 0: nothing is known of it */
	const char *meaning; /* a clause for the log */
	const char *remedy;  /* what to do; NULL: nothing, or the outcome says it */
};

/* The first row of the table that fits; NULL: none. The words may stand in a longer text. */
const struct diagnosis *diagnosis_find(enum diagnosis_where where, struct span said);

/*
 * How long the server itself asks to wait: "Suggested Backoff Time: 299961 milliseconds". 0: it
 * does not say. A day at most, whatever it says.
 */
int64_t diagnosis_wait_ms(struct span said);

#endif
