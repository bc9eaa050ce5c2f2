/* SPDX-License-Identifier: MIT */
/* authorize-flow.c - how a flow lives and ends, whichever way it gets its tokens: see
 * authorize-flow.h and authorize-private.h. */
#include "token-helper/accounts/authorize-flow.h"

#include <event2/event.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/accounts/authorize-private.h"

#include "common/banned.h"

#define FLOW_URL_MAX 8192
#define KEPT_S	     900 /* a result that nobody has fetched */

struct account *flow_account(const struct flow *flow)
{
	return accounts_find(flow->flows->accounts, span_from_str(flow->account));
}

/* The account ---------------------------------------------------------------------------------- */

void flow_let_go(struct flow *flow, struct grant *grant)
{
	struct account *account = flow_account(flow);

	if (flow->holding && account != NULL)
		account_release(account, grant);
	flow->holding = false;
}

bool flow_prepare(struct flow *flow)
{
	struct account *account = flow_account(flow);
	struct err err;
	enum outcome outcome;

	if (account == NULL) {
		flow_fail_unconfigured(flow);
		return false;
	}
	account_hold(account);
	flow->holding = true;
	outcome = store_reserve(flow->flows->world.store, flow->account, &flow->slot, &err);
	if (outcome != OUTCOME_OK)
		flow_fail(flow, outcome, &err);
	return outcome == OUTCOME_OK;
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

/* All of them ---------------------------------------------------------------------------------- */

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

bool flow_is_busy(const struct flow *flow)
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

enum outcome flow_make_room(struct flows *flows, const struct account *account, struct err *err)
{
	if (flows->count < FLOWS_MAX || drop_oldest(flows))
		return OUTCOME_OK;
	return err_set(err, OUTCOME_RETRY,
		       "account %s: %d authorizations are being finished at this moment",
		       account_config(account)->name, FLOWS_MAX);
}

/* One of them ---------------------------------------------------------------------------------- */

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

void flow_end(struct flow *flow, struct flow_result *result, struct grant *grant)
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

void flow_fail_unconfigured(struct flow *flow)
{
	struct err err;

	flow_fail(flow, err_set(&err, OUTCOME_CONFIG, "is no longer configured"), &err);
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

struct flow *flow_new(struct flows *flows, const struct account *account, int64_t lifetime_s)
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
