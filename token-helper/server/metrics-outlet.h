/* SPDX-License-Identifier: MIT */
/*
 * metrics-outlet.h - where metrics.h is read: over HTTP on a loopback port or a Unix socket, or in
 * a file that is written anew every minute.
 */
#ifndef TOKEN_HELPER_SERVER_METRICS_OUTLET_H
#define TOKEN_HELPER_SERVER_METRICS_OUTLET_H

#include "common/config.h"
#include "token-helper/accounts/accounts.h"

struct event_base;
struct metrics_outlet;

/*
 * places: as `metrics` of [daemon] was checked. One that cannot be opened is logged and left out:
 * nobody's mail waits for a graph. Gives; NULL when places is empty.
 */
struct metrics_outlet *metrics_outlet_new(struct event_base *base, const struct accounts *accounts,
					  const struct words *places);
void metrics_outlet_free(struct metrics_outlet *outlet); /* NULL is fine */

#endif
