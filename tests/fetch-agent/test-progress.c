/* SPDX-License-Identifier: MIT */
/* test-progress.c - what the line on the terminal says. */
#include "fetch-agent/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/banned.h"

static const struct {
	struct mailbox_progress counts;
	int64_t spent_ms;
	const char *text;
} examples[] = {
	{{0, 0, 0, 0}, 1000, ""},
	{{0, 0, 340, 30400000}, 0, "0 of 340 messages, 0.0 of 30.4 MB, 0.0 MB/s"},
	{{12, 1200000, 340, 30400000}, 0, "12 of 340 messages, 1.2 of 30.4 MB, 0.0 MB/s"},
	{{12, 2000000, 340, 30400000},
	 1000,
	 "12 of 340 messages, 2.0 of 30.4 MB, 2.0 MB/s, 0:14 left"},
	{{1, 1000000, 2, 200000000}, 1000, "1 of 2 messages, 1.0 of 200.0 MB, 1.0 MB/s, 3:19 left"},
	/* The server's sizes were too small. */
	{{2, 3000000, 2, 1000000}, 1000, "2 of 2 messages, 3.0 of 3.0 MB, 3.0 MB/s, 0:00 left"},
};

static void it_says_how_far(void **state)
{
	char text[PROGRESS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		assert_string_equal(progress_text(&examples[i].counts, examples[i].spent_ms, text,
						  sizeof(text)),
				    examples[i].text);
}

static void it_fits_and_never_overflows(void **state)
{
	struct mailbox_progress most = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
	struct mailbox_progress slow = {1, 1, UINT64_MAX, UINT64_MAX};
	char text[PROGRESS_TEXT_MAX];

	(void)state;
	(void)progress_text(&most, 1, text, sizeof(text));
	assert_true(text[0] == '1');
	(void)progress_text(&slow, 1, text, 20);
	assert_string_equal(text, "1 of 18446744073709");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_how_far),
		cmocka_unit_test(it_fits_and_never_overflows),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
