/* SPDX-License-Identifier: MIT */
/* cli-test-check.c - status --check: what monitoring is told about what the daemon says. */
#include "token-helper/cli-check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "token-helper/json/json-reader.h"

#include "common/banned.h"

#define STATUS(accounts) "{\"version\":1,\"now\":1,\"accounts\":[" accounts "]}"
#define GOOD(name)                                                                                 \
	"{\"account\":\"" name "\",\"state\":\"valid\",\"last_refresh\":{\"outcome\":\"ok\"}}"
#define IN(name, state) "{\"account\":\"" name "\",\"state\":\"" state "\"}"
#define ENDS(name, mark)                                                                           \
	"{\"account\":\"" name                                                                     \
	"\",\"state\":\"valid\",\"deadlines\":[{\"what\":\"client-secret\",\"mark\":" mark "}]}"

static const struct {
	const char *status; /* NULL: there is none */
	enum check check;
	const char *line;
} rows[] = {
	{NULL, CHECK_UNKNOWN, "MAILOAUTH UNKNOWN - no ?answer\n"},
	{"{\"version\":1}", CHECK_UNKNOWN, "MAILOAUTH UNKNOWN - no ?answer\n"},
	{STATUS(GOOD("a")), CHECK_OK,
	 "MAILOAUTH OK - 1 account | accounts=1 ok=1 warning=0 critical=0 "
	 "endpoints_down=0\n"},
	{STATUS(GOOD("a") "," IN("b", "expired-refreshable")), CHECK_OK,
	 "MAILOAUTH OK - 2 accounts | accounts=2 ok=2 warning=0 critical=0 "
	 "endpoints_down=0\n"},
	{STATUS(GOOD("a") "," IN("b", "never-authorized")), CHECK_WARNING,
	 "MAILOAUTH WARNING - b never-authorized | accounts=2 ok=1 warning=1 critical=0 "
	 "endpoints_down=0\n"},
	{STATUS("{\"account\":\"a\",\"state\":\"valid\",\"last_refresh\":{\"outcome\":\"retry\"}}"),
	 CHECK_WARNING,
	 "MAILOAUTH WARNING - a valid | accounts=1 ok=0 warning=1 critical=0 "
	 "endpoints_down=0\n"},
	{STATUS("{\"account\":\"a\",\"state\":\"valid\",\"endpoint_down\":{\"url\":\"https://"
		"a\"}}"),
	 CHECK_WARNING,
	 "MAILOAUTH WARNING - a valid | accounts=1 ok=0 warning=1 critical=0 "
	 "endpoints_down=0\n"},
	{"{\"version\":1,\"now\":1,\"endpoints_down\":[{\"url\":\"https://as.example:443\"}],"
	 "\"accounts\":[{\"account\":\"a\",\"state\":\"error\",\"endpoint_down\":{}}]}",
	 CHECK_CRITICAL,
	 "MAILOAUTH CRITICAL - https://as.example:443 is down, a error | accounts=1 ok=0 warning=0 "
	 "critical=1 endpoints_down=1\n"},
	{STATUS(ENDS("a", "null")), CHECK_OK,
	 "MAILOAUTH OK - 1 account | accounts=1 ok=1 warning=0 critical=0 "
	 "endpoints_down=0\n"},
	{STATUS(ENDS("a", "30")), CHECK_WARNING,
	 "MAILOAUTH WARNING - a valid | accounts=1 ok=0 warning=1 critical=0 "
	 "endpoints_down=0\n"},
	{STATUS(ENDS("a", "1")), CHECK_CRITICAL,
	 "MAILOAUTH CRITICAL - a valid | accounts=1 ok=0 warning=0 critical=1 "
	 "endpoints_down=0\n"},
	{STATUS(IN("a", "never-authorized") "," IN("b", "reauth-required") "," IN("c", "blocked")),
	 CHECK_CRITICAL,
	 "MAILOAUTH CRITICAL - b reauth-required, c blocked, a never-authorized | accounts=3 ok=0 "
	 "warning=1 critical=2 "
	 "endpoints_down=0\n"},
	{STATUS(IN("1", "error") "," IN("2", "error") "," IN("3", "error") "," IN(
		 "4", "error") "," IN("5", "error") "," IN("6", "error") "," IN("7", "error")),
	 CHECK_CRITICAL,
	 "MAILOAUTH CRITICAL - 1 error, 2 error, 3 error, 4 error, 5 error and 2 more | accounts=7 "
	 "ok=0 warning=0 critical=7 "
	 "endpoints_down=0\n"},
	{STATUS(IN("a", "what")), CHECK_UNKNOWN,
	 "MAILOAUTH UNKNOWN - a what | accounts=1 ok=0 warning=0 critical=1 "
	 "endpoints_down=0\n"},
};

static void every_state_has_its_check(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = "";
		struct buffer line = BUFFER_INIT(4096);
		struct json_object *status =
			rows[i].status != NULL
				? json_read(span_from_str(rows[i].status), 8192, &why)
				: NULL;

		assert_int_equal(check_append(&line, status, "no \033answer"), rows[i].check);
		assert_string_equal(buffer_cstr(&line), rows[i].line);
		json_release(status);
		buffer_release(&line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_state_has_its_check)};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
