/* SPDX-License-Identifier: MIT */
/*
 * words.h - a list of words: what a key of the configuration takes, an argument vector, names.
 * Zeroed is empty.
 */
#ifndef COMMON_WORDS_H
#define COMMON_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buffer.h"

struct words {
	char **word;
	size_t count;
};

void words_release(struct words *words); /* it is empty then */
bool words_equal(const struct words *a, const struct words *b);
bool words_contain(const struct words *words, const char *word);
void words_push(struct words *words, struct span word);	     /* copied, whatever is in it */
void words_take(struct words *words, char *word);	     /* the same, of an allocated one */
void words_split(const char *text, struct words *words);     /* at spaces, tabs and commas */
void words_sort(struct words *words);			     /* by their bytes */
void words_copy(struct words *to, const struct words *from); /* `to` is released first */

#endif
