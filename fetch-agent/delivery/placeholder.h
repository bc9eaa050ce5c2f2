/* SPDX-License-Identifier: MIT */
/* placeholder.h - %{NAME} in configured text. Anything else, a lone '%' too, stands for itself. */
#ifndef FETCH_AGENT_DELIVERY_PLACEHOLDER_H
#define FETCH_AGENT_DELIVERY_PLACEHOLDER_H

#include <stdbool.h>

#include "common/buffer.h"

struct placeholder {
	const char *name;
	const char *value;
};

/* Appends text to out with the values of known (ended by a NULL name) in it. False: a placeholder
 * that is none of them, or out is full. Values are not looked through. */
bool placeholder_expand(const char *text, const struct placeholder *known, struct buffer *out);

#endif
