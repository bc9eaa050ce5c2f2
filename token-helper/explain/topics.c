/* SPDX-License-Identifier: MIT */
/* topics.c - see topics.h. */
#include "token-helper/explain/topics.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#include "common/banned.h"

/* Beside the providers, which are data too. */
#define INSTALLED PROVIDERS_DIR "/../topics"
#define SUFFIX	  ".txt"
#define TOPIC_MAX 64
#define WORDS_MAX 3
#define DIRS	  2

/* What people say for it. */
static const struct {
	const char *word, *name;
} synonyms[] = {
	{"scope", "scopes"},
	{"ms365", "microsoft"},
	{"o365", "microsoft"},
	{"office365", "microsoft"},
	{"outlook", "microsoft"},
	{"exchange", "microsoft"},
	{"gmail", "google"},
	{"workspace", "google"},
	{"shared-mailbox", "shared-mailboxes"},
	{"redirect-uri", "redirect-uris"},
	{"redirect", "redirect-uris"},
	{"callback", "redirect-uris"},
	{"callback-url", "redirect-uris"},
	{"token-expiry", "token-lifetime"},
	{"lifetime", "token-lifetime"},
	{"sendas", "send-as"},
	{"device", "device-code"},
	{"device-flow", "device-code"},
	{"admin-consent", "consent"},
	{"client-credentials", "app-only"},
};

static const char *name_of(const char *word)
{
	for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++) {
		if (strcmp(synonyms[i].word, word) == 0)
			return synonyms[i].name;
	}
	return word;
}

/* A name never leads out of its directory. */
static bool is_plain(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) &&
		    name[i] != '-')
			return false;
	}
	return len > 0 && len < TOPIC_MAX;
}

/* Gives. index < DIRS. */
static char *directory(const char *config_path, size_t index)
{
	const char *slash = strrchr(config_path, '/');

	if (index > 0)
		return xstrdup(INSTALLED);
	return xasprintf("%.*s/topics", slash != NULL ? (int)(slash - config_path) : 1,
			 slash != NULL ? config_path : ".");
}

/* NULL: there is none. */
static FILE *topic_open(const char *config_path, const char *name)
{
	FILE *file = NULL;

	for (size_t i = 0; file == NULL && i < DIRS; i++) {
		char *dir = directory(config_path, i);
		char *path = xasprintf("%s/%s" SUFFIX, dir, name);

		file = fopen(path, "re");
		free(path);
		free(dir);
	}
	return file;
}

static void copy(FILE *from, FILE *to)
{
	char chunk[4096];
	size_t len;

	while ((len = fread(chunk, 1, sizeof(chunk), from)) > 0)
		(void)fwrite(chunk, 1, len, to);
}

/* Gives "scopes-microsoft" for {"scope", "ms365"}; NULL: no such name can be. */
static char *join(char *const *words, size_t count)
{
	char *name = NULL;

	for (size_t i = 0; i < count; i++) {
		const char *word = name_of(words[i]);
		char *longer = name != NULL ? xasprintf("%s-%s", name, word) : xstrdup(word);

		free(name);
		name = longer;
	}
	if (name != NULL && !is_plain(name, strlen(name))) {
		free(name);
		name = NULL;
	}
	return name;
}

bool topics_print(FILE *out, const char *config_path, char *const *words, size_t count)
{
	char *name = count <= WORDS_MAX ? join(words, count) : NULL;
	FILE *file = name != NULL ? topic_open(config_path, name) : NULL;

	free(name);
	if (file == NULL)
		return false;
	copy(file, out);
	(void)fclose(file);
	return true;
}

/* All of them ---------------------------------------------------------------------------------- */

static int is_topic(const struct dirent *entry)
{
	const char *suffix = strrchr(entry->d_name, '.');

	return suffix != NULL && strcmp(suffix, SUFFIX) == 0 &&
	       is_plain(entry->d_name, (size_t)(suffix - entry->d_name));
}

static void print_title(FILE *out, const char *path, const char *file_name)
{
	FILE *file = fopen(path, "re");
	char line[256] = "";

	if (file == NULL)
		return;
	if (fgets(line, sizeof(line), file) == NULL)
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	(void)fprintf(out, "%-18.*s %s\n", (int)(strlen(file_name) - strlen(SUFFIX)), file_name,
		      line);
	(void)fclose(file);
}

static bool list_directory(FILE *out, const char *dir)
{
	struct dirent **entries;
	int count = scandir(dir, &entries, is_topic, alphasort);

	for (int i = 0; i < count; i++) {
		char *path = xasprintf("%s/%s", dir, entries[i]->d_name);

		print_title(out, path, entries[i]->d_name);
		free(path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return count > 0;
}

enum outcome topics_list(FILE *out, const char *config_path, struct err *err)
{
	bool any = false;

	for (size_t i = 0; i < DIRS && !any; i++) {
		char *dir = directory(config_path, i);

		any = list_directory(out, dir);
		free(dir);
	}
	if (!any)
		return err_set(err, OUTCOME_CONFIG,
			       "there are no topics beside %s or in %s: install mailoauth's again",
			       config_path, INSTALLED);
	return OUTCOME_OK;
}
