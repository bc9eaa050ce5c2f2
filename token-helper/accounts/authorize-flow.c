/* SPDX-License-Identifier: MIT */
/* authorize-flow.c - see authorize-flow.h. */
#include "token-helper/accounts/authorize-flow.h"

#include <event2/event.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/url.h"
#include "common/xalloc.h"
#include "token-helper/accounts/authorize-private.h"
#include "token-helper/oauth/token-request.h"

#include "common/banned.h"

#define FLOW_URL_MAX  8192
#define FLOW_CODE_MAX 8192
#define KEPT_S	      900 /* a result that nobody has fetched */

struct account *flow_account(const struct flow *flow)
{
	return accounts_find(flow->flows->accounts, span_from_str(flow->account));
}

/* Life ---------------------------------------------------------------------------------------- */

void flow_let_go(struct flow *flow, struct grant *grant)
{
	struct account *account = flow_account(flow);

	if (flow->holding && account != NULL)
		account_release(account, grant);
	flow->holding = false;
}

void flow_free(struct flow *flow)
{
	TAILQ_REMOVE(&flow->flows->list, flow, link);
	flow->flows->count--;
	account_cancel(flow->waiting);
	token_request_cancel(flow->request);
	identity_check_cancel(flow->check);
	token_set_release(&flow->set);
	store_abort(flow->slot);
	flow_let_go(flow, NULL);
	flow_device_release(flow);
	authorization_release(&flow->auth);
	buffer_release(&flow->url);
	buffer_release(&flow->code);
	event_free(flow->expiry);
	identity_release(&flow->told);
	free(flow->finish);
	free(flow->redirect);
	free(flow->client_id);
	free(flow->token_url);
	free(flow->account);
	free(flow);
}

struct flows *flows_new(const struct account_world *world, struct accounts *accounts)
{
	struct flows *flows = xcalloc(1, sizeof(*flows));

	flows->world = *world;
	flows->accounts = accounts;
	TAILQ_INIT(&flows->list);
	return flows;
}

void flows_free(struct flows *flows)
{
	struct flow *flow;

	if (flows == NULL)
		return;
	while ((flow = TAILQ_FIRST(&flows->list)) != NULL)
		flow_free(flow);
	free(flows);
}

/* Its tokens are on their way: ending it now would lose them. */
static bool flow_is_busy(const struct flow *flow)
{
	return flow->request != NULL || flow->check != NULL;
}

bool flows_busy(const struct flows *flows)
{
	const struct flow *flow;

	TAILQ_FOREACH(flow, &flows->list, link)
	{
		if (flow_is_busy(flow))
			return true;
	}
	return false;
}

struct flow *flow_find(struct flows *flows, struct span id)
{
	struct flow *flow;

	TAILQ_FOREACH(flow, &flows->list, link)
	{
		if (equal_constant_time(id, span_from_str(flow->id)))
			return flow;
	}
	return NULL;
}

/* Tells the asker and ends the flow. grant (taken) is the new one, already durable, or NULL. */
static void flow_end(struct flow *flow, struct flow_result *result, struct grant *grant)
{
	static const struct timeval kept = {.tv_sec = KEPT_S};
	struct flow_finish *finish = flow->finish;

	if (result->outcome == OUTCOME_OK)
		log_info("account=%s authorize=ok identity=%s refresh_token=%s", flow->account,
			 result->identity != NULL ? result->identity : "not verified",
			 result->has_refresh_token ? "yes" : "no");
	else
		log_line(log_level_of(result->outcome), "account=%s authorize=%s: %s",
			 flow->account, outcome_name(result->outcome), result->err.text);
	flow->finish = NULL;
	store_abort(flow->slot);
	flow->slot = NULL;
	/* Of a device flow nobody waits for the end: it is fetched. */
	if (finish == NULL && flow->kind == GRANT_DEVICE_CODE) {
		flow_device_keep(flow, result);
		(void)event_add(flow->expiry, &kept);
		flow_let_go(flow, grant);
		return;
	}
	if (finish != NULL && finish->done != NULL)
		finish->done(finish->context, result);
	free(finish);
	flow_let_go(flow, grant);
	flow_free(flow);
}

/* Who was refused the device flow may be let in by the other one. */
static const char *other_way(const struct flow *flow)
{
	const struct account *account = flow_account(flow);

	return flow->kind == GRANT_DEVICE_CODE && account != NULL &&
			       account_config(account)->client.authorize_url != NULL
		       ? " --flow code"
		       : "";
}

void flow_fail(struct flow *flow, enum outcome outcome, const struct err *err)
{
	struct flow_result result = {.outcome = outcome};
	bool by_device = flow->kind == GRANT_DEVICE_CODE && outcome != OUTCOME_RETRY;
	bool says_how = strstr(err->text, "mailoauth authorize") != NULL ||
			(outcome != OUTCOME_CONSENT && !by_device);

	(void)err_set(&result.err, outcome, "account %s: %s%s%s%s", flow->account, err->text,
		      says_how ? "" : "; run: mailoauth authorize ", says_how ? "" : flow->account,
		      says_how ? "" : other_way(flow));
	flow_end(flow, &result, NULL);
}

static void on_expiry(evutil_socket_t fd, short what, void *context)
{
	struct flow *flow = context;
	struct err err;

	(void)fd;
	(void)what;
	if (flow->device.ended) {
		flow_free(flow);
		return;
	}
	(void)err_set(&err, OUTCOME_CONSENT, "%s",
		      flow->awaits_login
			      ? "nobody said in time whether a login with the new token works, so "
				"nothing was stored"
			      : "nobody came back from the sign-in page in time");
	if (!flow_is_busy(flow))
		flow_fail(flow, OUTCOME_CONSENT, &err);
}

/* Beginning ----------------------------------------------------------------------------------- */

/* The listener's port is put after the host: http://localhost:PORT/path. Any port will do only for
 * http on loopback, and only where none was registered (RFC 8252 7.3): everything else is sent as
 * it stands. */
static char *redirect_uri(const char *redirect, uint16_t port)
{
	size_t host_end;

	if (port == 0 || !url_is_loopback_http(redirect) || url_has_port(redirect))
		return xstrdup(redirect);
	host_end = strlen("http://");
	host_end += strcspn(redirect + host_end, "/?#");
	return xasprintf("%.*s:%u%s", (int)host_end, redirect, (unsigned)port, redirect + host_end);
}

static struct flow *flow_new(struct flows *flows, const struct account *account, int64_t lifetime_s)
{
	const struct timeval lifetime = {.tv_sec = (time_t)lifetime_s};
	struct flow *flow = xcalloc(1, sizeof(*flow));
	unsigned char id[16];

	evutil_secure_rng_get_bytes(id, sizeof(id));
	for (size_t i = 0; i < sizeof(id); i++)
		(void)snprintf(flow->id + 2 * i, 3, "%02x", id[i]);
	flow->flows = flows;
	flow->account = xstrdup(account_config(account)->name);
	buffer_init(&flow->url, FLOW_URL_MAX);
	buffer_init_secret(&flow->code, FLOW_CODE_MAX);
	token_set_init(&flow->set);
	flow->expiry = evtimer_new(flows->world.base, on_expiry, flow);
	if (flow->expiry == NULL || event_add(flow->expiry, &lifetime) != 0)
		fatal("out of memory");
	TAILQ_INSERT_TAIL(&flows->list, flow, link);
	flows->count++;
	return flow;
}

/* The oldest that nobody waits for. False: somebody waits for each. */
static bool drop_oldest(struct flows *flows)
{
	struct flow *flow;

	TAILQ_FOREACH(flow, &flows->list, link)
	{
		if (!flow_is_busy(flow) && flow->finish == NULL) {
			flow_free(flow);
			return true;
		}
	}
	return false;
}

static enum outcome make_room(struct flows *flows, const struct account *account, struct err *err)
{
	if (flows->count < FLOWS_MAX || drop_oldest(flows))
		return OUTCOME_OK;
	return err_set(err, OUTCOME_RETRY,
		       "account %s: %d authorizations are being finished at this moment",
		       account_config(account)->name, FLOWS_MAX);
}

static enum outcome refuse_redirect(const struct account_config *config, const char *wanted,
				    struct err *err)
{
	const struct words *redirects = &config->client.redirects;
	struct buffer known = BUFFER_INIT(ERR_TEXT_MAX);

	for (size_t i = 0; i < redirects->count; i++)
		(void)buffer_printf(&known, "%s%s", i > 0 ? " " : "", redirects->word[i]);
	(void)err_set(err, OUTCOME_CONFIG, "account %s: its redirect is %s, and not %s",
		      config->name, buffer_cstr(&known), wanted);
	buffer_release(&known);
	return OUTCOME_CONFIG;
}

/* Where codes go is for the configuration to say: who asks may only choose. */
static enum outcome choose_redirect(const struct account_config *config, const char *wanted,
				    const char **redirect_out, struct err *err)
{
	const struct words *redirects = &config->client.redirects;

	for (size_t i = 0; i < redirects->count; i++) {
		if (wanted == NULL || strcmp(redirects->word[i], wanted) == 0) {
			*redirect_out = redirects->word[i];
			return OUTCOME_OK;
		}
	}
	return refuse_redirect(config, wanted, err);
}

enum outcome flow_begin(struct flows *flows, struct account *account, const struct flow_wish *wish,
			struct flow_begun *begun, struct err *err)
{
	const struct oauth_client *client = &account_config(account)->client;
	int64_t lifetime_s = wish->elsewhere ? FLOW_ELSEWHERE_S : FLOW_LIFETIME_S;
	const char *redirect;
	char *uri;
	struct flow *flow;
	enum outcome outcome =
		choose_redirect(account_config(account), wish->redirect, &redirect, err);

	if (outcome == OUTCOME_OK)
		outcome = account_knows(account, client->authorize_url, err);
	if (outcome == OUTCOME_OK)
		outcome = account_knows(account, client->token_url, err);
	if (outcome == OUTCOME_OK)
		outcome = make_room(flows, account, err);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (client->authorize_url == NULL)
		return err_set(err, OUTCOME_CONFIG,
			       "account %s: nobody can sign in by code: there is no authorize_url",
			       account_config(account)->name);
	uri = redirect_uri(redirect, wish->port);
	flow = flow_new(flows, account, lifetime_s);
	flow->replace_identity = wish->replace_identity;
	flow->redirect = xstrdup(redirect);
	outcome = authorization_start(&flow->auth, uri, err);
	free(uri);
	if (outcome == OUTCOME_OK)
		outcome = authorization_url(&flow->auth, client, &flow->url, err);
	if (outcome != OUTCOME_OK) {
		err_prefix(err, "account %s: ", flow->account);
		flow_free(flow);
		return outcome;
	}
	*begun = (struct flow_begun){
		.id = flow->id,
		.account = account,
		.kind = GRANT_AUTHORIZATION_CODE,
		.url = buffer_cstr(&flow->url),
		.redirect = flow->redirect,
		.redirect_uri = flow->auth.redirect_uri,
		.user = client->identity,
		.expires_in_s = (int)lifetime_s,
	};
	log_info("account=%s authorize=begun", flow->account);
	return OUTCOME_OK;
}

struct flow_finish *flow_begin_device(struct flows *flows, struct account *account,
				      bool replace_identity, flow_done_fn *done, void *context)
{
	const struct account_config *config = account_config(account);
	struct flow_result result = {.outcome = make_room(flows, account, &result.err)};
	struct flow *flow;

	if (result.outcome == OUTCOME_OK)
		result.outcome = account_knows(account, config->client.device_url, &result.err);
	if (result.outcome == OUTCOME_OK)
		result.outcome = account_knows(account, config->client.token_url, &result.err);
	if (result.outcome == OUTCOME_OK && config->client.device_url == NULL)
		result.outcome = err_set(
			&result.err, OUTCOME_CONFIG,
			"account %s: %s has no device flow for mail%s%s; run: mailoauth "
			"authorize %s --flow code",
			config->name, config->title, config->device_note != NULL ? ": " : "",
			config->device_note != NULL ? config->device_note : "", config->name);
	if (result.outcome != OUTCOME_OK) {
		done(context, &result);
		return NULL;
	}
	flow = flow_new(flows, account, FLOW_LIFETIME_S);
	flow->kind = GRANT_DEVICE_CODE;
	flow->replace_identity = replace_identity;
	flow->finish = xcalloc(1, sizeof(*flow->finish));
	*flow->finish = (struct flow_finish){done, context};
	flow_device_begin(flow);
	return flow->finish;
}

/* Finishing ----------------------------------------------------------------------------------- */

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
	struct err err = *why;

	flow->check = NULL;
	if (outcome == OUTCOME_OK && account == NULL)
		outcome = err_set(&err, OUTCOME_CONFIG, "is no longer configured");
	if (outcome != OUTCOME_OK)
		flow_fail(flow, outcome, &err);
	else if (identity->names == NULL && account_config(account)->client.identity != NULL)
		flow_await_login(flow, identity);
	else
		flow_store(flow, identity);
}

/* Before anything is stored it must be known who signed in. */
void flow_take_answer(struct flow *flow, struct token_answer *answer)
{
	struct account *account = flow_account(flow);
	struct identity_question question = {
		.accounts = flow->flows->accounts,
		.account = flow->account,
		.set = &flow->set,
		.nonce = buffer_span(&flow->auth.nonce),
		.replace = flow->replace_identity,
	};
	struct identity_check *check;
	struct err err = answer->err;
	enum outcome outcome = answer->outcome;

	if (outcome == OUTCOME_OK && account == NULL)
		outcome = err_set(&err, OUTCOME_CONFIG, "is no longer configured");
	if (outcome != OUTCOME_OK) {
		flow_fail(flow, outcome, &err);
		return;
	}
	token_set_move(&flow->set, &answer->set);
	/* When it is known at once, the flow is gone when this returns. */
	check = identity_check_start(&flow->flows->world, &question, on_identity, flow);
	if (check != NULL)
		flow->check = check;
}

void flow_log_answer(const struct flow *flow, const struct token_answer *answer)
{
	struct account *account = flow_account(flow);

	if (account != NULL)
		account_log_answer(account, flow->kind, answer);
}

static void on_redeemed(void *context, struct token_answer *answer)
{
	struct flow *flow = context;

	flow->request = NULL;
	flow_log_answer(flow, answer);
	flow_take_answer(flow, answer);
}

void flow_note_client(struct flow *flow)
{
	const struct oauth_client *client = &account_config(flow_account(flow))->client;

	free(flow->client_id);
	free(flow->token_url);
	flow->client_id = xstrdup(client->client_id);
	flow->token_url = xstrdup(client->token_url);
}

enum outcome flow_prepare(struct flow *flow, struct err *err)
{
	struct account *account = flow_account(flow);

	if (account == NULL)
		return err_set(err, OUTCOME_CONFIG, "is no longer configured");
	account_hold(account);
	flow->holding = true;
	return store_reserve(flow->flows->world.store, flow->account, &flow->slot, err);
}

/* The code is spent only when its result can be stored, and no refresh of the old grant is under
 * way. */
static void redeem(struct flow *flow)
{
	struct account *account = flow_account(flow);
	struct err err;
	enum outcome outcome = flow_prepare(flow, &err);

	if (outcome != OUTCOME_OK) {
		flow_fail(flow, outcome, &err);
		return;
	}
	flow->asked_s = clock_now_s();
	flow_note_client(flow);
	flow->request =
		token_request_code(flow->flows->world.http, &account_config(account)->client,
				   &flow->auth, buffer_span(&flow->code), on_redeemed, flow);
	buffer_release(&flow->code);
}

static void on_refresh_ended(void *context, enum outcome outcome, const struct account_token *token,
			     const struct err *err)
{
	struct flow *flow = context;

	(void)outcome;
	(void)token;
	(void)err;
	flow->waiting = NULL;
	flow->go_on(flow);
}

void flow_after_refresh(struct flow *flow, flow_step_fn *step)
{
	struct account *account = flow_account(flow);

	flow->go_on = step;
	if (account_is_refreshing(account))
		flow->waiting = account_refresh(account, on_refresh_ended, flow);
	else
		step(flow);
}

static void refuse(flow_done_fn *done, void *context, enum outcome outcome, const struct err *err)
{
	struct flow_result result = {.outcome = outcome, .err = *err};

	done(context, &result);
}

/* The account's flow that the redirect belongs to, by its state; else its newest. */
static struct flow *flow_find_for(struct flows *flows, struct span account, struct span redirect)
{
	struct buffer code = BUFFER_INIT_SECRET(FLOW_CODE_MAX);
	struct flow *newest = NULL;
	struct flow *flow;
	enum outcome outcome;

	TAILQ_FOREACH(flow, &flows->list, link)
	{
		if (!span_equals(account, flow->account) || flow->kind == GRANT_DEVICE_CODE ||
		    flow_account(flow) == NULL)
			continue;
		newest = flow;
		outcome = authorization_parse_redirect(&flow->auth,
						       &account_config(flow_account(flow))->client,
						       redirect, &code, NULL);
		if (outcome != OUTCOME_DENIED)
			break;
	}
	buffer_release(&code);
	return flow != NULL ? flow : newest;
}

struct flow_finish *flow_finish_account(struct flows *flows, struct span account,
					struct span redirect, flow_done_fn *done, void *context)
{
	const struct flow *flow = flow_find_for(flows, account, redirect);
	struct flow_result result = {.outcome = OUTCOME_CONSENT};

	if (flow != NULL)
		return flow_finish(flows, span_from_str(flow->id), redirect, done, context);
	(void)err_set(
		&result.err, OUTCOME_CONSENT,
		"account %.*s: no authorization is open (each waits %d minutes, and ends when "
		"mailoauthd does); run: mailoauth authorize %.*s --request",
		(int)account.len, account.ptr, FLOW_ELSEWHERE_S / 60, (int)account.len,
		account.ptr);
	done(context, &result);
	return NULL;
}

bool flow_poll(struct flows *flows, struct span id, flow_done_fn *done, void *context)
{
	struct flow *flow = flow_find(flows, id);
	struct flow_result result = {.outcome = OUTCOME_OK};

	if (flow == NULL || flow->kind != GRANT_DEVICE_CODE) {
		(void)err_set(&result.err, OUTCOME_CONSENT,
			      "this authorization is over; start again with: mailoauth authorize "
			      "ACCOUNT");
		result.outcome = OUTCOME_CONSENT;
		done(context, &result);
		return true;
	}
	if (flow->awaits_login && flow->finish == NULL && !flow->device.ended) {
		flow_tell_login(flow, done, context);
		return true;
	}
	if (!flow->device.ended)
		return false;
	done(context, &flow->device.kept);
	flow_free(flow);
	return true;
}

int64_t flow_expires_in_s(struct flows *flows, struct span id)
{
	const struct flow *flow = flow_find(flows, id);

	return flow != NULL ? deadline_remaining_ms(flow->device.until) / 1000 : 0;
}

struct flow_finish *flow_finish(struct flows *flows, struct span id, struct span redirect,
				flow_done_fn *done, void *context)
{
	struct flow *flow = flow_find(flows, id);
	struct account *account = flow != NULL ? flow_account(flow) : NULL;
	struct flow_finish *finish;
	enum outcome outcome;
	struct err err;

	if (account == NULL || flow->finish != NULL || flow_is_busy(flow) || flow->awaits_login ||
	    flow->kind == GRANT_DEVICE_CODE) {
		outcome = err_set(
			&err, OUTCOME_CONSENT,
			"this authorization is over, or was used already; start again with: "
			"mailoauth authorize ACCOUNT");
		refuse(done, context, outcome, &err);
		return NULL;
	}
	outcome = authorization_parse_redirect(&flow->auth, &account_config(account)->client,
					       redirect, &flow->code, &err);
	if (outcome == OUTCOME_DENIED || outcome == OUTCOME_PROTOCOL) {
		log_warning("account=%s authorize=%s: %s", flow->account, outcome_name(outcome),
			    err.text);
		err_prefix(&err, "account %s: ", flow->account);
		refuse(done, context, outcome, &err);
		return NULL;
	}
	finish = xcalloc(1, sizeof(*finish));
	*finish = (struct flow_finish){done, context};
	flow->finish = finish;
	if (outcome != OUTCOME_OK) {
		flow_fail(flow, outcome, &err);
		return NULL;
	}
	flow_after_refresh(flow, redeem);
	/* redeem() may have failed at once, which has told the asker and freed finish. */
	return flow_find(flows, id) == flow && flow->finish == finish ? finish : NULL;
}

void flow_finish_cancel(struct flow_finish *finish)
{
	if (finish != NULL)
		finish->done = NULL;
}

void flow_cancel(struct flows *flows, struct span id)
{
	struct flow *flow = flow_find(flows, id);

	if (flow == NULL || flow->finish != NULL)
		return;
	log_info("account=%s authorize=cancelled", flow->account);
	flow_free(flow);
}
