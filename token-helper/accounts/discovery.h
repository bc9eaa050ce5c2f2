/* SPDX-License-Identifier: MIT */
/*
 * discovery.h - URLs that an account does not say, learned from its issuer's metadata.
 *
 * Learned when the account appears, and again once a day; while that fails, what was learned
 * before stays in use, and after a restart the token endpoint that the grant came from.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_DISCOVERY_H
#define TOKEN_HELPER_ACCOUNTS_DISCOVERY_H

#include "token-helper/accounts/account.h"
#include "token-helper/oauth/metadata.h"

struct discovery;

/* OK: metadata may be moved out. Else err says what was tried and what came of it. */
typedef void discovery_fn(void *context, enum outcome outcome, struct metadata *metadata,
			  const struct err *err);

/* Begins at once, from the loop, and goes on by itself; client is borrowed as long as it lives. */
struct discovery *discovery_new(const struct account_world *world,
				const struct oauth_client *client, discovery_fn *done,
				void *context);
void discovery_free(struct discovery *discovery); /* NULL is fine */

/* Which URLs the client lacks, as a set; and the set's URLs given to it (moved out of metadata,
 * those that are NULL left as they are). */
unsigned discovery_lacking(const struct oauth_client *client);
void discovery_take(struct oauth_client *client, unsigned lacking, struct metadata *metadata);

/* Asks now rather than when it is due. */
void discovery_hurry(struct discovery *discovery);

#endif
