/* SPDX-License-Identifier: MIT */
/*
 * outage-policy.h - when a token endpoint is down for all accounts, and who asks it meanwhile. Pure
 * functions of times; all times wall clock, seconds.
 *
 * One account that fails is its own trouble (refresh-policy.h). When two different ones have failed
 * in succession, the endpoint is down: then one account at a time asks, another one each time, so
 * that one that is broken itself keeps nobody back. Both may be: until a third has failed as well,
 * that is doubtful, and whoever has not failed need not wait to prove it. `who` is told apart by
 * its address only; `random` is any 32 random bits.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_OUTAGE_POLICY_H
#define TOKEN_HELPER_ACCOUNTS_OUTAGE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "token-helper/accounts/refresh-policy.h"

#define OUTAGE_CEILING_S 60   /* between two probes, unless the endpoint asks for more */
#define OUTAGE_PROBE_S	 60   /* a probe that takes longer is not waited for */
#define OUTAGE_FRESH_S	 1800 /* failures further apart are not in succession */
#define OUTAGE_WITHIN_S	 720  /* all who waited ask again, however many they are */
#define OUTAGE_A_S	 10   /* of them, while that is soon enough */

struct outage {
	const void *failed; /* who failed last, since it last worked; NULL: nobody */
	int64_t failed_s;
	int64_t told_s; /* until when he was told to wait; 0: he was not */
	bool is_down;
	bool is_doubtful;	 /* two have failed, and neither was told to wait */
	const void *suspects[2]; /* these */
	int64_t since_s;
	unsigned probes;   /* that failed; the failure that it began with is the first */
	int64_t probe_s;   /* no probe before */
	const void *probe; /* who asks; NULL: nobody */
	int64_t probe_until_s;
	size_t asking;	/* requests in flight */
	size_t at_once; /* so many, while those who waited come back */
	int64_t back_s; /* when they all have */
};

enum outage_sign {
	OUTAGE_NO_SIGN, /* nothing about the endpoint: another page, a failure of ours */
	OUTAGE_WORKS,	/* the endpoint did what it is there for, be it to refuse */
	OUTAGE_FAILS,
};

/* What came of a request. */
struct outage_news {
	enum outage_sign sign;
	int64_t retry_after_s; /* -1: none */
	bool is_personal; /* and may be for who asked alone: honoured for all when two were told */
};

enum outage_change { OUTAGE_AS_BEFORE, OUTAGE_BEGAN, OUTAGE_ENDED };

/* A request leaves; and it ended, or was given up. In between at most one outage_heard(). */
void outage_asks(struct outage *outage, const void *who, int64_t now_s);
enum outage_change outage_heard(struct outage *outage, const void *who,
				const struct outage_news *news, int64_t now_s, uint32_t random);
void outage_left(struct outage *outage, const void *who);

/* It is down, and this is not the moment for a probe. */
bool outage_forbids(const struct outage *outage, int64_t now_s);

/* But who has not failed may ask all the same, because it is doubtful; one at a time. */
bool outage_doubts(const struct outage *outage, const void *who, int64_t now_s);

/* Seconds until that moment; 0: it is now, or somebody asks just now. */
int64_t outage_wait_s(const struct outage *outage, int64_t now_s);

/* Those who waited come back, and enough of them ask already. */
bool outage_is_crowded(const struct outage *outage, int64_t now_s);

/*
 * It ended, and so many waited: each has his turn, OUTAGE_A_S of them a second or all within
 * OUTAGE_WITHIN_S, by his place (from 0) in the order of outage_urgency(): the smallest, who is
 * asked for and whose token ends first, before the others.
 */
void outage_over(struct outage *outage, size_t waiting, int64_t now_s);
int64_t outage_turn_s(size_t place, size_t waiting, int64_t now_s, uint32_t random);
int64_t outage_urgency(const struct refresh_times *times, int64_t now_s);

#endif
