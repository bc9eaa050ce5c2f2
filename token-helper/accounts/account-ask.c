/* SPDX-License-Identifier: MIT */
/*
 * account-ask.c - who asks for a token, and waits for one: an answer from memory, or what becomes
 * of the refresh, for all of them alike.
 */
#include "token-helper/accounts/account-private.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "token-helper/accounts/refresh-policy.h"

#include "common/banned.h"

static struct account_waiter *waiter_add(struct account *account, bool fresh,
					 account_token_fn *done, void *context)
{
	struct account_waiter *waiter = xcalloc(1, sizeof(*waiter));

	waiter->list = &account->waiters;
	waiter->fresh = fresh;
	waiter->done = done;
	waiter->context = context;
	TAILQ_INSERT_TAIL(&account->waiters, waiter, link);
	return waiter;
}

void account_cancel(struct account_waiter *waiter)
{
	if (waiter == NULL)
		return;
	TAILQ_REMOVE(waiter->list, waiter, link);
	free(waiter);
}

/* Answers all who wait now: with the token (NULL: there is none), but those who want the refresh
 * itself with what became of it. A callback may ask again: it then waits in the other list. */
static void answer_all(struct account *account, enum outcome outcome,
		       const struct account_token *token, const struct err *err)
{
	struct account_waiter *waiter;

	TAILQ_CONCAT(&account->answering, &account->waiters, link);
	TAILQ_FOREACH(waiter, &account->answering, link)
	waiter->list = &account->answering;
	while ((waiter = TAILQ_FIRST(&account->answering)) != NULL) {
		account_token_fn *done = waiter->done;
		void *context = waiter->context;
		bool serve = token != NULL && (outcome == OUTCOME_OK || !waiter->fresh);

		account_cancel(waiter);
		done(context, serve ? OUTCOME_OK : outcome, serve ? token : NULL, err);
	}
}

void account_dismiss_waiters(struct account *account)
{
	struct err err;

	(void)err_set(&err, OUTCOME_CONFIG,
		      "account %s: is no longer configured: put it back into mailoauth.conf and "
		      "reload mailoauthd, or change who asks for it",
		      account->config->name);
	answer_all(account, OUTCOME_CONFIG, NULL, &err);
}

/* One by a person's consent is kept while the
 * account asks by itself, and the other way round, but not handed out. */
bool account_token_fits(const struct account *account)
{
	const struct oauth_client *client = &account->config->client;
	const struct grant *grant = &account->grant;

	if (account_has_person(account))
		return grant->kind == NULL || strcmp(grant->kind, "authorization_code") == 0 ||
		       strcmp(grant->kind, "device_code") == 0;
	return same_text(grant->kind, grant_kind_name(client->grant)) &&
	       same_text(grant->client_id, client->client_id) &&
	       same_text(grant->token_url, client->token_url) &&
	       same_text(grant->identity, client->subject);
}

static bool token_lives(const struct account *account, int64_t needed_s)
{
	return account->grant.access_token.len > 0 && account_token_fits(account) &&
	       !account->unsaved && !account->rejected &&
	       account->grant.access_expires_s - clock_now_s() >= needed_s;
}

static struct account_token token_of(const struct account *account)
{
	return (struct account_token){
		.token = buffer_span(&account->grant.access_token),
		.expires_s = account->grant.access_expires_s,
	};
}

int64_t account_expires_s(const struct account *account)
{
	return account->grant.access_token.len > 0 && account_token_fits(account)
		       ? account->grant.access_expires_s
		       : 0;
}

void account_settle(struct account *account)
{
	struct account_token token = token_of(account);
	struct err err = ERR_INIT;
	enum outcome outcome = account->trouble;
	bool lives = token_lives(account, TOKEN_LAST_GASP_S) ||
		     (outcome == OUTCOME_OK && token_lives(account, 1));

	if (outcome != OUTCOME_OK)
		outcome = account_explain_trouble(account, &err);
	else if (!lives)
		outcome = account_explain(account, OUTCOME_RETRY,
					  "the server's new token has expired already", &err);
	answer_all(account, outcome, lives ? &token : NULL, &err);
}

bool account_is_insisted_on(const struct account *account)
{
	const struct account_waiter *waiter;

	TAILQ_FOREACH(waiter, &account->waiters, link)
	{
		if (waiter->fresh)
			return true;
	}
	return false;
}

/* Where no token lives an asker is somebody's mail that waits: a minute after the last failure he
 * is worth another attempt, however long the account would wait by itself. */
int64_t account_waiting_if_asked_s(const struct account *account)
{
	int64_t wait_s = account_waiting_s(account);
	int64_t again_s =
		refresh_again_s(account->not_before_s, account->attempt.at_s, account->told_s) -
		clock_now_s();

	if (account->trouble != OUTCOME_RETRY || token_lives(account, TOKEN_LAST_GASP_S))
		return wait_s;
	if (again_s > wait_s)
		return wait_s;
	return again_s > 0 ? again_s : 0;
}

/* May a refresh be made now? Else err has the answer for the asker. */
static enum outcome may_refresh(const struct account *account, struct err *err)
{
	bool must_wait = account->trouble != OUTCOME_OK && account_waiting_if_asked_s(account) > 0;

	if (account->damaged && account->trouble == OUTCOME_CONFIG)
		return err_set(
			err, OUTCOME_CONFIG,
			"account %s: %s; mend or restore that file and reload mailoauthd, or "
			"run: mailoauth authorize %s",
			account->config->name, account_trouble_text(account),
			account->config->name);
	if (account->damaged)
		return account_explain_trouble(account, err);
	if (account_has_person(account) && account->grant.refresh_token.len == 0 &&
	    account->grant.authorized_s == 0)
		return account_explain(account, OUTCOME_CONSENT, "has not been authorized yet",
				       err);
	if (account_has_person(account) && account->grant.refresh_token.len == 0)
		return account_explain(
			account, OUTCOME_CONSENT,
			"its token has expired, and the server gave no refresh token", err);
	if (must_wait && account->trouble != OUTCOME_RETRY)
		return account_explain_trouble(account, err);
	if (account_endpoint_forbids(account) && !account->unsaved &&
	    !account_is_insisted_on(account))
		return account_explain_endpoint(account, err);
	return must_wait ? account_explain_trouble(account, err) : OUTCOME_OK;
}

void account_start_or_answer(struct account *account)
{
	struct account_token token = token_of(account);
	enum outcome outcome;
	struct err err;

	/* What could not be read for a passing reason may be readable now. */
	if (account->damaged && account->trouble == OUTCOME_RETRY &&
	    account_waiting_s(account) == 0)
		account_load_grant(account);
	outcome = may_refresh(account, &err);
	if (outcome == OUTCOME_OK)
		account_begin(account);
	else
		answer_all(account, outcome,
			   token_lives(account, TOKEN_LAST_GASP_S) ? &token : NULL, &err);
}

static struct account_waiter *join_or_start(struct account *account, bool fresh,
					    account_token_fn *done, void *context)
{
	struct account_waiter *waiter = waiter_add(account, fresh, done, context);

	if (account_is_refreshing(account) || account->holds > 0)
		return waiter;
	if (account_waits_to_begin(account)) {
		account_begin_sooner(account);
		return waiter;
	}
	account_start_or_answer(account);
	/* It may have been answered already: then it is in no list any more. */
	return account_is_refreshing(account) || account_waits_to_begin(account) ? waiter : NULL;
}

struct account_waiter *account_get_token(struct account *account, int64_t min_valid_s,
					 account_token_fn *done, void *context)
{
	struct refresh_times times = account_times(account);
	int64_t needed_s = min_valid_s > account->config->min_valid_s
				   ? min_valid_s
				   : account->config->min_valid_s;
	bool was_idle = account->last_asked_s == 0;
	struct account_token token;

	account->requests++;
	account->last_asked_s = clock_now_s();
	if (!token_lives(account, refresh_needed_s(&times, needed_s)))
		return join_or_start(account, false, done, context);
	if (was_idle)
		account_reschedule(account);
	token = token_of(account);
	done(context, OUTCOME_OK, &token, NULL);
	return NULL;
}

struct account_waiter *account_refresh(struct account *account, account_token_fn *done,
				       void *context)
{
	account->not_before_s = 0; /* a person asks: no back-off */
	return join_or_start(account, true, done, context);
}
