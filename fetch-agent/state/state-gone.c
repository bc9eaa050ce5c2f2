/* SPDX-License-Identifier: MIT */
/* state-gone.c - see state.h: identities of messages that the server has no more. */
#include <stdlib.h>

#include "common/xalloc.h"
#include "fetch-agent/state/state-private.h"

#include "common/banned.h"

static int64_t long_ago_s(int64_t now_s)
{
	return now_s - (int64_t)STATE_GONE_DAYS * 86400;
}

enum outcome state_census(struct state *state, const struct state_folder *folder, int64_t now_s,
			  struct state_census *out, struct err *err)
{
	sqlite3_stmt *census = state_bound(state, STATEMENT_CENSUS, folder->id, 0, 0);
	sqlite3_stmt *overdue;
	int rc = sqlite3_step(census);

	out->present = rc == SQLITE_ROW ? sqlite3_column_int64(census, 0) : 0;
	(void)sqlite3_reset(census);
	if (rc != SQLITE_ROW)
		return state_trouble(state, err);
	overdue = state_bound(state, STATEMENT_GONE_OVERDUE, folder->id, long_ago_s(now_s), 0);
	rc = sqlite3_step(overdue);
	out->overdue = rc == SQLITE_ROW;
	(void)sqlite3_reset(overdue);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? OUTCOME_OK : state_trouble(state, err);
}

/* The index of the first UID that is not below uid. */
static size_t find(const struct uid_list *uids, uint32_t uid)
{
	size_t low = 0, high = uids->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (uids->uid[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void state_sweep_mark(struct state_sweep *sweep, uint32_t first_uid, uint32_t last_uid)
{
	for (size_t i = find(&sweep->uids, first_uid);
	     i < sweep->uids.count && sweep->uids.uid[i] <= last_uid; i++)
		sweep->here[i] = true;
}

void state_sweep_release(struct state_sweep *sweep)
{
	uid_list_release(&sweep->uids);
	free(sweep->here);
	*sweep = (struct state_sweep){0};
}

static bool note(struct state *state, const struct state_folder *folder,
		 const struct state_sweep *sweep, int64_t now_s)
{
	bool good = true;

	for (size_t i = 0; good && i < sweep->uids.count; i++)
		good = sweep->here[i] ? state_do_with(state, STATEMENT_GONE_DELETE, folder->id,
						      sweep->uids.uid[i], 0)
				      : state_do_with(state, STATEMENT_GONE_PUT, folder->id,
						      sweep->uids.uid[i], now_s);
	return good;
}

static bool load(struct state *state, const struct state_folder *folder, struct state_sweep *sweep)
{
	uint32_t after = sweep->uids.count > 0 ? sweep->uids.uid[sweep->uids.count - 1] : 0;
	sqlite3_stmt *select =
		state_bound(state, STATEMENT_SWEEP, folder->id, after, STATE_SWEEP_MAX);
	int rc;

	uid_list_clear(&sweep->uids);
	while ((rc = sqlite3_step(select)) == SQLITE_ROW)
		uid_list_add(&sweep->uids, (uint32_t)sqlite3_column_int64(select, 0));
	(void)sqlite3_reset(select);
	free(sweep->here);
	sweep->here = xcalloc(sweep->uids.count + 1, sizeof(*sweep->here));
	return rc == SQLITE_DONE;
}

static bool forget(struct state *state, const struct state_folder *folder, int64_t now_s)
{
	return state_do_with(state, STATEMENT_GONE_PRUNE, folder->id, long_ago_s(now_s), 0) &&
	       state_do_with(state, STATEMENT_GONE_PRUNED, folder->id, long_ago_s(now_s), 0);
}

enum outcome state_sweep_next(struct state *state, const struct state_folder *folder,
			      struct state_sweep *sweep, int64_t now_s, struct err *err)
{
	bool good = state_begin(state) && note(state, folder, sweep, now_s) &&
		    load(state, folder, sweep) &&
		    (sweep->uids.count > 0 || forget(state, folder, now_s));

	return state_commit(state, good, err);
}
