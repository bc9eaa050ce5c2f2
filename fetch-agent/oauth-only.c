/* SPDX-License-Identifier: MIT */
/* oauth-only.c - see oauth-only.h. */
#include "fetch-agent/oauth-only.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define SUFFIX ".conf"

struct preset {
	char *name;
	struct words hosts[3];
	bool oauth_only;
};

static const struct config_key preset_keys[] = {
	{.name = "smtp_host", .type = CONFIG_WORDS, .offset = offsetof(struct preset, hosts[0])},
	{.name = "imap_host", .type = CONFIG_WORDS, .offset = offsetof(struct preset, hosts[1])},
	{.name = "pop_host", .type = CONFIG_WORDS, .offset = offsetof(struct preset, hosts[2])},
	{.name = "oauth_only",
	 .type = CONFIG_BOOLEAN,
	 .offset = offsetof(struct preset, oauth_only)},
	{0},
};

static void *open_preset(void *context, const char *name, int line)
{
	struct preset *preset = context;

	(void)line;
	if (preset->name != NULL)
		return NULL;
	preset->name = xstrdup(name);
	return preset;
}

static const struct config_kind kinds[] = {
	{.kind = "provider",
	 .keys = preset_keys,
	 .named = true,
	 .partial = true,
	 .open = open_preset},
	{0},
};

static bool has_host(const struct preset *preset, const char *host)
{
	size_t len = strlen(host);

	if (len > 0 && host[len - 1] == '.')
		len--;
	for (size_t i = 0; i < sizeof(preset->hosts) / sizeof(preset->hosts[0]); i++) {
		for (size_t j = 0; j < preset->hosts[i].count; j++) {
			if (span_equals_nocase((struct span){host, len}, preset->hosts[i].word[j]))
				return true;
		}
	}
	return false;
}

/* The preset's name if it forbids host. */
static char *ask_preset(const char *path, const char *host)
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct preset preset = {0};
	char *name = NULL;

	(void)config_read(path, kinds, &preset, NULL, &problems);
	if (preset.oauth_only && has_host(&preset, host)) {
		name = preset.name;
		preset.name = NULL;
	}
	config_problems_release(&problems);
	free(preset.name);
	for (size_t i = 0; i < sizeof(preset.hosts) / sizeof(preset.hosts[0]); i++)
		words_release(&preset.hosts[i]);
	return name;
}

static bool is_preset(const char *file)
{
	size_t len = strlen(file), suffix = sizeof(SUFFIX) - 1;

	return len > suffix && file[0] != '.' && strcmp(file + len - suffix, SUFFIX) == 0;
}

static char *ask_presets(const char *dir_path, const char *host)
{
	DIR *dir = opendir(dir_path);
	const struct dirent *entry;
	char *name = NULL;

	while (dir != NULL && name == NULL && (entry = readdir(dir)) != NULL) {
		char *path = xasprintf("%s/%s", dir_path, entry->d_name);

		if (is_preset(entry->d_name))
			name = ask_preset(path, host);
		free(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return name;
}

char *oauth_only_provider(const char *config_path, const char *host)
{
	const char *slash = strrchr(config_path, '/');
	char *beside =
		slash != NULL ? xasprintf("%.*s/providers", (int)(slash - config_path), config_path)
			      : xstrdup("providers");
	char *name = ask_presets(beside, host);

	if (name == NULL)
		name = ask_presets(PROVIDERS_DIR, host);
	free(beside);
	return name;
}
