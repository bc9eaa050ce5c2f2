/* SPDX-License-Identifier: MIT */
/*
 * state-identity.c - see state.h: what tells a message under another UIDVALIDITY.
 *
 * Identities of present messages are found by UID only, former ones by identity only: two tables,
 * and only the second, which is empty most of the time, has indexes to look it up by.
 */
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

enum outcome state_former_has(struct state *state, const struct state_folder *folder,
			      const struct state_identity *identity, bool *known_out,
			      struct err *err)
{
	sqlite3_stmt *select = state_bound(state, STATEMENT_FORMER_HAS, folder->id, 0, 0);

	bind_identity(select, 2, identity);
	return has_row(state, select, known_out, err);
}
