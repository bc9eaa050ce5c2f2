/* SPDX-License-Identifier: MIT */
/* test-password.c - what files and programs give, and what they must not. */
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "fetch-agent/auth/password.h"

#include "common/banned.h"

struct answer {
	bool here;
	enum outcome what;
	char password[64];
	struct err err;
};

static void on_password(void *ctx, enum outcome what, struct buffer *password,
			const struct err *err)
{
	struct answer *answer = ctx;

	assert_false(answer->here);
	answer->here = true;
	answer->what = what;
	(void)snprintf(answer->password, sizeof(answer->password), "%s", buffer_cstr(password));
	answer->err = *err;
}

static struct answer ask(const char *file, const char *command, int wait_ms)
{
	struct event_base *base = event_base_new();
	struct answer answer = {0};
	struct words words = {0};

	words_split("/bin/sh -c x", &words);
	free(words.word[2]);
	words.word[2] = xstrdup(command);
	(void)password_get(base, file, &words, deadline_in_ms(wait_ms), on_password, &answer);
	assert_false(answer.here);
	while (!answer.here)
		(void)event_base_loop(base, EVLOOP_ONCE);
	event_base_free(base);
	words_release(&words);
	return answer;
}

#define LONG_MS 30000

static void test_first_line_is_it(void **state)
{
	struct answer answer = ask(NULL, "printf 'one two\\nuser: x\\n'", LONG_MS);

	(void)state;
	assert_int_equal(answer.what, OUTCOME_OK);
	assert_string_equal(answer.password, "one two");
	answer = ask(NULL, "printf 'no line end'", LONG_MS);
	assert_string_equal(answer.password, "no line end");
}

static void test_output_closed_early_or_late(void **state)
{
	struct answer answer = ask(NULL, "echo early; exec >&-; exit 3", LONG_MS);

	(void)state;
	assert_int_equal(answer.what, OUTCOME_CONFIG);
	assert_non_null(strstr(answer.err.text, "exit status 3"));
	assert_string_equal(answer.password, "");
}

static void test_failures(void **state)
{
	static const struct {
		const char *command, *says;
	} rows[] = {
		{"exit 1", "exit status 1"},
		{"kill -9 $$", "killed by signal 9"},
		{":", "prints no password"},
		{"echo; echo second", "prints no password"},
		{"head -c 100000 /dev/zero; exit 0", "prints too much"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer = ask(NULL, rows[i].command, LONG_MS);

		assert_int_equal(answer.what, OUTCOME_CONFIG);
		if (strcmp(rows[i].says, "prints too much") != 0) /* or SIGPIPE comes first */
			assert_non_null(strstr(answer.err.text, rows[i].says));
	}
}

static void test_deadline(void **state)
{
	struct answer answer = ask(NULL, "exec sleep 1000", 50);

	(void)state;
	assert_int_equal(answer.what, OUTCOME_RETRY);
	assert_non_null(strstr(answer.err.text, "did not end in time"));
}

static void test_cancel(void **state)
{
	struct event_base *base = event_base_new();
	struct answer answer = {0};
	struct words words = {0};
	struct password_ask *asked;

	(void)state;
	words_split("/bin/cat /dev/zero", &words);
	asked = password_get(base, NULL, &words, deadline_in_ms(LONG_MS), on_password, &answer);
	(void)event_base_loop(base, EVLOOP_ONCE);
	password_cancel(asked);
	assert_false(answer.here);
	event_base_free(base);
	words_release(&words);
}

static void test_files(void **state)
{
	char path[] = "/tmp/mo-password-XXXXXX";
	int fd = mkstemp(path);
	struct answer answer;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "secret word\n", 12), 12);
	answer = ask(path, "", LONG_MS);
	assert_int_equal(answer.what, OUTCOME_OK);
	assert_string_equal(answer.password, "secret word");
	assert_int_equal(fchmod(fd, 0644), 0);
	answer = ask(path, "", LONG_MS);
	assert_int_equal(answer.what, OUTCOME_CONFIG);
	assert_non_null(strstr(answer.err.text, "chmod"));
	(void)close(fd);
	(void)unlink(path);
	answer = ask(path, "", LONG_MS);
	assert_int_equal(answer.what, OUTCOME_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_line_is_it),
		cmocka_unit_test(test_output_closed_early_or_late),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
