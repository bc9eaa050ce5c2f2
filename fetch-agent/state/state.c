/* SPDX-License-Identifier: MIT */
/* state.c - see state.h. */
#include "fetch-agent/state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "fetch-agent/state/state-statements.h"

#include "common/banned.h"

struct state {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_COUNT];
	char *path;
	int lock;
};

/* Lists ------------------------------------------------------------------------------------------
 */

void uid_list_add(struct uid_list *list, uint32_t uid)
{
	if (list->count == list->size) {
		list->size = list->size == 0 ? 64 : list->size * 2;
		list->uid = xreallocarray(list->uid, list->size, sizeof(*list->uid));
	}
	list->uid[list->count++] = uid;
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
	if (list->count > 1)
		qsort(list->uid, list->count, sizeof(*list->uid), compare);
}

bool uid_list_has(const struct uid_list *list, uint32_t uid)
{
	return list->count > 0 &&
	       bsearch(&uid, list->uid, list->count, sizeof(*list->uid), compare) != NULL;
}

/* Opening ----------------------------------------------------------------------------------------
 */

static enum outcome trouble(const struct state *state, struct err *err)
{
	int code = sqlite3_extended_errcode(state->db) & 0xff;
	bool ours = code == SQLITE_CANTOPEN || code == SQLITE_READONLY || code == SQLITE_NOTADB ||
		    code == SQLITE_CORRUPT || code == SQLITE_PERM || code == SQLITE_AUTH;

	return err_set(err, ours ? OUTCOME_CONFIG : OUTCOME_RETRY, "%s: %s", state->path,
		       sqlite3_errmsg(state->db));
}

static enum outcome take_lock(struct state *state, struct err *err)
{
	char *path = xasprintf("%s.lock", state->path);
	enum outcome what = OUTCOME_OK;

	state->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (state->lock < 0)
		what = err_set(err, OUTCOME_CONFIG, "%s: %s", path, strerror(errno));
	else if (flock(state->lock, LOCK_EX | LOCK_NB) != 0)
		what = err_set(err, OUTCOME_DENIED, "%s: another mailoauth-fetch is at work",
			       state->path);
	free(path);
	return what;
}

static enum outcome prepare(struct state *state, struct err *err)
{
	for (size_t i = 0; i < STATEMENT_COUNT; i++) {
		if (sqlite3_prepare_v3(state->db, state_statements[i], -1,
				       SQLITE_PREPARE_PERSISTENT, &state->statements[i],
				       NULL) != SQLITE_OK)
			return trouble(state, err);
	}
	return OUTCOME_OK;
}

enum outcome state_open(const char *path, bool read_only, struct state **out, struct err *err)
{
	static const int busy_ms = 5000;
	struct state *state = xcalloc(1, sizeof(*state));
	enum outcome what = OUTCOME_OK;
	int flags = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

	state->path = xstrdup(path);
	state->lock = -1;
	if (!read_only)
		what = take_lock(state, err);
	if (what == OUTCOME_OK && sqlite3_open_v2(path, &state->db, flags, NULL) != SQLITE_OK)
		what = trouble(state, err);
	if (what == OUTCOME_OK && sqlite3_busy_timeout(state->db, busy_ms) != SQLITE_OK)
		what = trouble(state, err);
	if (what == OUTCOME_OK && !read_only &&
	    sqlite3_exec(state->db, state_schema, NULL, NULL, NULL) != SQLITE_OK)
		what = trouble(state, err);
	if (what == OUTCOME_OK)
		what = prepare(state, err);
	if (what != OUTCOME_OK) {
		state_close(state);
		return what;
	}
	*out = state;
	return OUTCOME_OK;
}

void state_close(struct state *state)
{
	if (state == NULL)
		return;
	for (size_t i = 0; i < STATEMENT_COUNT; i++)
		(void)sqlite3_finalize(state->statements[i]);
	(void)sqlite3_close(state->db);
	if (state->lock >= 0)
		(void)close(state->lock);
	free(state->path);
	free(state);
}

/* Statements -------------------------------------------------------------------------------------
 */

static sqlite3_stmt *bound(struct state *state, enum statement which, int64_t first, int64_t second,
			   int64_t third)
{
	sqlite3_stmt *statement = state->statements[which];
	int64_t values[] = {first, second, third};

	(void)sqlite3_reset(statement);
	for (int i = 0; i < sqlite3_bind_parameter_count(statement) && i < 3; i++)
		(void)sqlite3_bind_int64(statement, i + 1, values[i]);
	return statement;
}

/* Runs a statement that returns no row. */
static bool run(sqlite3_stmt *statement)
{
	int rc = sqlite3_step(statement);

	return sqlite3_reset(statement) == SQLITE_OK && (rc == SQLITE_DONE || rc == SQLITE_ROW);
}

static bool run_with(struct state *state, enum statement which, int64_t first, int64_t second,
		     int64_t third)
{
	return run(bound(state, which, first, second, third));
}

static bool begin(struct state *state)
{
	return run_with(state, STATEMENT_BEGIN, 0, 0, 0);
}

/* Ends the transaction: by a commit if all went well so far. */
static enum outcome commit(struct state *state, bool good, struct err *err)
{
	enum outcome what = OUTCOME_OK;

	if (good && run_with(state, STATEMENT_COMMIT, 0, 0, 0))
		return OUTCOME_OK;
	what = trouble(state, err);
	if (sqlite3_get_autocommit(state->db) == 0)
		(void)run_with(state, STATEMENT_ROLLBACK, 0, 0, 0);
	return what;
}

/* Folders ----------------------------------------------------------------------------------------
 */

static sqlite3_stmt *named(struct state *state, enum statement which, const char *source,
			   const char *folder)
{
	sqlite3_stmt *statement = state->statements[which];

	(void)sqlite3_reset(statement);
	(void)sqlite3_bind_text(statement, 1, source, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 2, folder, -1, SQLITE_STATIC);
	return statement;
}

enum outcome state_folder_get(struct state *state, const char *source, const char *folder,
			      struct state_folder *out, struct err *err)
{
	sqlite3_stmt *select;

	if (!run(named(state, STATEMENT_FOLDER_MAKE, source, folder)))
		return trouble(state, err);
	select = named(state, STATEMENT_FOLDER_GET, source, folder);
	if (sqlite3_step(select) != SQLITE_ROW)
		return trouble(state, err);
	*out = (struct state_folder){
		.id = sqlite3_column_int64(select, 0),
		.uidvalidity = (uint32_t)sqlite3_column_int64(select, 1),
		.last_uid = (uint32_t)sqlite3_column_int64(select, 2),
	};
	(void)sqlite3_reset(select);
	return OUTCOME_OK;
}

enum outcome state_folder_reset(struct state *state, struct state_folder *folder,
				uint32_t uidvalidity, struct err *err)
{
	bool good = begin(state) && run_with(state, STATEMENT_FORGET, folder->id, 0, 0) &&
		    run_with(state, STATEMENT_FOLDER_RESET, folder->id, uidvalidity, 0);
	enum outcome what = commit(state, good, err);

	if (what == OUTCOME_OK) {
		folder->uidvalidity = uidvalidity;
		folder->last_uid = 0;
	}
	return what;
}

enum outcome state_messages(struct state *state, const struct state_folder *folder,
			    enum state_message what, struct uid_list *out, struct err *err)
{
	sqlite3_stmt *select = bound(state, STATEMENT_MESSAGES, folder->id, what, 0);
	int rc;

	while ((rc = sqlite3_step(select)) == SQLITE_ROW)
		uid_list_add(out, (uint32_t)sqlite3_column_int64(select, 0));
	(void)sqlite3_reset(select);
	return rc == SQLITE_DONE ? OUTCOME_OK : trouble(state, err);
}

static bool set_all(struct state *state, const struct state_folder *folder,
		    const struct uid_list *uids, enum state_message what)
{
	for (size_t i = 0; uids != NULL && i < uids->count; i++) {
		if (!run_with(state, STATEMENT_MESSAGE_SET, folder->id, uids->uid[i], what))
			return false;
	}
	return true;
}

enum outcome state_advance(struct state *state, struct state_folder *folder,
			   const struct state_step *step, struct err *err)
{
	uint32_t last = step->last_uid > folder->last_uid ? step->last_uid : folder->last_uid;
	bool good = begin(state) &&
		    run_with(state, STATEMENT_PUBLISHED, folder->id, step->published, 0) &&
		    set_all(state, folder, step->told, STATE_DECIDED) &&
		    set_all(state, folder, step->publishing, STATE_PUBLISHING) &&
		    run_with(state, STATEMENT_FOLDER_LAST, folder->id, last, 0) &&
		    run_with(state, STATEMENT_SETTLE, folder->id, last, 0);
	enum outcome what = commit(state, good, err);

	if (what == OUTCOME_OK)
		folder->last_uid = last;
	return what;
}

/* Runs -------------------------------------------------------------------------------------------
 */

enum outcome state_run_set(struct state *state, const char *source, const struct state_run *run_now,
			   struct err *err)
{
	sqlite3_stmt *statement = named(state, STATEMENT_RUN_SET, source, run_now->outcome);

	(void)sqlite3_bind_text(statement, 3, run_now->text, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(statement, 4, run_now->began_s);
	(void)sqlite3_bind_int64(statement, 5, run_now->ended_s);
	(void)sqlite3_bind_int64(statement, 6, run_now->last_message_s);
	(void)sqlite3_bind_int64(statement, 7, run_now->messages);
	(void)sqlite3_bind_int64(statement, 8, run_now->bytes);
	(void)sqlite3_bind_int64(statement, 9, run_now->left);
	return run(statement) ? OUTCOME_OK : trouble(state, err);
}

bool state_run_get(struct state *state, const char *source, state_run_fn *found, void *context)
{
	sqlite3_stmt *select = state->statements[STATEMENT_RUN_GET];
	bool there;

	(void)sqlite3_reset(select);
	(void)sqlite3_bind_text(select, 1, source, -1, SQLITE_STATIC);
	there = sqlite3_step(select) == SQLITE_ROW;
	if (there) {
		struct state_run run_then = {
			.outcome = (const char *)sqlite3_column_text(select, 0),
			.text = (const char *)sqlite3_column_text(select, 1),
			.began_s = sqlite3_column_int64(select, 2),
			.ended_s = sqlite3_column_int64(select, 3),
			.last_message_s = sqlite3_column_int64(select, 4),
			.messages = sqlite3_column_int64(select, 5),
			.bytes = sqlite3_column_int64(select, 6),
			.left = sqlite3_column_int64(select, 7),
		};

		found(context, &run_then);
	}
	(void)sqlite3_reset(select);
	return there;
}
