/* SPDX-License-Identifier: MIT */
/* words.c - see words.h. */
#include "common/words.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#include "common/banned.h"

void words_release(struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->word[i]);
	free(words->word);
	*words = (struct words){0};
}

void words_take(struct words *words, char *word)
{
	words->word = xreallocarray(words->word, words->count + 1, sizeof(words->word[0]));
	words->word[words->count++] = word;
}

void words_push(struct words *words, struct span word)
{
	words_take(words, xspandup(word));
}

void words_split(const char *text, struct words *words)
{
	static const char between[] = " \t,";

	while (*(text += strspn(text, between)) != '\0') {
		size_t len = strcspn(text, between);

		words_push(words, (struct span){text, len});
		text += len;
	}
}

bool words_equal(const struct words *a, const struct words *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->word[i], b->word[i]) != 0)
			return false;
	}
	return true;
}

bool words_contain(const struct words *words, const char *word)
{
	for (size_t i = 0; i < words->count; i++) {
		if (strcmp(words->word[i], word) == 0)
			return true;
	}
	return false;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void words_sort(struct words *words)
{
	if (words->count > 0)
		qsort(words->word, words->count, sizeof(words->word[0]), compare);
}

void words_copy(struct words *to, const struct words *from)
{
	words_release(to);
	for (size_t i = 0; i < from->count; i++)
		words_push(to, span_from_str(from->word[i]));
}
