/* SPDX-License-Identifier: MIT */
/* reading.c - see reading.h. */
#include "token-helper/explain/reading.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token-helper/explain/log-line.h"
#include "token-helper/explain/redact.h"

#include "common/banned.h"

#define CANDIDATES_MAX 3
#define WORDS_MAX      1024
#define NUMBER_DIGITS  4 /* of an AADSTS number, at least */
#define GUESS_MIN      3
#define GUESS_MAX      80

void reading_init(struct reading *reading)
{
	reading->count = 0;
	reading->lines = reading->passed = 0;
	reading->full = reading->skipping = false;
	reading->unknown[0] = '\0';
	buffer_init_secret(&reading->line, READING_LINE_MAX);
}

void reading_release(struct reading *reading)
{
	buffer_release(&reading->line);
}

/* What a line means -----------------------------------------------------------------------------
 */

struct candidates {
	const struct diagnosis *row[CANDIDATES_MAX];
	size_t count;
	unsigned where; /* who has had a word already */
};

static bool overlaps(struct span a, struct span b)
{
	return a.ptr < b.ptr + b.len && b.ptr < a.ptr + a.len;
}

/* The first row counts, and beside it only what somebody else says in other words of the line. */
static void find_candidates(struct span text, unsigned where, struct candidates *found)
{
	struct span taken[CANDIDATES_MAX], at;
	struct diagnosis_search search;
	const struct diagnosis *row;
	size_t here = 0;

	diagnosis_search_begin(&search, where, text);
	while (found->count < CANDIDATES_MAX &&
	       (row = diagnosis_search_next(&search, &at)) != NULL) {
		bool free = (row->where & found->where) == 0;

		for (size_t j = 0; free && j < here; j++)
			free = !overlaps(taken[j], at);
		if (!free)
			continue;
		taken[here++] = at;
		found->row[found->count++] = row;
		found->where |= row->where;
	}
}

/* "700082" alone, or "AADSTS 700082": as Microsoft writes it in its answers. */
static void add_number(struct span line, struct buffer *words)
{
	static const char name[] = "AADSTS";
	size_t begin = 0, len;

	if (line.len >= sizeof(name) - 1 && span_equals_nocase((struct span){line.ptr, 6}, name))
		begin = sizeof(name) - 1;
	while (begin < line.len && strchr(" :#", line.ptr[begin]) != NULL &&
	       line.ptr[begin] != '\0')
		begin++;
	for (len = begin; len < line.len && isdigit((unsigned char)line.ptr[len]); len++)
		;
	if (len == line.len && len - begin >= NUMBER_DIGITS)
		(void)buffer_printf(words, "AADSTS%.*s; ", (int)(len - begin), line.ptr + begin);
}

static void show(char out[READING_SHOWN_MAX + 1], struct span line)
{
	struct buffer clean = BUFFER_INIT(READING_LINE_MAX * 4);
	size_t len;

	redact_append(&clean, line);
	len = clean.len <= READING_SHOWN_MAX ? clean.len : READING_SHOWN_MAX;
	while (len < clean.len && len > 0 && ((unsigned char)clean.data[len] & 0xc0) == 0x80)
		len--;
	memcpy(out, buffer_cstr(&clean), len);
	out[len] = '\0';
	buffer_release(&clean);
}

static struct finding *finding_of(struct reading *reading, const struct diagnosis *row,
				  const struct names *names)
{
	struct finding *finding;

	for (size_t i = 0; i < reading->count; i++) {
		finding = &reading->findings[i];
		if (finding->row == row && strcmp(finding->names.account, names->account) == 0 &&
		    strcmp(finding->names.host, names->host) == 0)
			return finding;
	}
	if (reading->count == READING_FINDINGS_MAX) {
		reading->full = true;
		return NULL;
	}
	finding = &reading->findings[reading->count++];
	*finding = (struct finding){.row = row, .order = reading->count};
	return finding;
}

static void note(struct reading *reading, const struct candidates *found, struct span line,
		 const struct challenge_words *challenge)
{
	struct names names;

	names_find(line, &names);
	for (size_t i = 0; i < found->count; i++) {
		struct finding *finding = finding_of(reading, found->row[i], &names);

		if (finding == NULL)
			continue;
		finding->count++;
		finding->last = reading->lines;
		finding->names = names;
		if (challenge->found)
			finding->challenge = *challenge;
		show(finding->line, line);
	}
}

static void note_unknown(struct reading *reading, struct span line)
{
	size_t len = line.len <= READING_SHOWN_MAX ? line.len : READING_SHOWN_MAX;

	wipe(reading->unknown, sizeof(reading->unknown));
	for (size_t i = 0; i < len; i++)
		reading->unknown[i] = line.ptr[i] != '\0' ? line.ptr[i] : '?';
}

static struct span trimmed(struct span line)
{
	while (line.len > 0 && (unsigned char)line.ptr[0] <= ' ')
		line = (struct span){line.ptr + 1, line.len - 1};
	while (line.len > 0 && (unsigned char)line.ptr[line.len - 1] <= ' ')
		line.len--;
	return line;
}

static void read_line(struct reading *reading, struct span line)
{
	unsigned where = DIAGNOSIS_ANYWHERE & ~(unsigned)DIAGNOSIS_DELIVERY;
	struct buffer words = BUFFER_INIT(WORDS_MAX);
	struct candidates found = {.count = 0};
	struct challenge_words challenge;

	line = trimmed(line);
	if (line.len == 0)
		return;
	reading->lines++;
	if (!log_line_concerns(line)) {
		reading->passed++;
		return;
	}
	if (log_line_delivers(line))
		where |= DIAGNOSIS_DELIVERY;
	encoded_find(line, &words, &challenge);
	add_number(line, &words);
	find_candidates(buffer_span(&words), where, &found);
	find_candidates(line, where, &found);
	buffer_release(&words);
	if (found.count > 0)
		note(reading, &found, line, &challenge);
	else
		note_unknown(reading, line);
}

/* Lines ---------------------------------------------------------------------------------------- */

static void end_line(struct reading *reading)
{
	read_line(reading, buffer_span(&reading->line));
	buffer_clear(&reading->line);
	reading->skipping = false;
}

static void take(struct reading *reading, struct span part)
{
	size_t room = READING_LINE_MAX - reading->line.len;

	if (reading->skipping)
		return;
	reading->skipping = part.len > room;
	(void)buffer_append(&reading->line, part.ptr, part.len < room ? part.len : room);
}

void reading_feed(struct reading *reading, struct span bytes)
{
	while (bytes.len > 0) {
		const char *end = memchr(bytes.ptr, '\n', bytes.len);
		size_t len = end != NULL ? (size_t)(end - bytes.ptr) : bytes.len;

		take(reading, (struct span){bytes.ptr, len});
		if (end == NULL)
			return;
		end_line(reading);
		bytes = (struct span){bytes.ptr + len + 1, bytes.len - len - 1};
	}
}

static int compare_last(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->last == y->last)
		return x->order < y->order ? -1 : x->order > y->order;
	return x->last > y->last ? -1 : 1;
}

void reading_finish(struct reading *reading)
{
	end_line(reading);
	if (reading->count > 1)
		qsort(reading->findings, reading->count, sizeof(reading->findings[0]),
		      compare_last);
}

/* Guessing ------------------------------------------------------------------------------------- */

static bool is_plain(const char *text)
{
	for (; *text != '\0'; text++) {
		if (!isalnum((unsigned char)*text) && strchr(" .-_:/", *text) == NULL)
			return false;
	}
	return true;
}

size_t reading_guess(const struct reading *reading, const struct diagnosis **rows, size_t max)
{
	const struct diagnosis words = {.pattern = reading->unknown};
	size_t len = strlen(reading->unknown), count = 0;
	const struct diagnosis *row;

	if (reading->lines != 1 || len < GUESS_MIN || len > GUESS_MAX || !is_plain(words.pattern))
		return 0;
	for (size_t i = 0; (row = diagnosis_at(i)) != NULL; i++) {
		if ((row->where & DIAGNOSIS_DELIVERY) != 0 ||
		    !diagnosis_fits(&words, span_from_str(row->example), NULL))
			continue;
		if (count < max)
			rows[count] = row;
		count++;
	}
	return count;
}
