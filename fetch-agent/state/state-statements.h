/* SPDX-License-Identifier: MIT */
/*
 * state-statements.h - the SQL of state.c, and nothing else's business.
 */
#ifndef FETCH_AGENT_STATE_STATE_STATEMENTS_H
#define FETCH_AGENT_STATE_STATE_STATEMENTS_H

enum statement {
	STATEMENT_BEGIN,
	STATEMENT_COMMIT,
	STATEMENT_ROLLBACK,
	STATEMENT_FOLDER_MAKE,	     /* source, folder */
	STATEMENT_FOLDER_GET,	     /* source, folder */
	STATEMENT_FOLDER_RESET,	     /* id, uidvalidity */
	STATEMENT_FOLDER_LAST,	     /* id, last_uid */
	STATEMENT_FORGET,	     /* id */
	STATEMENT_MESSAGES,	     /* id, state */
	STATEMENT_MESSAGE_SET,	     /* id, uid, state */
	STATEMENT_PUBLISHED,	     /* id, state */
	STATEMENT_SETTLE,	     /* id, last_uid */
	STATEMENT_MESSAGE_DELETE,    /* id, uid */
	STATEMENT_HANDING_FORGET,    /* id */
	STATEMENT_REWIND,	     /* id */
	STATEMENT_ASIDE_PUT,	     /* id, uid, kind, tries, first, next, size, text */
	STATEMENT_ASIDE_DELETE,	     /* id, uid */
	STATEMENT_ASIDE_FORGET,	     /* id */
	STATEMENT_ASIDE_ALL,	     /* id */
	STATEMENT_ASIDE_OF_SOURCE,   /* source */
	STATEMENT_ASIDE_RETRY,	     /* source, uid or 0 */
	STATEMENT_IDENTITY_PUT,	     /* id, uid, header, trace */
	STATEMENT_IDENTITY_DELETE,   /* id, uid */
	STATEMENT_IDENTITY_FORGET,   /* id */
	STATEMENT_FORMER_MAKE,	     /* id */
	STATEMENT_FORMER_FORGET,     /* id */
	STATEMENT_FORMER_ANY,	     /* id */
	STATEMENT_FORMER_USE_HEADER, /* id, header */
	STATEMENT_FORMER_USE_TRACE,  /* id, trace */
	STATEMENT_CENSUS,	     /* id */
	STATEMENT_SWEEP,	     /* id, uid, limit */
	STATEMENT_GONE_PUT,	     /* id, uid, since */
	STATEMENT_GONE_DELETE,	     /* id, uid */
	STATEMENT_GONE_FORGET,	     /* id */
	STATEMENT_GONE_OVERDUE,	     /* id, since */
	STATEMENT_GONE_PRUNE,	     /* id, since */
	STATEMENT_GONE_PRUNED,	     /* id, since */
	STATEMENT_MAILDIR_SET,	     /* id, path */
	STATEMENT_MAILDIR_GET,	     /* id */
	STATEMENT_MAILBOX_SET,	     /* id, name */
	STATEMENT_MAILBOX_GET,	     /* id */
	STATEMENT_RUN_SET,
	STATEMENT_RUN_GET, /* source */
	STATEMENT_COUNT,
};

extern const char *const state_statements[STATEMENT_COUNT];
extern const char state_schema[];

#endif
