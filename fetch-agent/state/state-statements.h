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
	STATEMENT_FOLDER_MAKE,	/* source, folder */
	STATEMENT_FOLDER_GET,	/* source, folder */
	STATEMENT_FOLDER_RESET, /* id, uidvalidity */
	STATEMENT_FOLDER_LAST,	/* id, last_uid */
	STATEMENT_FORGET,	/* id */
	STATEMENT_MESSAGES,	/* id, state */
	STATEMENT_MESSAGE_SET,	/* id, uid, state */
	STATEMENT_PUBLISHED,	/* id, state */
	STATEMENT_SETTLE,	/* id, last_uid */
	STATEMENT_RUN_SET,
	STATEMENT_RUN_GET, /* source */
	STATEMENT_COUNT,
};

extern const char *const state_statements[STATEMENT_COUNT];
extern const char state_schema[];

#endif
