/* SPDX-License-Identifier: MIT */
/*
 * discovery.c - see discovery.h.
 *
 * What fails here is no sign for outage-policy.h, nor the other way round: metadata is another
 * page, often of another host, that nobody needs to refresh where the token endpoint is known, and
 * a server that lacks it serves tokens all the same. Nor is a queue needed: an issuer has one
 * request and one back-off, however many accounts wait for it, and those it frees are planned as
 * overdue.
 */
#include "token-helper/accounts/discovery.h"

#include <event2/event.h>
#include <event2/util.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/deadline.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/accounts/refresh-policy.h"

#include "common/banned.h"

#define AGAIN_S	      86400 /* metadata changes once in years */
#define TURN_MS	      100   /* issuers that are asked after a start or a reload come so far apart */
#define TURNS_AT_ONCE 10

/* Asked once for all accounts that have it, the same way there and the same patience. */
struct issuer {
	struct discoveries *all;
	char *key;
	char *url, *ca_file, *proxy;
	int timeout_ms;
	struct http_client *http;
	TAILQ_HEAD(, discovery) parts;
	struct event *timer;  /* for the next round */
	struct event *teller; /* of those who came after it */
	struct http_exchange *exchange;
	unsigned attempt;  /* which of the places is being asked */
	unsigned failures; /* rounds in a row */
	int64_t ended_s;   /* the last round; 0: there was none */
	int64_t next_s, told_s;
	enum outcome outcome; /* of it */
	struct err err;
	bool is_known; /* since some round */
	struct metadata metadata;
};

struct discovery {
	TAILQ_ENTRY(discovery) link;
	struct issuer *issuer;
	bool is_told;
	discovery_fn *done;
	void *context;
};

struct discoveries {
	struct issuer **list; /* by key */
	size_t count;
	int64_t turn_ms; /* the last that was given */
};

static void on_answer(void *context, struct http_response *response);

static const struct learned {
	size_t client_at, metadata_at;
} learned[] = {
	{offsetof(struct oauth_client, authorize_url), offsetof(struct metadata, authorize_url)},
	{offsetof(struct oauth_client, token_url), offsetof(struct metadata, token_url)},
	{offsetof(struct oauth_client, device_url), offsetof(struct metadata, device_url)},
	{offsetof(struct oauth_client, revoke_url), offsetof(struct metadata, revoke_url)},
	{offsetof(struct oauth_client, userinfo_url), offsetof(struct metadata, userinfo_url)},
};

#define LEARNED (sizeof(learned) / sizeof(learned[0]))

unsigned discovery_lacking(const struct oauth_client *client)
{
	unsigned lacking = 0;

	for (size_t i = 0; i < LEARNED; i++) {
		const char *const *url =
			(const void *)((const char *)client + learned[i].client_at);

		if (*url == NULL)
			lacking |= 1U << i;
	}
	return lacking;
}

void discovery_take(struct oauth_client *client, unsigned lacking, struct metadata *metadata)
{
	for (size_t i = 0; i < LEARNED; i++) {
		char **to = (void *)((char *)client + learned[i].client_at);
		char **from = (void *)((char *)metadata + learned[i].metadata_at);

		if ((lacking & 1U << i) == 0 || *from == NULL)
			continue;
		free(*to);
		*to = *from;
		*from = NULL;
	}
}

/* A round ------------------------------------------------------------------------------------- */

/* False: there is no such place. */
static bool ask(struct issuer *issuer)
{
	char *url = metadata_url(issuer->url, issuer->attempt);
	const struct http_request get = {
		.url = url,
		.ca_file = issuer->ca_file,
		.proxy = issuer->proxy,
		.timeout_ms = issuer->timeout_ms,
	};

	if (url == NULL)
		return false;
	issuer->exchange = http_get(issuer->http, &get, on_answer, issuer);
	free(url);
	return true;
}

static void begin(struct issuer *issuer)
{
	if (issuer->exchange != NULL)
		return;
	issuer->attempt = 0;
	(void)event_del(issuer->timer);
	(void)ask(issuer);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	begin(context);
}

static void tell(const struct issuer *issuer, struct discovery *part, enum outcome outcome)
{
	struct metadata metadata = {0};

	part->is_told = true;
	if (outcome == OUTCOME_OK)
		metadata_copy(&issuer->metadata, &metadata);
	part->done(part->context, outcome, &metadata, &issuer->err);
	metadata_release(&metadata);
}

/* Those who came since: what is known, or why nothing is. */
static void on_teller(evutil_socket_t fd, short what, void *context)
{
	struct issuer *issuer = context;
	struct discovery *part;

	(void)fd;
	(void)what;
	TAILQ_FOREACH(part, &issuer->parts, link)
	{
		if (!part->is_told)
			tell(issuer, part, issuer->is_known ? OUTCOME_OK : issuer->outcome);
	}
}

static void plan(struct issuer *issuer, int64_t wait_s)
{
	const struct timeval wait = {.tv_sec = (time_t)wait_s};

	issuer->next_s = clock_now_s() + wait_s;
	(void)event_add(issuer->timer, &wait);
}

static void round_ended(struct issuer *issuer, enum outcome outcome, struct metadata *metadata,
			int64_t retry_after_s)
{
	struct discovery *part;
	uint32_t bits;

	evutil_secure_rng_get_bytes(&bits, sizeof(bits));
	issuer->outcome = outcome;
	issuer->ended_s = clock_now_s();
	issuer->told_s = 0;
	if (outcome == OUTCOME_OK) {
		metadata_release(&issuer->metadata);
		issuer->metadata = *metadata;
		*metadata = (struct metadata){0};
		issuer->is_known = true;
		issuer->failures = 0;
		plan(issuer, AGAIN_S);
	} else {
		issuer->failures++;
		issuer->told_s = retry_after_s > 0 ? issuer->ended_s + retry_after_s : 0;
		plan(issuer, refresh_backoff_s(issuer->failures, 0, retry_after_s, bits));
	}
	TAILQ_FOREACH(part, &issuer->parts, link)
	tell(issuer, part, outcome);
}

/* Of several places the last one's answer is told: the one that most servers have. */
static void on_answer(void *context, struct http_response *response)
{
	struct issuer *issuer = context;
	struct metadata metadata = {0};
	struct err why = ERR_INIT;
	enum outcome outcome = metadata_parse(issuer->url, response, &metadata, &why);
	char *url;

	issuer->exchange = NULL;
	if (outcome != OUTCOME_OK) {
		url = metadata_url(issuer->url, issuer->attempt++);
		(void)err_set(&issuer->err, outcome, "the metadata of %s cannot be used: %s: %s",
			      issuer->url, url, why.text);
		free(url);
		if (response->outcome == OUTCOME_OK && ask(issuer))
			return;
	}
	round_ended(issuer, outcome, &metadata, response->retry_after_s);
	metadata_release(&metadata);
}

/* All issuers --------------------------------------------------------------------------------- */

struct discoveries *discoveries_new(void)
{
	return xcalloc(1, sizeof(struct discoveries));
}

void discoveries_free(struct discoveries *discoveries)
{
	if (discoveries == NULL)
		return;
	free(discoveries->list);
	free(discoveries);
}

/* Where it is, or belongs. */
static size_t place_of(const struct discoveries *all, const char *key)
{
	size_t low = 0;
	size_t high = all->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(all->list[middle]->key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct event *timer_new(struct event_base *base, event_callback_fn callback,
			       struct issuer *issuer)
{
	struct event *timer = evtimer_new(base, callback, issuer);

	if (timer == NULL)
		fatal("out of memory");
	return timer;
}

/* Takes key. */
static struct issuer *insert(struct discoveries *all, size_t place, char *key,
			     const struct account_world *world, const struct oauth_client *client)
{
	struct issuer *issuer = xcalloc(1, sizeof(*issuer));

	issuer->all = all;
	issuer->key = key;
	issuer->url = xstrdup(client->issuer);
	issuer->ca_file = xstrdup(client->ca_file);
	issuer->proxy = xstrdup(client->proxy);
	issuer->timeout_ms = client->timeout_ms;
	issuer->http = world->http;
	TAILQ_INIT(&issuer->parts);
	issuer->timer = timer_new(world->base, on_timer, issuer);
	issuer->teller = timer_new(world->base, on_teller, issuer);
	all->list = xreallocarray(all->list, all->count + 1, sizeof(all->list[0]));
	memmove(&all->list[place + 1], &all->list[place],
		(all->count - place) * sizeof(all->list[0]));
	all->list[place] = issuer;
	all->count++;
	return issuer;
}

static void issuer_free(struct issuer *issuer)
{
	struct discoveries *all = issuer->all;
	size_t place = place_of(all, issuer->key);

	memmove(&all->list[place], &all->list[place + 1],
		(all->count - place - 1) * sizeof(all->list[0]));
	all->count--;
	http_cancel(issuer->exchange);
	event_free(issuer->timer);
	event_free(issuer->teller);
	metadata_release(&issuer->metadata);
	free(issuer->key);
	free(issuer->url);
	free(issuer->ca_file);
	free(issuer->proxy);
	free(issuer);
}

/* Many issuers, often of one host, are not asked all at once. */
static void take_turn(struct issuer *issuer)
{
	int64_t now_ms = deadline_in_ms(0).at_ms;
	int64_t first_ms = now_ms - (TURNS_AT_ONCE - 1) * TURN_MS;
	int64_t turn_ms = issuer->all->turn_ms + TURN_MS;
	struct timeval wait;

	if (turn_ms < first_ms)
		turn_ms = first_ms;
	issuer->all->turn_ms = turn_ms;
	if (turn_ms <= now_ms) {
		begin(issuer);
		return;
	}
	wait = (struct timeval){.tv_sec = (time_t)((turn_ms - now_ms) / 1000),
				.tv_usec = (turn_ms - now_ms) % 1000 * 1000};
	(void)event_add(issuer->timer, &wait);
}

/* Not while the last round is too fresh. */
static void begin_if_due(struct issuer *issuer)
{
	int64_t now_s = clock_now_s();

	if (now_s >= refresh_again_s(issuer->next_s, issuer->ended_s, issuer->told_s) ||
	    now_s < issuer->ended_s)
		begin(issuer);
}

/* One more account has it. A reload asks anew, unless that was done just now. */
static void welcome(struct issuer *issuer)
{
	static const struct timeval at_once = {0};

	if (issuer->ended_s != 0)
		begin_if_due(issuer);
	if (issuer->is_known || (issuer->exchange == NULL && issuer->ended_s != 0))
		(void)event_add(issuer->teller, &at_once);
}

struct discovery *discovery_new(const struct account_world *world,
				const struct oauth_client *client, discovery_fn *done,
				void *context)
{
	struct discoveries *all = world->discoveries;
	struct discovery *discovery = xcalloc(1, sizeof(*discovery));
	char *key = xasprintf("%s\n%s\n%s\n%d", client->issuer,
			      client->ca_file != NULL ? client->ca_file : "",
			      client->proxy != NULL ? client->proxy : "", client->timeout_ms);
	size_t place = place_of(all, key);
	bool is_new = place == all->count || strcmp(all->list[place]->key, key) != 0;
	struct issuer *issuer = is_new ? insert(all, place, key, world, client) : all->list[place];

	discovery->issuer = issuer;
	discovery->done = done;
	discovery->context = context;
	TAILQ_INSERT_TAIL(&issuer->parts, discovery, link);
	if (is_new) {
		take_turn(issuer);
	} else {
		free(key);
		welcome(issuer);
	}
	return discovery;
}

void discovery_hurry(struct discovery *discovery)
{
	begin(discovery->issuer);
}

void discovery_need(struct discovery *discovery)
{
	begin_if_due(discovery->issuer);
}

void discovery_free(struct discovery *discovery)
{
	struct issuer *issuer;

	if (discovery == NULL)
		return;
	issuer = discovery->issuer;
	TAILQ_REMOVE(&issuer->parts, discovery, link);
	free(discovery);
	if (TAILQ_EMPTY(&issuer->parts))
		issuer_free(issuer);
}
