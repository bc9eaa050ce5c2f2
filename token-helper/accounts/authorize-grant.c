/* SPDX-License-Identifier: MIT */
/*
 * authorize-grant.c - from tokens to a stored grant, whichever way they came: whose they are, and
 * what stays of the grant before. See authorize-private.h.
 */
#include "token-helper/accounts/authorize-private.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"

#include "common/banned.h"

static bool same_text(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/*
 * What the new grant keeps of the old one: its refresh token, as the previous one, or as the
 * present one when the server gave none this time and it is the same person's at the same server.
 */
static void keep_old(struct grant *grant, const struct grant *old)
{
	bool successor = grant->refresh_token.len == 0 && same_text(grant->subject, old->subject) &&
			 same_text(grant->client_id, old->client_id) &&
			 same_text(grant->token_url, old->token_url);
	struct buffer *kept = successor ? &grant->refresh_token : &grant->previous_refresh_token;

	(void)buffer_append_span(kept, buffer_span(&old->refresh_token));
	if (successor)
		grant->refresh_obtained_s = old->refresh_obtained_s;
}

/* A grant of the answer. */
static void grant_make(struct grant *grant, const struct flow *flow, const struct account *account,
		       struct token_set *set, struct identity *identity)
{
	buffer_move(&grant->refresh_token, &set->refresh_token);
	buffer_move(&grant->access_token, &set->access_token);
	grant->access_obtained_s = flow->asked_s;
	grant->access_expires_s = flow->asked_s + set->expires_in_s;
	grant->refresh_obtained_s = flow->asked_s;
	grant->authorized_s = flow->asked_s;
	grant->generation = account_grant(account)->generation + 1;
	grant->scope = set->scope;
	set->scope = NULL;
	grant->identity = xstrdup(identity->name);
	grant->issuer = xstrdup(identity->issuer);
	grant->subject = xstrdup(identity->subject);
	grant->kind = xstrdup(grant_kind_name(flow->kind));
	/* Not as they are now: a reload must not send these tokens to another server. */
	grant->redirect = xstrdup(flow->redirect);
	grant->client_id = xstrdup(flow->client_id);
	grant->token_url = xstrdup(flow->token_url);
	keep_old(grant, account_grant(account));
}

static void flow_succeed(struct flow *flow, struct grant *grant)
{
	struct flow_result result = {
		.outcome = OUTCOME_OK,
		.account = flow->account,
		.identity = grant->identity,
		.scope = grant->scope,
		.expires_s = grant->access_expires_s,
		.has_refresh_token = grant->refresh_token.len > 0,
	};

	flow_end(flow, &result, grant);
}

void flow_store(struct flow *flow, struct identity *identity)
{
	struct store_slot *slot = flow->slot;
	struct grant grant;
	struct err err;
	enum outcome outcome;

	flow->slot = NULL;
	grant_init(&grant);
	grant_make(&grant, flow, flow_account(flow), &flow->set, identity);
	outcome = store_commit(slot, &grant, &err);
	if (outcome == OUTCOME_OK)
		flow_succeed(flow, &grant);
	else
		flow_fail(flow, outcome, &err);
	grant_release(&grant);
}

static void on_identity(void *context, enum outcome outcome, struct identity *identity,
			const struct err *why)
{
	struct flow *flow = context;
	const struct account *account = flow_account(flow);

	flow->check = NULL;
	if (outcome != OUTCOME_OK)
		flow_fail(flow, outcome, why);
	else if (account == NULL)
		flow_fail_unconfigured(flow);
	else if (identity->names == NULL && account_config(account)->client.identity != NULL)
		flow_await_login(flow, identity);
	else
		flow_store(flow, identity);
}

/* Before anything is stored it must be known who signed in. */
void flow_take_answer(struct flow *flow, struct token_answer *answer)
{
	struct identity_question question = {
		.accounts = flow->flows->accounts,
		.account = flow->account,
		.set = &flow->set,
		.nonce = buffer_span(&flow->auth.nonce),
		.replace = flow->replace_identity,
	};
	struct identity_check *check;

	if (answer->outcome != OUTCOME_OK) {
		flow_fail(flow, answer->outcome, &answer->err);
		return;
	}
	if (flow_account(flow) == NULL) {
		flow_fail_unconfigured(flow);
		return;
	}
	token_set_move(&flow->set, &answer->set);
	/* When it is known at once, the flow is gone when this returns. */
	check = identity_check_start(&flow->flows->world, &question, on_identity, flow);
	if (check != NULL)
		flow->check = check;
}

void flow_note_answer(struct flow *flow, const struct token_answer *answer)
{
	struct account *account = flow_account(flow);

	flow->request = NULL;
	if (account != NULL)
		account_log_answer(account, flow->kind, answer);
}

void flow_note_request(struct flow *flow)
{
	const struct oauth_client *client = &account_config(flow_account(flow))->client;

	flow->asked_s = clock_now_s();
	free(flow->client_id);
	free(flow->token_url);
	flow->client_id = xstrdup(client->client_id);
	flow->token_url = xstrdup(client->token_url);
}
