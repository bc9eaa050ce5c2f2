/* SPDX-License-Identifier: MIT */
/*
 * mbsync-state.h - the files in which mbsync keeps what it has fetched of a mailbox, and from which
 * a pull goes on.
 */
#ifndef FETCH_AGENT_IMPORT_MBSYNC_STATE_H
#define FETCH_AGENT_IMPORT_MBSYNC_STATE_H

#include "fetch-agent/import/mbsync-file.h"

/* A mailbox on both sides of a channel. Borrowed. */
struct mbsync_mailbox {
	const struct mbsync_section *channel;
	const char *far_store, *far_name;
	const char *near_store, *near_name;
	const char *maildir; /* the near one's path */
};

/* Where its state is: beside the Maildir, or in a directory, by names that mbsync makes. Given;
 * NULL: that cannot be said (noted). */
char *mbsync_state_path(const struct mbsync_file *file, const struct mbsync_mailbox *mailbox);

/* import_program.recall */
bool mbsync_state_recall(struct span text, struct import_recall *recall);

#endif
