/* SPDX-License-Identifier: MIT */
/*
 * progress.h - one line on the terminal that says how far fetching is, while it lasts. It goes out
 * of the way of the log's lines, and leaves nothing behind.
 */
#ifndef FETCH_AGENT_PROGRESS_H
#define FETCH_AGENT_PROGRESS_H

#include <event2/event.h>

#include "fetch-agent/mailbox.h"

#define PROGRESS_TEXT_MAX 128

struct progress;

/* NULL when stderr is no terminal. */
struct progress *progress_new(struct event_base *base);
void progress_free(struct progress *progress); /* NULL is nothing */

/* Where mailboxes count. NULL for NULL. */
struct mailbox_progress *progress_counts(struct progress *progress);

/* "12 of 340 messages, 1.2 of 30.4 MB, 2.1 MB/s, 0:14 left"; "" when nothing is known of. Pure. */
const char *progress_text(const struct mailbox_progress *counts, int64_t spent_ms, char *text,
			  size_t size);

#endif
