/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - one folder's deliveries and what is noted about them, kept in step.
 *
 * The order is the whole point. Into a Maildir: sync what was written, note durably that it will be
 * published, publish it. A crash after the note leaves messages in tmp/ that the next ledger_open()
 * publishes, or messages in new/ that it finds gone from tmp/; never a message twice, never none.
 * To somebody else: note that messages are about to be handed over, hand them over, note that he
 * has them. A crash in between leaves notes that the next ledger_open() reports, because these
 * messages may come twice. Everything here blocks and runs in the worker's thread; after a failure
 * every later step fails too, because it would take for done what is not.
 */
#ifndef FETCH_AGENT_LEDGER_H
#define FETCH_AGENT_LEDGER_H

#include "fetch-agent/delivery/maildir.h"
#include "fetch-agent/state/state.h"

struct ledger {
	struct state *state;			    /* borrowed, as is all but the origin */
	struct maildir *maildir;		    /* NULL: messages are handed over */
	const char *source, *mailbox, *folder_name; /* mailbox: whose, and where */
	bool tells;	     /* the server is told something after delivery */
	bool removes;	     /* and has the message no more then */
	bool from_the_start; /* what is decided is undecided again */
	struct state_folder folder;
	struct maildir_origin origin;
	bool broken;
};

/* What is known at the beginning. Zeroed is empty. */
struct ledger_view {
	struct uid_list tell;	     /* the server is still to be told of these */
	struct uid_list skip;	     /* need nothing though above last_uid; sorted */
	struct uid_list interrupted; /* may have been handed over by a run that did not live on */
	struct uid_list unpublished; /* may be in a Maildir that is gone; set aside as due */
	struct state_aside_list aside;
	struct state_census census;
	char *former_mailbox; /* the folder was this one's; NULL: it is whose it was */
	bool renewing;	      /* other UIDs than before: look whether messages are known */
};

void ledger_view_release(struct ledger_view *view);

/* What is known, after the crashed run's messages, if any, are where they belong. Nothing of it is
 * of use before ledger_renew() when view names a former mailbox. */
enum outcome ledger_open(struct ledger *ledger, struct ledger_view *view, struct err *err);

/* The server's UIDVALIDITY is another, or seen for the first time, or the mailbox is another; view
 * gets what the Maildir has of it already. */
enum outcome ledger_renew(struct ledger *ledger, uint32_t uidvalidity, struct ledger_view *view,
			  struct err *err);

/* One step. Zeroed is empty. */
struct ledger_group {
	struct uid_list delivered; /* written in the Maildir, or handed over */
	struct uid_list handing;   /* about to be handed over */
	struct uid_list told;	   /* the server has confirmed these */
	struct uid_list decided;   /* nothing to be done */
	struct uid_list gone;	   /* not set aside any more */
	struct state_aside_list aside;
	struct state_identity *identities; /* of `delivered` and `decided` */
	size_t identity_count;
	bool nothing_is_handed; /* any more: what is noted as being handed over is not */
	bool is_through;	/* all of the folder is decided with this step */
	uint32_t last_uid;
};

void ledger_group_add_identity(struct ledger_group *group, const struct state_identity *identity);
void ledger_group_release(struct ledger_group *group);
bool ledger_group_is_empty(const struct ledger_group *group); /* but for last_uid */

/* Durable, noted, published: whatever the group's messages need. */
enum outcome ledger_deliver(struct ledger *ledger, const struct ledger_group *group,
			    struct err *err);

/* See state_sweep_next(). */
enum outcome ledger_sweep(struct ledger *ledger, struct state_sweep *sweep, struct err *err);

/* UIDs whose identity is known under a former UIDVALIDITY are decided, and added to known. No UID
 * twice in identities. */
enum outcome ledger_recognise(struct ledger *ledger, const struct state_identity *identities,
			      size_t count, struct uid_list *known, struct err *err);

#endif
