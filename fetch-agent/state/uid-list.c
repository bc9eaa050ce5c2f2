/* SPDX-License-Identifier: MIT */
/* uid-list.c - see uid-list.h. */
#include "fetch-agent/state/uid-list.h"

#include <stdlib.h>

#include "common/xalloc.h"

#include "common/banned.h"

void uid_list_add(struct uid_list *list, uint32_t uid)
{
	if (list->count == list->size) {
		list->size = list->size == 0 ? 64 : list->size * 2;
		list->uid = xreallocarray(list->uid, list->size, sizeof(*list->uid));
	}
	list->uid[list->count++] = uid;
}

void uid_list_add_all(struct uid_list *list, const struct uid_list *other)
{
	for (size_t i = 0; i < other->count; i++)
		uid_list_add(list, other->uid[i]);
}

void uid_list_clear(struct uid_list *list)
{
	list->count = 0;
}

void uid_list_release(struct uid_list *list)
{
	free(list->uid);
	*list = (struct uid_list){0};
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void uid_list_sort(struct uid_list *list)
{
	size_t kept = 0;

	if (list->count > 1)
		qsort(list->uid, list->count, sizeof(*list->uid), compare);
	for (size_t i = 0; i < list->count; i++) {
		if (kept == 0 || list->uid[kept - 1] != list->uid[i])
			list->uid[kept++] = list->uid[i];
	}
	list->count = kept;
}

bool uid_list_has(const struct uid_list *list, uint32_t uid)
{
	return list->count > 0 &&
	       bsearch(&uid, list->uid, list->count, sizeof(*list->uid), compare) != NULL;
}
