/* SPDX-License-Identifier: MIT */
/*
 * mbsync-keywords.h - the keywords of a .mbsyncrc (mbsync(1), isync 1.5, with the names of earlier
 * versions), and what is said of those that have no place in our file. A new one is a row.
 */
#ifndef FETCH_AGENT_IMPORT_MBSYNC_KEYWORDS_H
#define FETCH_AGENT_IMPORT_MBSYNC_KEYWORDS_H

#include "fetch-agent/import/mbsync-file.h"

/* Notes what is not carried over; a keyword that mbsync does not have is a problem. */
void mbsync_note_all(const struct mbsync_file *file);

#endif
