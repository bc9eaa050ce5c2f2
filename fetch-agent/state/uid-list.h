/* SPDX-License-Identifier: MIT */
/*
 * uid-list.h - a list of UIDs that grows. Zeroed is empty.
 */
#ifndef FETCH_AGENT_STATE_UID_LIST_H
#define FETCH_AGENT_STATE_UID_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uid_list {
	uint32_t *uid;
	size_t count, size;
};

void uid_list_add(struct uid_list *list, uint32_t uid);
void uid_list_add_all(struct uid_list *list, const struct uid_list *other);
void uid_list_clear(struct uid_list *list);
void uid_list_release(struct uid_list *list);
void uid_list_sort(struct uid_list *list);		      /* ascending, each once */
bool uid_list_has(const struct uid_list *list, uint32_t uid); /* the list is sorted */

#endif
