/* SPDX-License-Identifier: MIT */
/* xalloc.c - see xalloc.h. */
#include "common/xalloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

#include "common/banned.h"

static void *must(void *ptr)
{
	if (ptr == NULL)
		fatal("out of memory");
	return ptr;
}

void *xcalloc(size_t count, size_t size)
{
	return must(calloc(count, size));
}

void *xreallocarray(void *ptr, size_t count, size_t size)
{
	return must(reallocarray(ptr, count, size));
}

/*
 * Who grows an array by this alone needs no capacity beside its count: it is the next power of two.
 * Whoever else makes it longer, by one, has taken the room that this counts on.
 */
void *xgrow(void *array, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return array;
	return xreallocarray(array, count > 0 ? 2 * count : 1, size);
}

char *xstrdup(const char *str)
{
	return str != NULL ? must(strdup(str)) : NULL;
}

char *xspandup(struct span span)
{
	char *copy = must(malloc(span.len + 1));

	if (span.len > 0)
		memcpy(copy, span.ptr, span.len);
	copy[span.len] = '\0';
	return copy;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *str;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&str, fmt, ap);
	va_end(ap);
	if (n < 0)
		fatal("out of memory");
	return str;
}
