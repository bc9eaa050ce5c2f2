/* SPDX-License-Identifier: MIT */
/* config-value.c - the types of values: how each is read, compared and freed. See config.h. */
#include "common/config-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/url.h"
#include "common/xalloc.h"

#include "common/banned.h"

/* Reading: NULL, or what is wrong with the value ----------------------------------------------- */

static const char *read_string(const struct config_key *key, const char *value, void *target)
{
	char **string = target;

	(void)key;
	free(*string);
	*string = xstrdup(value);
	return NULL;
}

static const char *read_words(const struct config_key *key, const char *value, void *target)
{
	(void)key;
	words_release(target);
	words_split(value, target);
	return NULL;
}

static int64_t unit_seconds(const char *unit)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(units[i].unit, unit) == 0)
			return units[i].seconds;
	}
	return 0;
}

static const char *read_number(const struct config_key *key, const char *value, void *target)
{
	int64_t *number = target;
	int64_t unit;
	char *end;
	intmax_t parsed;

	errno = 0;
	parsed = strtoimax(value, &end, 10);
	unit = unit_seconds(end);
	if (errno != 0 || end == value || unit == 0)
		return "is not a number (with s, m, h or d for a time)";
	if (parsed < 0 || parsed > INT64_MAX / 86400 || parsed * unit < key->min ||
	    parsed * unit > key->max)
		return "is out of range";
	*number = parsed * unit;
	return NULL;
}

static const char *read_boolean(const struct config_key *key, const char *value, void *target)
{
	static const char *const yes[] = {"yes", "true", "on"};
	static const char *const no[] = {"no", "false", "off"};
	bool *boolean = target;

	(void)key;
	for (size_t i = 0; i < 3; i++) {
		if (strcasecmp(value, yes[i]) == 0 || strcasecmp(value, no[i]) == 0) {
			*boolean = strcasecmp(value, yes[i]) == 0;
			return NULL;
		}
	}
	return "is neither yes nor no";
}

static const char *read_choice(const struct config_key *key, const char *value, void *target)
{
	for (int i = 0; key->choices[i] != NULL; i++) {
		if (strcmp(key->choices[i], value) == 0) {
			*(int *)target = i;
			return NULL;
		}
	}
	return "is not one of";
}

static const char *read_url(const struct config_key *key, const char *value, void *target)
{
	if (!url_is_safe(value))
		return "is not an https:// URL (http:// is for loopback addresses only)";
	return read_string(key, value, target);
}

static const char *read_path(const struct config_key *key, const char *value, void *target)
{
	if (value[0] != '/')
		return "is not an absolute path";
	return read_string(key, value, target);
}

/* The rest that a type can do ------------------------------------------------------------------ */

static void continue_string(const char *value, void *target)
{
	char **string = target;
	char *joined = *string != NULL ? xasprintf("%s %s", *string, value) : xstrdup(value);

	free(*string);
	*string = joined;
}

static void continue_words(const char *value, void *target)
{
	words_split(value, target);
}

static void hint_number(const struct config_key *key, struct buffer *hint)
{
	(void)buffer_printf(hint, ": from %" PRId64 " to %" PRId64, key->min, key->max);
}

static void hint_choice(const struct config_key *key, struct buffer *hint)
{
	for (size_t i = 0; key->choices[i] != NULL; i++)
		(void)buffer_printf(hint, "%s%s", i == 0 ? ": " : ", ", key->choices[i]);
}

static bool same_string(const void *a, const void *b)
{
	const char *text = *(char *const *)a;
	const char *other = *(char *const *)b;

	return text == other || (text != NULL && other != NULL && strcmp(text, other) == 0);
}

static bool same_words(const void *a, const void *b)
{
	return words_equal(a, b);
}

static bool same_number(const void *a, const void *b)
{
	return *(const int64_t *)a == *(const int64_t *)b;
}

static bool same_boolean(const void *a, const void *b)
{
	return *(const bool *)a == *(const bool *)b;
}

static bool same_choice(const void *a, const void *b)
{
	return *(const int *)a == *(const int *)b;
}

static void release_string(void *value)
{
	char **string = value;

	free(*string);
	*string = NULL;
}

static void release_words(void *value)
{
	words_release(value);
}

static const struct value_type {
	const char *(*read)(const struct config_key *key, const char *value, void *target);
	void (*go_on)(const char *value, void *target); /* NULL: it takes one value */
	void (*hint)(const struct config_key *key, struct buffer *hint); /* NULL: none */
	bool (*same)(const void *a, const void *b);
	void (*release)(void *value); /* NULL: nothing is allocated */
} types[] = {
	[CONFIG_STRING] = {read_string, continue_string, NULL, same_string, release_string},
	[CONFIG_WORDS] = {read_words, continue_words, NULL, same_words, release_words},
	[CONFIG_NUMBER] = {read_number, NULL, hint_number, same_number, NULL},
	[CONFIG_BOOLEAN] = {read_boolean, NULL, NULL, same_boolean, NULL},
	[CONFIG_CHOICE] = {read_choice, NULL, hint_choice, same_choice, NULL},
	[CONFIG_URL] = {read_url, NULL, NULL, same_string, release_string},
	[CONFIG_PATH] = {read_path, NULL, NULL, same_string, release_string},
};

const char *config_value_set(const struct config_key *key, const char *value, void *section)
{
	return types[key->type].read(key, value, (char *)section + key->offset);
}

void config_value_hint(const struct config_key *key, struct buffer *hint)
{
	if (types[key->type].hint != NULL)
		types[key->type].hint(key, hint);
}

bool config_value_continue(const struct config_key *key, const char *value, void *section)
{
	if (types[key->type].go_on == NULL)
		return false;
	types[key->type].go_on(value, (char *)section + key->offset);
	return true;
}

/* Sections that have been read ---------------------------------------------------------------- */

bool config_same(const struct config_key *keys, const void *a, const void *b)
{
	for (const struct config_key *key = keys; key->name != NULL; key++) {
		if (!types[key->type].same((const char *)a + key->offset,
					   (const char *)b + key->offset))
			return false;
	}
	return true;
}

void config_release(const struct config_key *keys, void *section)
{
	for (const struct config_key *key = keys; key->name != NULL; key++) {
		if (types[key->type].release != NULL)
			types[key->type].release((char *)section + key->offset);
	}
}
