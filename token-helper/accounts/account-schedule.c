/* SPDX-License-Identifier: MIT */
/*
 * account-schedule.c - when an account asks again by itself: its timer, and what became of the last
 * time. How long is refresh-policy.h's.
 */
#include "token-helper/accounts/account-private.h"

#include <event2/event.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/accounts/refresh-policy.h"

#include "common/banned.h"

#define TIMER_AT_MOST_S	 3600
#define CONFIG_AGAIN_S	 3600
#define CROWDED_JITTER_S 3
#define CONFIG_JITTER_S	 600

uint32_t account_random_bits(void)
{
	uint32_t bits;

	evutil_secure_rng_get_bytes(&bits, sizeof(bits));
	return bits;
}

struct refresh_times account_times(const struct account *account)
{
	return (struct refresh_times){
		.obtained_s = account->grant.access_obtained_s,
		.expires_s = account->grant.access_expires_s,
		.last_asked_s = account->last_asked_s,
	};
}

/* How long no refresh may be made yet; 0: it may. A wait that no failure of ours can have caused is
 * from before the clock was set back. */
int64_t account_waiting_s(const struct account *account)
{
	int64_t wait_s = account->not_before_s - clock_now_s();

	return wait_s > 0 && wait_s <= REFRESH_WAIT_MAX_S ? wait_s : 0;
}

/* Timers count monotonic time; a suspended machine must not sleep past the due time for long. */
static void arm_timer(struct account *account, int64_t at_least_s)
{
	int64_t wait_s = account->next_s - clock_now_s();
	struct timeval wait = {.tv_sec = 0};

	if (wait_s > TIMER_AT_MOST_S)
		wait_s = TIMER_AT_MOST_S;
	wait.tv_sec = (time_t)(wait_s > at_least_s ? wait_s : at_least_s);
	(void)event_add(account->timer, &wait);
}

void account_plan_nothing(struct account *account)
{
	refresh_plan_remove(account->world.plan, account->next_s);
	account->next_s = 0;
	(void)event_del(account->timer);
	account_leave_queue(account);
}

void account_plan_at(struct account *account, int64_t at_s)
{
	account_plan_nothing(account);
	account->next_s = at_s;
	refresh_plan_add(account->world.plan, at_s);
	arm_timer(account, 0);
}

/* What failed there, and not on our disk, is tried again when the endpoint is up. */
static bool waits_for_endpoint(const struct account *account)
{
	return account->trouble == OUTCOME_RETRY && !account->unsaved &&
	       account_endpoint_is_down(account);
}

void account_reschedule(struct account *account)
{
	int64_t now_s = clock_now_s();
	struct refresh_times times = account_times(account);

	account_plan_nothing(account);
	if ((account_has_person(account) && account->grant.refresh_token.len == 0) ||
	    account_is_refreshing(account))
		return;
	if (!account_token_fits(account))
		times.obtained_s = 0;
	if (waits_for_endpoint(account)) {
		account_join_queue(account);
		return;
	}
	if (account->trouble != OUTCOME_OK && account_waiting_s(account) > 0) {
		account->next_s = now_s + account_waiting_s(account);
		refresh_plan_add(account->world.plan, account->next_s);
	} else {
		if (account->trouble != OUTCOME_OK)
			times.obtained_s = 0; /* it is due */
		account->next_s =
			refresh_plan_s(account->world.plan, &times, now_s, account_random_bits());
	}
	arm_timer(account, 0);
}

/* It is due. */
static void begin_or_wait(struct account *account)
{
	if (account->unsaved) {
		account_begin(account);
	} else if (account_endpoint_forbids(account)) {
		account_plan_nothing(account);
		account_join_queue(account);
	} else if (account_endpoint_is_crowded(account)) {
		account_plan_at(account,
				clock_now_s() + 1 + account_random_bits() % CROWDED_JITTER_S);
	} else {
		account_begin(account);
	}
}

/* Being held keeps it from asking for another grant, not from saving the one it has. */
static bool is_due(const struct account *account)
{
	return account->next_s != 0 && clock_now_s() >= account->next_s &&
	       !account_is_refreshing(account) && (account->holds == 0 || account->unsaved);
}

void account_has_turn(struct account *account)
{
	if (!TAILQ_EMPTY(&account->waiters) && account->holds == 0 &&
	    !account_is_refreshing(account))
		account_start_or_answer(account);
	else if (is_due(account))
		begin_or_wait(account);
}

/* While it waits to begin, its timer goes on: whatever comes between, its turn is not forgotten. */
static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct account *account = context;

	(void)fd;
	(void)what;
	if (is_due(account) && !account_waits_to_begin(account)) {
		begin_or_wait(account);
		if (account_waits_to_begin(account))
			arm_timer(account, 1);
	} else if (account->next_s - clock_now_s() > REFRESH_IDLE_EVERY_S) {
		account_reschedule(account); /* the clock was set back since that was planned */
	} else if (account->next_s != 0) {
		arm_timer(account, 1); /* due, and not to be done yet */
	}
}

struct event *account_timer_new(struct account *account)
{
	struct event *timer = evtimer_new(account->world.base, on_timer, account);

	if (timer == NULL)
		fatal("out of memory");
	return timer;
}

static void note_attempt(struct account *account, enum outcome outcome, const char *error,
			 const char *text)
{
	struct account_attempt *attempt = &account->attempt;

	free(attempt->text);
	*attempt = (struct account_attempt){.at_s = clock_now_s(), .outcome = outcome};
	(void)snprintf(attempt->error, sizeof(attempt->error), "%s", error);
	attempt->text = text != NULL ? xstrdup(text) : NULL;
}

static int64_t life_left_s(const struct account *account)
{
	bool usable =
		account->grant.access_token.len > 0 && !account->unsaved && !account->rejected;

	return usable ? account->grant.access_expires_s - clock_now_s() - TOKEN_LAST_GASP_S : 0;
}

void account_note_trouble(struct account *account, enum outcome outcome, const char *error,
			  const struct err *err, int64_t retry_after_s)
{
	int64_t wait_s;

	account->trouble = outcome;
	account->failures++;
	account->told_s = retry_after_s > 0 ? clock_now_s() + retry_after_s : 0;
	if (outcome == OUTCOME_CONSENT)
		wait_s = refresh_sparse_s(account->failures, account_random_bits());
	else if (outcome == OUTCOME_CONFIG)
		wait_s = CONFIG_AGAIN_S + account_random_bits() % CONFIG_JITTER_S;
	else
		wait_s = refresh_backoff_s(account->failures, life_left_s(account), retry_after_s,
					   account_random_bits());
	account->not_before_s = clock_now_s() + wait_s;
	note_attempt(account, outcome, error, err->text);
}

void account_note_success(struct account *account)
{
	account->trouble = OUTCOME_OK;
	account->failures = 0;
	account->not_before_s = 0;
	account->told_s = 0;
	account->previous_tried = false;
	if (account->rejected)
		account->forced_s = clock_now_s();
	account->rejected = false;
	note_attempt(account, OUTCOME_OK, "", NULL);
}

void account_recall_refusal(struct account *account)
{
	const struct grant *grant = &account->grant;
	struct err err = ERR_INIT;

	if (grant->refused_s == 0 || !account_has_person(account))
		return;
	(void)err_set(&err, OUTCOME_CONSENT, "%s", grant->refused != NULL ? grant->refused : "");
	account->failures = (unsigned)(grant->refused_count - 1);
	account_note_trouble(account, OUTCOME_CONSENT, "", &err, -1);
	account->not_before_s += grant->refused_s - clock_now_s();
	account->attempt.at_s = grant->refused_s;
}
