/* SPDX-License-Identifier: MIT */
/*
 * authorize-login.c - a flow whose tokens nobody put a name to, until a login has told whose they
 * are. See authorize-private.h.
 *
 * The login is tried by who asked for the authorization: nothing here blocks, and the account is
 * not held meanwhile, so that its old grant goes on serving.
 */
#include "token-helper/accounts/authorize-private.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"

#include "common/banned.h"

const char *const flow_verdict_names[FLOW_VERDICTS] = {
	[FLOW_LOGIN_TAKEN] = "taken",
	[FLOW_LOGIN_REFUSED] = "refused",
	[FLOW_LOGIN_UNTRIED] = "untried",
	[FLOW_LOGIN_WAIVED] = "waived",
};

void flow_tell_login(struct flow *flow, flow_done_fn *done, void *context)
{
	const struct flow_login login = {.id = flow->id, .account = flow_account(flow)};
	struct flow_result result = {.outcome = OUTCOME_OK, .login = &login};

	if (login.account == NULL) {
		result = (struct flow_result){.outcome = OUTCOME_CONFIG};
		(void)err_set(&result.err, OUTCOME_CONFIG, "account %s: is no longer configured",
			      flow->account);
	}
	done(context, &result);
}

void flow_await_login(struct flow *flow, struct identity *identity)
{
	static const struct timeval patience = {.tv_sec = FLOW_LOGIN_S};
	struct flow_finish *finish = flow->finish;

	log_info("account=%s authorize=login: the server did not say who signed in", flow->account);
	store_abort(flow->slot);
	flow->slot = NULL;
	flow_let_go(flow, NULL);
	flow->awaits_login = true;
	identity_release(&flow->told);
	flow->told = *identity; /* a subject, or nothing */
	*identity = (struct identity){0};
	flow->finish = NULL;
	(void)event_add(flow->expiry, &patience); /* replaces the usual one */
	/* Of a device flow nobody waits for the end: it is fetched. */
	if (finish == NULL && flow->kind == GRANT_DEVICE_CODE)
		return;
	if (finish != NULL && finish->done != NULL) {
		flow_tell_login(flow, finish->done, finish->context);
	} else {
		log_info("account=%s authorize=cancelled: nobody waits for it", flow->account);
		flow_free(flow);
	}
	free(finish);
}

/* The login has told: what is asked for is the store. */
static void store_told(struct flow *flow)
{
	if (flow_prepare(flow))
		flow_store(flow, &flow->told);
}

static void settle(struct flow *flow, const struct flow_settlement *settlement)
{
	struct account *account = flow_account(flow);
	struct err err;

	log_line(settlement->verdict == FLOW_LOGIN_TAKEN ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
		 "account=%s login=%s by=%s user=%s said=%s", flow->account,
		 flow_verdict_names[settlement->verdict], settlement->where, settlement->user,
		 settlement->said);
	if (account == NULL) {
		flow_fail_unconfigured(flow);
		return;
	}
	if (settlement->verdict == FLOW_LOGIN_REFUSED) {
		flow_fail(flow,
			  err_set(&err, OUTCOME_CONSENT,
				  "%s does not take the new token for %s: %s; nothing was stored; "
				  "sign in as the mailbox's user, in a private window, and run: "
				  "mailoauth authorize %s",
				  settlement->where, settlement->user, settlement->said,
				  flow->account),
			  &err);
		return;
	}
	if (settlement->verdict == FLOW_LOGIN_TAKEN)
		account_report_accepted(account, settlement->where);
	flow_after_refresh(flow, store_told);
}

bool flow_waits_for_login(const struct flow *flow)
{
	return flow->awaits_login && !flow->device.ended && flow->finish == NULL;
}

const struct account *flow_login_token(struct flows *flows, struct span id, struct span *token)
{
	struct flow *flow = flow_find(flows, id);

	if (flow == NULL || !flow_waits_for_login(flow))
		return NULL;
	*token = buffer_span(&flow->set.access_token);
	return flow_account(flow);
}

struct flow_finish *flow_settle(struct flows *flows, struct span id,
				const struct flow_settlement *settlement, flow_done_fn *done,
				void *context)
{
	struct flow *flow = flow_find(flows, id);
	struct flow_result result = {.outcome = OUTCOME_CONSENT};
	struct flow_finish *finish;

	if (flow == NULL || !flow_waits_for_login(flow)) {
		(void)err_set(&result.err, OUTCOME_CONSENT,
			      "this authorization waits for no login, or no longer; start again "
			      "with: mailoauth authorize ACCOUNT");
		done(context, &result);
		return NULL;
	}
	finish = xcalloc(1, sizeof(*finish));
	*finish = (struct flow_finish){done, context};
	flow->finish = finish;
	if (settlement->verdict == FLOW_LOGIN_TAKEN) {
		free(flow->told.name);
		flow->told.name = xstrdup(settlement->user);
	}
	settle(flow, settlement);
	/* It may have ended at once, which has told the asker and freed finish. */
	return flow_find(flows, id) == flow && flow->finish == finish ? finish : NULL;
}
