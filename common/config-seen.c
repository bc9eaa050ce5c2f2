/* SPDX-License-Identifier: MIT */
/* config-seen.c - where the keys of a configuration stood: see config.h. */
#include "common/config-private.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#include "common/banned.h"

struct seen_key {
	const void *target;
	const struct config_key *key; /* NULL: the section's head */
	int line;
};

/* The keys of one section stand together: a section is never opened twice. */
struct config_seen {
	struct seen_key *keys;
	size_t count;
	size_t last; /* where the last search found its section: most look there again */
};

struct config_seen *config_seen_new(void)
{
	return xcalloc(1, sizeof(struct config_seen));
}

void config_seen_free(struct config_seen *seen)
{
	if (seen == NULL)
		return;
	free(seen->keys);
	free(seen);
}

/* The first entry of target's section, or seen->count. Sections are asked for in their order, or
 * again and again: starting where the last one was found keeps ten thousand of them from taking
 * quadratic time. */
static size_t seen_find_section(const struct config_seen *seen, const void *target)
{
	for (size_t i = 0; i < seen->count; i++) {
		size_t at = (seen->last + i) % seen->count;

		if (seen->keys[at].target == target && seen->keys[at].key == NULL)
			return at;
	}
	return seen->count;
}

static const struct seen_key *seen_find(struct config_seen *seen, const void *target,
					const char *key)
{
	size_t at = seen_find_section(seen, target);

	if (at == seen->count)
		return NULL;
	seen->last = at;
	for (; at < seen->count && seen->keys[at].target == target; at++) {
		const struct seen_key *entry = &seen->keys[at];

		if (key == NULL ? entry->key == NULL
				: entry->key != NULL && strcmp(entry->key->name, key) == 0)
			return entry;
	}
	return NULL;
}

int config_seen_line(struct config_seen *seen, const void *target, const char *key)
{
	const struct seen_key *entry = seen_find(seen, target, key);

	return entry != NULL ? entry->line : 0;
}

void config_seen_add(struct config_seen *seen, const void *target, const struct config_key *key,
		     int line)
{
	seen->keys = xgrow(seen->keys, seen->count, sizeof(seen->keys[0]));
	seen->keys[seen->count++] = (struct seen_key){target, key, line};
}
