/* SPDX-License-Identifier: MIT */
/* outage-policy.c - see outage-policy.h. */
#include "token-helper/accounts/outage-policy.h"

#include "common/banned.h"

#define PROBE_FIRST_S 5
#define JITTER_S      3
#define SMALL_S	      30 /* so many or fewer come a second apart */

static int64_t fraction_of(int64_t span, uint32_t random)
{
	return span * (int64_t)(random >> 16) / 65536;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* 5, 10, 20, 40, 60 ... less up to half. */
static int64_t backoff_s(unsigned probes, uint32_t random)
{
	int64_t wait_s = PROBE_FIRST_S;

	for (; probes > 1 && wait_s < OUTAGE_CEILING_S; probes--)
		wait_s *= 2;
	if (wait_s > OUTAGE_CEILING_S)
		wait_s = OUTAGE_CEILING_S;
	return wait_s - fraction_of(wait_s / 2, random);
}

static bool is_probed(const struct outage *outage, int64_t now_s)
{
	int64_t left_s = outage->probe_until_s - now_s;

	return outage->probe != NULL && left_s > 0 && left_s <= OUTAGE_PROBE_S;
}

static bool is_suspect(const struct outage *outage, const void *who)
{
	return who == outage->suspects[0] || who == outage->suspects[1];
}

bool outage_doubts(const struct outage *outage, const void *who, int64_t now_s)
{
	bool is_proved = is_probed(outage, now_s) && !is_suspect(outage, outage->probe);

	return outage->is_down && outage->is_doubtful && !is_suspect(outage, who) && !is_proved;
}

/* A probe of one of the two may hang, and proves little. */
void outage_asks(struct outage *outage, const void *who, int64_t now_s)
{
	outage->asking++;
	if (!outage->is_down || (is_probed(outage, now_s) && !outage_doubts(outage, who, now_s)))
		return;
	outage->probe = who;
	outage->probe_until_s = now_s + OUTAGE_PROBE_S;
}

void outage_left(struct outage *outage, const void *who)
{
	if (outage->asking > 0)
		outage->asking--;
	if (outage->probe == who)
		outage->probe = NULL;
}

/* Until when the endpoint wants to be left alone, by this answer and the one before. */
static int64_t told_until_s(const struct outage *outage, const void *who,
			    const struct outage_news *news, int64_t now_s)
{
	int64_t told_s = news->retry_after_s > 0 ? now_s + news->retry_after_s : 0;

	if (!news->is_personal)
		return told_s;
	if (outage->failed == NULL || outage->failed == who)
		return 0;
	return told_s < outage->told_s ? told_s : outage->told_s;
}

static void wait_for_probe(struct outage *outage, int64_t told_s, int64_t now_s, uint32_t random)
{
	outage->probes++;
	outage->probe_s = later(now_s + backoff_s(outage->probes, random), told_s);
}

static bool in_succession(const struct outage *outage, const void *who, int64_t now_s)
{
	return outage->failed != NULL && outage->failed != who && now_s >= outage->failed_s &&
	       now_s - outage->failed_s <= OUTAGE_FRESH_S;
}

static enum outage_change heard_failure(struct outage *outage, const void *who,
					const struct outage_news *news, int64_t now_s,
					uint32_t random)
{
	int64_t told_s = told_until_s(outage, who, news, now_s);
	bool begins = !outage->is_down && in_succession(outage, who, now_s);

	if (begins) {
		outage->is_down = true;
		outage->since_s = now_s;
		outage->probes = 0;
		outage->probe = NULL;
		outage->suspects[0] = outage->failed;
		outage->suspects[1] = who;
		outage->is_doubtful = outage->told_s == 0 && news->retry_after_s <= 0;
	} else if (!is_suspect(outage, who) || told_s > 0) {
		outage->is_doubtful = false;
	}
	if (begins || outage->probe == who)
		wait_for_probe(outage, told_s, now_s, random);
	outage->failed = who;
	outage->failed_s = now_s;
	outage->told_s = news->retry_after_s > 0 ? now_s + news->retry_after_s : 0;
	return begins ? OUTAGE_BEGAN : OUTAGE_AS_BEFORE;
}

enum outage_change outage_heard(struct outage *outage, const void *who,
				const struct outage_news *news, int64_t now_s, uint32_t random)
{
	bool was_down = outage->is_down;

	if (news->sign == OUTAGE_FAILS)
		return heard_failure(outage, who, news, now_s, random);
	if (news->sign == OUTAGE_WORKS) {
		outage->is_down = false;
		outage->failed = NULL;
		return was_down ? OUTAGE_ENDED : OUTAGE_AS_BEFORE;
	}
	if (was_down && outage->probe == who) {
		outage->is_doubtful = outage->is_doubtful && is_suspect(outage, who);
		wait_for_probe(outage, 0, now_s, random);
	}
	return OUTAGE_AS_BEFORE;
}

/* A wait that no answer can have caused is from before the clock was set back. */
int64_t outage_wait_s(const struct outage *outage, int64_t now_s)
{
	int64_t wait_s = outage->probe_s - now_s;

	return outage->is_down && wait_s > 0 && wait_s <= REFRESH_WAIT_MAX_S ? wait_s : 0;
}

bool outage_forbids(const struct outage *outage, int64_t now_s)
{
	return outage->is_down && (outage_wait_s(outage, now_s) > 0 || is_probed(outage, now_s));
}

/* Afterwards ---------------------------------------------------------------------------------- */

static int64_t within_s(size_t waiting)
{
	int64_t within = (int64_t)(waiting / OUTAGE_A_S);
	int64_t least = (int64_t)(waiting < SMALL_S ? waiting : SMALL_S);

	if (within < least)
		return least;
	return within < OUTAGE_WITHIN_S ? within : OUTAGE_WITHIN_S;
}

void outage_over(struct outage *outage, size_t waiting, int64_t now_s)
{
	size_t a_second = waiting / OUTAGE_WITHIN_S;

	outage->at_once = 2 * (a_second > OUTAGE_A_S ? a_second : OUTAGE_A_S);
	outage->back_s = now_s + within_s(waiting) + JITTER_S;
}

bool outage_is_crowded(const struct outage *outage, int64_t now_s)
{
	int64_t left_s = outage->back_s - now_s;

	return !outage->is_down && left_s > 0 && left_s <= OUTAGE_WITHIN_S + JITTER_S &&
	       outage->asking >= outage->at_once;
}

int64_t outage_turn_s(size_t place, size_t waiting, int64_t now_s, uint32_t random)
{
	return now_s + 1 + within_s(waiting) * (int64_t)place / (int64_t)waiting +
	       fraction_of(JITTER_S, random);
}

int64_t outage_urgency(const struct refresh_times *times, int64_t now_s)
{
	bool is_used =
		times->last_asked_s > 0 && now_s - times->last_asked_s < REFRESH_IDLE_AFTER_S;

	return is_used ? times->expires_s : times->expires_s + INT64_MAX / 2;
}
