/* SPDX-License-Identifier: MIT */
/*
 * smtp-transaction.h - one message on its way to an LMTP or SMTP listener: what is said, and what
 * became of each recipient. No I/O.
 *
 * LMTP answers the end of the message once for each recipient that it accepted, in order (RFC 2033
 * 4.2); SMTP answers once for all.
 */
#ifndef FETCH_AGENT_DELIVERY_SMTP_TRANSACTION_H
#define FETCH_AGENT_DELIVERY_SMTP_TRANSACTION_H

#include <event2/buffer.h>

#include "fetch-agent/delivery/delivery.h"
#include "fetch-agent/delivery/smtp-dot.h"
#include "fetch-agent/delivery/smtp-reply.h"

/* Whose reply is due. */
enum smtp_step {
	SMTP_STEP_NONE, /* nothing has been sent */
	SMTP_STEP_RESET,
	SMTP_STEP_MAIL,
	SMTP_STEP_RCPT,
	SMTP_STEP_DATA,
	SMTP_STEP_BODY,	 /* none: the message is on its way */
	SMTP_STEP_FINAL, /* the final dot is sent */
	SMTP_STEP_OVER,
};

enum smtp_fate {
	SMTP_FATE_OPEN,
	SMTP_FATE_ACCEPTED, /* by RCPT; the message itself not yet */
	SMTP_FATE_DELIVERED,
	SMTP_FATE_LATER,
	SMTP_FATE_REFUSED,
};

struct smtp_recipient {
	enum smtp_fate fate;
	enum smtp_step about; /* what words answers */
	char status[SMTP_STATUS_MAX];
	char *words; /* why not: the listener's, or ours */
};

struct smtp_transaction {
	struct smtp_transaction *next; /* its owner's */
	uint32_t uid;
	bool lmtp;
	char *sender;
	struct words addresses;
	struct smtp_recipient *recipients; /* as many */
	uint64_t size_bytes;		   /* announced; until it has ended */
	uint64_t written_bytes;
	struct evbuffer *body; /* as it goes over the wire; what is not handed on yet */
	struct smtp_dot dot;
	bool ended;   /* body has the final dot */
	bool dropped; /* nobody wants it any more */
	bool piped;   /* all commands were sent at once */
	bool opened;  /* the listener took MAIL, and is still in the transaction */
	enum smtp_step step;
	size_t at; /* recipient, with SMTP_STEP_RCPT and SMTP_STEP_FINAL */
};

/* Copies what it needs of facts. */
struct smtp_transaction *smtp_transaction_new(const struct delivery_facts *facts, bool lmtp);
void smtp_transaction_free(struct smtp_transaction *transaction);

void smtp_transaction_write(struct smtp_transaction *transaction, struct span bytes);
void smtp_transaction_end(struct smtp_transaction *transaction, uint32_t uid);

/*
 * Begins it: appends RSET (if reset), MAIL, RCPT and DATA, or only the first of them when the
 * listener does not take them together. False: it cannot be said to this listener; the transaction
 * is over, and nothing is appended.
 */
bool smtp_transaction_begin(struct smtp_transaction *transaction,
			    const struct smtp_capability *capability, bool reset,
			    struct evbuffer *out);
/* Nothing of it was said, after all: that connection is gone. */
void smtp_transaction_rewind(struct smtp_transaction *transaction);
bool smtp_transaction_is_rewindable(const struct smtp_transaction *transaction);

enum smtp_next {
	SMTP_NEXT_REPLY,  /* another reply is due */
	SMTP_NEXT_BODY,	  /* the message may be sent */
	SMTP_NEXT_OVER,	  /* recipients have their fates */
	SMTP_NEXT_HANGUP, /* the same, and the connection is good for nothing more */
};

/* Takes the reply that was due, and appends the next command if that is to be said now. */
enum smtp_next smtp_transaction_reply(struct smtp_transaction *transaction,
				      const struct smtp_capability *capability,
				      const struct smtp_reply *reply, struct evbuffer *out);

/* No more replies will come: whoever has not got the message gets it later. */
void smtp_transaction_fail(struct smtp_transaction *transaction, const char *words);

/*
 * Sums the recipients up; destination: for err. Some delivered and some not is DELIVERY_REFUSED:
 * said again to all, those that have it would get it twice at each attempt. Returns
 * verdict->refusals, to be freed by the caller; their strings are the transaction's.
 */
struct delivery_refusal *smtp_transaction_verdict(const struct smtp_transaction *transaction,
						  const char *destination,
						  struct delivery_verdict *verdict);

#endif
