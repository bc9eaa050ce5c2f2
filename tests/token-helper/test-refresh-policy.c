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
		assert_int_equal(refresh_backoff_s(i + 1, -1, 0), most[i]);
		assert_in_range(refresh_backoff_s(i + 1, -1, MOST), most[i] / 2, most[i] / 2 + 2);
	}
	assert_int_equal(refresh_backoff_s(UINT32_MAX, -1, 0), 900);
	assert_int_equal(refresh_backoff_s(1, 3600, MOST), 3600);
	assert_int_equal(refresh_backoff_s(1, 1, 0), 5);
	assert_int_equal(refresh_backoff_s(9, 0, 0), 900);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(due_at_three_quarters_of_a_used_life),
		cmocka_unit_test(due_every_three_days_when_idle),
		cmocka_unit_test(due_now_without_a_token),
		cmocka_unit_test(back_off_doubles_to_its_ceiling),
		cmocka_unit_test(a_person_is_waited_for_sparsely),
		cmocka_unit_test(half_a_life_is_enough),
		cmocka_unit_test(many_accounts_spread),
	};

	return cmocka_run_group_tests_name("refresh-policy", tests, NULL, NULL);
}
