/* SPDX-License-Identifier: MIT */
/* diagnosis.c - see diagnosis.h. */
#include "common/diagnosis.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/diagnosis-tables.h"
#include "common/scanner.h"

#include "common/banned.h"

#define WAIT_MAX_MS INT64_C(86400000)

/* What a token endpoint says stands inside of what our programs say, and a server's words inside of
 * what Postfix says: so the innermost comes first. Last what a local destination says, in words
 * that others use too. */
static const struct diagnosis_table *const tables[] = {
	&diagnosis_oauth, &diagnosis_smtp, &diagnosis_imap, &diagnosis_machine, &diagnosis_delivery,
};

#define TABLES (sizeof(tables) / sizeof(tables[0]))

static const char *const class_names[DIAGNOSIS_CLASSES] = {
	[DIAGNOSIS_PASSING] = "passing",
	[DIAGNOSIS_LIMIT] = "limit",
	[DIAGNOSIS_TOKEN] = "token",
	[DIAGNOSIS_SIGN_IN] = "sign-in",
	[DIAGNOSIS_CONFIGURATION] = "configuration",
	[DIAGNOSIS_RIGHTS] = "rights",
	[DIAGNOSIS_SWITCHED_OFF] = "switched off",
	[DIAGNOSIS_NETWORK] = "network",
	[DIAGNOSIS_FAULT] = "fault",
};

const char *diagnosis_class_name(enum diagnosis_class class)
{
	return class < DIAGNOSIS_CLASSES ? class_names[class] : "unknown";
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number goes on before or behind it: "5.7.1" is in "15.7.1", "5.7.139" and "5.7.1.2". */
static bool is_cut(struct span text, const char *at, size_t len)
{
	const char *next = at + len, *end = text.ptr + text.len;

	if (is_digit(at[0]) && at > text.ptr &&
	    (is_digit(at[-1]) || (at[-1] == '.' && at - text.ptr > 1 && is_digit(at[-2]))))
		return true;
	return is_digit(next[-1]) && next < end &&
	       (is_digit(next[0]) || (next[0] == '.' && end - next > 1 && is_digit(next[1])));
}

/* Where part (not empty) stands in text, or NULL. */
static const char *find(struct span text, const char *part, size_t len)
{
	int first = tolower((unsigned char)part[0]);

	for (size_t i = 0; i + len <= text.len; i++) {
		const char *at = text.ptr + i;

		if (tolower((unsigned char)*at) == first && strncasecmp(at, part, len) == 0 &&
		    !is_cut(text, at, len))
			return at;
	}
	return NULL;
}

/* One alternative: its parts in their order. */
static bool parts_fit(struct span pattern, struct span text, struct span *at_out)
{
	const char *end = text.ptr + text.len, *stop = pattern.ptr + pattern.len;
	const char *begin = NULL;

	for (const char *part = pattern.ptr; part < stop; part++) {
		const char *star = memchr(part, '*', (size_t)(stop - part));
		size_t len = (size_t)((star != NULL ? star : stop) - part);
		const char *at = find(text, part, len);

		if (at == NULL)
			return false;
		begin = begin != NULL ? begin : at;
		text = (struct span){at + len, (size_t)(end - at) - len};
		part += len;
	}
	if (at_out != NULL)
		*at_out = (struct span){begin, (size_t)(text.ptr - begin)};
	return begin != NULL;
}

bool diagnosis_fits(const struct diagnosis *row, struct span said, struct span *at_out)
{
	const char *pattern = row->pattern;

	for (;;) {
		size_t len = strcspn(pattern, "|");

		if (parts_fit((struct span){pattern, len}, said, at_out))
			return true;
		if (pattern[len] == '\0')
			return false;
		pattern += len + 1;
	}
}

const struct diagnosis *diagnosis_at(size_t index)
{
	for (size_t t = 0; t < TABLES; t++) {
		if (index < tables[t]->count)
			return &tables[t]->rows[index];
		index -= tables[t]->count;
	}
	return NULL;
}

/* Searching -------------------------------------------------------------------------------------
 */

/* Cases are one here, and a few other bytes too: a pair that is there is only a may-be. */
static size_t pair_of(const char *at)
{
	return ((size_t)((unsigned char)at[0] | 0x20) * 61 + ((unsigned char)at[1] | 0x20)) %
	       DIAGNOSIS_PAIRS;
}

static bool ends_part(char c)
{
	return c == '|' || c == '*' || c == '\0';
}

/* Whether some alternative has no pair of letters that the text lacks. */
static bool may_fit(const struct diagnosis_search *search, const char *pattern)
{
	bool lacks = false;

	for (const char *p = pattern; *p != '\0'; p++) {
		size_t pair;

		if (*p == '|' && !lacks)
			return true;
		if (*p == '|')
			lacks = false;
		if (lacks || ends_part(p[0]) || ends_part(p[1]))
			continue;
		pair = pair_of(p);
		lacks = (search->pairs[pair / 64] >> pair % 64 & 1) == 0;
	}
	return !lacks;
}

void diagnosis_search_begin(struct diagnosis_search *search, unsigned where, struct span said)
{
	*search = (struct diagnosis_search){.where = where, .said = said};
	for (size_t i = 0; i + 1 < said.len; i++) {
		size_t pair = pair_of(said.ptr + i);

		search->pairs[pair / 64] |= UINT64_C(1) << pair % 64;
	}
}

const struct diagnosis *diagnosis_search_next(struct diagnosis_search *search, struct span *at_out)
{
	const struct diagnosis *row;

	while ((row = diagnosis_at(search->index)) != NULL) {
		search->index++;
		if ((row->where & search->where) != 0 && may_fit(search, row->pattern) &&
		    diagnosis_fits(row, search->said, at_out))
			return row;
	}
	return NULL;
}

const struct diagnosis *diagnosis_find(unsigned where, struct span said)
{
	struct diagnosis_search search;

	diagnosis_search_begin(&search, where, said);
	return diagnosis_search_next(&search, NULL);
}

int64_t diagnosis_wait_ms(struct span said)
{
	static const char words[] = "backoff time:";
	const char *at = find(said, words, sizeof(words) - 1);
	struct scanner scan;
	uint64_t number;

	if (at == NULL)
		return 0;
	at += sizeof(words) - 1;
	scan = scanner_over((struct span){at, (size_t)(said.ptr + said.len - at)});
	while (scan_byte(&scan, ' '))
		;
	if (!scan_u64(&scan, UINT64_MAX, &number) || !scan_byte(&scan, ' '))
		return 0;
	if (scan_literal(&scan, "sec"))
		number = number > WAIT_MAX_MS / 1000 ? WAIT_MAX_MS : number * 1000;
	else if (!scan_literal(&scan, "milli"))
		return 0;
	return number > WAIT_MAX_MS ? WAIT_MAX_MS : (int64_t)number;
}
