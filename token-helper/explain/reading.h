/* SPDX-License-Identifier: MIT */
/*
 * reading.h - a text of any length read for what it says of troubles: lines in, diagnoses out,
 * equal ones counted.
 *
 * No I/O. Memory does not grow with the text. Of a line the first READING_LINE_MAX bytes count.
 */
#ifndef TOKEN_HELPER_EXPLAIN_READING_H
#define TOKEN_HELPER_EXPLAIN_READING_H

#include <stdint.h>

#include "common/diagnosis.h"
#include "token-helper/explain/encoded.h"
#include "token-helper/explain/names.h"

#define READING_LINE_MAX     65536
#define READING_FINDINGS_MAX 64
#define READING_SHOWN_MAX    480 /* bytes of a line that are kept to be shown */

/* One diagnosis of one account at one server. */
struct finding {
	const struct diagnosis *row;
	struct names names;
	struct challenge_words challenge; /* the last one */
	uint64_t count;
	uint64_t last;			  /* number of the last line that showed it, from 1 */
	size_t order;			  /* of those of one line: the innermost first */
	char line[READING_SHOWN_MAX + 1]; /* that line, redacted */
};

struct reading {
	struct finding findings[READING_FINDINGS_MAX];
	size_t count;
	uint64_t lines;	 /* with anything in them */
	uint64_t passed; /* of these: not about mail that is sent or fetched here */
	bool full;	 /* there were more than READING_FINDINGS_MAX */
	struct buffer line;
	bool skipping;			     /* the rest of a line that is too long */
	char unknown[READING_SHOWN_MAX + 1]; /* the last line without a diagnosis, not redacted */
};

void reading_init(struct reading *reading);
void reading_release(struct reading *reading);

/* The text, in pieces as they come. */
void reading_feed(struct reading *reading, struct span bytes);
/* It ends here. The findings are in order then: what was seen last comes first. */
void reading_finish(struct reading *reading);

/*
 * For a text without a finding: rows whose words as they were seen have it in them: "5.7.139",
 * "535". Up to max of them. How many there are.
 */
size_t reading_guess(const struct reading *reading, const struct diagnosis **rows, size_t max);

#endif
