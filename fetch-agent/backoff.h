/* SPDX-License-Identifier: MIT */
/*
 * backoff.h - how long to wait after failures. Pure: chance comes from the caller, any number is as
 * good as another.
 */
#ifndef FETCH_AGENT_BACKOFF_H
#define FETCH_AGENT_BACKOFF_H

#include <stdint.h>

#include "common/outcome.h"

#define BACKOFF_FIRST_MS   INT64_C(5000)
#define BACKOFF_CEILING_MS INT64_C(1800000)
#define BACKOFF_PERSON_MS  INT64_C(900000) /* when somebody must act first: a slow probe */

/*
 * After the failure number tries (from 1) in a row that ended in what: twice as long each time up
 * to the ceiling, at least asked_ms (what the server wants), and up to a quarter more by chance.
 */
int64_t backoff_ms(enum outcome what, unsigned tries, int64_t asked_ms, uint32_t chance);

/* ms, give or take a tenth. */
int64_t backoff_jitter_ms(int64_t ms, uint32_t chance);

#endif
