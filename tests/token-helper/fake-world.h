/* SPDX-License-Identifier: MIT */
/*
 * fake-world.h - a machine whose time goes as fast as it can: for days of the engine in seconds.
 *
 * Linked instead of common/clock.c, common/deadline.c, libevent's timers and http/http-client.c:
 * the accounts, the policy, the protocol and the store above them are the real ones. Wall clock and
 * monotonic clock are two, as on a machine that sleeps and whose clock is set. Randomness is the
 * same in every run.
 */
#ifndef TESTS_TOKEN_HELPER_FAKE_WORLD_H
#define TESTS_TOKEN_HELPER_FAKE_WORLD_H

#include <stdint.h>

#include "token-helper/http/http-client.h"

#define FAKE_BODY_MAX 4096

/* One request that reached the server, and what comes of it. */
struct fake_exchange {
	const char *url;
	struct span form;
	struct http_response response; /* its body is `body`; RETRY at first: nobody answers */
	char body[FAKE_BODY_MAX];
	int64_t latency_ms;
};

typedef void fake_server_fn(void *context, struct fake_exchange *exchange);

void fake_world_begin(int64_t wall_s, uint32_t seed, fake_server_fn *server, void *context);

/* Lets time pass, and what is due happen in its order, until the wall clock says until_s. */
void fake_world_run(int64_t until_s);

void fake_world_set_clock(int64_t by_s); /* the wall clock jumps */
void fake_world_suspend(int64_t for_s);	 /* only the wall clock goes on */

int64_t fake_world_requests(void);  /* that reached the server since the beginning */
int64_t fake_world_in_a_turn(void); /* of them, at most, in one turn of the event loop */
int64_t fake_world_next_s(void);    /* wall clock of the next thing that is due; 0: nothing is */

#endif
