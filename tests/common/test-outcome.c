/* SPDX-License-Identifier: MIT */
/* test-outcome.c - an error is one line, whatever went into it. */
#include "common/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/banned.h"

static void returns_what_it_was_given(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&err, OUTCOME_CONSENT, "%s: %d", "relay", 7), OUTCOME_CONSENT);
	assert_string_equal(err.text, "relay: 7");
	assert_int_equal(err_set(NULL, OUTCOME_RETRY, "nobody listens"), OUTCOME_RETRY);
}

static void control_characters_cannot_forge_a_line(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	(void)err_set(&err, OUTCOME_RETRY, "%s", "said\r\nNov 23 root: \033[31m\177");
	assert_string_equal(err.text, "said??Nov 23 root: ?[31m?");
}

static void long_text_is_cut_visibly(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	(void)err_set(&err, OUTCOME_RETRY, "%2000d", 1);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_string_equal(err.text + ERR_TEXT_MAX - 4, "...");
}

static void prefix_goes_before_and_text_may_be_its_own_argument(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	(void)err_set(&err, OUTCOME_RETRY, "refused");
	err_prefix(&err, "account=%s: ", "relay");
	assert_string_equal(err.text, "account=relay: refused");
	(void)err_set(&err, OUTCOME_RETRY, "[%s]", err.text);
	assert_string_equal(err.text, "[account=relay: refused]");
	err_prefix(NULL, "x");
}

static void names_go_both_ways(void **state)
{
	enum outcome what;

	(void)state;
	for (int i = OUTCOME_OK; i <= OUTCOME_NOMEM; i++) {
		const char *name = outcome_name((enum outcome)i);

		assert_true(outcome_from_name(name, strlen(name), &what));
		assert_int_equal(what, i);
		what = OUTCOME_DENIED;
		assert_false(outcome_from_name(name, strlen(name) - 1, &what));
		assert_int_equal(what, OUTCOME_DENIED);
	}
	assert_string_equal(outcome_name((enum outcome)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(returns_what_it_was_given),
		cmocka_unit_test(control_characters_cannot_forge_a_line),
		cmocka_unit_test(long_text_is_cut_visibly),
		cmocka_unit_test(prefix_goes_before_and_text_may_be_its_own_argument),
		cmocka_unit_test(names_go_both_ways),
	};

	return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
