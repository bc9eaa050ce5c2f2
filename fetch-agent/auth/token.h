/* SPDX-License-Identifier: MIT */
/*
 * token.h - access tokens from mailoauthd, and telling it what a server made of one. Asynchronous.
 */
#ifndef FETCH_AGENT_AUTH_TOKEN_H
#define FETCH_AGENT_AUTH_TOKEN_H

#include <event2/event.h>

#include "common/buffer.h"
#include "common/deadline.h"
#include "common/outcome.h"

struct token_ask;

struct token {
	struct buffer user;  /* the SASL user that the account has for IMAP */
	struct buffer bytes; /* secret */
	struct buffer hosts; /* where it may go, a space between; an old mailoauthd says nothing */
};

void token_init(struct token *token);
void token_release(struct token *token);

/* Which account, where: what both questions need. Borrowed for the call only. */
struct token_place {
	struct event_base *base;
	const char *socket;
	const char *account;
	const char *host; /* NULL: whichever the account has */
};

/* OUTCOME_OK: *token may be moved away. Else it is empty; err says what to do. Called once, from
 * the event loop; the ask is gone when it returns. */
typedef void token_done_fn(void *context, enum outcome what, struct token *token,
			   const struct err *err);

struct token_ask *token_get(const struct token_place *place, struct deadline deadline,
			    token_done_fn *done, void *context);

/* Reports that the server refused the token, with its words; done's token is always empty. */
struct token_ask *token_rejected(const struct token_place *place, const char *mechanism,
				 struct span token, struct span said, struct deadline deadline,
				 token_done_fn *done, void *context);

/* Notes that the server took the token; what is answered matters to nobody. */
struct token_ask *token_accepted(const struct token_place *place, struct deadline deadline,
				 token_done_fn *done, void *context);

void token_cancel(struct token_ask *ask); /* NULL is nothing */

#endif
