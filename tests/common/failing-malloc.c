/* SPDX-License-Identifier: MIT */
/* failing-malloc.c - see failing-malloc.h. */
#include "tests/common/failing-malloc.h"

#include <stdbool.h>

#include "common/banned.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
char *__wrap_strdup(const char *text);

static size_t seen;
static size_t victim;

void failing_malloc_arm(size_t n)
{
	seen = 0;
	victim = n;
}

size_t failing_malloc_count(void)
{
	return seen;
}

static bool fails_now(void)
{
	return ++seen == victim;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

char *__wrap_strdup(const char *text)
{
	return fails_now() ? NULL : __real_strdup(text);
}
