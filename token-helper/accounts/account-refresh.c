/* SPDX-License-Identifier: MIT */
/*
 * account-refresh.c - one refresh: from the request that leaves to the answer that is on disk.
 *
 * The answer of the server is not the end: who waits is told when what is kept of it is durable.
 */
#include "token-helper/accounts/account-private.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/accounts/commit-queue.h"
#include "token-helper/oauth/id-token.h"
#include "token-helper/oauth/token-request.h"

#include "common/banned.h"

static void on_refreshed(void *context, struct token_answer *answer);

bool account_is_refreshing(const struct account *account)
{
	return account->flight != NULL || account->commit != NULL;
}

/* The one that the grant came by, while it is still configured; else, and where nobody noted it,
 * the first. */
static const char *refresh_redirect(const struct account *account)
{
	const struct words *redirects = &account->config->client.redirects;
	const char *used = account->grant.redirect;

	return used != NULL && words_contain(redirects, used) ? used : redirects->word[0];
}

/* The issuer of the grant may move its own endpoint, when it is he who says so. */
static bool may_move(const struct account *account)
{
	const struct grant *grant = &account->grant;

	return account->config->learns != 0 && grant->issuer != NULL &&
	       strcmp(grant->issuer, account->config->client.issuer) == 0;
}

/* A grant goes only where it came from: to the same token endpoint, for the same client. */
static enum outcome check_grant_fits(struct account *account, struct err *err)
{
	const struct grant *grant = &account->grant;
	const struct oauth_client *client = &account->config->client;

	if (client->token_url == NULL)
		return account_not_learned(account, err);
	if (!account_has_person(account))
		return OUTCOME_OK;
	if (grant->client_id != NULL && strcmp(grant->client_id, client->client_id) != 0)
		return err_set(err, OUTCOME_CONSENT,
			       "client_id was changed since it was authorized");
	if (grant->token_url != NULL && strcmp(grant->token_url, client->token_url) != 0 &&
	    !may_move(account))
		return err_set(err, OUTCOME_CONSENT,
			       "the token endpoint was changed since it was authorized");
	return OUTCOME_OK;
}

static void note_text(char **text, const char *value)
{
	free(*text);
	*text = xstrdup(value);
}

static void send_refresh(struct account *account, const struct buffer *refresh_token)
{
	const struct oauth_client *client = &account->config->client;

	note_text(&account->flight_client_id,
		  account->grant.client_id == NULL ? client->client_id : NULL);
	note_text(&account->flight_token_url,
		  account->grant.token_url == NULL ? client->token_url : NULL);
	account->flight_started_s = clock_now_s();
	account->flight_grant = GRANT_AUTHORIZATION_CODE;
	account->flight = token_request_refresh(account->world.http, &account->config->client,
						buffer_span(refresh_token),
						refresh_redirect(account), on_refreshed, account);
	account_asks(account);
}

static void send_direct(struct account *account)
{
	account->flight_started_s = clock_now_s();
	account->flight_grant = account->config->client.grant;
	account->flight = token_request_direct(account->world.http, &account->config->client,
					       on_refreshed, account);
	account_asks(account);
}

void account_start_refresh(struct account *account)
{
	struct err err;
	enum outcome outcome;

	account_leave_beginnings(account);
	if (account->unsaved) {
		account_save_again(account);
		return;
	}
	outcome = check_grant_fits(account, &err);
	if (outcome == OUTCOME_OK)
		outcome = store_reserve(account->world.store, account->config->name, &account->slot,
					&err);
	if (outcome != OUTCOME_OK) {
		log_line(log_level_of(outcome), "account=%s refresh=%s: not asked for: %s",
			 account->config->name, outcome_name(outcome), err.text);
		account_note_trouble(account, outcome, "", &err, -1);
		account_reschedule(account);
		account_settle(account);
		return;
	}
	if (account_has_person(account))
		send_refresh(account, &account->grant.refresh_token);
	else
		send_direct(account);
	account_reschedule(account);
}

bool account_abandon_direct(struct account *account)
{
	if (account->flight == NULL || grant_kind_has_person(account->flight_grant))
		return false;
	token_request_cancel(account->flight);
	account_answered(account, NULL);
	store_abort(account->slot);
	account->flight = NULL;
	account->slot = NULL;
	return true;
}

/* Takes the answer. */
static struct landing *landing_new(struct token_answer *answer)
{
	struct landing *landing = xcalloc(1, sizeof(*landing));

	landing->answer = *answer;
	token_set_init(&answer->set);
	landing->credential = xstrdup(answer->credential);
	landing->answer.credential = landing->credential;
	landing->outcome = answer->outcome;
	landing->err = answer->err;
	return landing;
}

void account_landing_free(struct landing *landing)
{
	if (landing == NULL)
		return;
	token_answer_release(&landing->answer);
	free(landing->credential);
	free(landing);
}

/*
 * The id_token of a refresh, where there is one, must still speak of the person who consented. One
 * that cannot be read (our clock is wrong, say) is no reason to throw away what came with it: the
 * refresh token that was sent is spent.
 */
static enum outcome check_same_person(const struct account *account, const struct token_set *set,
				      struct err *err)
{
	struct identity identity = {0};
	enum outcome outcome;

	if (set->id_token.len == 0 || account->grant.subject == NULL ||
	    !grant_kind_has_person(account->flight_grant))
		return OUTCOME_OK;
	outcome = id_token_read(buffer_span(&set->id_token), &account->config->client,
				(struct span){"", 0}, clock_now_s(), &identity, err);
	if (outcome == OUTCOME_OK && strcmp(identity.subject, account->grant.subject) != 0)
		outcome = err_set(err, OUTCOME_CONSENT,
				  "the server refreshed the token of another person (%s)",
				  identity.name != NULL ? identity.name : "unnamed");
	else if (outcome != OUTCOME_OK) {
		log_warning("account=%s: the id_token of the refresh is not looked at: %s",
			    account->config->name, err->text);
		outcome = OUTCOME_OK;
	}
	identity_release(&identity);
	return outcome;
}

/* A server that refuses the present refresh token may still take the one before: its successor may
 * never have become valid there. Once: after that only a person helps. */
static bool try_previous(struct account *account, const struct token_answer *answer)
{
	if (answer->outcome != OUTCOME_CONSENT || answer->error[0] == '\0' ||
	    answer->set.refresh_token.len > 0 || account->previous_tried ||
	    account->grant.previous_refresh_token.len == 0)
		return false;
	account->previous_tried = true;
	account->flight_previous = true;
	account_log_attempt(account, answer, false);
	log_warning("account=%s: the refresh token before it is tried once", account->config->name);
	send_refresh(account, &account->grant.previous_refresh_token);
	return true;
}

/* The one that works is the present one now. */
static void promote_previous(struct account *account)
{
	struct buffer refused = BUFFER_INIT_SECRET(GRANT_TOKEN_MAX);

	buffer_move(&refused, &account->grant.refresh_token);
	buffer_move(&account->grant.refresh_token, &account->grant.previous_refresh_token);
	buffer_release(&refused);
}

/* Takes what is new of the answer into the grant. False: nothing is. */
static bool keep_answer(struct account *account)
{
	struct landing *landing = account->landing;
	struct token_answer *answer = &landing->answer;
	struct grant *grant = &account->grant;
	bool consented = grant_kind_has_person(account->flight_grant);

	if (landing->outcome == OUTCOME_OK && consented) {
		grant_advance(grant, &answer->set, account->flight_started_s);
		grant_bind(grant, account->flight_client_id, account->flight_token_url);
	} else if (landing->outcome == OUTCOME_OK) {
		grant_take_direct(grant, &account->config->client, &answer->set,
				  account->flight_started_s);
	} else if (answer->outcome == OUTCOME_OK || !consented) {
		return false;
	} else if (answer->set.refresh_token.len > 0) {
		grant_rotate(grant, &answer->set, account->flight_started_s);
		grant->generation++;
	} else if (answer->outcome == OUTCOME_CONSENT && answer->error[0] != '\0') {
		grant_refuse(grant, answer->err.text);
		return true; /* no token of it is new */
	} else {
		return false;
	}
	account->unsaved = true;
	return true;
}

static void land(struct account *account)
{
	struct landing *landing = account->landing;
	struct token_answer *answer = &landing->answer;

	account->landing = NULL;
	/* Where nobody consents nobody can consent again. */
	if (landing->outcome == OUTCOME_CONSENT && !grant_kind_has_person(account->flight_grant))
		landing->outcome = OUTCOME_CONFIG;
	account_log_attempt(account, answer, landing->rotated); /* after saving: a log may block */
	if (landing->outcome == OUTCOME_OK)
		account_note_success(account);
	else
		account_note_trouble(account, landing->outcome, answer->error, &landing->err,
				     answer->retry_after_s);
	account_landing_free(landing);
	account_reschedule(account);
	account_settle(account);
}

static void on_kept(void *context, enum outcome outcome, const struct err *err)
{
	struct account *account = context;
	struct landing *landing = account->landing;

	account->commit = NULL;
	/* Of a refusal that is not saved only a restart's first attempt is lost. */
	if (account->unsaved && outcome != OUTCOME_OK) {
		log_error("account=%s store=%s: %s; the new grant is kept in memory and "
			  "saved as soon as that works",
			  account->config->name, outcome_name(outcome), err->text);
		if (landing->outcome == OUTCOME_OK) {
			landing->outcome = outcome;
			landing->err = *err;
		}
	}
	account->unsaved = account->unsaved && outcome != OUTCOME_OK;
	land(account);
}

static void on_refreshed(void *context, struct token_answer *answer)
{
	struct account *account = context;
	struct store_slot *slot = account->slot;
	struct landing *landing;
	/* A reload may have changed what the account asks for meanwhile: the answer is the
	 * flight's. */
	bool consented = grant_kind_has_person(account->flight_grant);
	bool previous = account->flight_previous;

	account->flight = NULL;
	account->flight_previous = false;
	account_note_clock(account, answer);
	account_answered(account, answer);
	if (consented && !previous && try_previous(account, answer))
		return;
	account->slot = NULL;
	account->landing = landing = landing_new(answer);
	landing->rotated = consented && landing->answer.set.refresh_token.len > 0;
	if (landing->outcome == OUTCOME_OK)
		landing->outcome = check_same_person(account, &landing->answer.set, &landing->err);
	if (landing->outcome == OUTCOME_OK && previous)
		promote_previous(account);
	if (keep_answer(account)) {
		account->commit = commit_queue_add(account->world.commits, slot, &account->grant,
						   on_kept, account);
	} else {
		store_abort(slot);
		land(account);
	}
}
