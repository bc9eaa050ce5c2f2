/* SPDX-License-Identifier: MIT */
/* mda-arguments.c - see mda-arguments.h. */
#include "fetch-agent/delivery/mda-arguments.h"

#include <string.h>

#include "fetch-agent/delivery/placeholder.h"

#include "common/banned.h"

#define ARGS_MAX 64

/* One word: parts in '' stand for themselves, in "" and outside a backslash
 * does so for the byte behind it. False: a quote is not closed. */
static bool read_word(const char **text, struct buffer *word)
{
	char quote = '\0';

	for (; **text != '\0' && (quote != '\0' || strchr(" \t", **text) == NULL); (*text)++) {
		if (quote == '\0' && (**text == '"' || **text == '\''))
			quote = **text;
		else if (**text == quote)
			quote = '\0';
		else if (**text == '\\' && quote != '\'' && (*text)[1] != '\0')
			(void)buffer_append_byte(word, *++*text);
		else
			(void)buffer_append_byte(word, **text);
	}
	return quote == '\0';
}

bool mda_arguments_split(const char *text, struct words *args)
{
	struct buffer word = BUFFER_INIT(4096);
	bool good = true;

	while (good && *(text += strspn(text, " \t")) != '\0') {
		buffer_clear(&word);
		good = read_word(&text, &word) && args->count < ARGS_MAX;
		if (good)
			words_push(args, span_from_str(buffer_cstr(&word)));
	}
	buffer_release(&word);
	return good;
}

bool mda_arguments_good(const struct words *args)
{
	static const struct placeholder known[] = {
		{"sender", ""}, {"recipient", ""}, {"folder", ""}, {"account", ""}, {NULL, NULL}};
	struct buffer text = BUFFER_INIT(4096);
	bool good = true;

	for (size_t i = 0; i < args->count && good; i++) {
		buffer_clear(&text);
		good = placeholder_expand(args->word[i], known, &text);
	}
	buffer_release(&text);
	return good;
}
