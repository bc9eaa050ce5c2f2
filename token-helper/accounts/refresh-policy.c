/* SPDX-License-Identifier: MIT */
/* refresh-policy.c - see refresh-policy.h. */
#include "token-helper/accounts/refresh-policy.h"

#include "common/banned.h"

#define BACKOFF_FIRST_S   5
#define BACKOFF_CEILING_S 900
#define SPARSE_FIRST_S    3600
#define SPARSE_CEILING_S  86400

/* span * (0 .. 1), the same for the same random. */
static int64_t fraction_of(int64_t span, uint32_t random)
{
	return span * (int64_t)(random >> 16) / 65536;
}

static int64_t doubling(int64_t first, int64_t ceiling, unsigned failures)
{
	int64_t wait = first;

	while (failures > 1 && wait < ceiling) {
		wait *= 2;
		failures--;
	}
	return wait < ceiling ? wait : ceiling;
}

int64_t refresh_due_s(const struct refresh_times *times, int64_t now_s, uint32_t random)
{
	int64_t life = times->expires_s - times->obtained_s;

	if (times->obtained_s == 0)
		return now_s;
	if (times->last_asked_s > 0 && now_s - times->last_asked_s < REFRESH_IDLE_AFTER_S)
		return times->obtained_s + life * 3 / 4 + fraction_of(life / 20, random);
	return times->obtained_s + REFRESH_IDLE_EVERY_S -
	       fraction_of(REFRESH_IDLE_EVERY_S / 10, random);
}

int64_t refresh_backoff_s(unsigned failures, int64_t retry_after_s, uint32_t random)
{
	int64_t wait = doubling(BACKOFF_FIRST_S, BACKOFF_CEILING_S, failures);

	wait -= fraction_of(wait / 2, random);
	return wait > retry_after_s ? wait : retry_after_s;
}

int64_t refresh_sparse_s(unsigned failures, uint32_t random)
{
	int64_t wait = doubling(SPARSE_FIRST_S, SPARSE_CEILING_S, failures);

	return wait - fraction_of(wait / 10, random);
}

int64_t refresh_needed_s(const struct refresh_times *times, int64_t min_valid_s)
{
	int64_t half = (times->expires_s - times->obtained_s) / 2;

	return min_valid_s < half ? min_valid_s : half;
}
