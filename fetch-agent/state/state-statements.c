/* SPDX-License-Identifier: MIT */
/*
 * state-statements.c - see state-statements.h. A message's state is enum state_message: 0
 * publishing, 1 telling, 2 decided, 3 handing; what is set aside has enum state_aside_kind: 0
 * later, 1 refused, 2 large. WAL with FULL: one sync a commit, and readers never wait. The tables
 * are made in one.
 */
#include "fetch-agent/state/state-statements.h"

#include "common/banned.h"

const char state_schema[] =
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN;"
	"CREATE TABLE IF NOT EXISTS folder (id INTEGER PRIMARY KEY, source TEXT NOT NULL,"
	" folder TEXT NOT NULL, uidvalidity INTEGER NOT NULL DEFAULT 0,"
	" last_uid INTEGER NOT NULL DEFAULT 0, UNIQUE (source, folder));"
	"CREATE TABLE IF NOT EXISTS message (folder INTEGER NOT NULL, uid INTEGER NOT NULL,"
	" state INTEGER NOT NULL, PRIMARY KEY (folder, uid)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS aside (folder INTEGER NOT NULL, uid INTEGER NOT NULL,"
	" kind INTEGER NOT NULL, tries INTEGER NOT NULL, first INTEGER NOT NULL,"
	" next INTEGER NOT NULL, size INTEGER NOT NULL, text TEXT NOT NULL,"
	" PRIMARY KEY (folder, uid)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS identity (folder INTEGER NOT NULL, uid INTEGER NOT NULL,"
	" header BLOB NOT NULL, trace BLOB, PRIMARY KEY (folder, uid)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS former (folder INTEGER NOT NULL, header BLOB NOT NULL,"
	" trace BLOB);"
	"CREATE INDEX IF NOT EXISTS former_header ON former (folder, header);"
	"CREATE INDEX IF NOT EXISTS former_trace ON former (folder, trace);"
	"CREATE TABLE IF NOT EXISTS gone (folder INTEGER NOT NULL, uid INTEGER NOT NULL,"
	" since INTEGER NOT NULL, PRIMARY KEY (folder, uid)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS maildir (folder INTEGER PRIMARY KEY, path TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS mailbox (folder INTEGER PRIMARY KEY, name TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS run (source TEXT PRIMARY KEY, outcome TEXT NOT NULL,"
	" text TEXT NOT NULL, began INTEGER NOT NULL, ended INTEGER NOT NULL,"
	" last_message INTEGER NOT NULL, messages INTEGER NOT NULL, bytes INTEGER NOT NULL,"
	" remaining INTEGER NOT NULL) WITHOUT ROWID;"
	"COMMIT;";

const char *const state_statements[STATEMENT_COUNT] = {
	[STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
	[STATEMENT_COMMIT] = "COMMIT",
	[STATEMENT_ROLLBACK] = "ROLLBACK",
	[STATEMENT_FOLDER_MAKE] = "INSERT OR IGNORE INTO folder (source, folder) VALUES (?, ?)",
	[STATEMENT_FOLDER_GET] =
		"SELECT id, uidvalidity, last_uid FROM folder WHERE source = ? AND folder = ?",
	[STATEMENT_FOLDER_RESET] = "UPDATE folder SET uidvalidity = ?2, last_uid = 0 WHERE id = ?1",
	[STATEMENT_FOLDER_LAST] = "UPDATE folder SET last_uid = ?2 WHERE id = ?1",
	[STATEMENT_FORGET] = "DELETE FROM message WHERE folder = ?",
	[STATEMENT_MESSAGES] =
		"SELECT uid FROM message WHERE folder = ? AND state = ? ORDER BY uid",
	[STATEMENT_MESSAGE_SET] = "INSERT OR REPLACE INTO message (folder, uid, state) "
				  "VALUES (?, ?, ?)",
	[STATEMENT_PUBLISHED] = "UPDATE message SET state = ?2 WHERE folder = ?1 AND state = 0",
	[STATEMENT_SETTLE] = "DELETE FROM message WHERE folder = ? AND uid <= ? AND state = 2",
	[STATEMENT_MESSAGE_DELETE] = "DELETE FROM message WHERE folder = ? AND uid = ?",
	[STATEMENT_HANDING_FORGET] = "DELETE FROM message WHERE folder = ? AND state = 3",
	[STATEMENT_REWIND] = "DELETE FROM message WHERE folder = ? AND state = 2",
	[STATEMENT_ASIDE_PUT] = "INSERT OR REPLACE INTO aside (folder, uid, kind, tries, first,"
				" next, size, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	[STATEMENT_ASIDE_DELETE] = "DELETE FROM aside WHERE folder = ? AND uid = ?",
	[STATEMENT_ASIDE_FORGET] = "DELETE FROM aside WHERE folder = ?",
	[STATEMENT_ASIDE_ALL] = "SELECT uid, kind, tries, first, next, size, text FROM aside"
				" WHERE folder = ? ORDER BY uid",
	[STATEMENT_ASIDE_OF_SOURCE] =
		"SELECT uid, kind, tries, first, next, size, text, folder.folder"
		" FROM folder JOIN aside ON aside.folder = folder.id WHERE source = ?"
		" ORDER BY folder.folder, uid",
	[STATEMENT_ASIDE_RETRY] =
		"UPDATE aside SET kind = 0, first = unixepoch(), next = 0, tries = 0"
		" WHERE folder IN (SELECT id FROM folder WHERE source = ?1)"
		" AND (?2 = 0 OR uid = ?2)",
	[STATEMENT_IDENTITY_PUT] =
		"INSERT OR REPLACE INTO identity (folder, uid, header, trace) VALUES (?, ?, ?, ?)",
	[STATEMENT_IDENTITY_DELETE] = "DELETE FROM identity WHERE folder = ? AND uid = ?",
	[STATEMENT_IDENTITY_FORGET] = "DELETE FROM identity WHERE folder = ?",
	[STATEMENT_FORMER_MAKE] = "INSERT INTO former (folder, header, trace)"
				  " SELECT folder, header, trace FROM identity WHERE folder = ?",
	[STATEMENT_FORMER_FORGET] = "DELETE FROM former WHERE folder = ?",
	[STATEMENT_FORMER_ANY] = "SELECT 1 FROM former WHERE folder = ? LIMIT 1",
	[STATEMENT_FORMER_USE_HEADER] =
		"DELETE FROM former WHERE rowid ="
		" (SELECT rowid FROM former WHERE folder = ?1 AND header = ?2 LIMIT 1)",
	[STATEMENT_FORMER_USE_TRACE] =
		"DELETE FROM former WHERE rowid ="
		" (SELECT rowid FROM former WHERE folder = ?1 AND trace = ?2 LIMIT 1)",
	[STATEMENT_CENSUS] = "SELECT count(*) FROM identity WHERE folder = ?1 AND uid NOT IN"
			     " (SELECT uid FROM gone WHERE folder = ?1)",
	[STATEMENT_SWEEP] =
		"SELECT uid FROM identity WHERE folder = ? AND uid > ? ORDER BY uid LIMIT ?",
	[STATEMENT_GONE_PUT] = "INSERT OR IGNORE INTO gone (folder, uid, since) VALUES (?, ?, ?)",
	[STATEMENT_GONE_DELETE] = "DELETE FROM gone WHERE folder = ? AND uid = ?",
	[STATEMENT_GONE_FORGET] = "DELETE FROM gone WHERE folder = ?",
	[STATEMENT_GONE_OVERDUE] = "SELECT 1 FROM gone WHERE folder = ? AND since <= ? LIMIT 1",
	[STATEMENT_GONE_PRUNE] = "DELETE FROM identity WHERE folder = ?1 AND uid IN"
				 " (SELECT uid FROM gone WHERE folder = ?1 AND since <= ?2)",
	[STATEMENT_GONE_PRUNED] = "DELETE FROM gone WHERE folder = ? AND since <= ?",
	[STATEMENT_MAILDIR_SET] = "INSERT INTO maildir (folder, path) VALUES (?, ?)"
				  " ON CONFLICT (folder) DO UPDATE SET path = excluded.path"
				  " WHERE path <> excluded.path",
	[STATEMENT_MAILDIR_GET] = "SELECT path FROM maildir WHERE folder = ?",
	[STATEMENT_MAILBOX_SET] = "INSERT OR REPLACE INTO mailbox (folder, name) VALUES (?, ?)",
	[STATEMENT_MAILBOX_GET] = "SELECT name FROM mailbox WHERE folder = ?",
	[STATEMENT_RUN_SET] =
		"INSERT INTO run (source, outcome, text, began, ended, last_message, messages,"
		" bytes, remaining) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
		" ON CONFLICT (source) DO UPDATE SET outcome = ?2, text = ?3, began = ?4,"
		" ended = ?5, last_message = max(last_message, ?6), messages = ?7, bytes = ?8,"
		" remaining = ?9",
	[STATEMENT_RUN_GET] = "SELECT outcome, text, began, ended, last_message, messages, bytes,"
			      " remaining FROM run WHERE source = ?",
};
