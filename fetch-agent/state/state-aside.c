/* SPDX-License-Identifier: MIT */
/* state-aside.c - see state.h: messages that are set aside. */
#include <stdlib.h>

#include "common/xalloc.h"
#include "fetch-agent/state/state-private.h"

#include "common/banned.h"

void state_aside_add(struct state_aside_list *list, const struct state_aside *entry)
{
	list->entry = xreallocarray(list->entry, list->count + 1, sizeof(*list->entry));
	list->entry[list->count] = *entry;
	list->entry[list->count].text = xstrdup(entry->text != NULL ? entry->text : "");
	list->count++;
}

void state_aside_remove(struct state_aside_list *list, uint32_t uid)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (list->entry[i].uid == uid)
			free((char *)(uintptr_t)list->entry[i].text);
		else
			list->entry[kept++] = list->entry[i];
	}
	list->count = kept;
}

void state_aside_release(struct state_aside_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free((char *)(uintptr_t)list->entry[i].text);
	free(list->entry);
	*list = (struct state_aside_list){0};
}

static int compare(const void *a, const void *b)
{
	uint32_t x = ((const struct state_aside *)a)->uid, y = ((const struct state_aside *)b)->uid;

	return (x > y) - (x < y);
}

const struct state_aside *state_aside_find(const struct state_aside_list *list, uint32_t uid)
{
	struct state_aside key = {.uid = uid};

	return list->count == 0 ? NULL
				: bsearch(&key, list->entry, list->count, sizeof(key), compare);
}

bool state_aside_put(struct state *state, const struct state_folder *folder,
		     const struct state_aside_list *list)
{
	for (size_t i = 0; list != NULL && i < list->count; i++) {
		const struct state_aside *entry = &list->entry[i];
		sqlite3_stmt *put = state_bound(state, STATEMENT_ASIDE_PUT, folder->id, entry->uid,
						entry->kind);

		(void)sqlite3_bind_int64(put, 4, entry->tries);
		(void)sqlite3_bind_int64(put, 5, entry->first_s);
		(void)sqlite3_bind_int64(put, 6, entry->next_s);
		(void)sqlite3_bind_int64(put, 7, entry->size_bytes);
		(void)sqlite3_bind_text(put, 8, entry->text, -1, SQLITE_STATIC);
		if (!state_do(put) ||
		    !state_do_with(state, STATEMENT_MESSAGE_DELETE, folder->id, entry->uid, 0))
			return false;
	}
	return true;
}

/* Columns from the first: uid, kind, tries, first, next, size, text. Text borrows. */
static struct state_aside entry_of(sqlite3_stmt *row)
{
	return (struct state_aside){
		.uid = (uint32_t)sqlite3_column_int64(row, 0),
		.kind = (enum state_aside_kind)sqlite3_column_int64(row, 1),
		.tries = sqlite3_column_int64(row, 2),
		.first_s = sqlite3_column_int64(row, 3),
		.next_s = sqlite3_column_int64(row, 4),
		.size_bytes = sqlite3_column_int64(row, 5),
		.text = (const char *)sqlite3_column_text(row, 6),
	};
}

enum outcome state_aside_all(struct state *state, const struct state_folder *folder,
			     struct state_aside_list *out, struct err *err)
{
	sqlite3_stmt *select = state_bound(state, STATEMENT_ASIDE_ALL, folder->id, 0, 0);
	int rc;

	while ((rc = sqlite3_step(select)) == SQLITE_ROW) {
		struct state_aside entry = entry_of(select);

		state_aside_add(out, &entry);
	}
	(void)sqlite3_reset(select);
	return rc == SQLITE_DONE ? OUTCOME_OK : state_trouble(state, err);
}

enum outcome state_aside_each(struct state *state, const char *source, state_aside_fn *found,
			      void *context, struct err *err)
{
	sqlite3_stmt *select = state_named(state, STATEMENT_ASIDE_OF_SOURCE, source, NULL);
	int rc;

	while ((rc = sqlite3_step(select)) == SQLITE_ROW) {
		struct state_aside entry = entry_of(select);

		found(context, (const char *)sqlite3_column_text(select, 7), &entry);
	}
	(void)sqlite3_reset(select);
	return rc == SQLITE_DONE ? OUTCOME_OK : state_trouble(state, err);
}

enum outcome state_aside_retry(struct state *state, const char *source, uint32_t uid,
			       int64_t *count_out, struct err *err)
{
	sqlite3_stmt *update = state_named(state, STATEMENT_ASIDE_RETRY, source, NULL);

	(void)sqlite3_bind_int64(update, 2, uid);
	if (!state_do(update))
		return state_trouble(state, err);
	*count_out = sqlite3_changes(state->db);
	return OUTCOME_OK;
}
