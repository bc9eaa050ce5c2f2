/* SPDX-License-Identifier: MIT */
/*
 * endpoints.h - the token endpoints that accounts have in common: which of them are down, and who
 * waits for them.
 *
 * What makes one down is outage-policy.h's; who asks and waits is in account-endpoint.c.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_ENDPOINTS_H
#define TOKEN_HELPER_ACCOUNTS_ENDPOINTS_H

#include <sys/queue.h>

#include "token-helper/accounts/outage-policy.h"

struct account;
struct event;

TAILQ_HEAD(endpoint_queue, account);

struct endpoint {
	char *name;	 /* "https://host:port" */
	char *proxy;	 /* the way there, "" for none; may have a password in it: not shown */
	char *via;	 /* what may be: its host and port */
	size_t accounts; /* that refresh there */
	struct outage outage;
	struct endpoint_queue queue; /* who waits, the next to probe first */
	size_t queued;
	struct event *timer; /* for the next probe; NULL: none has been planned yet */
	char *said;	     /* what came of the last failure, and whose it was */
	char *said_to;
};

struct endpoints;

struct endpoints *endpoints_new(void);
void endpoints_free(struct endpoints *endpoints); /* nobody waits any more; NULL is fine */

/*
 * Always the same for the same scheme, host, port and proxy (NULL: none), as long as endpoints
 * live. NULL: the URL has no host.
 */
struct endpoint *endpoints_find(struct endpoints *endpoints, const char *token_url,
				const char *proxy);

/* An account refreshes there, and no longer. When none does, nothing is down for anybody. NULL is
 * fine. */
void endpoint_join(struct endpoint *endpoint);
void endpoint_leave(struct endpoint *endpoint);

/* By name: those of one name, which differ in the way there, lie side by side. */
size_t endpoints_count(const struct endpoints *endpoints);
const struct endpoint *endpoints_at(const struct endpoints *endpoints, size_t index);

#endif
