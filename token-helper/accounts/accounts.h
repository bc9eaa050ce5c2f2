/* SPDX-License-Identifier: MIT */
/*
 * accounts.h - all accounts, and which of them somebody means.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_ACCOUNTS_H
#define TOKEN_HELPER_ACCOUNTS_ACCOUNTS_H

#include <stddef.h>

#include "common/peer.h"
#include "token-helper/accounts/account.h"
#include "token-helper/accounts/helper-config.h"

struct accounts;

struct accounts *accounts_new(const struct account_world *world);
void accounts_free(struct accounts *accounts);

/* Takes the config's accounts (config->accounts is empty afterwards): new ones appear, missing ones
 * go (those with a refresh in flight when it has ended), the others keep grant and waiters. */
void accounts_apply(struct accounts *accounts, struct helper_config *config);

size_t accounts_count(const struct accounts *accounts);
struct account *accounts_at(const struct accounts *accounts, size_t index);

/* Names, sorted, of grants that lie in the store and have no account (any more). They are looked
 * for when accounts are applied; again when the store has gained or lost such a one. */
const struct words *accounts_orphans(const struct accounts *accounts);
void accounts_look_for_orphans(struct accounts *accounts);

/* Where their grants lie. Borrows. */
struct store *accounts_store(const struct accounts *accounts);

/* Where they refresh. Borrows. */
const struct endpoints *accounts_endpoints(const struct accounts *accounts);

/* By its name; NULL when there is none. */
struct account *accounts_find(const struct accounts *accounts, struct span name);

/* An account of that name is configured no more and has yet to write its grant: what is written or
 * removed meanwhile would be overwritten. */
bool accounts_is_leaving(const struct accounts *accounts, const char *name);

/* True while a refresh is in flight anywhere: a daemon that stops now could lose a rotated token.
 */
bool accounts_busy(const struct accounts *accounts);

struct account_wanted {
	struct span selector; /* name, alias or user; empty: user decides */
	struct span user;
	enum service service; /* SERVICE_ANY: not said */
	struct span host;     /* empty: not said */
};

/*
 * The account that a mail program means (PROTOCOL.md, token). OUTCOME_CONFIG: none, or several, or
 * not for that service or host: err says what to write where.
 */
enum outcome accounts_select(const struct accounts *accounts, const struct account_wanted *wanted,
			     struct account **account_out, struct err *err);

/* The account for a key of smtp_sasl_password_maps (PROTOCOL.md, login). OUTCOME_OK with NULL:
 * nobody's. */
enum outcome accounts_login(const struct accounts *accounts, struct span key,
			    struct account **account_out, struct err *err);

/* Root, the daemon itself, or named by the account's allow. */
bool account_allows(const struct account *account, const struct peer *peer);

#endif
