/* SPDX-License-Identifier: MIT */
/* test-turns.c - places are limited and shared out fairly; waiting after failures has its bounds.
 */
#include "fetch-agent/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fetch-agent/backoff.h"

#include "common/banned.h"

#define MANY 100

static void an_account_waits_behind_its_own(void **state)
{
	struct turns *turns = turns_new(1000, 1000);
	struct turn many[MANY] = {0}, one = {0};
	size_t busy = 0;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		turns_join(turns, &many[i], "many", "host", 3);
		turns_want(turns, &many[i]);
	}
	turns_join(turns, &one, "one", "host", 3);
	turns_want(turns, &one);
	turns_want(turns, &one);
	assert_ptr_equal(turns_next(turns), &many[0]);
	assert_ptr_equal(turns_next(turns), &one);
	while (turns_next(turns) != NULL)
		busy++;
	assert_int_equal(busy, 2); /* 3 of the account's in all */
	turns_give_back(turns, &many[1]);
	assert_ptr_equal(turns_next(turns), &many[3]);
	for (size_t i = 0; i < MANY; i++)
		turns_leave(turns, &many[i]);
	turns_leave(turns, &one);
	turns_free(turns);
}

/* One account is stuck: the others go on, each as often as the next. */
static void a_stuck_account_delays_nobody(void **state)
{
	struct turns *turns = turns_new(4, 1000);
	struct turn stuck[MANY] = {0}, others[3] = {0};
	static const char *const names[] = {"a", "b", "c"};
	size_t served[3] = {0};

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		turns_join(turns, &stuck[i], "stuck", "host", 2);
		turns_want(turns, &stuck[i]);
	}
	for (size_t i = 0; i < 3; i++) {
		turns_join(turns, &others[i], names[i], "host", 2);
		turns_want(turns, &others[i]);
	}
	for (size_t i = 0; i < 32; i++) {
		struct turn *turn = turns_next(turns);

		if (turn >= others && turn < others + 3) {
			served[turn - others]++;
			turns_give_back(turns, turn);
			turns_want(turns, turn);
		}
	}
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(served[i], 10); /* 32 less the two places of the stuck one */
	for (size_t i = 0; i < MANY; i++)
		turns_leave(turns, &stuck[i]);
	for (size_t i = 0; i < 3; i++)
		turns_leave(turns, &others[i]);
	turns_free(turns);
}

static void not_all_places_are_watched_while_others_wait(void **state)
{
	struct turns *turns = turns_new(10, 10);
	struct turn turn[3] = {0};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		turns_join(turns, &turn[i], "account", "host", 2);
		turns_want(turns, &turn[i]);
		assert_ptr_equal(turns_next(turns), &turn[i]);
		assert_true(turns_may_rest(turns, &turn[i]));
	}
	turns_rest(turns, &turn[0]);
	assert_true(turns_may_rest(turns, &turn[1]));
	turns_join(turns, &turn[2], "account", "host", 2);
	assert_false(turns_may_rest(turns, &turn[1]));
	turns_want(turns, &turn[2]);
	assert_null(turns_next(turns));
	turns_give_back(turns, &turn[1]);
	assert_ptr_equal(turns_next(turns), &turn[2]);
	turns_wake(turns, &turn[0]);
	assert_true(turns_may_rest(turns, &turn[2]));
	for (size_t i = 0; i < 3; i++)
		turns_leave(turns, &turn[i]);
	turns_free(turns);
}

/* Two at work at the same time at most, three connections in all, those that rest counted. */
static void all_together_are_limited(void **state)
{
	struct turns *turns = turns_new(2, 3);
	struct turn turn[4] = {0};
	static const char *const names[] = {"a", "b", "c", "d"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		turns_join(turns, &turn[i], names[i], "host", 9);
		turns_want(turns, &turn[i]);
	}
	assert_ptr_equal(turns_next(turns), &turn[0]);
	assert_ptr_equal(turns_next(turns), &turn[1]);
	assert_null(turns_next(turns));
	turns_rest(turns, &turn[0]);
	assert_ptr_equal(turns_next(turns), &turn[2]);
	turns_rest(turns, &turn[1]);
	assert_null(turns_next(turns));
	assert_false(turns_may_rest(turns, &turn[2])); /* one has had no place yet */
	turns_give_back(turns, &turn[0]);
	assert_ptr_equal(turns_next(turns), &turn[3]);
	for (size_t i = 0; i < 4; i++)
		turns_leave(turns, &turn[i]);
	turns_free(turns);
}

/* The lowest limit counts, while its section is there; another host has places of its own. */
static void sections_of_an_account_share(void **state)
{
	struct turns *turns = turns_new(10, 10);
	struct turn turn[3] = {0};

	(void)state;
	turns_join(turns, &turn[0], "account", "host", 5);
	turns_join(turns, &turn[1], "account", "host", 1);
	turns_join(turns, &turn[2], "account", "elsewhere", 1);
	for (size_t i = 0; i < 3; i++)
		turns_want(turns, &turn[i]);
	assert_ptr_equal(turns_next(turns), &turn[0]);
	assert_ptr_equal(turns_next(turns), &turn[2]);
	assert_null(turns_next(turns));
	turns_leave(turns, &turn[1]);
	turns_join(turns, &turn[1], "account", "host", 2);
	turns_want(turns, &turn[1]);
	assert_ptr_equal(turns_next(turns), &turn[1]);
	for (size_t i = 0; i < 3; i++)
		turns_leave(turns, &turn[i]);
	turns_free(turns);
}

/* What is to spare is what the account's, and all together, leave. */
static void spare_places_are_those_that_nobody_needs(void **state)
{
	struct turns *turns = turns_new(10, 4);
	struct turn turn[5] = {0};

	(void)state;
	turns_join(turns, &turn[0], "account", "host", 3);
	assert_int_equal(turns_spare(turns, &turn[0]), 2);
	turns_join(turns, &turn[1], "account", "host", 3);
	turns_join(turns, &turn[2], "account", "host", 3);
	assert_int_equal(turns_spare(turns, &turn[0]), 0);
	assert_int_equal(turns_excess(turns, &turn[0]), 0);
	turns_join(turns, &turn[3], "account", "host", 2);
	assert_int_equal(turns_excess(turns, &turn[0]), 2);
	turns_leave(turns, &turn[3]);
	turns_leave(turns, &turn[2]);
	assert_int_equal(turns_spare(turns, &turn[0]), 1);
	turns_join(turns, &turn[2], "other", "host", 9);
	assert_int_equal(turns_spare(turns, &turn[2]), 1);
	turns_join(turns, &turn[3], "other", "host", 9);
	assert_int_equal(turns_spare(turns, &turn[0]), 0);
	turns_join(turns, &turn[4], "third", "host", 9);
	assert_int_equal(turns_excess(turns, &turn[0]), 1);
	for (size_t i = 0; i < 5; i++)
		turns_leave(turns, &turn[i]);
	turns_free(turns);
}

static void waiting_grows_to_its_ceiling(void **state)
{
	int64_t before_ms = 0;

	(void)state;
	for (unsigned tries = 1; tries < 200; tries++) {
		int64_t ms = backoff_ms(OUTCOME_RETRY, tries, 0, 0);

		assert_true(ms >= before_ms && ms <= BACKOFF_CEILING_MS);
		before_ms = ms;
	}
	assert_int_equal(backoff_ms(OUTCOME_RETRY, 1, 0, 0), BACKOFF_FIRST_MS);
	assert_int_equal(backoff_ms(OUTCOME_RETRY, 2, 0, 0), 2 * BACKOFF_FIRST_MS);
	assert_int_equal(before_ms, BACKOFF_CEILING_MS);
	assert_int_equal(backoff_ms(OUTCOME_CONSENT, 1, 0, 0), BACKOFF_PERSON_MS);
	assert_int_equal(backoff_ms(OUTCOME_CONFIG, 100, 0, 0), BACKOFF_CEILING_MS);
}

static void chance_never_goes_below_what_is_asked(void **state)
{
	static const uint32_t chances[] = {0, 1, 511, 1023, 1024, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(chances) / sizeof(chances[0]); i++) {
		int64_t ms = backoff_ms(OUTCOME_RETRY, 1, 299961, chances[i]);
		int64_t about_ms = backoff_jitter_ms(300000, chances[i]);

		assert_true(ms >= 299961 && ms <= 299961 + 299961 / 4);
		assert_true(about_ms >= 270000 && about_ms <= 330000);
	}
	assert_int_not_equal(backoff_jitter_ms(300000, 0), backoff_jitter_ms(300000, 700));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_account_waits_behind_its_own),
		cmocka_unit_test(a_stuck_account_delays_nobody),
		cmocka_unit_test(not_all_places_are_watched_while_others_wait),
		cmocka_unit_test(all_together_are_limited),
		cmocka_unit_test(sections_of_an_account_share),
		cmocka_unit_test(spare_places_are_those_that_nobody_needs),
		cmocka_unit_test(waiting_grows_to_its_ceiling),
		cmocka_unit_test(chance_never_goes_below_what_is_asked),
	};

	return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
