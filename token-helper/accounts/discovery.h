/* SPDX-License-Identifier: MIT */
/*
 * discovery.h - URLs that an account does not say, learned from its issuer's metadata.
 *
 * Learned when the issuer's first account appears, and again once a day: accounts of one issuer
 * share one request, and its failures. While that fails, what was learned before stays in use, and
 * after a restart the token endpoint that the grant came from.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_DISCOVERY_H
#define TOKEN_HELPER_ACCOUNTS_DISCOVERY_H

#include "token-helper/accounts/account.h"
#include "token-helper/oauth/metadata.h"

struct discoveries; /* of all issuers */
struct discovery;   /* what one account has of its issuer's */

struct discoveries *discoveries_new(void);
void discoveries_free(struct discoveries *discoveries); /* no discovery is left; NULL is fine */

/* OK: metadata may be moved out. Else err says what was tried and what came of it. Called for every
 * round, from the loop; it must not free a discovery. */
typedef void discovery_fn(void *context, enum outcome outcome, struct metadata *metadata,
			  const struct err *err);

/* Begins at once, or in the issuer's turn, and goes on by itself. */
struct discovery *discovery_new(const struct account_world *world,
				const struct oauth_client *client, discovery_fn *done,
				void *context);
void discovery_free(struct discovery *discovery); /* NULL is fine */

/* Which URLs the client lacks, as a set; and the set's URLs given to it (moved out of metadata,
 * those that are NULL left as they are). */
unsigned discovery_lacking(const struct oauth_client *client);
void discovery_take(struct oauth_client *client, unsigned lacking, struct metadata *metadata);

/* Asks now rather than when it is due: a person wants it; or (need) a refresh does, for which a
 * round that failed within the minute, or was told to wait, is not repeated. */
void discovery_hurry(struct discovery *discovery);
void discovery_need(struct discovery *discovery);

#endif
