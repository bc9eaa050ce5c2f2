/* SPDX-License-Identifier: MIT */
/* state.c - see state.h. */
#include "fetch-agent/state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "fetch-agent/state/state-private.h"

#include "common/banned.h"

/* Opening ----------------------------------------------------------------------------------------
 */

enum outcome state_trouble(const struct state *state, struct err *err)
{
	int code = sqlite3_extended_errcode(state->db) & 0xff;
	bool ours = code == SQLITE_CANTOPEN || code == SQLITE_READONLY || code == SQLITE_NOTADB ||
		    code == SQLITE_CORRUPT || code == SQLITE_PERM || code == SQLITE_AUTH;

	return err_set(err, ours ? OUTCOME_CONFIG : OUTCOME_RETRY, "%s: %s", state->path,
		       sqlite3_errmsg(state->db));
}

/*
 * Makes a file that is missing. Root makes it for whom the directory belongs to: what an
 * administrator sets up is worked with by a daemon that is somebody else. One that is there is not
 * opened: to close it would end SQLite's locks (fcntl(2)).
 */
static void make_missing(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	const char *slash = strrchr(path, '/');
	char *directory;
	struct stat st;
	int given = 0;

	if (fd < 0)
		return;
	directory = slash != NULL ? xasprintf("%.*s/", (int)(slash - path), path) : xstrdup(".");
	if (geteuid() == 0 && stat(directory, &st) == 0)
		given = fchown(fd, st.st_uid, st.st_gid);
	(void)given; /* root may work with it all the same */
	(void)close(fd);
	free(directory);
}

void state_make(const char *path)
{
	char *lock = xasprintf("%s.lock", path);

	make_missing(lock, 0600);
	make_missing(path, 0644);
	free(lock);
}

static enum outcome take_lock(struct state *state, struct err *err)
{
	char *path = xasprintf("%s.lock", state->path);
	enum outcome what = OUTCOME_OK;

	state->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (state->lock < 0)
		what = err_set(err, OUTCOME_CONFIG, "%s: %s%s", path, strerror(errno),
			       errno == EACCES ? " (--state FILE names another, --user who works)"
					       : "");
	else if (flock(state->lock, LOCK_EX | LOCK_NB) != 0)
		what = err_set(err, OUTCOME_DENIED, "%s: another mailoauth-fetch is at work",
			       state->path);
	free(path);
	return what;
}

/* Who only looks, or mends, makes no table: a file of an older version may lack those that it does
 * not need. */
static bool is_needed(enum statement which, enum state_use use)
{
	return use == STATE_WORK || which == STATEMENT_ASIDE_OF_SOURCE ||
	       which == STATEMENT_ASIDE_RETRY || which == STATEMENT_RUN_GET;
}

static enum outcome prepare(struct state *state, enum state_use use, struct err *err)
{
	for (size_t i = 0; i < STATEMENT_COUNT; i++) {
		if (is_needed((enum statement)i, use) &&
		    sqlite3_prepare_v3(state->db, state_statements[i], -1,
				       SQLITE_PREPARE_PERSISTENT, &state->statements[i],
				       NULL) != SQLITE_OK)
			return state_trouble(state, err);
	}
	return OUTCOME_OK;
}

static enum outcome load(struct state *state, enum state_use use, struct err *err)
{
	static const int busy_ms = 5000;
	static const int flags[] = {
		[STATE_WORK] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
		[STATE_LOOK] = SQLITE_OPEN_READONLY,
		[STATE_MEND] = SQLITE_OPEN_READWRITE,
	};

	if (sqlite3_open_v2(state->path, &state->db, flags[use], NULL) != SQLITE_OK ||
	    sqlite3_busy_timeout(state->db, busy_ms) != SQLITE_OK)
		return state_trouble(state, err);
	if (use == STATE_WORK &&
	    sqlite3_exec(state->db, state_schema, NULL, NULL, NULL) != SQLITE_OK)
		return state_trouble(state, err);
	return prepare(state, use, err);
}

static struct state *state_new(const char *path)
{
	struct state *state = xcalloc(1, sizeof(*state));

	state->path = xstrdup(path);
	state->lock = -1;
	return state;
}

enum outcome state_claim(const char *path, struct state **out, struct err *err)
{
	struct state *state = state_new(path);
	enum outcome what;

	state_make(path);
	what = take_lock(state, err);
	if (what == OUTCOME_OK)
		*out = state;
	else
		state_close(state);
	return what;
}

enum outcome state_load(struct state *state, struct err *err)
{
	return load(state, STATE_WORK, err);
}

enum outcome state_open(const char *path, enum state_use use, struct state **out, struct err *err)
{
	struct state *state = NULL;
	enum outcome what = OUTCOME_OK;

	if (use == STATE_WORK)
		what = state_claim(path, &state, err);
	else
		state = state_new(path);
	if (what == OUTCOME_OK)
		what = load(state, use, err);
	if (what == OUTCOME_OK)
		*out = state;
	else
		state_close(state);
	return what;
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

sqlite3_stmt *state_bound(struct state *state, enum statement which, int64_t first, int64_t second,
			  int64_t third)
{
	sqlite3_stmt *statement = state->statements[which];
	int64_t values[] = {first, second, third};

	(void)sqlite3_reset(statement);
	for (int i = 0; i < sqlite3_bind_parameter_count(statement) && i < 3; i++)
		(void)sqlite3_bind_int64(statement, i + 1, values[i]);
	return statement;
}

bool state_do(sqlite3_stmt *statement)
{
	int rc = sqlite3_step(statement);

	return sqlite3_reset(statement) == SQLITE_OK && (rc == SQLITE_DONE || rc == SQLITE_ROW);
}

bool state_do_with(struct state *state, enum statement which, int64_t first, int64_t second,
		   int64_t third)
{
	return state_do(state_bound(state, which, first, second, third));
}

bool state_begin(struct state *state)
{
	return state_do_with(state, STATEMENT_BEGIN, 0, 0, 0);
}

enum outcome state_commit(struct state *state, bool good, struct err *err)
{
	enum outcome what = OUTCOME_OK;

	if (good && state_do_with(state, STATEMENT_COMMIT, 0, 0, 0))
		return OUTCOME_OK;
	what = state_trouble(state, err);
	if (sqlite3_get_autocommit(state->db) == 0)
		(void)state_do_with(state, STATEMENT_ROLLBACK, 0, 0, 0);
	return what;
}

/* Folders ----------------------------------------------------------------------------------------
 */

sqlite3_stmt *state_named(struct state *state, enum statement which, const char *source,
			  const char *folder)
{
	sqlite3_stmt *statement = state->statements[which];

	(void)sqlite3_reset(statement);
	(void)sqlite3_bind_text(statement, 1, source, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 2, folder, -1, SQLITE_STATIC);
	return statement;
}

/* What stands beside a folder, if anything does. */
static enum outcome get_text(struct state *state, enum statement which,
			     const struct state_folder *folder, char **out, struct err *err)
{
	sqlite3_stmt *select = state_bound(state, which, folder->id, 0, 0);
	int rc = sqlite3_step(select);
	char *text =
		rc == SQLITE_ROW ? xstrdup((const char *)sqlite3_column_text(select, 0)) : NULL;

	(void)sqlite3_reset(select);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return state_trouble(state, err);
	*out = text;
	return OUTCOME_OK;
}

static bool set_text(struct state *state, enum statement which, const struct state_folder *folder,
		     const char *text)
{
	sqlite3_stmt *set = state_bound(state, which, folder->id, 0, 0);

	(void)sqlite3_bind_text(set, 2, text, -1, SQLITE_STATIC);
	return state_do(set);
}

enum outcome state_folder_get(struct state *state, const char *source, const char *folder,
			      struct state_folder *out, struct err *err)
{
	sqlite3_stmt *select;

	if (!state_do(state_named(state, STATEMENT_FOLDER_MAKE, source, folder)))
		return state_trouble(state, err);
	select = state_named(state, STATEMENT_FOLDER_GET, source, folder);
	if (sqlite3_step(select) != SQLITE_ROW)
		return state_trouble(state, err);
	*out = (struct state_folder){
		.id = sqlite3_column_int64(select, 0),
		.uidvalidity = (uint32_t)sqlite3_column_int64(select, 1),
		.last_uid = (uint32_t)sqlite3_column_int64(select, 2),
	};
	(void)sqlite3_reset(select);
	return OUTCOME_OK;
}

enum outcome state_folder_reset(struct state *state, struct state_folder *folder,
				uint32_t uidvalidity, const char *mailbox, struct err *err)
{
	bool good = state_begin(state) &&
		    state_do_with(state, STATEMENT_FORGET, folder->id, 0, 0) &&
		    state_do_with(state, STATEMENT_ASIDE_FORGET, folder->id, 0, 0) &&
		    state_do_with(state, STATEMENT_FORMER_MAKE, folder->id, 0, 0) &&
		    state_do_with(state, STATEMENT_IDENTITY_FORGET, folder->id, 0, 0) &&
		    state_do_with(state, STATEMENT_GONE_FORGET, folder->id, 0, 0) &&
		    state_do_with(state, STATEMENT_FOLDER_RESET, folder->id, uidvalidity, 0) &&
		    (mailbox == NULL || set_text(state, STATEMENT_MAILBOX_SET, folder, mailbox));
	enum outcome what = state_commit(state, good, err);

	if (what == OUTCOME_OK) {
		folder->uidvalidity = uidvalidity;
		folder->last_uid = 0;
	}
	return what;
}

enum outcome state_folder_rewind(struct state *state, struct state_folder *folder, struct err *err)
{
	bool good = state_begin(state) &&
		    state_do_with(state, STATEMENT_REWIND, folder->id, 0, 0) &&
		    state_do_with(state, STATEMENT_FOLDER_LAST, folder->id, 0, 0);
	enum outcome what = state_commit(state, good, err);

	if (what == OUTCOME_OK)
		folder->last_uid = 0;
	return what;
}

enum outcome state_messages(struct state *state, const struct state_folder *folder,
			    enum state_message what, struct uid_list *out, struct err *err)
{
	sqlite3_stmt *select = state_bound(state, STATEMENT_MESSAGES, folder->id, what, 0);
	int rc;

	while ((rc = sqlite3_step(select)) == SQLITE_ROW)
		uid_list_add(out, (uint32_t)sqlite3_column_int64(select, 0));
	(void)sqlite3_reset(select);
	return rc == SQLITE_DONE ? OUTCOME_OK : state_trouble(state, err);
}

enum outcome state_maildir_get(struct state *state, const struct state_folder *folder,
			       char **path_out, struct err *err)
{
	return get_text(state, STATEMENT_MAILDIR_GET, folder, path_out, err);
}

enum outcome state_mailbox_get(struct state *state, const struct state_folder *folder,
			       char **name_out, struct err *err)
{
	return get_text(state, STATEMENT_MAILBOX_GET, folder, name_out, err);
}

enum outcome state_mailbox_set(struct state *state, const struct state_folder *folder,
			       const char *name, struct err *err)
{
	return set_text(state, STATEMENT_MAILBOX_SET, folder, name) ? OUTCOME_OK
								    : state_trouble(state, err);
}

static bool set_all(struct state *state, const struct state_folder *folder,
		    const struct uid_list *uids, enum state_message what)
{
	for (size_t i = 0; uids != NULL && i < uids->count; i++) {
		if (!state_do_with(state, STATEMENT_MESSAGE_SET, folder->id, uids->uid[i], what))
			return false;
	}
	return true;
}

static bool do_all(struct state *state, const struct state_folder *folder,
		   const struct uid_list *uids, enum statement which)
{
	for (size_t i = 0; uids != NULL && i < uids->count; i++) {
		if (!state_do_with(state, which, folder->id, uids->uid[i], 0))
			return false;
	}
	return true;
}

static bool set_maildir(struct state *state, const struct state_folder *folder,
			const struct state_step *step)
{
	if (step->publishing == NULL || step->publishing->count == 0 || step->maildir == NULL)
		return true;
	return set_text(state, STATEMENT_MAILDIR_SET, folder, step->maildir);
}

/* A message that is handed over, then told or set aside, is in one state at a time. */
static bool advance_messages(struct state *state, const struct state_folder *folder,
			     const struct state_step *step)
{
	return state_do_with(state, STATEMENT_PUBLISHED, folder->id, step->published, 0) &&
	       set_all(state, folder, step->publishing, STATE_PUBLISHING) &&
	       set_maildir(state, folder, step) &&
	       set_all(state, folder, step->handing, STATE_HANDING) &&
	       set_all(state, folder, step->delivered, step->published) &&
	       set_all(state, folder, step->told, STATE_DECIDED) &&
	       set_all(state, folder, step->decided, STATE_DECIDED) &&
	       (!step->forget_handing ||
		state_do_with(state, STATEMENT_HANDING_FORGET, folder->id, 0, 0));
}

static bool advance_rest(struct state *state, const struct state_folder *folder,
			 const struct state_step *step)
{
	return do_all(state, folder, step->gone, STATEMENT_ASIDE_DELETE) &&
	       state_aside_put(state, folder, step->aside) &&
	       state_identities_put(state, folder, step->identities, step->identity_count) &&
	       (!step->forget_told ||
		do_all(state, folder, step->told, STATEMENT_IDENTITY_DELETE)) &&
	       (!step->forget_former ||
		state_do_with(state, STATEMENT_FORMER_FORGET, folder->id, 0, 0));
}

enum outcome state_advance(struct state *state, struct state_folder *folder,
			   const struct state_step *step, struct err *err)
{
	uint32_t last = step->last_uid > folder->last_uid ? step->last_uid : folder->last_uid;
	bool good = state_begin(state) && advance_messages(state, folder, step) &&
		    advance_rest(state, folder, step) &&
		    state_do_with(state, STATEMENT_FOLDER_LAST, folder->id, last, 0) &&
		    state_do_with(state, STATEMENT_SETTLE, folder->id, last, 0);
	enum outcome what = state_commit(state, good, err);

	if (what == OUTCOME_OK)
		folder->last_uid = last;
	return what;
}

/* Runs -------------------------------------------------------------------------------------------
 */

enum outcome state_run_set(struct state *state, const char *source, const struct state_run *run_now,
			   struct err *err)
{
	sqlite3_stmt *statement = state_named(state, STATEMENT_RUN_SET, source, run_now->outcome);

	(void)sqlite3_bind_text(statement, 3, run_now->text, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(statement, 4, run_now->began_s);
	(void)sqlite3_bind_int64(statement, 5, run_now->ended_s);
	(void)sqlite3_bind_int64(statement, 6, run_now->last_message_s);
	(void)sqlite3_bind_int64(statement, 7, run_now->messages);
	(void)sqlite3_bind_int64(statement, 8, run_now->bytes);
	(void)sqlite3_bind_int64(statement, 9, run_now->left);
	return state_do(statement) ? OUTCOME_OK : state_trouble(state, err);
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
