/* SPDX-License-Identifier: MIT */
/* test-daemon-command.c - what is typed to have the daemon run, with systemd and without. */
#include "common/daemon-command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/banned.h"

static void becomes(const char *text, bool has_systemd, const char *expected)
{
	struct buffer out = BUFFER_INIT(4096);

	daemon_commands_append(&out, span_from_str(text), has_systemd);
	assert_string_equal(buffer_cstr(&out), expected);
	buffer_release(&out);
}

static void without_systemd_it_is_done_by_hand(void **state)
{
	(void)state;
	becomes("then: systemctl reload mailoauthd; mailoauth status", false,
		"then: pkill -HUP -x mailoauthd; mailoauth status");
	becomes("systemctl enable --now mailoauthd.socket mailoauthd-postfix.socket mailoauthd\n"
		"journalctl -u mailoauthd -n 20",
		false, "setsid mailoauthd -l syslog &\ngrep mailoauthd /var/log/mail.log");
	becomes("systemctl enable --now mailoauth-fetch", false,
		"setsid mailoauth-fetch -l syslog &");
	becomes("systemctl reload postfix, or systemctl", false,
		"systemctl reload postfix, or systemctl");
	becomes("", false, "");
}

static void with_systemd_texts_stay(void **state)
{
	(void)state;
	becomes("then: systemctl reload mailoauthd", true, "then: systemctl reload mailoauthd");
}

static void every_step_is_this_machines(void **state)
{
	bool has_systemd = access("/run/systemd/system", F_OK) == 0;

	(void)state;
	assert_true(machine_has_systemd() == has_systemd);
	for (int step = DAEMON_LOOK_AT; step <= DAEMON_RESTART; step++) {
		const char *command = daemon_command((enum daemon_step)step);

		assert_non_null(strstr(command, "mailoauthd"));
		assert_true((strstr(command, "systemctl") != NULL) == has_systemd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_systemd_it_is_done_by_hand),
		cmocka_unit_test(with_systemd_texts_stay),
		cmocka_unit_test(every_step_is_this_machines),
	};

	return cmocka_run_group_tests_name("daemon-command", tests, NULL, NULL);
}
