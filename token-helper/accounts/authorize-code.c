/* SPDX-License-Identifier: MIT */
/*
 * authorize-code.c - the flow by authorization code: a URL for the person's browser, then what it
 * brings back. See authorize-private.h.
 */
#include "token-helper/accounts/authorize-private.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/url.h"
#include "common/xalloc.h"

#include "common/banned.h"

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

/* There are a redirect, both URLs and room for one more. */
static enum outcome may_begin(struct flows *flows, struct account *account,
			      const struct flow_wish *wish, const char **redirect_out,
			      struct err *err)
{
	const struct oauth_client *client = &account_config(account)->client;
	enum outcome outcome =
		choose_redirect(account_config(account), wish->redirect, redirect_out, err);

	if (outcome == OUTCOME_OK)
		outcome = account_knows(account, client->authorize_url, err);
	if (outcome == OUTCOME_OK)
		outcome = account_knows(account, client->token_url, err);
	if (outcome == OUTCOME_OK)
		outcome = flow_make_room(flows, account, err);
	if (outcome == OUTCOME_OK && client->authorize_url == NULL)
		outcome =
			err_set(err, OUTCOME_CONFIG,
				"account %s: nobody can sign in by code: there is no authorize_url",
				account_config(account)->name);
	return outcome;
}

enum outcome flow_begin(struct flows *flows, struct account *account, const struct flow_wish *wish,
			struct flow_begun *begun, struct err *err)
{
	const struct oauth_client *client = &account_config(account)->client;
	int64_t lifetime_s = wish->elsewhere ? FLOW_ELSEWHERE_S : FLOW_LIFETIME_S;
	const char *redirect;
	char *uri;
	struct flow *flow;
	enum outcome outcome = may_begin(flows, account, wish, &redirect, err);

	if (outcome != OUTCOME_OK)
		return outcome;
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

/* Finishing ----------------------------------------------------------------------------------- */

static void on_redeemed(void *context, struct token_answer *answer)
{
	struct flow *flow = context;

	flow_note_answer(flow, answer);
	flow_take_answer(flow, answer);
}

/* The code is spent only when its result can be stored, and no refresh of the old grant is under
 * way. */
static void redeem(struct flow *flow)
{
	if (!flow_prepare(flow))
		return;
	flow_note_request(flow);
	flow->request = token_request_code(flow->flows->world.http,
					   &account_config(flow_account(flow))->client, &flow->auth,
					   buffer_span(&flow->code), on_redeemed, flow);
	buffer_release(&flow->code);
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
