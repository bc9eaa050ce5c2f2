/* SPDX-License-Identifier: MIT */
/*
 * state-private.h - what the files of state.h share: state.c opens and advances, state-aside.c and
 * state-identity.c each look after their table.
 */
#ifndef FETCH_AGENT_STATE_STATE_PRIVATE_H
#define FETCH_AGENT_STATE_STATE_PRIVATE_H

#include <sqlite3.h>

#include "fetch-agent/state/state-statements.h"
#include "fetch-agent/state/state.h"

struct state {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_COUNT];
	char *path;
	int lock;
};

/* The database's last error: OUTCOME_CONFIG or OUTCOME_RETRY. */
enum outcome state_trouble(const struct state *state, struct err *err);

/* The statement, reset, with its first parameters bound. */
sqlite3_stmt *state_bound(struct state *state, enum statement which, int64_t first, int64_t second,
			  int64_t third);
sqlite3_stmt *state_named(struct state *state, enum statement which, const char *source,
			  const char *folder);
/* Runs a statement whose rows, if any, do not matter. */
bool state_do(sqlite3_stmt *statement);
bool state_do_with(struct state *state, enum statement which, int64_t first, int64_t second,
		   int64_t third);

/* A transaction: state_commit() ends it, by a commit if all went well so far. */
bool state_begin(struct state *state);
enum outcome state_commit(struct state *state, bool good, struct err *err);

/* Parts of state_advance()'s transaction. */
bool state_aside_put(struct state *state, const struct state_folder *folder,
		     const struct state_aside_list *list);
bool state_identities_put(struct state *state, const struct state_folder *folder,
			  const struct state_identity *identities, size_t count);

#endif
