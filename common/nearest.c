/* SPDX-License-Identifier: MIT */
/* nearest.c - see nearest.h. */
#include "common/nearest.h"

#include <string.h>

#include "common/banned.h"

#define NAME_MAX_LEN 96 /* longer ones are compared with nothing */
#define SHORT_LEN    5

static unsigned char least(int a, int b)
{
	return (unsigned char)(a < b ? a : b);
}

/* How many letters have to be changed, put in, taken out or changed about with the next. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned char d[NAME_MAX_LEN + 1][NAME_MAX_LEN + 1];

	for (size_t i = 0; i <= a_len; i++)
		d[i][0] = (unsigned char)i;
	for (size_t j = 0; j <= b_len; j++)
		d[0][j] = (unsigned char)j;
	for (size_t i = 1; i <= a_len; i++) {
		for (size_t j = 1; j <= b_len; j++) {
			d[i][j] = least(d[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
					least(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[a_len][b_len];
}

const char *nearest_word(const struct words *words, const char *name)
{
	size_t len = strlen(name), best = len < SHORT_LEN ? 2 : 3;
	const char *nearest = NULL;

	for (size_t i = 0; i < words->count && len <= NAME_MAX_LEN; i++) {
		size_t other = strlen(words->word[i]), apart;

		if (other > NAME_MAX_LEN)
			continue;
		apart = distance(name, len, words->word[i], other);
		if (apart >= best)
			continue;
		best = apart;
		nearest = words->word[i];
	}
	return nearest;
}
