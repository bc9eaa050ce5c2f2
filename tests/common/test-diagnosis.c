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
		assert_null(diagnosis_find((enum diagnosis_where)0, said));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_have_a_meaning),
		cmocka_unit_test(what_is_cut_is_not_found),
		cmocka_unit_test(a_server_cannot_ask_for_ever),
	};

	return cmocka_run_group_tests_name("diagnosis", tests, NULL, NULL);
}
