/* SPDX-License-Identifier: MIT */
/* preset.c - see preset.h. */
#include "token-helper/accounts/preset.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "token-helper/accounts/account-resolve.h"

#include "common/banned.h"

#define SUFFIX ".conf"

void preset_dirs(const char *config_path, const char *const *installed, struct words *dirs)
{
	static const char *const standard[] = {PROVIDERS_DIR, NULL};
	const char *slash = strrchr(config_path, '/');

	words_release(dirs);
	words_take(dirs, xasprintf("%.*s/providers", slash != NULL ? (int)(slash - config_path) : 1,
				   slash != NULL ? config_path : "."));
	for (const char *const *dir = installed != NULL ? installed : standard; *dir != NULL; dir++)
		words_push(dirs, span_from_str(*dir));
}

/* A name never leads out of its directory. */
static bool name_is_plain(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_')
			return false;
	}
	return len > 0;
}

static void list_dir(const char *path, struct words *names)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		const char *suffix = strrchr(entry->d_name, '.');
		char *name;

		if (suffix == NULL || strcmp(suffix, SUFFIX) != 0 ||
		    !name_is_plain(entry->d_name, (size_t)(suffix - entry->d_name)))
			continue;
		name = xasprintf("%.*s", (int)(suffix - entry->d_name), entry->d_name);
		if (words_contain(names, name))
			free(name);
		else
			words_take(names, name);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

void preset_list(const struct words *dirs, struct words *names)
{
	words_release(names);
	for (size_t i = 0; i < dirs->count; i++)
		list_dir(dirs->word[i], names);
	words_sort(names);
}

/* The file of that name after `skip` others. */
static char *find_after(const struct words *dirs, const char *name, size_t skip)
{
	if (!name_is_plain(name, strlen(name)))
		return NULL;
	for (size_t i = 0; i < dirs->count; i++) {
		char *path = xasprintf("%s/%s" SUFFIX, dirs->word[i], name);

		if (access(path, F_OK) == 0 && skip-- == 0)
			return path;
		free(path);
	}
	return NULL;
}

char *preset_find(const struct words *dirs, const char *name)
{
	return find_after(dirs, name, 0);
}

char *preset_find_hidden(const struct words *dirs, const char *name)
{
	return find_after(dirs, name, 1);
}

struct preset_section *preset_read(const char *name, const char *path,
				   struct config_problems *problems)
{
	struct preset_section *preset = xcalloc(1, sizeof(*preset));

	preset->name = xstrdup(name);
	preset->path = xstrdup(path);
	preset->settings.min_valid_s = -1;
	preset->settings.timeout_s = -1;
	(void)config_read_preset(path, preset, problems);
	return preset;
}

bool preset_has_grant(const struct preset_section *preset, const char *grant)
{
	return words_contain(&preset->grants, grant);
}
