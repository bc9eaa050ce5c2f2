/* SPDX-License-Identifier: MIT */
/* test-diagnosis.c - the words of real servers, and what we make of them. */
#include "common/diagnosis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/banned.h"

static const struct {
	const char *said;
	enum outcome outcome;
	int64_t wait_s, asked_ms;
} imap[] = {
	{"BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds", OUTCOME_RETRY, 60,
	 299961},
	{"NO [LIMIT] Suggested backoff time:  12 seconds", OUTCOME_RETRY, 60, 12000},
	{"BAD Request is throttled. Suggested Backoff Time: soon", OUTCOME_RETRY, 60, 0},
	{"BAD User is authenticated but not connected.", OUTCOME_RETRY, 30, 0},
	{"NO AUTHENTICATE failed. AuthFailed:LogonDenied-BasicAuthBlocked-", OUTCOME_CONFIG, 0, 0},
	{"NO AUTHENTICATE failed. LogonDenied OAuthLog", OUTCOME_CONFIG, 0, 0},
	{"BYE [OVERQUOTA] Account exceeded command or bandwidth limits.", OUTCOME_RETRY, 3600, 0},
	{"NO [OVERQUOTA] no more", OUTCOME_RETRY, 3600, 0},
	{"NO [ALERT] Too many simultaneous connections. (Failure)", OUTCOME_RETRY, 120, 0},
	{"NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded "
	 "(mail_max_userip_connections=10)",
	 OUTCOME_RETRY, 120, 0},
	{"BYE Too many open connections", OUTCOME_RETRY, 120, 0},
	{"NO [ALERT] IMAP access is disabled for your domain.", OUTCOME_CONFIG, 0, 0},
	{"NO [ALERT] Please log in via your web browser: https://…", OUTCOME_CONSENT, 0, 0},
	{"BYE Session expired, please login again.", OUTCOME_RETRY, 0, 0},
	{"BYE Server shutting down.", OUTCOME_RETRY, 0, 0},
	{"NO [INUSE] locked", OUTCOME_RETRY, 30, 0},
	{"NO [AUTHORIZATIONFAILED] not yours", OUTCOME_CONFIG, 0, 0},
};

static void words_have_a_meaning(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(imap) / sizeof(imap[0]); i++) {
		struct span said = span_from_str(imap[i].said);
		const struct diagnosis *found = diagnosis_find(DIAGNOSIS_IMAP, said);

		if (found == NULL)
			fail_msg("no diagnosis: %s", imap[i].said);
		assert_int_equal(found->outcome, imap[i].outcome);
		assert_int_equal(found->wait_s, imap[i].wait_s);
		assert_int_equal(diagnosis_wait_ms(said), imap[i].asked_ms);
		assert_null(diagnosis_find(0, said));
	}
}

/* What stands behind the length is not looked at, and a cut text is nobody's. */
static void what_is_cut_is_not_found(void **state)
{
	static const char text[] = "NO [LIMIT]";

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++)
		assert_null(diagnosis_find(DIAGNOSIS_IMAP, (struct span){text, len}));
	assert_non_null(diagnosis_find(DIAGNOSIS_IMAP, span_from_str(text)));
	assert_null(diagnosis_find(DIAGNOSIS_IMAP, span_from_str("OK all is well")));
	assert_null(diagnosis_find(DIAGNOSIS_IMAP, span_from_str("connections: too many")));
}

/* A number is a whole number, and so is a dotted one. */
static void numbers_are_whole(void **state)
{
	const struct diagnosis row = {.pattern = "5.7.1|AADSTS500|9*5.5"};
	static const struct {
		const char *said;
		bool fits;
	} cases[] = {
		{"554 5.7.1 no", true},
		{"554 5.7.1", true},
		{"5.7.1: no", true},
		{"(5.7.1.)", true},
		{"554 5.7.139 no", false},
		{"15.7.1", false},
		{"1.5.7.1", false},
		{"5.7.1.2", false},
		{"AADSTS500: no", true},
		{"AADSTS5001", false},
		{"AADSTS5001 AADSTS500", true},
		{"9 5.5", true},
		{"95.5", false},
		{"19 5.5", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (diagnosis_fits(&row, span_from_str(cases[i].said), NULL) != cases[i].fits)
			fail_msg("%s", cases[i].said);
	}
}

static void a_match_has_its_place(void **state)
{
	const struct diagnosis row = {.pattern = "nowhere|too many*connections"};
	struct span said = span_from_str("NO Too many open connections here"), at = {NULL, 0};

	(void)state;
	assert_true(diagnosis_fits(&row, said, &at));
	assert_int_equal(at.ptr - said.ptr, 3);
	assert_true(span_equals(at, "Too many open connections"));
}

/* Every row is found by its own words, and by no row before it. */
static void check_example(const struct diagnosis *row, struct span line)
{
	const struct diagnosis *found = diagnosis_find(row->where, line);
	const struct diagnosis *anywhere = diagnosis_find(DIAGNOSIS_ANYWHERE, line);

	if (found != row)
		fail_msg("%s: \"%.*s\" finds %s", row->id, (int)line.len, line.ptr,
			 found != NULL ? found->id : "nothing");
	if (anywhere != row && (row->where & DIAGNOSIS_DELIVERY) == 0)
		fail_msg("%s: \"%.*s\", said anywhere, finds %s", row->id, (int)line.len, line.ptr,
			 anywhere->id);
}

static void check_lines(const struct diagnosis *row)
{
	const char *at = row->example;

	for (;;) {
		size_t len = strcspn(at, "\n");

		check_example(row, (struct span){at, len});
		if (at[len] == '\0')
			return;
		at += len + 1;
	}
}

/* A part of a pattern is never empty: it would be everywhere. */
static void check_pattern(const struct diagnosis *row)
{
	char last = '|';

	for (const char *p = row->pattern; *p != '\0'; last = *p++) {
		if ((*p == '|' || *p == '*') && (last == '|' || last == '*'))
			fail_msg("%s: an empty part", row->id);
	}
	if (last == '|' || last == '*')
		fail_msg("%s: an empty part at the end", row->id);
}

static void check_unique(size_t index, const char *id)
{
	for (size_t i = 0; i < index; i++) {
		if (strcmp(diagnosis_at(i)->id, id) == 0)
			fail_msg("two rows are called %s", id);
	}
}

static void every_row_is_found(void **state)
{
	const struct diagnosis *row;
	size_t count = 0;

	(void)state;
	for (; (row = diagnosis_at(count)) != NULL; count++) {
		check_unique(count, row->id);
		check_pattern(row);
		check_lines(row);
	}
	assert_true(count >= 110);
}

/* A row says what to do, or is of a kind that passes. */
static bool passes(const struct diagnosis *row)
{
	return row->class == DIAGNOSIS_PASSING || row->class == DIAGNOSIS_LIMIT;
}

static void every_row_says_what_to_do(void **state)
{
	const struct diagnosis *row;

	(void)state;
	for (size_t i = 0; (row = diagnosis_at(i)) != NULL; i++) {
		if (row->steps == NULL && row->remedy == NULL && !passes(row))
			fail_msg("%s: nothing to do", row->id);
		if (passes(row) && row->outcome != OUTCOME_RETRY)
			fail_msg("%s passes and is not tried again", row->id);
		if (row->class == DIAGNOSIS_SIGN_IN && row->outcome != OUTCOME_CONSENT)
			fail_msg("%s: a person, and not consent", row->id);
		assert_true(row->meaning[0] != '\0' && row->class < DIAGNOSIS_CLASSES);
		assert_true((row->where & ~(unsigned)DIAGNOSIS_ANYWHERE) == 0 && row->where != 0);
	}
}

static void a_server_cannot_ask_for_ever(void **state)
{
	static const char *const much[] = {
		"Backoff Time: 99999999999999 milliseconds",
		"Backoff Time: 18446744073709551615 seconds",
	};
	static const char *const nonsense[] = {
		"Backoff Time:",
		"Backoff Time: ",
		"Backoff Time: -5 milliseconds",
		"Backoff Time: 5",
		"Backoff Time: 99999999999999999999 seconds",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(much) / sizeof(much[0]); i++)
		assert_int_equal(diagnosis_wait_ms(span_from_str(much[i])), 86400000);
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
		assert_int_equal(diagnosis_wait_ms(span_from_str(nonsense[i])), 0);
}

/* Dovecot's and Postfix's words are nobody's who has Gmail's aliases. */
static void words_of_all_servers_name_no_provider(void **state)
{
	static const struct {
		unsigned where;
		const char *said;
	} refused[] = {
		{DIAGNOSIS_IMAP, "NO [AUTHENTICATIONFAILED] Authentication failed."},
		{DIAGNOSIS_SMTP, "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct diagnosis *row =
			diagnosis_find(refused[i].where, span_from_str(refused[i].said));

		assert_non_null(row);
		assert_null(strstr(row->causes, "Gmail"));
		assert_null(strstr(row->causes, "google"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_have_a_meaning),
		cmocka_unit_test(what_is_cut_is_not_found),
		cmocka_unit_test(numbers_are_whole),
		cmocka_unit_test(a_match_has_its_place),
		cmocka_unit_test(every_row_is_found),
		cmocka_unit_test(every_row_says_what_to_do),
		cmocka_unit_test(a_server_cannot_ask_for_ever),
		cmocka_unit_test(words_of_all_servers_name_no_provider),
	};

	return cmocka_run_group_tests_name("diagnosis", tests, NULL, NULL);
}
