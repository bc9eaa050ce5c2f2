/* SPDX-License-Identifier: MIT */
/*
 * authorize-device.c - the device flow (RFC 8628): codes for the person, then asking until there is
 * an answer. See authorize-private.h.
 *
 * The account is held, and room for its grant reserved, only while a request is under way: any of
 * them may bring the tokens. Between two of them refreshes go on.
 */
#include "token-helper/accounts/authorize-private.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define AGAIN_S 1 /* while a refresh is in flight */

static void arm(struct flow *flow, int64_t wait_s)
{
	const struct timeval wait = {.tv_sec = (time_t)wait_s};

	if (event_add(flow->device.timer, &wait) != 0)
		fatal("out of memory");
}

static void kept_release(struct flow_result *kept)
{
	free((char *)(uintptr_t)kept->account);
	free((char *)(uintptr_t)kept->identity);
	free((char *)(uintptr_t)kept->scope);
	*kept = (struct flow_result){0};
}

void flow_device_release(struct flow *flow)
{
	endpoint_cancel(flow->device.asking);
	flow->device.asking = NULL;
	device_answer_release(&flow->device.codes);
	kept_release(&flow->device.kept);
	if (flow->device.timer != NULL)
		event_free(flow->device.timer);
	flow->device.timer = NULL;
}

void flow_device_keep(struct flow *flow, const struct flow_result *result)
{
	struct flow_device *device = &flow->device;

	device->ended = true;
	device->kept = *result;
	device->kept.account = xstrdup(result->account);
	device->kept.identity = xstrdup(result->identity);
	device->kept.scope = xstrdup(result->scope);
	buffer_release(&device->codes.device_code);
	(void)event_del(device->timer);
}

/* Asking for tokens --------------------------------------------------------------------------- */

static void on_polled(void *context, struct token_answer *answer)
{
	struct flow *flow = context;
	enum device_step step;
	int64_t wait_s = 0;

	flow_note_answer(flow, answer);
	step = device_poll_step(&flow->device.poll, answer, &wait_s);
	if (step == DEVICE_WAIT && deadline_passed(flow->device.until)) {
		answer->outcome =
			err_set(&answer->err, OUTCOME_CONSENT, "nobody entered the code in time");
		step = DEVICE_OVER;
	}
	if (step == DEVICE_OVER) {
		flow_take_answer(flow, answer);
		return;
	}
	store_abort(flow->slot);
	flow->slot = NULL;
	flow_let_go(flow, NULL);
	arm(flow, wait_s);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct flow *flow = context;
	struct account *account = flow_account(flow);

	(void)fd;
	(void)what;
	if (account != NULL && account_is_refreshing(account)) {
		arm(flow, AGAIN_S);
		return;
	}
	if (!flow_prepare(flow))
		return;
	flow_note_request(flow);
	flow->request =
		token_request_device(flow->flows->world.http, &account_config(account)->client,
				     buffer_span(&flow->device.codes.device_code), on_polled, flow);
}

/* Asking for codes ---------------------------------------------------------------------------- */

static void tell_begun(struct flow *flow)
{
	struct flow_finish *finish = flow->finish;
	const struct device_answer *codes = &flow->device.codes;
	struct flow_begun begun = {
		.id = flow->id,
		.account = flow_account(flow),
		.kind = GRANT_DEVICE_CODE,
		.user_code = codes->user_code,
		.verification_uri = codes->verification_uri,
		.verification_uri_complete = codes->verification_uri_complete,
		.expires_in_s = (int)codes->expires_in_s,
	};
	struct flow_result result = {.outcome = OUTCOME_OK, .begun = &begun};

	begun.user = account_config(begun.account)->client.identity;
	flow->finish = NULL;
	if (finish->done != NULL)
		finish->done(finish->context, &result);
	else
		flow_free(flow); /* nobody has seen the code */
	free(finish);
}

static void on_codes(void *context, struct endpoint_answer *answer)
{
	struct flow *flow = context;
	struct flow_device *device = &flow->device;
	struct account *account = flow_account(flow);
	struct timeval lifetime = {0};
	struct err err;

	device->asking = NULL;
	if (account == NULL) {
		flow_fail_unconfigured(flow);
		return;
	}
	device_answer_parse(&account_config(account)->client, answer->response, &device->codes);
	if (device->codes.outcome != OUTCOME_OK) {
		err = device->codes.err;
		flow_fail(flow, device->codes.outcome, &err);
		return;
	}
	device->poll.interval_s = device->codes.interval_s;
	device->until = deadline_in_ms(device->codes.expires_in_s * 1000);
	lifetime.tv_sec = (time_t)device->codes.expires_in_s;
	(void)event_add(flow->expiry, &lifetime); /* replaces the usual one */
	arm(flow, device->poll.interval_s);
	log_info("account=%s authorize=begun grant=device_code interval=%llds expires_in=%llds",
		 flow->account, (long long)device->poll.interval_s,
		 (long long)device->codes.expires_in_s);
	tell_begun(flow);
}

static void ask_for_codes(struct flow *flow)
{
	flow->device.timer = evtimer_new(flow->flows->world.base, on_timer, flow);
	if (flow->device.timer == NULL)
		fatal("out of memory");
	flow->device.asking =
		device_request(flow->flows->world.http, &account_config(flow_account(flow))->client,
			       on_codes, flow);
}

struct flow_finish *flow_begin_device(struct flows *flows, struct account *account,
				      bool replace_identity, flow_done_fn *done, void *context)
{
	const struct account_config *config = account_config(account);
	struct flow_result result = {.outcome = flow_make_room(flows, account, &result.err)};
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
	ask_for_codes(flow);
	return flow->finish;
}

/* What became of it -------------------------------------------------------------------------- */

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
	if (flow_waits_for_login(flow)) {
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
