/* SPDX-License-Identifier: MIT */
/*
 * account.c - the life of an account: made, reconfigured, held for a new authorization, gone. See
 * account.h.
 *
 * What it does meanwhile is in a file each (account-private.h): ask, schedule, refresh, grant,
 * save, learn, report, verdict.
 */
#include "token-helper/accounts/account.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/accounts/account-private.h"
#include "token-helper/accounts/discovery.h"
#include "token-helper/accounts/endpoints.h"
#include "token-helper/accounts/forget.h"
#include "token-helper/oauth/token-request.h"

#include "common/banned.h"

bool account_has_person(const struct account *account)
{
	return grant_kind_has_person(account->config->client.grant);
}

void account_load_grant(struct account *account)
{
	struct err err;
	enum outcome outcome =
		store_load(account->world.store, account->config->name, &account->grant, &err);

	account->damaged = outcome != OUTCOME_OK;
	if (outcome == OUTCOME_OK) {
		account->trouble = OUTCOME_OK;
		account_recall_refusal(account);
		return;
	}
	log_error("account=%s store=%s: %s", account->config->name, outcome_name(outcome),
		  err.text);
	account_note_trouble(account, outcome, "", &err, -1);
}

struct account *account_new(const struct account_world *world, struct account_config *config)
{
	struct account *account = xcalloc(1, sizeof(*account));

	account->world = *world;
	account->config = config;
	grant_init(&account->grant);
	TAILQ_INIT(&account->waiters);
	TAILQ_INIT(&account->answering);
	account->timer = account_timer_new(account);
	account_load_grant(account);
	account_learn(account);
	account_reschedule(account);
	return account;
}

void account_retire(struct account *account)
{
	account_hold(account);
	account->last_asked_s = 0;
	account_dismiss_waiters(account);
}

void account_revive(struct account *account)
{
	account_release(account, NULL);
}

bool account_is_needed(const struct account *account)
{
	return account_is_refreshing(account) || account->forget != NULL || account->unsaved;
}

void account_free(struct account *account)
{
	if (account == NULL)
		return;
	account_leave_beginnings(account);
	token_request_cancel(account->flight);
	account_answered(account, NULL);
	forget_abandon(account->forget);
	store_abort(account->slot);
	account->flight = NULL;
	account_save_at_the_end(account);
	account_landing_free(account->landing);
	discovery_free(account->discovery);
	free(account->unlearned);
	account_dismiss_waiters(account);
	account_plan_nothing(account);
	endpoint_leave(account->endpoint);
	event_free(account->timer);
	free(account->flight_client_id);
	free(account->flight_token_url);
	free(account->attempt.text);
	account_rejection_release(&account->rejection);
	free(account->acceptance.where);
	grant_release(&account->grant);
	account_config_free(account->config);
	free(account);
}

void account_reconfigure(struct account *account, struct account_config *config)
{
	bool asks;

	discovery_free(account->discovery);
	account->discovery = NULL;
	account->learned = account_keep_learned(account->config, config) && account->learned;
	asks = account_abandon_direct(account);
	account_config_free(account->config);
	account->config = config;
	if (account->damaged)
		account_load_grant(account);
	account_learn(account);
	account->not_before_s = 0;
	account_reschedule(account);
	if (asks && account->holds == 0 && !TAILQ_EMPTY(&account->waiters))
		account_start_or_answer(account);
}

void account_hold(struct account *account)
{
	account->holds++;
}

void account_release(struct account *account, struct grant *grant)
{
	if (account->holds > 0)
		account->holds--;
	if (grant != NULL) {
		grant_release(&account->grant);
		account->grant = *grant;
		grant_init(grant);
		account->damaged = false;
		account->unsaved = false;
		account_note_success(account);
		account_reschedule(account);
	}
	if (account->holds > 0 || account_is_refreshing(account) || TAILQ_EMPTY(&account->waiters))
		return;
	if (grant != NULL)
		account_settle(account);
	else
		account_start_or_answer(account);
}

void account_clear(struct account *account)
{
	grant_release(&account->grant);
	account->damaged = false;
	account->unsaved = false;
	account_note_success(account);
	account->attempt.at_s = 0;
	account_reschedule(account);
}

const struct grant *account_grant(const struct account *account)
{
	return &account->grant;
}

const struct account_config *account_config(const struct account *account)
{
	return account->config;
}
