/* SPDX-License-Identifier: MIT */
/*
 * getmail-oldmail.h - the files beside a getmailrc in which getmail keeps what it fetched, one a
 * folder.
 */
#ifndef FETCH_AGENT_IMPORT_GETMAIL_OLDMAIL_H
#define FETCH_AGENT_IMPORT_GETMAIL_OLDMAIL_H

#include "fetch-agent/import/import-plan.h"

/* Where that of a folder is, by the source's host and user. Given. */
char *getmail_oldmail_path(const struct import_plan *plan, const struct import_source *source,
			   const char *port, const char *folder);

/* import_program.recall */
bool getmail_oldmail_recall(struct span text, struct import_recall *recall);

#endif
