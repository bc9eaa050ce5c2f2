/* SPDX-License-Identifier: MIT */
/*
 * account.h - one account at work: its configuration, its grant, and who is waiting for a token.
 *
 * One flight: whatever the number of askers there is at most one request to the token endpoint for
 * an account, and all of them get its answer. A new grant is on disk before its access token leaves
 * this file. No error empties a grant.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_ACCOUNT_H
#define TOKEN_HELPER_ACCOUNTS_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/outcome.h"
#include "token-helper/accounts/helper-config.h"
#include "token-helper/store/store.h"

struct account;
struct account_waiter;
struct beginnings;
struct commit_queue;
struct discoveries;
struct endpoints;
struct event_base;
struct http_client;
struct refresh_plan;
struct token_answer;

/* What all accounts share; borrowed by each. */
struct account_world {
	struct event_base *base;
	struct http_client *http;
	struct store *store;
	/* The accounts' own: accounts_new() makes them. */
	struct refresh_plan *plan;
	struct beginnings *beginnings;
	struct commit_queue *commits;
	struct endpoints *endpoints;
	struct discoveries *discoveries;
};

struct account_token {
	struct span token; /* secret; borrowed for the callback's duration */
	int64_t expires_s;
};

/* OUTCOME_OK with a token; else err says what is wrong with which account, and what to type. */
typedef void account_token_fn(void *context, enum outcome outcome,
			      const struct account_token *token, const struct err *err);

/* Takes config; loads the grant. A damaged grant is logged and makes the account fail, not this
 * function. */
struct account *account_new(const struct account_world *world, struct account_config *config);

/* Fails whoever waits. The stored grant stays. NULL is fine. */
void account_free(struct account *account);

/*
 * It is configured no more: fails whoever waits, starts nothing. While account_is_needed() it must
 * not be freed all the same: a refresh is in flight whose rotated token must reach the disk, or it
 * is not there yet. account_revive(): it is configured again.
 */
void account_retire(struct account *account);
void account_revive(struct account *account);
bool account_is_needed(const struct account *account);

/* Takes config (same name): the grant and the waiters stay, a trouble is tried anew. */
void account_reconfigure(struct account *account, struct account_config *config);

const struct account_config *account_config(const struct account *account);

/*
 * A token that lives min_valid_s longer (or the account's own minimum, if that is more). done is
 * called before this returns (then NULL is returned) or later (then the waiter, which
 * account_cancel() takes back).
 */
struct account_waiter *account_get_token(struct account *account, int64_t min_valid_s,
					 account_token_fn *done, void *context);

/* OUTCOME_OK: url, one of the client's, is known, or there is none (NULL). Else it has to be
 * learned from the issuer's metadata, which is asked for anew; err says what came of the last time.
 */
enum outcome account_knows(struct account *account, const char *url, struct err *err);

/* The same, but a refresh is made or joined, and its failure is the answer even while the old token
 * lives. */
struct account_waiter *account_refresh(struct account *account, account_token_fn *done,
				       void *context);
void account_cancel(struct account_waiter *waiter); /* done is not called; NULL is fine */

/* A mail server refused the token with this fingerprint; said: its words. Logged; the next asker
 * gets another token. */
void account_report_rejected(struct account *account, uint64_t fingerprint, const char *where,
			     const char *said);

/* A mail server took a token: for status. */
void account_report_accepted(struct account *account, const char *where);

/* Wall-clock expiry of the present access token; 0: none, or none that was got as is configured. */
int64_t account_expires_s(const struct account *account);

/* Re-arms the timer: the wall clock was set. */
void account_reschedule(struct account *account);

/*
 * For a new authorization: while an account is held no refresh starts (askers wait).
 * account_release() ends it: with the new grant (taken; already durable) or NULL.
 */
void account_hold(struct account *account);
bool account_is_refreshing(const struct account *account);
void account_release(struct account *account, struct grant *grant);

/* Its grant is on disk no more: as if nobody had ever authorized it. While it is held. */
void account_clear(struct account *account);

/* The log's line for a request of an authorization; and, of two secrets, that the other one works
 * now. Notes what the endpoint's clock said. */
void account_log_answer(struct account *account, enum grant_kind grant,
			const struct token_answer *answer);

/* The grant as it is, for status and for a new authorization to start from. Borrows. */
const struct grant *account_grant(const struct account *account);

#endif
