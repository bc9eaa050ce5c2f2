/* SPDX-License-Identifier: MIT */
/*
 * watch.h - an authenticated session waits for new mail: by NOTIFY (RFC 5465) in all folders, or by
 * IDLE (RFC 2177) in the first.
 *
 * A message may come between the end of a pass and the beginning of the watch: each folder's
 * UIDNEXT is compared with what the pass saw, so that none waits for the next.
 */
#ifndef FETCH_AGENT_WATCH_H
#define FETCH_AGENT_WATCH_H

#include <event2/event.h>

#include "fetch-agent/fetch-config.h"
#include "fetch-agent/imap/imap-capability.h"
#include "fetch-agent/imap/imap-session.h"

struct watch;

struct watch_folder {
	const char *name; /* UTF-8 */
	uint32_t uidnext; /* when it was last opened; 0: not known */
	bool wanted;	  /* the next pass goes there */
};

/* Borrowed until done. */
struct watch_target {
	struct event_base *base;
	const struct fetch_source *source;
	struct imap_session *session;	    /* nothing under way */
	struct imap_capability *capability; /* what turns out not to work is taken away */
	bool *notified; /* the session's: NOTIFY is in force, for the same folders */
	struct watch_folder *folders;
	size_t count;
};

/*
 * OUTCOME_OK: there is news (folders[].wanted), or the watch was told to end; the session can be
 * used, its handler is to be set anew. Else it is of no more use. Called once, from the event loop;
 * the watch is gone when it returns.
 */
typedef void watch_done_fn(void *ctx, enum outcome what, const struct err *err);

/* How many of the folders, from the first on, a server with this capability tells of on one
 * connection: 0, 1 or all. */
size_t watch_covers(const struct imap_capability *capability, const struct watch_folder *folders,
		    size_t count);

struct watch *watch_start(const struct watch_target *target, watch_done_fn *done, void *ctx);
/* done follows, not from here, as soon as the server lets go. */
void watch_end(struct watch *watch);

#endif
