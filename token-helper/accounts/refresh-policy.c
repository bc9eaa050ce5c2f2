/* SPDX-License-Identifier: MIT */
/* refresh-policy.c - see refresh-policy.h. */
#include "token-helper/accounts/refresh-policy.h"

#include "common/banned.h"

#define BACKOFF_FIRST_S	  5
#define BACKOFF_CALM_S	  60 /* the first wait while a token lives */
#define CLOCK_SLACK_S	  60
#define CHOICES		  4 /* moments to choose from */
#define CHOICES_CROWDED	  8
#define CROWDED		  2 /* refreshes in a second */
#define OVERDUE_WITHIN_S  30
#define BACKOFF_CEILING_S 900
#define SPARSE_FIRST_S	  3600
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

/* While it is used: at 75-80 % of its life, or from so many per cent less on. */
static int64_t due_used_s(const struct refresh_times *times, int64_t earlier, uint32_t random)
{
	int64_t life = times->expires_s - times->obtained_s;

	return times->obtained_s + life * (75 - earlier) / 100 +
	       fraction_of(life * (5 + earlier) / 100, random);
}

static int64_t due_from_s(const struct refresh_times *times, int64_t now_s, int64_t earlier,
			  uint32_t random)
{
	if (times->obtained_s == 0 || times->obtained_s > now_s + CLOCK_SLACK_S)
		return now_s;
	if (times->last_asked_s > 0 && now_s - times->last_asked_s < REFRESH_IDLE_AFTER_S)
		return due_used_s(times, earlier, random);
	return times->obtained_s + REFRESH_IDLE_EVERY_S -
	       fraction_of(REFRESH_IDLE_EVERY_S / 10, random);
}

int64_t refresh_due_s(const struct refresh_times *times, int64_t now_s, uint32_t random)
{
	return due_from_s(times, now_s, 0, random);
}

/* Planning ------------------------------------------------------------------------------------ */

static uint16_t *ahead_at(struct refresh_plan *plan, int64_t at_s)
{
	return &plan->ahead[(uint64_t)at_s % REFRESH_PLAN_S];
}

void refresh_plan_add(struct refresh_plan *plan, int64_t at_s)
{
	uint16_t *ahead = ahead_at(plan, at_s);

	if (at_s != 0 && *ahead < UINT16_MAX)
		(*ahead)++;
}

void refresh_plan_remove(struct refresh_plan *plan, int64_t at_s)
{
	uint16_t *ahead = ahead_at(plan, at_s);

	if (at_s != 0 && *ahead > 0)
		(*ahead)--;
}

/* Another 32 bits from 32 (Marsaglia's xorshift): for choosing among moments, not for secrets. */
static uint32_t next_random(uint32_t random)
{
	random ^= random << 13;
	random ^= random >> 17;
	random ^= random << 5;
	return random;
}

/* What is overdue is spread over half a minute, or more when there are many to come. */
static int64_t not_overdue_s(const struct refresh_plan *plan, int64_t due_s, int64_t now_s,
			     uint32_t random)
{
	int64_t within = (int64_t)(plan->accounts / REFRESH_OVERDUE_A_S);

	if (due_s > now_s)
		return due_s;
	return now_s + 1 +
	       fraction_of(within > OVERDUE_WITHIN_S ? within : OVERDUE_WITHIN_S, random);
}

int64_t refresh_plan_s(struct refresh_plan *plan, const struct refresh_times *times, int64_t now_s,
		       uint32_t random)
{
	int64_t best_s = 0;

	for (int i = 0; i < CHOICES_CROWDED; i++) {
		int64_t earlier = i < CHOICES ? 0 : 10 * (i - CHOICES + 1) - 5;
		int64_t due_s = not_overdue_s(plan, due_from_s(times, now_s, earlier, random),
					      now_s, next_random(random));

		if (best_s == 0 || *ahead_at(plan, due_s) < *ahead_at(plan, best_s))
			best_s = due_s;
		if (*ahead_at(plan, best_s) == 0 ||
		    (i + 1 >= CHOICES && *ahead_at(plan, best_s) < CROWDED))
			break;
		random = next_random(random | 1);
	}
	refresh_plan_add(plan, best_s);
	return best_s;
}

/* Waiting ------------------------------------------------------------------------------------- */

int64_t refresh_backoff_s(unsigned failures, int64_t lives_s, int64_t retry_after_s,
			  uint32_t random)
{
	bool calm = lives_s > BACKOFF_CALM_S;
	int64_t wait =
		doubling(calm ? BACKOFF_CALM_S : BACKOFF_FIRST_S, BACKOFF_CEILING_S, failures);

	wait -= fraction_of(wait / 2, random);
	if (calm && wait > lives_s)
		wait = lives_s;
	return wait > retry_after_s ? wait : retry_after_s;
}

int64_t refresh_again_s(int64_t not_before_s, int64_t failed_s, int64_t told_s)
{
	int64_t again_s = failed_s + REFRESH_AGAIN_S;

	if (again_s > not_before_s)
		again_s = not_before_s;
	return again_s > told_s ? again_s : told_s;
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
