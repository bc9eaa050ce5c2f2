/* SPDX-License-Identifier: MIT */
/*
 * mailbox.h - one folder, once: what is new in it is delivered, and the server told what was said
 * under `after`.
 *
 * FETCHes are asked for ahead, in windows sized by bytes; the text of a message goes from TLS to
 * its destination and is never collected. What became of messages goes to the worker in groups
 * (ledger.h), and only when it is noted is the server told.
 */
#ifndef FETCH_AGENT_MAILBOX_H
#define FETCH_AGENT_MAILBOX_H

#include "fetch-agent/fetch-config.h"
#include "fetch-agent/imap/imap-capability.h"
#include "fetch-agent/imap/imap-session.h"
#include "fetch-agent/ledger.h"
#include "fetch-agent/worker.h"

struct mailbox;

/* How far a run is, for who looks on: by the sizes that the server gave. */
struct mailbox_progress {
	uint64_t messages, bytes;	  /* come so far */
	uint64_t all_messages, all_bytes; /* known of; grows with each folder */
};

/* USER at HOST: whose folders these are. Whoever has a mailbox elsewhere has another one. The
 * caller frees. */
char *mailbox_name(const char *user, const char *host);

/* Borrowed until done. */
struct mailbox_world {
	struct event_base *base;
	struct worker *worker;
	struct state *state;
	const struct delivery_world *delivery;
	const struct fetch_source *source;
	const char *user;	      /* who is logged in */
	const char *mailbox;	      /* that this is: mailbox_name() */
	struct imap_session *session; /* authenticated, nothing under way */
	const struct imap_capability *capability;
	struct mailbox_progress *progress; /* added to; NULL: nobody looks */
};

struct mailbox_result {
	uint64_t messages, bytes; /* delivered */
	uint64_t told;		  /* deleted, moved or marked at the server */
	uint64_t left;		  /* new, and not taken in this run */
	uint64_t later;		  /* the destination takes them another time */
	uint64_t refused;	  /* it never does */
	uint64_t known;		  /* delivered under a former UIDVALIDITY */
	bool more;		  /* the folder holds more than is listed at once: go on with it */
	bool broken;		  /* by the connection: it ended the run */
	uint32_t uidnext;	  /* when the folder was opened; 0: the server did not say */
	bool only_messages;	  /* what went wrong is what the destination says of single ones */
	bool at_delivery;	  /* what went wrong was said by the destination */
};

/*
 * OUTCOME_OK: all that was wanted is done. Else err says why (without the folder's name), and
 * result what was done all the same. usable: the session can be used for another folder; its
 * handler is to be set anew. Else it is to be freed. Called once, from the event loop; the mailbox
 * is gone when it returns.
 */
typedef void mailbox_done_fn(void *ctx, enum outcome what, const struct mailbox_result *result,
			     bool usable, const struct err *err);

/* folder: borrowed until done. */
void mailbox_start(const struct mailbox_world *world, const char *folder, mailbox_done_fn *done,
		   void *ctx);

#endif
