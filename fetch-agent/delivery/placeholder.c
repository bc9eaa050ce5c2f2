/* SPDX-License-Identifier: MIT */
/* placeholder.c - see placeholder.h. */
#include "fetch-agent/delivery/placeholder.h"

#include <string.h>

#include "common/banned.h"

static const struct placeholder *lookup(const struct placeholder *known, struct span name)
{
	while (known->name != NULL && !span_equals(name, known->name))
		known++;
	return known->name != NULL ? known : NULL;
}

bool placeholder_expand(const char *text, const struct placeholder *known, struct buffer *out)
{
	const char *open, *close;

	while ((open = strstr(text, "%{")) != NULL) {
		const struct placeholder *found = NULL;

		close = strchr(open, '}');
		if (close != NULL)
			found = lookup(known, (struct span){open + 2, (size_t)(close - open) - 2});
		if (found == NULL)
			return false;
		(void)buffer_append(out, text, (size_t)(open - text));
		(void)buffer_append_str(out, found->value);
		text = close + 1;
	}
	return buffer_append_str(out, text);
}
