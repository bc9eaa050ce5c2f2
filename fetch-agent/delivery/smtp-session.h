/* SPDX-License-Identifier: MIT */
/*
 * smtp-session.h - one connection to an LMTP (RFC 2033) or SMTP (RFC 5321) listener.
 *
 * At most two transactions are with it: one whose message has gone out, and behind it, where the
 * listener takes commands in advance (RFC 2920), one whose commands have. Callbacks may call
 * anything here, smtp_session_free() included.
 */
#ifndef FETCH_AGENT_DELIVERY_SMTP_SESSION_H
#define FETCH_AGENT_DELIVERY_SMTP_SESSION_H

#include "fetch-agent/delivery/smtp-transaction.h"

struct smtp_session;

struct smtp_session_handler {
	/* The session is done with it: its recipients have their fates. */
	void (*over)(void *ctx, struct smtp_transaction *transaction);
	/* It may want a transaction, or bytes have left for the listener. */
	void (*ready)(void *ctx, struct smtp_session *session);
	/*
	 * The connection is gone. The owner takes back what is with it, and frees it. OUTCOME_OK:
	 * nothing is wrong, another connection may be opened. err does not name the destination.
	 */
	void (*closed)(void *ctx, struct smtp_session *session, enum outcome what,
		       const struct err *err);
	void *ctx;
};

/* Connects. config (host and port, or path; text; timeout_s) and world are borrowed; no callback
 * comes from within. */
struct smtp_session *smtp_session_new(const struct delivery_config *config,
				      const struct delivery_world *world, bool lmtp,
				      const struct smtp_session_handler *handler);
/* Says QUIT if that is possible without waiting. NULL is nothing; no callback follows. */
void smtp_session_free(struct smtp_session *session);

bool smtp_session_is_idle(const struct smtp_session *session);	  /* open, and nothing to do */
bool smtp_session_wants(const struct smtp_session *session);	  /* a transaction, now */
bool smtp_session_is_opening(const struct smtp_session *session); /* and will want one */
/* It has carried a transaction to its end: it was a good connection once. */
bool smtp_session_has_served(const struct smtp_session *session);

/* Borrows a transaction until over() or smtp_session_take(). Only when it wants one. False: it
 * cannot be said to this listener, and is over. */
bool smtp_session_give(struct smtp_session *session, struct smtp_transaction *transaction);
/* There is more of a transaction, or its end: sends it if it may be sent. */
void smtp_session_push(struct smtp_session *session, struct smtp_transaction *transaction);
/* The first transaction that is with it; NULL: no more. To take one is to hang up. */
struct smtp_transaction *smtp_session_take(struct smtp_session *session);
/* It is one of them. */
bool smtp_session_has(const struct smtp_session *session,
		      const struct smtp_transaction *transaction);

/* Bytes of it that have not left for the listener. */
size_t smtp_session_backlog(const struct smtp_session *session);

#endif
