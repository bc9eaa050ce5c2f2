/* SPDX-License-Identifier: MIT */
/*
 * forget.h - ends an account's grant: revoked at the authorization server (RFC 7009) where that has
 * an endpoint for it, and deleted here.
 *
 * Deleted in any case: somebody has said so, and a server that cannot be reached must not keep a
 * token on our disk. What could not be revoked is told, with the provider's own way.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_FORGET_H
#define TOKEN_HELPER_ACCOUNTS_FORGET_H

#include "token-helper/accounts/accounts.h"

struct forget;

struct forget_result {
	enum outcome outcome; /* OK: there is none any more, and revoked says whether it is dead,
				 too */
	bool deleted;	      /* there was one */
	bool revoked;
	struct err err; /* not OK, or not revoked: why, and what to do by hand */
};

typedef void forget_done_fn(void *context, const struct forget_result *result);

/*
 * done is called before this returns (then NULL is returned) or later. An account that is
 * configured no more can be forgotten too; it is not revoked. OUTCOME_CONFIG: there is nothing of
 * that name. OUTCOME_RETRY: it is being refreshed, or the file cannot be removed.
 */
struct forget *forget_begin(struct accounts *accounts, const char *name, forget_done_fn *done,
			    void *context);
void forget_cancel(struct forget *forget); /* goes on, but done is not called; NULL is fine */

/* The account goes, and its request with it: for account.c. NULL is fine. */
void forget_abandon(struct forget *forget);

#endif
