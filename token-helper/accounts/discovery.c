/* SPDX-License-Identifier: MIT */
/* discovery.c - see discovery.h. */
#include "token-helper/accounts/discovery.h"

#include <event2/event.h>
#include <event2/util.h>
#include <stddef.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/accounts/refresh-policy.h"

#include "common/banned.h"

#define AGAIN_S	       86400 /* metadata changes once in years */
#define ACCOUNTS_PER_S 10    /* that ask by themselves, after a start or a reload */

struct discovery {
	struct account_world world;
	const struct oauth_client *client;
	struct event *timer;
	struct http_exchange *exchange;
	unsigned attempt;  /* which of the places is being asked */
	unsigned failures; /* rounds in a row */
	discovery_fn *done;
	void *context;
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

/* False: there is no such place. */
static bool ask(struct discovery *discovery)
{
	char *url = metadata_url(discovery->client->issuer, discovery->attempt);
	const struct http_request get = {
		.url = url,
		.ca_file = discovery->client->ca_file,
		.proxy = discovery->client->proxy,
		.timeout_ms = discovery->client->timeout_ms,
	};

	if (url == NULL)
		return false;
	discovery->exchange = http_get(discovery->world.http, &get, on_answer, discovery);
	free(url);
	return true;
}

static void begin(struct discovery *discovery)
{
	discovery->attempt = 0;
	(void)event_del(discovery->timer);
	(void)ask(discovery);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	begin(context);
}

static void plan(struct discovery *discovery, int64_t wait_s)
{
	const struct timeval wait = {.tv_sec = (time_t)wait_s};

	(void)event_add(discovery->timer, &wait);
}

static void round_ended(struct discovery *discovery, enum outcome outcome,
			struct metadata *metadata, const struct err *err, int64_t retry_after_s)
{
	uint32_t bits;

	evutil_secure_rng_get_bytes(&bits, sizeof(bits));
	discovery->failures = outcome == OUTCOME_OK ? 0 : discovery->failures + 1;
	plan(discovery, outcome == OUTCOME_OK
				? AGAIN_S
				: refresh_backoff_s(discovery->failures, 0, retry_after_s, bits));
	discovery->done(discovery->context, outcome, metadata, err);
}

/* Of several places the last one's answer is told: the one that most servers have. */
static void on_answer(void *context, struct http_response *response)
{
	struct discovery *discovery = context;
	struct metadata metadata = {0};
	struct err why = ERR_INIT;
	struct err err = ERR_INIT;
	enum outcome outcome = metadata_parse(discovery->client->issuer, response, &metadata, &why);
	char *url;

	discovery->exchange = NULL;
	if (outcome != OUTCOME_OK) {
		url = metadata_url(discovery->client->issuer, discovery->attempt++);
		(void)err_set(&err, outcome, "the metadata of %s cannot be used: %s: %s",
			      discovery->client->issuer, url, why.text);
		free(url);
		if (response->outcome == OUTCOME_OK && ask(discovery))
			return;
	}
	round_ended(discovery, outcome, &metadata, &err, response->retry_after_s);
	metadata_release(&metadata);
}

/* Many accounts, often of one server, do not ask it all at once. */
static int64_t turn_s(const struct discovery *discovery)
{
	int64_t round_s = (int64_t)(discovery->world.plan->accounts / ACCOUNTS_PER_S);
	uint32_t bits;

	evutil_secure_rng_get_bytes(&bits, sizeof(bits));
	return bits % (round_s + 1);
}

struct discovery *discovery_new(const struct account_world *world,
				const struct oauth_client *client, discovery_fn *done,
				void *context)
{
	struct discovery *discovery = xcalloc(1, sizeof(*discovery));
	int64_t turn;

	discovery->world = *world;
	discovery->client = client;
	discovery->done = done;
	discovery->context = context;
	discovery->timer = evtimer_new(world->base, on_timer, discovery);
	if (discovery->timer == NULL)
		fatal("out of memory");
	turn = turn_s(discovery);
	if (turn == 0)
		begin(discovery);
	else
		plan(discovery, turn);
	return discovery;
}

void discovery_hurry(struct discovery *discovery)
{
	if (discovery->exchange == NULL)
		begin(discovery);
}

void discovery_free(struct discovery *discovery)
{
	if (discovery == NULL)
		return;
	http_cancel(discovery->exchange);
	event_free(discovery->timer);
	free(discovery);
}
