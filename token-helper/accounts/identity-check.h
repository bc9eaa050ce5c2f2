/* SPDX-License-Identifier: MIT */
/*
 * identity-check.h - who consented, and may he? Between the tokens and the store.
 *
 * Who: the id_token; where there is none, or none with a name in it, the UserInfo endpoint. May he:
 * his name is the configured one, and he is the person of the stored grant (issuer and subject),
 * because names are given to somebody else in time.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_IDENTITY_CHECK_H
#define TOKEN_HELPER_ACCOUNTS_IDENTITY_CHECK_H

#include "token-helper/accounts/accounts.h"
#include "token-helper/oauth/id-token.h"
#include "token-helper/oauth/token-request.h"

struct identity_check;

struct identity_question {
	const struct accounts *accounts;
	const char *account;	     /* its name, for it may be gone when the answer comes */
	const struct token_set *set; /* these three are borrowed until done */
	struct span nonce;	     /* what was sent; empty: none */
	bool replace;		     /* another person than before will do */
};

/* OK: he may; identity may be moved out, and has no names when nobody says who it is, and no
 * subject either when not even that: then, if somebody wants to know, only a login can tell. Else
 * err says who, who was expected and what to type; nothing is to be stored. */
typedef void identity_check_fn(void *context, enum outcome outcome, struct identity *identity,
			       const struct err *err);

/* The account must be there. done is called before this returns (then NULL) or later. */
struct identity_check *identity_check_start(const struct account_world *world,
					    const struct identity_question *question,
					    identity_check_fn *done, void *context);
void identity_check_cancel(struct identity_check *check); /* NULL is fine */

#endif
