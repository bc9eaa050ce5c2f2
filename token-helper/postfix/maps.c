/* SPDX-License-Identifier: MIT */
/* maps.c - see maps.h. */
#include "token-helper/postfix/maps.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "token-helper/postfix/postfix-value.h"
#include "token-helper/postfix/program.h"

#include "common/banned.h"

#define COMPLAINT_MAX 4096
#define INLINE	      "inline:"

/* Asking -------------------------------------------------------------------------------------- */

static bool begins(struct span text, const char *with)
{
	size_t len = strlen(with);

	return text.len >= len && memcmp(text.ptr, with, len) == 0;
}

/* "[proxy:]socketmap:unix:PATH:login" (or inet). */
static bool is_login_map(struct span map)
{
	static const char end[] = ":login";
	size_t len = sizeof(end) - 1;

	if (begins(map, "proxy:"))
		map = (struct span){map.ptr + 6, map.len - 6};
	return begins(map, "socketmap:") && map.len > len &&
	       memcmp(map.ptr + map.len - len, end, len) == 0;
}

/* A table that stands in main.cf itself may hold passwords. */
static bool is_written_out(struct span map)
{
	return begins(map, "static:") || begins(map, INLINE);
}

/* Warnings stand beside an answer, and beside "not found". */
static bool is_refusal(const struct buffer *complaint)
{
	const char *text = buffer_cstr(complaint);

	return strstr(text, "fatal:") != NULL || strstr(text, "error:") != NULL;
}

static enum maps_answer explain(const char *map, struct span complaint, struct err *err)
{
	if (is_written_out(span_from_str(map)))
		(void)err_set(err, OUTCOME_CONFIG,
			      "postmap refuses a table that is written out in a parameter "
			      "(inline: or static:)");
	else
		(void)err_set(err, OUTCOME_CONFIG, "%s: %.*s", map, (int)complaint.len,
			      complaint.ptr);
	return MAPS_ERROR;
}

static enum maps_answer ask(const struct postfix *postfix, const char *map, const char *key,
			    struct deadline deadline, struct buffer *out, struct err *err)
{
	const char *dir = postfix_named_dir(postfix);
	char path[PROGRAM_PATH_MAX];
	const char *argv[7] = {program_find("postmap", path)};
	struct buffer complaint = BUFFER_INIT_SECRET(COMPLAINT_MAX);
	struct program_result result = {.out = out, .complaint = &complaint};
	enum maps_answer answer;
	size_t n = 1;

	if (argv[0] == NULL) {
		(void)err_set(err, OUTCOME_CONFIG, "there is no postmap on this machine");
		return MAPS_ERROR;
	}
	if (dir != NULL) {
		argv[n++] = "-c";
		argv[n++] = dir;
	}
	argv[n++] = "-q";
	argv[n++] = key;
	argv[n++] = map;
	buffer_clear(out);
	if (program_run(argv, deadline, &result, err) != OUTCOME_OK)
		answer = MAPS_ERROR;
	else if (result.status == 0 && out->len > 0)
		answer = MAPS_FOUND;
	else if (result.status <= 1 && !is_refusal(&complaint))
		answer = MAPS_NOT_FOUND;
	else
		answer = explain(map, span_trim(buffer_span(&complaint)), err);
	buffer_release(&complaint);
	if (answer == MAPS_FOUND && out->data[out->len - 1] == '\n')
		out->data[--out->len] = '\0';
	return answer;
}

enum maps_answer maps_lookup(const struct postfix *postfix, const char *list, const char *key,
			     struct deadline deadline, struct buffer *out, struct err *err)
{
	struct span rest = span_from_str(list), map;
	enum maps_answer answer = MAPS_NOT_FOUND;

	while (answer == MAPS_NOT_FOUND && postfix_list_next(&rest, &map)) {
		char *name = xspandup(map);

		answer = is_login_map(map) ? MAPS_DAEMON
					   : ask(postfix, name, key, deadline, out, err);
		free(name);
	}
	return answer;
}

/* Adding -------------------------------------------------------------------------------------- */

static bool is_plain(const char *text)
{
	return text[0] != '\0' && strpbrk(text, "{}=$\r\n") == NULL;
}

static void append_entry(struct buffer *out, const char *key, const char *value)
{
	(void)buffer_printf(out, "{ %s = %s }", key, value);
}

/* The entries of an inline table but that of key, each with ", " before it. */
static bool append_others(struct span entries, const char *key, struct buffer *out)
{
	struct span word;

	while (postfix_list_next(&entries, &word)) {
		struct span inside, name;
		const char *equals;
		size_t used;

		if (word.ptr[0] != '{')
			return false; /* "key=value" without braces: not ours to split */
		if (!postfix_braces(word, &inside, &used) || used != word.len)
			return false;
		equals = memchr(inside.ptr, '=', inside.len);
		if (equals == NULL)
			return false;
		name = span_trim((struct span){inside.ptr, (size_t)(equals - inside.ptr)});
		if (span_equals_nocase(name, key))
			continue;
		(void)buffer_append_str(out, ", ");
		(void)buffer_append_span(out, word);
	}
	return true;
}

/* False: the list does not begin with an inline table that we can add to. */
static bool add_inside(const char *list, const char *key, const char *value, struct buffer *out)
{
	struct span rest = span_from_str(list), map, inside;
	size_t used;

	if (!postfix_list_next(&rest, &map) || !begins(map, INLINE "{"))
		return false;
	map = (struct span){map.ptr + strlen(INLINE), map.len - strlen(INLINE)};
	if (!postfix_braces(map, &inside, &used) || used != map.len)
		return false;
	(void)buffer_append_str(out, INLINE "{ ");
	append_entry(out, key, value);
	if (!append_others(inside, key, out))
		return false;
	(void)buffer_append_str(out, " }");
	(void)buffer_append_span(out, rest);
	return buffer_ok(out);
}

/* "user:password" with something behind the colon. */
static bool has_password(struct span entry)
{
	const char *equals = entry.len > 0 ? memchr(entry.ptr, '=', entry.len) : NULL;
	const char *colon;
	struct span rest;

	if (equals == NULL)
		return true; /* not as we write it */
	rest = span_trim((struct span){equals + 1, entry.len - (size_t)(equals - entry.ptr) - 1});
	colon = rest.len > 0 ? memchr(rest.ptr, ':', rest.len) : NULL;
	return colon != NULL && colon + 1 < rest.ptr + rest.len;
}

static bool table_has_password(struct span map)
{
	struct span inside, entry;
	size_t used;

	map = (struct span){map.ptr + strlen(INLINE), map.len - strlen(INLINE)};
	if (!postfix_braces(map, &inside, &used))
		return true;
	while (postfix_list_next(&inside, &entry)) {
		struct span text = entry;

		if (entry.ptr[0] == '{' && !postfix_braces(entry, &text, &used))
			return true;
		if (has_password(text))
			return true;
	}
	return false;
}

bool maps_have_password(const char *list)
{
	struct span rest = span_from_str(list), map;

	while (postfix_list_next(&rest, &map)) {
		if (begins(map, "static:") || (begins(map, INLINE) && table_has_password(map)))
			return true;
	}
	return false;
}

bool maps_add(const char *list, const char *key, const char *value, struct buffer *out)
{
	if (!is_plain(key) || !is_plain(value))
		return false;
	buffer_clear(out);
	if (add_inside(list, key, value, out))
		return true;
	buffer_clear(out);
	(void)buffer_append_str(out, INLINE "{ ");
	append_entry(out, key, value);
	(void)buffer_append_str(out, " }");
	if (list[strspn(list, " \t")] != '\0')
		(void)buffer_printf(out, ", %s", list);
	return buffer_ok(out);
}
