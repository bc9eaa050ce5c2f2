/* SPDX-License-Identifier: MIT */
/*
 * report.h - findings for people, at most REPORT_LINES each, and for scripts.
 *
 * What comes out is ours or redacted: nothing of the text that was read but names and a line that
 * redact.h has been over.
 */
#ifndef TOKEN_HELPER_EXPLAIN_REPORT_H
#define TOKEN_HELPER_EXPLAIN_REPORT_H

#include <stdio.h>

#include "token-helper/explain/reading.h"

#define REPORT_LINES	10
#define REPORT_FINDINGS 8 /* shown in full; the others by name */
#define REPORT_GUESSES	3

/* Whether anything was known. log: it was a log, so that counts and lines are worth showing. */
bool report_print(FILE *out, const struct reading *reading, bool log);

/* The same as one object. */
bool report_print_json(FILE *out, const struct reading *reading);

#endif
