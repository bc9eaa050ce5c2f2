/* SPDX-License-Identifier: MIT */
/* test-outage-policy.c - when an endpoint is down for all, who asks it meanwhile, and who comes
 * first afterwards. */
#include "token-helper/accounts/outage-policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/banned.h"

#define NOW	INT64_C(1795000000)
#define MOST	UINT32_MAX
#define WAITING 5000

static const char accounts[4]; /* told apart by their addresses */

#define A (&accounts[0])
#define B (&accounts[1])
#define C (&accounts[2])
#define D (&accounts[3])

/* One request of who's, from its beginning to its end. */
static enum outage_change hears(struct outage *outage, const void *who, enum outage_sign sign,
				int64_t at_s)
{
	const struct outage_news news = {.sign = sign, .retry_after_s = -1};
	enum outage_change change;

	outage_asks(outage, who, at_s);
	change = outage_heard(outage, who, &news, at_s, 0);
	outage_left(outage, who);
	return change;
}

static enum outage_change is_told(struct outage *outage, const void *who, int64_t retry_after_s,
				  bool is_personal, int64_t at_s)
{
	const struct outage_news news = {OUTAGE_FAILS, retry_after_s, is_personal};
	enum outage_change change;

	outage_asks(outage, who, at_s);
	change = outage_heard(outage, who, &news, at_s, 0);
	outage_left(outage, who);
	return change;
}

static struct outage begun(void)
{
	struct outage outage = {0};

	assert_int_equal(hears(&outage, A, OUTAGE_FAILS, NOW - 1), OUTAGE_AS_BEFORE);
	assert_int_equal(hears(&outage, B, OUTAGE_FAILS, NOW), OUTAGE_BEGAN);
	return outage;
}

static void one_account_alone_is_never_an_outage(void **state)
{
	struct outage outage = {0};

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(hears(&outage, A, OUTAGE_FAILS, NOW + i), OUTAGE_AS_BEFORE);
		assert_false(outage_forbids(&outage, NOW + i));
	}
}

static void two_in_succession_are(void **state)
{
	struct outage outage = begun();

	(void)state;
	assert_true(outage.is_down);
	assert_int_equal(outage.since_s, NOW);
	assert_true(outage_forbids(&outage, NOW));
	assert_int_equal(outage_wait_s(&outage, NOW), 5);
	assert_false(outage_forbids(&outage, NOW + 5));
}

/* Neither when it worked for somebody in between, nor hours apart, nor before the clock was set
 * back, nor by what says nothing of the endpoint. */
static void two_that_are_not_are_not(void **state)
{
	struct outage outage = {0};

	(void)state;
	(void)hears(&outage, A, OUTAGE_FAILS, NOW);
	(void)hears(&outage, C, OUTAGE_WORKS, NOW + 1);
	assert_int_equal(hears(&outage, B, OUTAGE_FAILS, NOW + 2), OUTAGE_AS_BEFORE);
	assert_int_equal(hears(&outage, A, OUTAGE_FAILS, NOW + 3 + OUTAGE_FRESH_S),
			 OUTAGE_AS_BEFORE);
	assert_int_equal(hears(&outage, B, OUTAGE_FAILS, NOW), OUTAGE_AS_BEFORE);
	assert_int_equal(hears(&outage, A, OUTAGE_NO_SIGN, NOW + 1), OUTAGE_AS_BEFORE);
	assert_false(outage.is_down);
	assert_int_equal(hears(&outage, C, OUTAGE_FAILS, NOW + OUTAGE_FRESH_S), OUTAGE_BEGAN);
}

static void one_probes_at_a_time(void **state)
{
	struct outage outage = begun();

	(void)state;
	outage_asks(&outage, C, NOW + 5);
	assert_true(outage_forbids(&outage, NOW + 5));
	assert_int_equal(outage_wait_s(&outage, NOW + 5), 0);
	/* One of an administrator's beside it is not waited for, and moves nothing. */
	(void)hears(&outage, A, OUTAGE_FAILS, NOW + 6);
	assert_ptr_equal(outage.probe, C);
	assert_int_equal(outage.probes, 1);
}

static void probes_back_off_to_a_minute(void **state)
{
	static const int64_t most[] = {10, 20, 40, 60, 60, 60};
	struct outage outage = begun();
	int64_t now_s = NOW;

	(void)state;
	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		now_s = outage.probe_s;
		assert_int_equal(hears(&outage, accounts + i % 3, OUTAGE_FAILS, now_s),
				 OUTAGE_AS_BEFORE);
		assert_int_equal(outage_wait_s(&outage, now_s), most[i]);
	}
	outage_asks(&outage, C, now_s + 60);
	(void)outage_heard(&outage, C, &(struct outage_news){OUTAGE_FAILS, -1, false}, now_s + 60,
			   MOST);
	assert_in_range(outage_wait_s(&outage, now_s + 60), 30, 31);
}

/* What answers a probe with another page has not shown that it works. */
static void a_page_is_no_end(void **state)
{
	struct outage outage = begun();

	(void)state;
	assert_int_equal(hears(&outage, C, OUTAGE_NO_SIGN, NOW + 5), OUTAGE_AS_BEFORE);
	assert_int_equal(outage_wait_s(&outage, NOW + 5), 10);
}

static void an_answer_ends_it(void **state)
{
	struct outage outage = begun();

	(void)state;
	assert_int_equal(hears(&outage, C, OUTAGE_WORKS, NOW + 1), OUTAGE_ENDED);
	assert_false(outage_forbids(&outage, NOW + 1));
	/* And it takes two again to begin. */
	assert_int_equal(hears(&outage, A, OUTAGE_FAILS, NOW + 2), OUTAGE_AS_BEFORE);
	assert_int_equal(hears(&outage, B, OUTAGE_FAILS, NOW + 3), OUTAGE_BEGAN);
	assert_int_equal(outage_wait_s(&outage, NOW + 3), 5);
}

/* Two may be broken themselves: a third need not wait for the next probe, nor for one of theirs.
 * Once it has failed as well, all wait. */
static void two_are_doubtful(void **state)
{
	struct outage outage = begun();

	(void)state;
	assert_false(outage_doubts(&outage, A, NOW));
	assert_false(outage_doubts(&outage, B, NOW));
	assert_true(outage_doubts(&outage, C, NOW));
	outage_asks(&outage, A, NOW + 5);
	assert_true(outage_doubts(&outage, C, NOW + 5));
	outage_asks(&outage, C, NOW + 5);
	assert_ptr_equal(outage.probe, C);
	assert_false(outage_doubts(&outage, D, NOW + 5)); /* one at a time */
	(void)outage_heard(&outage, A, &(struct outage_news){OUTAGE_FAILS, -1, false}, NOW + 6, 0);
	assert_int_equal(outage.probes, 1);
	(void)outage_heard(&outage, C, &(struct outage_news){OUTAGE_FAILS, -1, false}, NOW + 6, 0);
	outage_left(&outage, A);
	outage_left(&outage, C);
	assert_int_equal(outage.probes, 2);
	assert_false(outage_doubts(&outage, D, NOW + 6));
}

/* A page of somebody else's is no answer either; and what says when it is back is believed. */
static void doubts_end(void **state)
{
	struct outage outage = begun();

	(void)state;
	(void)hears(&outage, A, OUTAGE_NO_SIGN, NOW + 5);
	assert_true(outage_doubts(&outage, C, NOW + 5));
	(void)hears(&outage, C, OUTAGE_NO_SIGN, NOW + 5);
	assert_false(outage_doubts(&outage, D, NOW + 5));
	assert_int_equal(hears(&outage, C, OUTAGE_WORKS, NOW + 60), OUTAGE_ENDED);
	assert_false(outage_doubts(&outage, D, NOW + 60));
	outage = begun();
	(void)is_told(&outage, A, 60, false, NOW + 5);
	assert_false(outage_doubts(&outage, C, NOW + 5));
	outage = (struct outage){0};
	(void)is_told(&outage, A, 600, true, NOW);
	(void)hears(&outage, B, OUTAGE_FAILS, NOW);
	assert_true(outage.is_down);
	assert_false(outage_doubts(&outage, C, NOW));
}

static void a_probe_that_hangs_holds_nobody_for_long(void **state)
{
	struct outage outage = begun();

	(void)state;
	outage_asks(&outage, A, NOW + 5);
	assert_true(outage_forbids(&outage, NOW + 5 + OUTAGE_PROBE_S - 1));
	assert_false(outage_forbids(&outage, NOW + 5 + OUTAGE_PROBE_S));
	outage_asks(&outage, B, NOW + 5 + OUTAGE_PROBE_S);
	assert_true(outage_forbids(&outage, NOW + 5 + OUTAGE_PROBE_S));
	assert_ptr_equal(outage.probe, B);
	outage_left(&outage, A); /* gives up at last */
	assert_ptr_equal(outage.probe, B);
	outage_left(&outage, B); /* is configured no more */
	assert_false(outage_forbids(&outage, NOW + 6 + OUTAGE_PROBE_S));
}

static void what_the_endpoint_asks_for_is_honoured(void **state)
{
	struct outage outage = {0};

	(void)state;
	(void)hears(&outage, A, OUTAGE_FAILS, NOW);
	assert_int_equal(is_told(&outage, B, 3600, false, NOW), OUTAGE_BEGAN);
	assert_int_equal(outage_wait_s(&outage, NOW), 3600);
	assert_true(outage_forbids(&outage, NOW + 3599));
	assert_false(outage_forbids(&outage, NOW + 3600));
	(void)is_told(&outage, C, 1, false, NOW + 3600);
	assert_int_equal(outage_wait_s(&outage, NOW + 3600), 10);
}

/* "Too many requests" is one account's, until a second one is told the same. */
static void what_one_is_told_does_not_keep_the_others(void **state)
{
	struct outage outage = {0};

	(void)state;
	(void)hears(&outage, A, OUTAGE_FAILS, NOW);
	(void)is_told(&outage, B, 600, true, NOW);
	assert_int_equal(outage_wait_s(&outage, NOW), 5);
	(void)is_told(&outage, C, 900, true, NOW + 5);
	assert_int_equal(outage_wait_s(&outage, NOW + 5), 595);
	(void)is_told(&outage, C, 900, true, NOW + 600);
	assert_in_range(outage_wait_s(&outage, NOW + 600), 1, OUTAGE_CEILING_S);
}

static void a_clock_that_is_set_back_ends_the_wait(void **state)
{
	struct outage outage = begun();

	(void)state;
	assert_false(outage_forbids(&outage, NOW - 2 * REFRESH_WAIT_MAX_S));
	outage_asks(&outage, A, NOW + 5);
	assert_false(outage_forbids(&outage, NOW - 2 * REFRESH_WAIT_MAX_S));
}

/* Spread, at a bounded pace, and all of them soon: whoever comes first in the order, first. */
static void those_who_waited_come_one_after_another(void **state)
{
	static const struct {
		size_t waiting;
		int64_t within_s;
		unsigned in_second; /* at most */
	} rows[] = {
		{1, 3, 1},
		{10, 13, 3},
		{100, 33, 3 * 4},
		{WAITING, WAITING / OUTAGE_A_S + 3, 2 * OUTAGE_A_S},
		{2 * WAITING, OUTAGE_WITHIN_S + 3, 2 * 2 * WAITING / OUTAGE_WITHIN_S},
		{1000000, OUTAGE_WITHIN_S + 3, 2 * 1000000 / OUTAGE_WITHIN_S},
	};
	static unsigned in_second[OUTAGE_WITHIN_S + 10];
	uint32_t random = 1;

	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		for (size_t i = 0; i < sizeof(in_second) / sizeof(in_second[0]); i++)
			in_second[i] = 0;
		for (size_t place = 0; place < rows[row].waiting; place++) {
			int64_t turn_s;

			random = random * 1664525u + 1013904223u;
			turn_s = outage_turn_s(place, rows[row].waiting, NOW, random) - NOW;
			assert_in_range(turn_s, 1, rows[row].within_s);
			assert_true(turn_s >= 1 + (int64_t)place * (rows[row].within_s - 3) /
							      (int64_t)rows[row].waiting);
			in_second[turn_s]++;
		}
		for (size_t i = 0; i < sizeof(in_second) / sizeof(in_second[0]); i++)
			assert_in_range(in_second[i], 0, rows[row].in_second);
	}
}

static void a_slow_endpoint_is_not_crowded(void **state)
{
	struct outage outage = begun();
	unsigned asking = 0;

	(void)state;
	(void)hears(&outage, C, OUTAGE_WORKS, NOW + 5);
	outage_over(&outage, WAITING, NOW + 5);
	for (; !outage_is_crowded(&outage, NOW + 6); asking++)
		outage_asks(&outage, A, NOW + 6);
	assert_int_equal(asking, 2 * OUTAGE_A_S);
	outage_left(&outage, A);
	assert_false(outage_is_crowded(&outage, NOW + 6));
	outage_asks(&outage, A, NOW + 6);
	/* Once all have had their turns it is as any other. */
	assert_false(outage_is_crowded(&outage, NOW + 5 + OUTAGE_WITHIN_S + 3));
}

static void who_is_asked_for_comes_first(void **state)
{
	const struct refresh_times ends_soon = {NOW - 3500, NOW + 100, NOW - 60};
	const struct refresh_times has_ended = {NOW - 3700, NOW - 100, NOW - 60};
	const struct refresh_times ends_later = {NOW - 3000, NOW + 600, NOW - 5};
	const struct refresh_times idle = {NOW - 300000, NOW - 296400, 0};

	(void)state;
	assert_true(outage_urgency(&has_ended, NOW) < outage_urgency(&ends_soon, NOW));
	assert_true(outage_urgency(&ends_soon, NOW) < outage_urgency(&ends_later, NOW));
	assert_true(outage_urgency(&ends_later, NOW) < outage_urgency(&idle, NOW));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_account_alone_is_never_an_outage),
		cmocka_unit_test(two_in_succession_are),
		cmocka_unit_test(two_that_are_not_are_not),
		cmocka_unit_test(one_probes_at_a_time),
		cmocka_unit_test(probes_back_off_to_a_minute),
		cmocka_unit_test(a_page_is_no_end),
		cmocka_unit_test(an_answer_ends_it),
		cmocka_unit_test(two_are_doubtful),
		cmocka_unit_test(doubts_end),
		cmocka_unit_test(a_probe_that_hangs_holds_nobody_for_long),
		cmocka_unit_test(what_the_endpoint_asks_for_is_honoured),
		cmocka_unit_test(what_one_is_told_does_not_keep_the_others),
		cmocka_unit_test(a_clock_that_is_set_back_ends_the_wait),
		cmocka_unit_test(those_who_waited_come_one_after_another),
		cmocka_unit_test(a_slow_endpoint_is_not_crowded),
		cmocka_unit_test(who_is_asked_for_comes_first),
	};

	return cmocka_run_group_tests_name("outage-policy", tests, NULL, NULL);
}
