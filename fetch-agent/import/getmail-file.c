/* SPDX-License-Identifier: MIT */
/* getmail-file.c - see getmail-file.h. */
#include "fetch-agent/import/getmail-file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/scanner.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define ENTRIES_MAX 1000

/* Lines ------------------------------------------------------------------------------------------
 */

static struct span trim(struct span text)
{
	while (text.len > 0 && isspace((unsigned char)text.ptr[0])) {
		text.ptr++;
		text.len--;
	}
	while (text.len > 0 && isspace((unsigned char)text.ptr[text.len - 1]))
		text.len--;
	return text;
}

static char *lowered(struct span text)
{
	char *copy = xspandup(text);

	for (char *byte = copy; *byte != '\0'; byte++)
		*byte = (char)tolower((unsigned char)*byte);
	return copy;
}

static void read_head(struct getmail_file *file, struct span text, int line)
{
	const char *end = memchr(text.ptr, ']', text.len);

	if (end == NULL) {
		import_problem(file->plan, line, "the section's head has no ]");
		return;
	}
	free(file->section);
	file->section = xspandup((struct span){text.ptr + 1, (size_t)(end - text.ptr) - 1});
	if (strcmp(file->section, "retriever") == 0)
		file->retriever_line = line;
}

static void read_key(struct getmail_file *file, struct span text, int line)
{
	size_t len = 0;
	struct getmail_entry *entry;
	struct span value;

	while (len < text.len && text.ptr[len] != '=' && text.ptr[len] != ':')
		len++;
	if (len == text.len || len == 0) {
		import_problem(file->plan, line, "is neither [section] nor key = value");
		return;
	}
	if (file->section == NULL) {
		import_problem(file->plan, line, "a key stands before the first [section]");
		return;
	}
	if (file->count == ENTRIES_MAX) {
		if (file->plan->problems.count == 0)
			import_problem(file->plan, line, "more than %d keys", ENTRIES_MAX);
		return;
	}
	file->entries = xreallocarray(file->entries, file->count + 1, sizeof(*file->entries));
	entry = &file->entries[file->count++];
	*entry = (struct getmail_entry){.section = xstrdup(file->section), .line = line};
	entry->key = lowered(trim((struct span){text.ptr, len}));
	buffer_init_secret(&entry->value, GETMAIL_VALUE_MAX);
	value = trim((struct span){text.ptr + len + 1, text.len - len - 1});
	(void)buffer_append_span(&entry->value, value);
}

static void read_line(struct getmail_file *file, struct span raw, int line)
{
	struct span text = trim(raw);
	bool indented = raw.len > 0 && isspace((unsigned char)raw.ptr[0]);
	struct getmail_entry *last = file->count > 0 ? &file->entries[file->count - 1] : NULL;

	if (text.len == 0 || text.ptr[0] == '#' || text.ptr[0] == ';')
		return;
	if (memchr(text.ptr, '\0', text.len) != NULL) {
		import_problem(file->plan, line, "holds a NUL byte");
	} else if (indented && last != NULL && strcmp(last->section, file->section) == 0) {
		(void)buffer_append_byte(&last->value, ' ');
		(void)buffer_append_span(&last->value, text);
	} else if (text.ptr[0] == '[') {
		read_head(file, text, line);
	} else {
		read_key(file, text, line);
	}
}

void getmail_file_read(struct getmail_file *file, struct span text, struct import_plan *plan)
{
	struct scanner scan = scanner_over(text);
	struct span line;

	*file = (struct getmail_file){.plan = plan, .retriever_line = 1};
	for (int number = 1; scan_line(&scan, &line); number++)
		read_line(file, line, number);
	for (size_t i = 0; i < file->count; i++) {
		if (!buffer_ok(&file->entries[i].value))
			import_problem(file->plan, file->entries[i].line,
				       "%s: the value is too long", file->entries[i].key);
	}
}

void getmail_file_release(struct getmail_file *file)
{
	for (size_t i = 0; i < file->count; i++) {
		free(file->entries[i].section);
		free(file->entries[i].key);
		buffer_release(&file->entries[i].value);
	}
	free(file->entries);
	free(file->section);
	*file = (struct getmail_file){0};
}

/* Values -----------------------------------------------------------------------------------------
 */

static struct getmail_entry *find(struct getmail_file *file, const char *section, const char *key)
{
	for (size_t i = 0; i < file->count; i++) {
		struct getmail_entry *entry = &file->entries[i];

		if (strcmp(entry->section, section) == 0 && strcmp(entry->key, key) == 0) {
			entry->used = true;
			return entry;
		}
	}
	return NULL;
}

const char *getmail_text(struct getmail_file *file, const char *section, const char *key)
{
	struct getmail_entry *entry = find(file, section, key);

	return entry != NULL && entry->value.len > 0 ? buffer_cstr(&entry->value) : NULL;
}

int getmail_line(struct getmail_file *file, const char *section, const char *key)
{
	struct getmail_entry *entry = find(file, section, key);

	return entry != NULL ? entry->line : file->retriever_line;
}

bool getmail_bool(struct getmail_file *file, const char *section, const char *key, bool fallback)
{
	const char *text = getmail_text(file, section, key);

	return text != NULL ? import_is_yes(text) : fallback;
}

uint64_t getmail_number(struct getmail_file *file, const char *section, const char *key,
			uint64_t max)
{
	const char *text = getmail_text(file, section, key);
	struct scanner scan = scanner_over(span_from_str(text));
	uint64_t number = 0;

	if (text != NULL && (!scan_u64(&scan, max, &number) || !scanner_at_end(&scan))) {
		import_problem(file->plan, getmail_line(file, section, key),
			       "%s is not a number up to %llu", key, (unsigned long long)max);
		return 0;
	}
	return number;
}

/* One quoted string; false at the end, or when there is none. */
static bool take_string(struct scanner *scan, struct buffer *out)
{
	char quote;

	while (scan->cur < scan->end && (isspace((unsigned char)*scan->cur) || *scan->cur == ','))
		scan->cur++;
	if (scan->cur < scan->end && (*scan->cur == 'u' || *scan->cur == 'r' || *scan->cur == 'b'))
		scan->cur++;
	if (scan->cur == scan->end || (*scan->cur != '"' && *scan->cur != '\''))
		return false;
	quote = *scan->cur++;
	buffer_clear(out);
	while (scan->cur < scan->end && *scan->cur != quote) {
		if (*scan->cur == '\\' && scan->cur + 1 < scan->end)
			scan->cur++;
		(void)buffer_append_byte(out, *scan->cur++);
	}
	return scan_byte(scan, quote);
}

bool getmail_tuple(struct getmail_file *file, const char *section, const char *key,
		   struct words *out)
{
	const char *text = getmail_text(file, section, key);
	struct scanner scan = scanner_over(span_from_str(text));
	struct buffer word = BUFFER_INIT_SECRET(GETMAIL_VALUE_MAX);
	bool good;

	if (text == NULL)
		return false;
	good = scan_byte(&scan, '(');
	while (good && take_string(&scan, &word))
		words_push(out, buffer_span(&word));
	while (scan.cur < scan.end && (isspace((unsigned char)*scan.cur) || *scan.cur == ','))
		scan.cur++;
	good = good && scan_byte(&scan, ')') && scanner_at_end(&scan);
	if (!good)
		import_problem(file->plan, getmail_line(file, section, key),
			       "%s is not a tuple of strings in quotes: (\"a\", \"b\",)", key);
	buffer_release(&word);
	return good;
}
