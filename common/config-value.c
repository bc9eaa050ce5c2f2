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

/* All return NULL, or what is wrong with the value. */
typedef const char *value_fn(const struct config_key *key, const char *value, void *target);

static const char *value_string(const struct config_key *key, const char *value, void *target)
{
	char **string = target;

	(void)key;
	free(*string);
	*string = xstrdup(value);
	return NULL;
}

static const char *value_words(const struct config_key *key, const char *value, void *target)
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

static const char *value_number(const struct config_key *key, const char *value, void *target)
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

static const char *value_boolean(const struct config_key *key, const char *value, void *target)
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

static const char *value_choice(const struct config_key *key, const char *value, void *target)
{
	for (int i = 0; key->choices[i] != NULL; i++) {
		if (strcmp(key->choices[i], value) == 0) {
			*(int *)target = i;
			return NULL;
		}
	}
	return "is not one of";
}

static const char *value_url(const struct config_key *key, const char *value, void *target)
{
	if (!url_is_safe(value))
		return "is not an https:// URL (http:// is for loopback addresses only)";
	return value_string(key, value, target);
}

static const char *value_path(const struct config_key *key, const char *value, void *target)
{
	if (value[0] != '/')
		return "is not an absolute path";
	return value_string(key, value, target);
}

static value_fn *const value_fns[] = {
	[CONFIG_STRING] = value_string, [CONFIG_WORDS] = value_words,
	[CONFIG_NUMBER] = value_number, [CONFIG_BOOLEAN] = value_boolean,
	[CONFIG_CHOICE] = value_choice, [CONFIG_URL] = value_url,
	[CONFIG_PATH] = value_path,
};

const char *config_value_set(const struct config_key *key, const char *value, void *section)
{
	return value_fns[key->type](key, value, (char *)section + key->offset);
}

void config_value_hint(const struct config_key *key, struct buffer *hint)
{
	if (key->type == CONFIG_CHOICE) {
		for (size_t i = 0; key->choices[i] != NULL; i++)
			(void)buffer_printf(hint, "%s%s", i == 0 ? ": " : ", ", key->choices[i]);
	} else if (key->type == CONFIG_NUMBER) {
		(void)buffer_printf(hint, ": from %" PRId64 " to %" PRId64, key->min, key->max);
	}
}

bool config_value_continue(const struct config_key *key, const char *value, void *section)
{
	char *target = (char *)section + key->offset;

	if (key->type == CONFIG_WORDS) {
		words_split(value, (struct words *)(void *)target);
	} else if (key->type == CONFIG_STRING) {
		char **string = (char **)(void *)target;
		char *joined =
			*string != NULL ? xasprintf("%s %s", *string, value) : xstrdup(value);

		free(*string);
		*string = joined;
	} else {
		return false;
	}
	return true;
}

/* Sections that have been read ---------------------------------------------------------------- */

static bool value_same(enum config_type type, const void *a, const void *b)
{
	const char *text, *other;

	switch (type) {
	case CONFIG_WORDS:
		return words_equal(a, b);
	case CONFIG_NUMBER:
		return *(const int64_t *)a == *(const int64_t *)b;
	case CONFIG_BOOLEAN:
		return *(const bool *)a == *(const bool *)b;
	case CONFIG_CHOICE:
		return *(const int *)a == *(const int *)b;
	case CONFIG_STRING:
	case CONFIG_URL:
	case CONFIG_PATH:
		break;
	}
	text = *(char *const *)a;
	other = *(char *const *)b;
	return text == other || (text != NULL && other != NULL && strcmp(text, other) == 0);
}

bool config_same(const struct config_key *keys, const void *a, const void *b)
{
	for (const struct config_key *key = keys; key->name != NULL; key++) {
		if (!value_same(key->type, (const char *)a + key->offset,
				(const char *)b + key->offset))
			return false;
	}
	return true;
}

static void value_release(enum config_type type, void *value)
{
	char **text = value;

	switch (type) {
	case CONFIG_WORDS:
		words_release(value);
		return;
	case CONFIG_NUMBER:
	case CONFIG_BOOLEAN:
	case CONFIG_CHOICE:
		return;
	case CONFIG_STRING:
	case CONFIG_URL:
	case CONFIG_PATH:
		break;
	}
	free(*text);
	*text = NULL;
}

void config_release(const struct config_key *keys, void *section)
{
	for (const struct config_key *key = keys; key->name != NULL; key++)
		value_release(key->type, (char *)section + key->offset);
}
