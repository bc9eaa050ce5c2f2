/* SPDX-License-Identifier: MIT */
/*
 * state-identity.c - see state.h: what tells a message under another UIDVALIDITY.
 *
 * Identities of present messages are found by UID only, former ones by identity only: two tables,
 * and only the second, which is empty most of the time, has indexes to look it up by.
 */
#include <stdlib.h>

#include "common/xalloc.h"
#include "fetch-agent/state/state-private.h"

#include "common/banned.h"

static bool is_known(const unsigned char *bytes)
{
	unsigned any = 0;

	for (size_t i = 0; i < STATE_IDENTITY_BYTES; i++)
		any |= bytes[i];
	return any != 0;
}

static void bind_identity(sqlite3_stmt *statement, int at, const struct state_identity *identity)
{
	(void)sqlite3_bind_blob(statement, at, identity->header, STATE_IDENTITY_BYTES,
				SQLITE_STATIC);
	if (is_known(identity->trace))
		(void)sqlite3_bind_blob(statement, at + 1, identity->trace, STATE_IDENTITY_BYTES,
					SQLITE_STATIC);
	else
		(void)sqlite3_bind_null(statement, at + 1);
}

bool state_identities_put(struct state *state, const struct state_folder *folder,
			  const struct state_identity *identities, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		sqlite3_stmt *put = state_bound(state, STATEMENT_IDENTITY_PUT, folder->id,
						identities[i].uid, 0);

		bind_identity(put, 3, &identities[i]);
		if (!state_do(put))
			return false;
	}
	return true;
}

/* Whether statement has a row. */
static enum outcome has_row(struct state *state, sqlite3_stmt *statement, bool *has_out,
			    struct err *err)
{
	int rc = sqlite3_step(statement);

	(void)sqlite3_reset(statement);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return state_trouble(state, err);
	*has_out = rc == SQLITE_ROW;
	return OUTCOME_OK;
}

enum outcome state_former_any(struct state *state, const struct state_folder *folder, bool *any_out,
			      struct err *err)
{
	return has_row(state, state_bound(state, STATEMENT_FORMER_ANY, folder->id, 0, 0), any_out,
		       err);
}

/* Uses up one former message that bytes tell of: by its header, or by its trace. */
static bool use_former(struct state *state, const struct state_folder *folder, enum statement by,
		       const unsigned char *bytes, bool *used_out)
{
	sqlite3_stmt *use = state_bound(state, by, folder->id, 0, 0);

	*used_out = false;
	if (!is_known(bytes))
		return true;
	(void)sqlite3_bind_blob(use, 2, bytes, STATE_IDENTITY_BYTES, SQLITE_STATIC);
	if (!state_do(use))
		return false;
	*used_out = sqlite3_changes(state->db) > 0;
	return true;
}

static bool recognised(struct state *state, const struct state_folder *folder,
		       const struct state_identity *identity, struct uid_list *known)
{
	uid_list_add(known, identity->uid);
	return state_do_with(state, STATEMENT_MESSAGE_SET, folder->id, identity->uid,
			     STATE_DECIDED) &&
	       state_identities_put(state, folder, identity, 1);
}

/* What equals a former message in every byte of its header comes first: what is only like it must
 * not use it up. */
enum outcome state_recognise(struct state *state, const struct state_folder *folder,
			     const struct state_identity *identities, size_t count,
			     struct uid_list *known, struct err *err)
{
	bool *used = xcalloc(count + 1, sizeof(*used));
	bool good = state_begin(state);
	enum outcome what;

	for (size_t i = 0; i < 2 * count && good; i++) {
		const struct state_identity *identity = &identities[i % count];
		bool *is_used = &used[i % count];

		if (*is_used)
			continue;
		good = i < count ? use_former(state, folder, STATEMENT_FORMER_USE_HEADER,
					      identity->header, is_used)
				 : use_former(state, folder, STATEMENT_FORMER_USE_TRACE,
					      identity->trace, is_used);
		if (good && *is_used)
			good = recognised(state, folder, identity, known);
	}
	what = state_commit(state, good, err);
	free(used);
	return what;
}
