/* SPDX-License-Identifier: MIT */
/* cli-paste.c - see cli-paste.h. */
#include "token-helper/cli-paste.h"

#include <string.h>

#include "common/banned.h"

static bool is_wrapping(char c)
{
	return strchr(" \t\r\n\"'<>", c) != NULL;
}

static struct span trim(struct span line)
{
	while (line.len > 0 && is_wrapping(line.ptr[0])) {
		line.ptr++;
		line.len--;
	}
	while (line.len > 0 && is_wrapping(line.ptr[line.len - 1]))
		line.len--;
	return line;
}

/* '?', '#' and '&' all end a parameter: the line may be a URL with a query, with a fragment, or a
 * bare query. */
static size_t parameter_length(struct span rest)
{
	size_t len = 0;

	while (len < rest.len && memchr("?#&", rest.ptr[len], 3) == NULL)
		len++;
	return len;
}

bool query_has(struct span query, const char *name)
{
	size_t name_len = strlen(name);

	while (query.len > 0) {
		size_t len = parameter_length(query);

		if (len > name_len && memcmp(query.ptr, name, name_len) == 0 &&
		    query.ptr[name_len] == '=')
			return true;
		len += len < query.len;
		query.ptr += len;
		query.len -= len;
	}
	return false;
}

enum paste paste_parse(struct span line, struct span *redirect_out)
{
	line = trim(line);
	if (line.len == 0)
		return PASTE_EMPTY;
	if (query_has(line, "code") || query_has(line, "error")) {
		*redirect_out = line;
		return PASTE_REDIRECT;
	}
	return query_has(line, "code_challenge") ? PASTE_SIGN_IN_URL : PASTE_OTHER;
}
