/* SPDX-License-Identifier: MIT */
/* record.c - see record.h. */
#include "token-helper/postfix/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/helper-protocol.h"
#include "common/scanner.h"
#include "common/xalloc.h"
#include "token-helper/postfix/postfix-value.h"

#include "common/banned.h"

#define HEAD	   "mailoauth-postfix 1"
#define RECORD_MAX 1048576
#define VALUE_MAX  POSTFIX_VALUE_MAX
#define RANKS	   4

static const char *const kinds[] = {"main", "service", "option"};

/* Not against an enemy: who could forge it could write the file. */
static uint64_t fingerprint(const struct buffer *bytes)
{
	return token_fingerprint(buffer_span(bytes));
}

void record_release(struct record *record)
{
	for (size_t i = 0; i < record->count; i++) {
		free(record->settings[i].name);
		free(record->settings[i].old);
		free(record->settings[i].now);
	}
	free(record->settings);
	*record = (struct record){0};
}

/* Reading and writing ------------------------------------------------------------------------- */

static char *get(struct span fields, const char *key)
{
	struct buffer value = BUFFER_INIT(VALUE_MAX);
	char *text = fields_get(fields, key, &value) ? xstrdup(buffer_cstr(&value)) : NULL;

	buffer_release(&value);
	return text;
}

static uint64_t get_fingerprint(struct span fields, const char *key)
{
	char *text = get(fields, key);
	uint64_t value = text != NULL ? strtoull(text, NULL, 16) : 0;

	free(text);
	return value;
}

static bool read_file(struct span fields, struct record *record)
{
	char *name = get(fields, "name"), *copy = get(fields, "copy");
	bool fine = false;

	for (int i = 0; name != NULL && i < EDIT_FILES; i++) {
		struct record_file *file = &record->files[i];

		if (strcmp(name, edit_names[i]) != 0)
			continue;
		/* A name, never a path. */
		if (copy != NULL && strchr(copy, '/') == NULL)
			(void)snprintf(file->copy, sizeof(file->copy), "%s", copy);
		file->before = get_fingerprint(fields, "before");
		file->after = get_fingerprint(fields, "after");
		fine = true;
	}
	free(name);
	free(copy);
	return fine;
}

static struct record_setting *append(struct record *record, enum change_kind kind, char *name)
{
	record->settings =
		xreallocarray(record->settings, record->count + 1, sizeof(*record->settings));
	record->settings[record->count] = (struct record_setting){.kind = kind, .name = name};
	return &record->settings[record->count++];
}

static bool read_setting(struct span fields, struct record *record)
{
	char *kind = get(fields, "kind"), *name = get(fields, "name");
	bool fine = false;

	for (size_t i = 0; kind != NULL && name != NULL && i < sizeof(kinds) / sizeof(kinds[0]);
	     i++) {
		struct record_setting *setting;

		if (strcmp(kind, kinds[i]) != 0)
			continue;
		setting = append(record, (enum change_kind)i, name);
		setting->old = get(fields, "old");
		setting->now = get(fields, "now");
		name = NULL;
		fine = true;
	}
	free(kind);
	free(name);
	return fine;
}

static bool read_lines(struct span text, struct record *record)
{
	struct scanner scan = scanner_over(text);
	struct span line;

	if (!scan_until(&scan, '\n', RECORD_MAX, &line) || !span_equals(line, HEAD))
		return false;
	while (scan_until(&scan, '\n', RECORD_MAX, &line)) {
		struct scanner fields = scanner_over(line);
		struct span word;

		if (!scan_until(&fields, ' ', 16, &word))
			return false;
		line = (struct span){fields.cur, scanner_left(&fields)};
		if (span_equals(word, "file") ? !read_file(line, record)
					      : !read_setting(line, record))
			return false;
	}
	return scanner_at_end(&scan);
}

enum outcome record_read(const char *dir, struct record *record, bool *found_out, struct err *err)
{
	char *path = xasprintf("%s/%s", dir, RECORD_NAME);
	struct buffer text = BUFFER_INIT(RECORD_MAX);
	enum outcome outcome = OUTCOME_OK;

	*record = (struct record){0};
	*found_out = access(path, F_OK) == 0;
	if (*found_out)
		outcome = file_read(path, &text, err);
	if (*found_out && outcome == OUTCOME_OK && !read_lines(buffer_span(&text), record))
		outcome = err_set(err, OUTCOME_CONFIG, "%s is not as mailoauth wrote it", path);
	buffer_release(&text);
	free(path);
	return outcome;
}

static void put(struct buffer *line, const char *key, const char *value)
{
	if (value != NULL)
		(void)fields_append_str(line, key, value);
}

static void put_fingerprint(struct buffer *line, const char *key, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%016jx", (uintmax_t)value);
	put(line, key, text);
}

static void put_file(struct buffer *text, const char *name, const struct record_file *file)
{
	struct buffer line = BUFFER_INIT(RECORD_MAX);

	if (file->after == 0)
		return;
	put(&line, "name", name);
	put(&line, "copy", file->copy);
	put_fingerprint(&line, "before", file->before);
	put_fingerprint(&line, "after", file->after);
	(void)buffer_printf(text, "file %s\n", buffer_cstr(&line));
	buffer_release(&line);
}

static void put_setting(struct buffer *text, const struct record_setting *setting)
{
	struct buffer line = BUFFER_INIT(RECORD_MAX);

	put(&line, "kind", kinds[setting->kind]);
	put(&line, "name", setting->name);
	put(&line, "old", setting->old);
	put(&line, "now", setting->now);
	(void)buffer_append_str(text, "setting ");
	(void)buffer_append_span(text, buffer_span(&line));
	(void)buffer_append_byte(text, '\n');
	buffer_release(&line);
}

enum outcome record_write(const char *dir, const struct record *record, struct err *err)
{
	char *path = xasprintf("%s/%s", dir, RECORD_NAME);
	struct buffer text = BUFFER_INIT(RECORD_MAX);
	enum outcome outcome;

	(void)buffer_append_str(&text, HEAD "\n");
	for (int i = 0; i < EDIT_FILES; i++)
		put_file(&text, edit_names[i], &record->files[i]);
	for (size_t i = 0; i < record->count; i++)
		put_setting(&text, &record->settings[i]);
	if (buffer_ok(&text))
		outcome = file_replace(path, buffer_span(&text), 0600, err);
	else
		outcome = err_set(err, OUTCOME_NOMEM, "%s would be too long", path);
	buffer_release(&text);
	free(path);
	return outcome;
}

enum outcome record_remove(const char *dir, struct err *err)
{
	char *path = xasprintf("%s/%s", dir, RECORD_NAME);
	enum outcome outcome = OUTCOME_OK;

	if (unlink(path) != 0 && errno != ENOENT)
		outcome = err_set(err, OUTCOME_RETRY, "%s: %s", path, strerror(errno));
	free(path);
	return outcome;
}

/* Adding -------------------------------------------------------------------------------------- */

/* "smtp-oauth/unix" or "smtp-oauth/unix/PARAMETER": the service; *parameter_out NULL in the first
 * case. */
static const struct postfix_service *service_of(const struct postfix *postfix, const char *name,
						const char **parameter_out)
{
	const char *slash = strchr(name, '/');
	const char *second = slash != NULL ? strchr(slash + 1, '/') : NULL;
	const struct postfix_service *service = NULL;

	*parameter_out = second != NULL ? second + 1 : NULL;
	if (slash != NULL) {
		char *who = xspandup((struct span){name, (size_t)(slash - name)});
		char *type =
			second != NULL
				? xspandup((struct span){slash + 1, (size_t)(second - slash - 1)})
				: xstrdup(slash + 1);

		service = postfix_service_find(postfix, who, type);
		free(who);
		free(type);
	}
	return service;
}

/* NULL: it is not set. */
static const char *value_now(const struct postfix *postfix, enum change_kind kind, const char *name)
{
	const struct postfix_service *service;
	const char *parameter;

	if (kind == CHANGE_MAIN)
		return postfix_raw(postfix, name);
	service = service_of(postfix, name, &parameter);
	if (kind == CHANGE_SERVICE)
		return service != NULL ? service->command : NULL;
	return parameter != NULL ? postfix_override(postfix, service, parameter) : NULL;
}

static struct record_setting *find(const struct record *record, const struct change *change)
{
	for (size_t i = 0; i < record->count; i++) {
		if (record->settings[i].kind == change->kind &&
		    strcmp(record->settings[i].name, change->name) == 0)
			return &record->settings[i];
	}
	return NULL;
}

static bool same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const char *recorded_option(const struct record *record, const char *service,
				   struct span name)
{
	for (size_t i = 0; i < record->count; i++) {
		const struct record_setting *setting = &record->settings[i];
		size_t len = strlen(service);

		if (setting->kind == CHANGE_OPTION && strncmp(setting->name, service, len) == 0 &&
		    setting->name[len] == '/' && span_equals(name, setting->name + len + 1))
			return setting->now != NULL ? setting->now : "";
	}
	return NULL;
}

/* "NAME=VALUE", or in braces with blanks around '='. */
static bool is_option_as_set(const struct record *record, const char *service, struct span option)
{
	const char *equals, *recorded;
	struct span name, value;
	size_t used;

	if (option.len > 0 && option.ptr[0] == '{' && !postfix_braces(option, &option, &used))
		return false;
	equals = option.len > 0 ? memchr(option.ptr, '=', option.len) : NULL;
	if (equals == NULL)
		return false;
	name = span_trim((struct span){option.ptr, (size_t)(equals - option.ptr)});
	value = span_trim(
		(struct span){equals + 1, option.len - (size_t)(equals - option.ptr) - 1});
	recorded = recorded_option(record, service, name);
	return recorded != NULL && span_equals(value, recorded);
}

/* The program alone, and after it the options that we gave it. */
static bool is_service_as_set(const struct record *record, const struct record_setting *setting,
			      const char *command)
{
	const char *program = setting->now != NULL ? strrchr(setting->now, ' ') : NULL;
	struct span rest = span_from_str(command), word;

	if (program == NULL || !postfix_word_next(&rest, &word) || !span_equals(word, program + 1))
		return false;
	while (postfix_word_next(&rest, &word)) {
		if (!span_equals(word, "-o") || !postfix_word_next(&rest, &word) ||
		    !is_option_as_set(record, setting->name, word))
			return false;
	}
	return true;
}

static bool is_as_set(const struct record *record, const struct record_setting *setting,
		      const char *now)
{
	if (setting->kind == CHANGE_SERVICE)
		return now != NULL && is_service_as_set(record, setting, now);
	return same(now, setting->now);
}

static void add_setting(struct record *record, const struct postfix *before,
			const struct change *change)
{
	struct record_setting *setting = find(record, change);

	const char *present = value_now(before, change->kind, change->name);

	if (setting == NULL) {
		setting = append(record, change->kind, xstrdup(change->name));
		setting->old = xstrdup(present);
	} else if (!same(present, setting->old) && !is_as_set(record, setting, present)) {
		/* Somebody has set it since: that is what to go back to. */
		free(setting->old);
		setting->old = xstrdup(present);
	}
	free(setting->now);
	setting->now = xstrdup(change->value);
}

static void add_file(struct record_file *file, const struct edit *edit, enum edit_file which)
{
	if (!edit_differs(edit, which))
		return;
	if (file->after == 0) {
		(void)snprintf(file->copy, sizeof(file->copy), "%s", edit->kept[which]);
		file->before = fingerprint(&edit->before[which]);
	} else if (file->after != fingerprint(&edit->before[which]) &&
		   file->before != fingerprint(&edit->before[which])) {
		file->copy[0] = '\0'; /* the copy lacks what somebody wrote since */
	}
	file->after = fingerprint(&edit->after[which]);
}

void record_add(struct record *record, const struct postfix *before, const struct change *changes,
		size_t count, const struct edit *edit)
{
	for (size_t i = 0; i < count; i++)
		add_setting(record, before, &changes[i]);
	for (int i = 0; i < EDIT_FILES; i++)
		add_file(&record->files[i], edit, (enum edit_file)i);
}

/* Undoing ------------------------------------------------------------------------------------- */

static bool is_of_file(const struct record_setting *setting, enum edit_file file)
{
	return (setting->kind == CHANGE_MAIN) == (file == EDIT_MAIN);
}

/* What would undo it; false: there is nothing to undo, or somebody has changed it since. */
static bool is_to_undo(const struct record *record, const struct record_setting *setting,
		       const struct postfix *present, struct buffer *left)
{
	const char *now = value_now(present, setting->kind, setting->name);

	if (same(now, setting->old))
		return false;
	if (is_as_set(record, setting, now))
		return true;
	(void)buffer_printf(left, "%s\n", setting->name);
	return false;
}

/* In such an order that what can go together stands together; a service takes its options with it
 * and comes last. */
static size_t rank(const struct record_setting *setting)
{
	return (setting->kind == CHANGE_SERVICE ? 2U : 0U) + (setting->old == NULL ? 1U : 0U);
}

static enum outcome undo_settings(const struct record *record, enum edit_file file,
				  struct edit *edit, struct buffer *left, struct err *err)
{
	struct postfix *present = edit_settings(edit, err);
	struct change *back = xcalloc(record->count + 1, sizeof(*back));
	size_t count = 0;
	enum outcome outcome = OUTCOME_CONFIG;

	for (size_t at = 0; present != NULL && at < RANKS; at++) {
		for (size_t i = 0; i < record->count; i++) {
			const struct record_setting *setting = &record->settings[i];

			if (is_of_file(setting, file) && rank(setting) == at &&
			    is_to_undo(record, setting, present, left))
				back[count++] =
					(struct change){setting->kind, setting->name, setting->old};
		}
	}
	if (present != NULL)
		outcome = edit_apply(edit, back, count, err);
	postfix_free(present);
	free(back);
	return outcome;
}

/* False: the copy is not there, or not what it was. */
static bool restore(const struct record_file *file, enum edit_file which, struct edit *edit,
		    struct err *err)
{
	char *path = xasprintf("%s/%s", edit->dir, file->copy);
	struct buffer bytes = BUFFER_INIT(EDIT_FILE_MAX);
	bool is_good = file->copy[0] != '\0' && file_read(path, &bytes, err) == OUTCOME_OK &&
		       fingerprint(&bytes) == file->before &&
		       edit_replace(edit, which, &bytes, err) == OUTCOME_OK;

	buffer_release(&bytes);
	free(path);
	return is_good;
}

enum outcome record_undo(const struct record *record, struct edit *edit, struct buffer *left,
			 struct err *err)
{
	enum outcome outcome = OUTCOME_OK;

	for (int i = EDIT_FILES - 1; outcome == OUTCOME_OK && i >= 0; i--) {
		const struct record_file *file = &record->files[i];
		uint64_t now = fingerprint(&edit->before[i]);

		if (file->after == 0 || now == file->before)
			continue;
		if (now != file->after || !restore(file, (enum edit_file)i, edit, err))
			outcome = undo_settings(record, (enum edit_file)i, edit, left, err);
	}
	return outcome;
}
