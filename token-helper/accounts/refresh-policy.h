/* SPDX-License-Identifier: MIT */
/*
 * refresh-policy.h - when to ask the authorization server again. Pure functions of times; all times
 * wall clock, seconds.
 *
 * `random` is any 32 random bits: jitter keeps accounts and machines from asking in step.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_REFRESH_POLICY_H
#define TOKEN_HELPER_ACCOUNTS_REFRESH_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REFRESH_IDLE_AFTER_S 86400 /* nobody asked for so long: the access token may lapse */
#define REFRESH_IDLE_EVERY_S                                                                       \
	(3 * 86400)	    /* but the refresh token is used, so that it does not die of idleness */
#define REFRESH_FORCED_S 60 /* at most one refresh in so long because of rejections */

struct refresh_times {
	int64_t obtained_s; /* of the access token; 0: there is none */
	int64_t expires_s;
	int64_t last_asked_s; /* 0: never since the start */
};

/*
 * When to refresh without being asked: at 75-80 % of the access token's life while somebody uses
 * the account, else every three days (less up to a tenth) after the last refresh. May lie in the
 * past: then now. A token of the future, from before the clock was set back, is due now: nobody
 * knows how long it lives.
 */
int64_t refresh_due_s(const struct refresh_times *times, int64_t now_s, uint32_t random);

/*
 * The refreshes that all accounts have ahead, counted by the second, so that they keep out of each
 * other's way however many were authorized, or found overdue after a start, at the same moment.
 * Times more than REFRESH_PLAN_S apart share a counter.
 */
#define REFRESH_PLAN_S 8192
struct refresh_plan {
	size_t accounts; /* that plan by it: overdue ones are spread over a second for every
			    REFRESH_OVERDUE_A_S of them */
	uint16_t ahead[REFRESH_PLAN_S];
};
#define REFRESH_OVERDUE_A_S 20

/*
 * As refresh_due_s(), and counted: of several moments the emptiest. Where all of them are crowded,
 * earlier ones, down to 40 % of the life. What is due already comes within 30 s, or longer when
 * there are many accounts. Never before now_s + 1.
 */
int64_t refresh_plan_s(struct refresh_plan *plan, const struct refresh_times *times, int64_t now_s,
		       uint32_t random);

/* Counts a time that was decided otherwise, and takes one back (0: there was none). */
void refresh_plan_add(struct refresh_plan *plan, int64_t at_s);
void refresh_plan_remove(struct refresh_plan *plan, int64_t at_s);

/*
 * Seconds to wait after the failures-th (from 1) transient failure in a row: 5, 10, 20 ... at most
 * 900, less up to half; while a token lives for another lives_s nobody suffers, so then from a
 * minute on, but in time for its end. Never less than retry_after_s (-1: none).
 */
int64_t refresh_backoff_s(unsigned failures, int64_t lives_s, int64_t retry_after_s,
			  uint32_t random);

/*
 * When an account may be refreshed that failed for a passing reason at failed_s, may not by itself
 * before not_before_s, and was told to wait until told_s (0: it was not), when somebody asks for
 * its token and none lives: then its own wait is no longer than this.
 */
#define REFRESH_AGAIN_S 60
int64_t refresh_again_s(int64_t not_before_s, int64_t failed_s, int64_t told_s);

/* As refresh_backoff_s() when a person must act: 1 h, 2 h ... 24 h. Policies and passwords are
 * mended behind our back, so it is not never. */
int64_t refresh_sparse_s(unsigned failures, uint32_t random);

/* No wait of ours is longer: one that is was made before the clock was set back. */
#define REFRESH_WAIT_MAX_S 86400

/* The remaining life that a token must have to be handed out: what is needed, but at most half of
 * its whole life. */
int64_t refresh_needed_s(const struct refresh_times *times, int64_t min_valid_s);

#endif
