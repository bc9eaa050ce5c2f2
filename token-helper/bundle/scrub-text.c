/* SPDX-License-Identifier: MIT */
/* scrub-text.c - see scrub-text.h: what all of them look at text with. */
#include "token-helper/bundle/scrub-text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/banned.h"

bool scrub_is_host_char(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '.';
}

size_t scrub_run(struct span text, size_t at, bool (*is)(char c))
{
	size_t len = 0;

	while (at + len < text.len && is(text.ptr[at + len]))
		len++;
	return len;
}

bool scrub_starts(struct span text, size_t at, const char *word)
{
	size_t len = strlen(word);

	return text.len - at >= len && strncasecmp(text.ptr + at, word, len) == 0;
}
