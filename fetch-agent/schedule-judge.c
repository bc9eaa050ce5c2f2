/* SPDX-License-Identifier: MIT */
/* schedule-judge.c - what the end of a run means for the next one. See schedule-private.h. */
#include "fetch-agent/schedule-private.h"

#include <event2/util.h>

#include "common/clock.h"
#include "common/deadline.h"
#include "common/diagnosis.h"
#include "fetch-agent/backoff.h"
#include "fetch-agent/run-report.h"

#include "common/banned.h"

#define SHORT_LIFE_MS 60000 /* of a connection; again and again is a failure */

uint32_t schedule_chance(void)
{
	uint32_t number;

	evutil_secure_rng_get_bytes(&number, sizeof(number));
	return number;
}

bool slot_is_asked_to_end(const struct slot *slot)
{
	const struct slot *section = slot->section != NULL ? slot->section : slot;

	return slot->removed || section->removed || section->changed != NULL ||
	       slot->schedule->stop != NULL;
}

/* What the server asks for, or the table of diagnoses knows to be worth it. */
static int64_t asked_ms(const struct run_result *result)
{
	struct span said = span_from_str(result->err.text);
	const struct diagnosis *diagnosis = diagnosis_find(result->where, said);
	int64_t ms = diagnosis_wait_ms(said);

	return ms > 0 || diagnosis == NULL ? ms : diagnosis->wait_s * 1000;
}

static int64_t interval_ms(const struct slot *slot)
{
	return slot->source->interval_s == 0
		       ? SCHEDULE_NEVER
		       : backoff_jitter_ms(slot->source->interval_s * 1000, schedule_chance());
}

/*
 * A connection that was only watched may end at any time: a server restarts, a token's time is
 * over. It is made again at once; if it does not live long, that is a failure like others, though
 * each login is good.
 */
static int64_t judge_break(struct slot *slot, const struct run_result *result)
{
	bool lived = deadline_in_ms(0).at_ms - slot->began_ms >= SHORT_LIFE_MS;

	slot->breaks = lived ? 1 : slot->breaks + 1;
	if (slot->breaks == 1 && asked_ms(result) == 0)
		return backoff_jitter_ms(SCHEDULE_SOON_MS, schedule_chance());
	return backoff_ms(result->what, slot->breaks - 1, asked_ms(result), schedule_chance());
}

/* After how long the section is to be run again. */
static int64_t judge(struct slot *slot, const struct run_result *result)
{
	int64_t next_ms;

	/* A message that is set aside does not make the next ones wait. */
	if (result->what == OUTCOME_OK || result->only_messages) {
		slot->tries = 0;
		return interval_ms(slot);
	}
	if (result->watched) {
		next_ms = judge_break(slot, result);
		if (slot->breaks == 1)
			return next_ms;
	} else {
		next_ms = backoff_ms(result->what, slot->tries + 1, asked_ms(result),
				     schedule_chance());
	}
	if (slot->tries++ == 0)
		slot->failing_since_s = clock_now_s();
	return next_ms;
}

static void report(const struct slot *slot, unsigned tries_before, int64_t next_ms)
{
	struct run_report report = {
		.source = slot->source,
		.result = &slot->result,
		.tries_before = tries_before,
		.next_ms = next_ms,
		.check = slot->schedule->world.check,
		.daemon = slot->schedule->world.stays,
	};

	run_report_log(&report);
}

int64_t slot_take_result(struct slot *slot, const struct run_result *result)
{
	unsigned tries_before = slot->tries;
	int64_t next_ms = judge(slot, result);

	slot->result = *result;
	report(slot, tries_before, next_ms);
	return next_ms;
}

/* It was asked for a place to watch from: may it keep the one it has? A server that wants to be
 * left alone is. */
bool slot_may_watch(struct slot *slot, const struct run_result *result)
{
	bool unwanted =
		result->what != OUTCOME_OK && !result->only_messages && asked_ms(result) > 0;

	return !unwanted && !slot_is_asked_to_end(slot) &&
	       turns_may_rest(slot->schedule->turns, &slot->turn);
}
