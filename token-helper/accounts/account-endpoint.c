/* SPDX-License-Identifier: MIT */
/*
 * account-endpoint.c - an account and the token endpoint that it shares with others: what it hears
 * there counts for all, and while the endpoint is down its refreshes wait in a queue, from which
 * one at a time asks.
 */
#include "token-helper/accounts/account-private.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/accounts/endpoints.h"

#include "common/banned.h"

#define TIMER_AT_MOST_S 60 /* timers count monotonic time, and the clock may be set */

void account_find_endpoint(struct account *account)
{
	const struct oauth_client *client = &account->config->client;
	struct endpoint *endpoint =
		client->token_url != NULL
			? endpoints_find(account->world.endpoints, client->token_url, client->proxy)
			: NULL;
	bool waited = account->is_queued;

	if (endpoint == account->endpoint)
		return;
	account_leave_queue(account);
	endpoint_leave(account->endpoint);
	account->endpoint = endpoint;
	endpoint_join(endpoint);
	if (waited)
		account_reschedule(account);
}

bool account_endpoint_forbids(const struct account *account)
{
	int64_t now_s = clock_now_s();

	return account->endpoint != NULL && outage_forbids(&account->endpoint->outage, now_s) &&
	       !outage_doubts(&account->endpoint->outage, account, now_s);
}

bool account_endpoint_is_crowded(const struct account *account)
{
	return account->endpoint != NULL &&
	       outage_is_crowded(&account->endpoint->outage, clock_now_s());
}

bool account_endpoint_is_down(const struct account *account)
{
	return account->endpoint != NULL && account->endpoint->outage.is_down;
}

int64_t account_probe_s(const struct account *account)
{
	int64_t now_s = clock_now_s();

	return now_s + outage_wait_s(&account->endpoint->outage, now_s);
}

/* Whoever may ask for this account is not to learn of others: their names are in the log, and in
 * status. */
enum outcome account_explain_endpoint(const struct account *account, struct err *err)
{
	const struct endpoint *endpoint = account->endpoint;
	const char *name = account->config->name;
	int64_t wait_s = outage_wait_s(&endpoint->outage, clock_now_s());

	if (wait_s == 0)
		return err_set(
			err, OUTCOME_RETRY,
			"account %s: %s is down (last attempt there: %s); it is being tried right "
			"now; to try with this account: mailoauth refresh %s",
			name, endpoint->name, endpoint->said, name);
	return err_set(err, OUTCOME_RETRY,
		       "account %s: %s is down (last attempt there: %s); next attempt in %" PRId64
		       " s; to try at once: mailoauth refresh %s",
		       name, endpoint->name, endpoint->said, wait_s, name);
}

/* The queue ----------------------------------------------------------------------------------- */

static bool may_probe(const struct account *account)
{
	return account->holds == 0 && !account_is_refreshing(account) &&
	       !account_waits_to_begin(account) && account_waiting_s(account) == 0;
}

/* The first that may ask; NULL: none, and soonest_s is when one may. */
static struct account *next_to_probe(const struct endpoint *endpoint, int64_t *soonest_s)
{
	struct account *account;

	*soonest_s = REFRESH_WAIT_MAX_S;
	TAILQ_FOREACH(account, &endpoint->queue, queued)
	{
		int64_t wait_s = account_waiting_s(account);

		if (may_probe(account))
			return account;
		if (wait_s > 0 && wait_s < *soonest_s)
			*soonest_s = wait_s;
	}
	return NULL;
}

int64_t account_endpoint_next_s(const struct endpoint *endpoint)
{
	int64_t now_s = clock_now_s();
	int64_t probe_s = now_s + outage_wait_s(&endpoint->outage, now_s);
	int64_t soonest_s;

	if (TAILQ_EMPTY(&endpoint->queue) || next_to_probe(endpoint, &soonest_s) != NULL)
		return probe_s;
	return probe_s > now_s + soonest_s ? probe_s : now_s + soonest_s;
}

static void plan_probe_in(struct endpoint *endpoint, int64_t wait_s)
{
	struct timeval wait = {.tv_sec = (time_t)wait_s};

	(void)event_add(endpoint->timer, &wait);
}

static void plan_probe(struct endpoint *endpoint)
{
	int64_t now_s = clock_now_s();
	int64_t wait_s = outage_wait_s(&endpoint->outage, now_s);

	if (!endpoint->outage.is_down || TAILQ_EMPTY(&endpoint->queue)) {
		(void)event_del(endpoint->timer);
		return;
	}
	if (wait_s == 0 && outage_forbids(&endpoint->outage, now_s))
		wait_s = endpoint->outage.probe_until_s - now_s;
	plan_probe_in(endpoint, wait_s < TIMER_AT_MOST_S ? wait_s : TIMER_AT_MOST_S);
}

static void on_probe(evutil_socket_t fd, short what, void *context)
{
	struct endpoint *endpoint = context;
	struct account *account;
	int64_t soonest_s;

	(void)fd;
	(void)what;
	if (!endpoint->outage.is_down || outage_forbids(&endpoint->outage, clock_now_s())) {
		plan_probe(endpoint);
		return;
	}
	account = next_to_probe(endpoint, &soonest_s);
	if (account == NULL) {
		plan_probe_in(endpoint, soonest_s < TIMER_AT_MOST_S ? soonest_s : TIMER_AT_MOST_S);
		return;
	}
	/* Should it not come to asking, the next one has its turn a second later. */
	plan_probe_in(endpoint, 1);
	account_start_refresh(account);
}

void account_join_queue(struct account *account)
{
	struct endpoint *endpoint = account->endpoint;

	if (account->is_queued)
		return;
	if (endpoint->timer == NULL) {
		endpoint->timer = evtimer_new(account->world.base, on_probe, endpoint);
		if (endpoint->timer == NULL)
			fatal("out of memory");
	}
	account->is_queued = true;
	TAILQ_INSERT_TAIL(&endpoint->queue, account, queued);
	endpoint->queued++;
	if (endpoint->queued == 1)
		plan_probe(endpoint);
}

void account_leave_queue(struct account *account)
{
	if (!account->is_queued)
		return;
	account->is_queued = false;
	TAILQ_REMOVE(&account->endpoint->queue, account, queued);
	account->endpoint->queued--;
}

/* Its end ------------------------------------------------------------------------------------- */

struct turn {
	int64_t urgency;
	struct account *account;
};

static int compare_turns(const void *a, const void *b)
{
	const struct turn *left = a;
	const struct turn *right = b;

	return (left->urgency > right->urgency) - (left->urgency < right->urgency);
}

/* What the endpoint said to one is over; what an answer told an account for itself is not. */
static void give_turn(struct account *account, int64_t at_s)
{
	if (account->trouble == OUTCOME_RETRY)
		account->not_before_s = account->told_s;
	account_plan_at(account, account->not_before_s > at_s ? account->not_before_s : at_s);
}

/* All who wait have their turn, one after another. */
static void empty_queue(struct endpoint *endpoint)
{
	size_t count = endpoint->queued;
	int64_t now_s = clock_now_s();
	struct turn *turns = xcalloc(count + 1, sizeof(*turns));
	struct account *account;
	size_t i = 0;

	TAILQ_FOREACH(account, &endpoint->queue, queued)
	{
		struct refresh_times times = account_times(account);

		turns[i++] = (struct turn){outage_urgency(&times, now_s), account};
	}
	qsort(turns, count, sizeof(turns[0]), compare_turns);
	outage_over(&endpoint->outage, count, now_s);
	for (i = 0; i < count; i++)
		give_turn(turns[i].account, outage_turn_s(i, count, now_s, account_random_bits()));
	free(turns);
}

static void note_said(struct endpoint *endpoint, const struct account *account, const char *said)
{
	free(endpoint->said);
	free(endpoint->said_to);
	endpoint->said = xstrdup(said);
	endpoint->said_to = xstrdup(account->config->name);
}

/* What a request to a token endpoint tells of it. The codes by which a server speaks of itself are
 * no refusals (RFC 6749 4.1.2.1): Entra says temporarily_unavailable with HTTP 503. */
static enum outage_sign sign_of(const struct token_answer *answer)
{
	bool of_itself = strcmp(answer->error, "temporarily_unavailable") == 0 ||
			 strcmp(answer->error, "server_error") == 0;

	if (answer->is_unsent)
		return OUTAGE_NO_SIGN;
	if (answer->status == 0)
		return answer->outcome == OUTCOME_RETRY ? OUTAGE_FAILS : OUTAGE_NO_SIGN;
	if (of_itself)
		return OUTAGE_FAILS;
	if (answer->error[0] != '\0' || answer->outcome != OUTCOME_RETRY)
		return OUTAGE_WORKS;
	return answer->status == 408 || answer->status == 429 || answer->status >= 500
		       ? OUTAGE_FAILS
		       : OUTAGE_NO_SIGN;
}

static void hear(struct endpoint *endpoint, struct account *account,
		 const struct token_answer *answer)
{
	struct outage_news news = {
		.sign = sign_of(answer),
		.retry_after_s = answer->retry_after_s,
		.is_personal = answer->status == 429,
	};
	int64_t since_s = endpoint->outage.since_s;

	if (news.sign == OUTAGE_FAILS)
		note_said(endpoint, account, answer->err.text);
	switch (outage_heard(&endpoint->outage, account, &news, clock_now_s(),
			     account_random_bits())) {
	case OUTAGE_BEGAN:
		log_warning("endpoint=%s down: two accounts failed in succession; one at a time "
			    "asks until it works; account=%s: %s",
			    endpoint->name, account->config->name, answer->err.text);
		break;
	case OUTAGE_ENDED:
		log_info("endpoint=%s up after %" PRId64 " s: account=%s had an answer; accounts "
			 "that waited: %zu",
			 endpoint->name, clock_now_s() - since_s, account->config->name,
			 endpoint->queued);
		empty_queue(endpoint);
		break;
	default:
		break;
	}
	if (endpoint->timer != NULL)
		plan_probe(endpoint);
}

void account_hears(struct account *account, const struct token_answer *answer)
{
	if (account->endpoint != NULL)
		hear(account->endpoint, account, answer);
}

void account_asks(struct account *account)
{
	account->asked = account->endpoint;
	if (account->asked != NULL)
		outage_asks(&account->asked->outage, account, clock_now_s());
}

void account_answered(struct account *account, const struct token_answer *answer)
{
	struct endpoint *endpoint = account->asked;

	if (endpoint == NULL)
		return;
	account->asked = NULL;
	if (answer != NULL)
		hear(endpoint, account, answer);
	outage_left(&endpoint->outage, account);
	if (endpoint->timer != NULL)
		plan_probe(endpoint);
}
