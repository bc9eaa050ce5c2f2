/* SPDX-License-Identifier: MIT */
/*
 * outcome.h - what went wrong, said as what the caller should do next.
 *
 * Guest half: libc only, usable inside smtp(8). Reporting a failure cannot fail: struct err is
 * fixed-size and lives on the caller's stack. Secrets never go into an err.
 */
#ifndef COMMON_OUTCOME_H
#define COMMON_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

enum outcome {
	OUTCOME_OK,	  /* done */
	OUTCOME_RETRY,	  /* transient: the same call may work later */
	OUTCOME_CONSENT,  /* a person must authorize (again) */
	OUTCOME_CONFIG,	  /* an administrator must change something */
	OUTCOME_DENIED,	  /* this peer may not */
	OUTCOME_PROTOCOL, /* the other side does not speak it, or not so */
	OUTCOME_NOMEM,	  /* out of memory, or past a buffer's ceiling */
};

#define ERR_TEXT_MAX 1024 /* bytes with the NUL; longer text is cut and ends in "..." */

struct err {
	char text[ERR_TEXT_MAX]; /* one line, no newline, no control characters, UTF-8 or ASCII */
};

#define ERR_INIT                                                                                   \
	{                                                                                          \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}

/*
 * Writes the line and returns `what`, so that a failure is one statement:
 *     return err_set(err, OUTCOME_RETRY, "%s: %s", path, strerror(errno));
 * Control characters in the result become '?', so a server's words cannot forge a log line.
 * err may be NULL.
 */
enum outcome err_set(struct err *err, enum outcome what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "prefix" (formatted) before the text that stands there. err may be NULL. */
void err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "ok", "retry", "consent", "config", "denied", "protocol", "nomem". */
const char *outcome_name(enum outcome what);

/* The reverse for (word, len), compared whole. False, and *out untouched, when there is none. */
bool outcome_from_name(const char *word, size_t len, enum outcome *out);

#endif
