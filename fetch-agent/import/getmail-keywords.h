/* SPDX-License-Identifier: MIT */
/*
 * getmail-keywords.h - the keys of a getmailrc that have no place in our file, and what is said of
 * each. A new one is a row.
 */
#ifndef FETCH_AGENT_IMPORT_GETMAIL_KEYWORDS_H
#define FETCH_AGENT_IMPORT_GETMAIL_KEYWORDS_H

#include "fetch-agent/import/getmail-file.h"

/* Notes every key that nobody asked for. */
void getmail_note_rest(const struct getmail_file *file);

#endif
