/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - one folder's deliveries and what is noted about them, kept in step.
 *
 * The order is the whole point: sync what was written, note durably that it will be published,
 * publish it. A crash after the note leaves messages in tmp/ that the next ledger_open() publishes,
 * or messages in new/ that it finds gone from tmp/; never a message twice, never none. Everything
 * here blocks and runs in the worker's thread; after a failure every later step fails too, because
 * it would take for published what is not.
 */
#ifndef FETCH_AGENT_LEDGER_H
#define FETCH_AGENT_LEDGER_H

#include "fetch-agent/delivery/maildir.h"
#include "fetch-agent/state/state.h"

struct ledger {
	struct state *state; /* borrowed, as is all but the origin */
	struct maildir *maildir;
	const char *source, *account, *folder_name;
	bool tells; /* the server is told something after delivery */
	struct state_folder folder;
	struct maildir_origin origin;
	bool broken;
};

/* What is known, after the crashed run's messages, if any, are where they belong. tell: UIDs that
 * the server is still to be told of. skip: those and others that are delivered though above
 * last_uid; sorted. */
enum outcome ledger_open(struct ledger *ledger, struct uid_list *tell, struct uid_list *skip,
			 struct err *err);

/* The server's UIDVALIDITY is another, or seen for the first time; skip gets what the Maildir has
 * of it already. */
enum outcome ledger_renew(struct ledger *ledger, uint32_t uidvalidity, struct uid_list *skip,
			  struct err *err);

/* A group of messages that are written: durable, noted, published. told: the server has confirmed
 * these. */
enum outcome ledger_deliver(struct ledger *ledger, const struct uid_list *group,
			    const struct uid_list *told, uint32_t last_uid, struct err *err);

#endif
