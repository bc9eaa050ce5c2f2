/* SPDX-License-Identifier: MIT */
/*
 * bounce.h - tells the sender of a message that it was refused for good (RFC 3464).
 *
 * Dangerous: the senders of unwanted mail are forged, and whoever is told has not written it. So it
 * is for those who ask for it, and never for what machines, lists and bounces themselves sent
 * (RFC 3834 2, RFC 5321 4.5.5).
 */
#ifndef FETCH_AGENT_DELIVERY_BOUNCE_H
#define FETCH_AGENT_DELIVERY_BOUNCE_H

#include "fetch-agent/delivery/delivery.h"

#define BOUNCE_MAX	524288 /* bytes of a report */
#define BOUNCE_HEAD_MAX 65536  /* of the header that is given back; the rest is left out */

struct bounce_facts {
	const char *sender;			 /* of the message's envelope: who is told */
	const struct delivery_refusal *refusals; /* who does not get it */
	size_t refusal_count;
	struct span head; /* the message's header, as it came */
};

/* NULL: its sender may be told. Else why not. */
const char *bounce_forbidden(const char *sender, struct span head);

/* The report, with CRLF. host: who says it; now_s: when (also makes it unlike others). */
void bounce_write(const struct bounce_facts *facts, const char *host, int64_t now_s,
		  struct buffer *text);

struct bounce;

/* verdict: borrowed; DELIVERY_DONE when the report is the mail system's now. */
typedef void bounce_done_fn(void *ctx, const struct delivery_verdict *verdict);

/*
 * Hands the report to via (an smtp destination; borrowed, as is world, until done). done is called
 * once, not from within, and not after bounce_cancel(); the bounce is gone when it returns.
 */
struct bounce *bounce_send(const struct delivery_config *via, const struct delivery_world *world,
			   const struct bounce_facts *facts, bounce_done_fn *done, void *ctx);
void bounce_cancel(struct bounce *bounce); /* NULL is nothing */

#endif
