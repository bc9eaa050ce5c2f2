/* SPDX-License-Identifier: MIT */
/*
 * envelope.h - from the header and the section's rules to who a message is from and for, and to the
 * header as it is delivered.
 */
#ifndef FETCH_AGENT_DELIVERY_ENVELOPE_H
#define FETCH_AGENT_DELIVERY_ENVELOPE_H

#include "common/config.h"
#include "fetch-agent/delivery/delivery.h"
#include "fetch-agent/delivery/message-head.h"

/* What a [fetch] section says of it, checked. Zeroed: the message as it is, for a Maildir. */
struct envelope_rules {
	/* Fixed recipients, with placeholders: %{folder} %{user} %{account} %{fetch}. */
	struct words recipients;
	char *recipient_header; /* multidrop: the trace field that has the recipient; NULL: none */
	char *recipient_strip;	/* prefix that the provider put before the local part (qvirtual) */
	struct words recipient_domains; /* only these domains are ours; empty: any */
	char *sender;		  /* NULL: Return-Path, else Sender or From; "<>", or an address */
	bool received;		  /* add a Received field */
	bool removes_return_path; /* SMTP, LMTP: who takes it writes one (RFC 5321 4.4) */
};

/* Where the message comes from, for placeholders and Received. Borrowed. */
struct envelope_place {
	const char *fetch, *account, *user, *folder, *host;
	uint32_t uid; /* 0: not known */
};

/* Zeroed is empty. */
struct envelope {
	struct delivery_envelope given; /* points into the rest */
	char *sender;
	struct words recipients;
	struct buffer head; /* goes in place of the header that came */
	bool loops; /* a Delivered-To names one of our recipients already, and it is not that of
		     * the server we fetch from: a mail loop */
};

/* What can be said before a message has come. OUTCOME_CONFIG: err says what would be right. */
enum outcome envelope_rules_check(const struct envelope_rules *rules, struct err *err);

/*
 * The recipients are those of recipient_header's first field, the last hop's, else the fixed ones.
 * In the latter %{folder}, %{account} and %{fetch} are made a word of a local part (address.h).
 *
 * OUTCOME_OK, or OUTCOME_CONFIG when there is nobody to deliver to: err says what the header has
 * instead. *envelope is overwritten, and released by the caller either way.
 */
enum outcome envelope_decide(const struct envelope_rules *rules, const struct envelope_place *place,
			     const struct message_head *head, struct envelope *envelope,
			     struct err *err);
void envelope_release(struct envelope *envelope);

#endif
