/* SPDX-License-Identifier: MIT */
/* test-refresh-policy.c - when to ask the authorization server again: tables, bounds and spread. */
#include "token-helper/accounts/refresh-policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/banned.h"

#define NOW	 INT64_C(1795000000)
#define DAY	 86400
#define ACCOUNTS 10000
#define MOST	 UINT32_MAX

static void due_at_three_quarters_of_a_used_life(void **state)
{
	struct refresh_times times = {NOW - 100, NOW + 3500, NOW - 10};

	(void)state;
	assert_int_equal(refresh_due_s(&times, NOW, 0), NOW - 100 + 2700);
	assert_in_range(refresh_due_s(&times, NOW, MOST), NOW - 100 + 2870, NOW - 100 + 2880);
}

static void due_every_three_days_when_idle(void **state)
{
	struct refresh_times never = {NOW - 100, NOW + 3500, 0};
	struct refresh_times long_ago = {NOW - 100, NOW + 3500, NOW - DAY};

	(void)state;
	assert_int_equal(refresh_due_s(&never, NOW, 0), NOW - 100 + 3 * DAY);
	assert_int_equal(refresh_due_s(&long_ago, NOW, 0), NOW - 100 + 3 * DAY);
	assert_true(refresh_due_s(&never, NOW, MOST) > NOW - 100 + 27 * DAY / 10 - 1);
	long_ago.last_asked_s++;
	assert_true(refresh_due_s(&long_ago, NOW, 0) < NOW + 3500);
}

static void due_now_without_a_token(void **state)
{
	struct refresh_times times = {0, 0, 0};

	(void)state;
	assert_int_equal(refresh_due_s(&times, NOW, MOST), NOW);
}

static void back_off_doubles_to_its_ceiling(void **state)
{
	static const int64_t most[] = {5, 10, 20, 40, 80, 160, 320, 640, 900, 900};

	(void)state;
	for (unsigned i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		assert_int_equal(refresh_backoff_s(i + 1, 0, -1, 0), most[i]);
		assert_in_range(refresh_backoff_s(i + 1, 0, -1, MOST), most[i] / 2,
				most[i] / 2 + 2);
	}
	assert_int_equal(refresh_backoff_s(UINT32_MAX, 0, -1, 0), 900);
	assert_int_equal(refresh_backoff_s(1, 0, 3600, MOST), 3600);
	assert_int_equal(refresh_backoff_s(1, 0, 1, 0), 5);
	assert_int_equal(refresh_backoff_s(9, 0, 0, 0), 900);
}

/* While a token lives a minute is soon enough, but its end is not slept through. */
static void back_off_is_calm_while_a_token_lives(void **state)
{
	(void)state;
	assert_int_equal(refresh_backoff_s(1, 900, -1, 0), 60);
	assert_int_equal(refresh_backoff_s(2, 900, -1, 0), 120);
	assert_int_equal(refresh_backoff_s(9, 5000, -1, 0), 900);
	assert_int_equal(refresh_backoff_s(9, 200, -1, 0), 200);
	assert_int_equal(refresh_backoff_s(9, 200, 300, 0), 300);
	assert_int_equal(refresh_backoff_s(1, 60, -1, 0), 5);
	assert_int_equal(refresh_backoff_s(1, -7, -1, 0), 5);
}

/* Set back to before the token was fetched: its end means nothing. */
static void a_token_of_the_future_is_due(void **state)
{
	struct refresh_times times = {NOW + 12 * 365 * DAY, NOW + 12 * 365 * DAY + 3600, NOW};

	(void)state;
	assert_int_equal(refresh_due_s(&times, NOW, MOST), NOW);
	times.obtained_s = NOW + 30; /* a machine's clock against itself, after a small step */
	times.expires_s = NOW + 3630;
	assert_true(refresh_due_s(&times, NOW, 0) > NOW);
}

static void who_asks_waits_a_minute(void **state)
{
	(void)state;
	assert_int_equal(refresh_again_s(NOW + 5, NOW, 0), NOW + 5);
	assert_int_equal(refresh_again_s(NOW + 900, NOW, 0), NOW + REFRESH_AGAIN_S);
	assert_int_equal(refresh_again_s(NOW + 900, NOW, NOW + 200), NOW + 200);
	assert_int_equal(refresh_again_s(0, NOW, 0), 0);
}

static void a_person_is_waited_for_sparsely(void **state)
{
	(void)state;
	assert_int_equal(refresh_sparse_s(1, 0), 3600);
	assert_int_equal(refresh_sparse_s(2, 0), 7200);
	assert_int_equal(refresh_sparse_s(5, 0), 57600);
	assert_int_equal(refresh_sparse_s(6, 0), DAY);
	assert_int_equal(refresh_sparse_s(UINT32_MAX, 0), DAY);
	assert_in_range(refresh_sparse_s(1, MOST), 3240, 3241);
}

/* A life shorter than min_valid must not make every asker refresh. */
static void half_a_life_is_enough(void **state)
{
	struct refresh_times hour = {NOW, NOW + 3600, 0};
	struct refresh_times minute = {NOW, NOW + 60, 0};

	(void)state;
	assert_int_equal(refresh_needed_s(&hour, 300), 300);
	assert_int_equal(refresh_needed_s(&hour, 3000), 1800);
	assert_int_equal(refresh_needed_s(&minute, 300), 30);
	assert_int_equal(refresh_needed_s(&hour, 0), 0);
}

/* Ten thousand accounts that were authorized in the same second do not ask in the same second. */
static void many_accounts_spread(void **state)
{
	struct refresh_times times = {NOW, NOW + 3600, NOW};
	static unsigned in_second[200];
	uint32_t random = 1;
	unsigned busiest = 0;

	(void)state;
	for (int i = 0; i < ACCOUNTS; i++) {
		int64_t due;

		random = random * 1664525u + 1013904223u;
		due = refresh_due_s(&times, NOW, random) - NOW - 2700;
		assert_in_range(due, 0, 179);
		if (++in_second[due] > busiest)
			busiest = in_second[due];
	}
	assert_in_range(busiest, ACCOUNTS / 180, 2 * ACCOUNTS / 180);
}

static unsigned busiest_second(const struct refresh_plan *plan)
{
	unsigned busiest = 0;

	for (size_t i = 0; i < REFRESH_PLAN_S; i++)
		busiest = plan->ahead[i] > busiest ? plan->ahead[i] : busiest;
	return busiest;
}

/* By plan they hardly ever meet: no second has three times its share, however they begin. */
static void planned_accounts_keep_apart(void **state)
{
	static const struct refresh_times begin[] = {
		{NOW, NOW + 3600, NOW},			  /* all authorized at once */
		{NOW - 3600, NOW - 10, NOW},		  /* all overdue */
		{NOW - 9 * DAY, NOW - 9 * DAY + 3600, 0}, /* and nobody asks */
		{0, 0, 0},
	};
	uint32_t random = 1;

	(void)state;
	for (size_t row = 0; row < sizeof(begin) / sizeof(begin[0]); row++) {
		static struct refresh_plan plan;
		static int64_t at[ACCOUNTS];
		int64_t last = 0;

		plan = (struct refresh_plan){.accounts = ACCOUNTS};
		for (int i = 0; i < ACCOUNTS; i++) {
			random = random * 1664525u + 1013904223u;
			at[i] = refresh_plan_s(&plan, &begin[row], NOW, random);
			assert_true(at[i] > NOW);
			last = at[i] > last ? at[i] : last;
		}
		assert_in_range(last - NOW, 30,
				row == 0 ? 2880 : ACCOUNTS / REFRESH_OVERDUE_A_S + 1);
		/* The share in the time that is planned for: 40-80 % of an hour, or 500 s. */
		assert_in_range(busiest_second(&plan), 1, row == 0 ? 3 * ACCOUNTS / 1440 : 60);
		for (int i = 0; i < ACCOUNTS; i++)
			refresh_plan_remove(&plan, at[i]);
		assert_int_equal(busiest_second(&plan), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(due_at_three_quarters_of_a_used_life),
		cmocka_unit_test(due_every_three_days_when_idle),
		cmocka_unit_test(due_now_without_a_token),
		cmocka_unit_test(back_off_doubles_to_its_ceiling),
		cmocka_unit_test(who_asks_waits_a_minute),
		cmocka_unit_test(a_person_is_waited_for_sparsely),
		cmocka_unit_test(half_a_life_is_enough),
		cmocka_unit_test(many_accounts_spread),
		cmocka_unit_test(back_off_is_calm_while_a_token_lives),
		cmocka_unit_test(a_token_of_the_future_is_due),
		cmocka_unit_test(planned_accounts_keep_apart),
	};

	return cmocka_run_group_tests_name("refresh-policy", tests, NULL, NULL);
}
