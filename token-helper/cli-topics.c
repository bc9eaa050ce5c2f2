/* SPDX-License-Identifier: MIT */
/* cli-topics.c - see cli-topics.h. */
#include "token-helper/cli-topics.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "token-helper/cli-shelf.h"

#include "common/banned.h"

#define WORDS_MAX 3

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

/* Gives "scopes-microsoft" for {"scope", "ms365"}. */
static char *join(char *const *words, size_t count)
{
	char *name = xstrdup("");

	for (size_t i = 0; i < count; i++) {
		char *longer = xasprintf("%s%s%s", name, i > 0 ? "-" : "", name_of(words[i]));

		free(name);
		name = longer;
	}
	return name;
}

bool topics_print(FILE *out, const char *config_path, char *const *words, size_t count)
{
	const struct shelf shelf = shelf_topics(config_path);
	struct buffer text = BUFFER_INIT(SHELF_TEXT_MAX);
	char *name = join(words, count);
	struct err err;
	bool found = count <= WORDS_MAX && shelf_read(&shelf, name, &text, &err) == OUTCOME_OK;

	if (found)
		(void)fwrite(buffer_cstr(&text), 1, text.len, out);
	buffer_release(&text);
	free(name);
	return found;
}

enum outcome topics_list(FILE *out, const char *config_path, struct err *err)
{
	const struct shelf shelf = shelf_topics(config_path);
	struct buffer text = BUFFER_INIT(SHELF_TEXT_MAX);
	struct words names = {0};
	enum outcome what = OUTCOME_OK;

	shelf_list(&shelf, &names);
	for (size_t i = 0; i < names.count && what == OUTCOME_OK; i++) {
		buffer_clear(&text);
		what = shelf_read(&shelf, names.word[i], &text, err);
		if (what == OUTCOME_OK)
			(void)fprintf(out, "%-18s %.*s\n", names.word[i],
				      (int)strcspn(buffer_cstr(&text), "\n"), buffer_cstr(&text));
	}
	if (names.count == 0)
		what = shelf_is_empty(&shelf, err);
	words_release(&names);
	buffer_release(&text);
	return what;
}
