/* SPDX-License-Identifier: MIT */
/* outcome.c - see outcome.h. */
#include "common/outcome.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const outcome_names[] = {
	[OUTCOME_OK] = "ok",	     [OUTCOME_RETRY] = "retry",	  [OUTCOME_CONSENT] = "consent",
	[OUTCOME_CONFIG] = "config", [OUTCOME_DENIED] = "denied", [OUTCOME_PROTOCOL] = "protocol",
	[OUTCOME_NOMEM] = "nomem",
};

#define OUTCOME_COUNT (sizeof(outcome_names) / sizeof(outcome_names[0]))

static void err_tidy(struct err *err, int printed)
{
	if (printed >= (int)sizeof(err->text))
		memcpy(err->text + sizeof(err->text) - 4, "...", 4);
	for (char *p = err->text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
}

enum outcome err_set(struct err *err, enum outcome what, const char *fmt, ...)
{
	struct err line;
	va_list ap;
	int n;

	if (err == NULL)
		return what;
	/* Through a local copy: an argument may be err->text itself. */
	va_start(ap, fmt);
	n = vsnprintf(line.text, sizeof(line.text), fmt, ap);
	va_end(ap);
	err_tidy(&line, n);
	*err = line;
	return what;
}

void err_prefix(struct err *err, const char *fmt, ...)
{
	char prefix[256];
	va_list ap;

	if (err == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(prefix, sizeof(prefix), fmt, ap);
	va_end(ap);
	(void)err_set(err, OUTCOME_OK, "%s%s", prefix, err->text);
}

const char *outcome_name(enum outcome what)
{
	return (size_t)what < OUTCOME_COUNT ? outcome_names[what] : "unknown";
}

bool outcome_from_name(const char *word, size_t len, enum outcome *out)
{
	for (size_t i = 0; i < OUTCOME_COUNT; i++) {
		if (strlen(outcome_names[i]) == len && memcmp(outcome_names[i], word, len) == 0) {
			*out = (enum outcome)i;
			return true;
		}
	}
	return false;
}
