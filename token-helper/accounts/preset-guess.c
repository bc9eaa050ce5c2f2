/* SPDX-License-Identifier: MIT */
/* preset-guess.c - see preset-guess.h. */
#include "token-helper/accounts/preset-guess.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#include "common/banned.h"

#define TENANT "{tenant}"

enum { FOR_GRANT = 100, FOR_URL = 50 }; /* scopes decide only between equals */

/* *tenant: what stands for the placeholder; empty when the pattern has none. */
static bool url_matches(const char *pattern, const char *url, struct span *tenant)
{
	const char *hole = strstr(pattern, TENANT);
	size_t before = hole != NULL ? (size_t)(hole - pattern) : 0;
	size_t after = hole != NULL ? strlen(hole + strlen(TENANT)) : 0;
	size_t len = strlen(url);

	*tenant = (struct span){"", 0};
	if (hole == NULL)
		return strcmp(pattern, url) == 0;
	if (len <= before + after || strncmp(pattern, url, before) != 0 ||
	    strcmp(hole + strlen(TENANT), url + len - after) != 0)
		return false;
	*tenant = (struct span){url + before, len - before - after};
	return memchr(tenant->ptr, '/', tenant->len) == NULL;
}

static int count_scopes(const struct preset_section *preset, const char *scope)
{
	struct words words = {0};
	int count = 0;

	words_split(scope != NULL ? scope : "", &words);
	for (int i = 0; i < SERVICE_COUNT; i++)
		count += preset->service_scope[i] != NULL &&
			 words_contain(&words, preset->service_scope[i]);
	words_release(&words);
	return count;
}

/* 0: it is not the one. */
static int score(const struct preset_section *preset, const char *url, const char *grant,
		 const char *scope, struct span *tenant)
{
	const char *pattern = preset->settings.token_url;
	int points = 1;

	if (pattern == NULL || preset->unavailable != NULL || !preset_has_grant(preset, grant) ||
	    !url_matches(pattern, url, tenant))
		return 0;
	if (strcmp(preset->grants.word[0], grant) == 0)
		points += FOR_GRANT;
	if (tenant->len == 0)
		points += FOR_URL;
	return points + count_scopes(preset, scope);
}

static struct preset_section *read_one(const struct words *dirs, const char *name)
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct preset_section *preset = NULL;
	char *path = preset_find(dirs, name);

	if (path != NULL)
		preset = preset_read(name, path, &problems);
	if (preset != NULL && problems.count > 0) {
		preset_section_free(preset);
		preset = NULL;
	}
	config_problems_release(&problems);
	free(path);
	return preset;
}

struct preset_section *preset_guess(const char *config_path, const char *token_url,
				    const char *grant, const char *scope, char **tenant_out)
{
	struct preset_section *best = NULL;
	struct words dirs = {0}, names = {0};
	struct span tenant = {"", 0};
	int points = 0;

	preset_dirs(config_path, NULL, &dirs);
	preset_list(&dirs, &names);
	for (size_t i = 0; i < names.count; i++) {
		struct preset_section *preset = read_one(&dirs, names.word[i]);
		struct span here = {"", 0};
		int mine = preset != NULL ? score(preset, token_url, grant, scope, &here) : 0;

		if (mine > points) {
			struct preset_section *worse = best;

			best = preset;
			preset = worse;
			points = mine;
			tenant = here;
		}
		if (preset != NULL)
			preset_section_free(preset);
	}
	*tenant_out = best != NULL && tenant.len > 0 ? xspandup(tenant) : NULL;
	words_release(&names);
	words_release(&dirs);
	return best;
}
