/* SPDX-License-Identifier: MIT */
/* backoff.c - see backoff.h. */
#include "fetch-agent/backoff.h"

#include "common/banned.h"

int64_t backoff_ms(enum outcome what, unsigned tries, int64_t asked_ms, uint32_t chance)
{
	int64_t wait_ms = BACKOFF_FIRST_MS;

	for (unsigned i = 1; i < tries && wait_ms < BACKOFF_CEILING_MS; i++)
		wait_ms *= 2;
	if (what == OUTCOME_CONSENT || what == OUTCOME_CONFIG || what == OUTCOME_DENIED)
		wait_ms = wait_ms > BACKOFF_PERSON_MS ? wait_ms : BACKOFF_PERSON_MS;
	if (wait_ms > BACKOFF_CEILING_MS)
		wait_ms = BACKOFF_CEILING_MS;
	if (wait_ms < asked_ms)
		wait_ms = asked_ms;
	return wait_ms + wait_ms / 4 * (chance % 1024) / 1024;
}

int64_t backoff_jitter_ms(int64_t ms, uint32_t chance)
{
	return ms - ms / 10 + ms / 5 * (chance % 1024) / 1024;
}
