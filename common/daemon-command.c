/* SPDX-License-Identifier: MIT */
/* daemon-command.c - see daemon-command.h. */
#include "common/daemon-command.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/banned.h"

#define START_BY_HAND "setsid mailoauthd -l syslog &"

struct command {
	const char *systemd;
	const char *by_hand;
};

static const struct command commands[] = {
	[DAEMON_LOOK_AT] = {"systemctl status mailoauthd", "pgrep -a mailoauthd"},
	[DAEMON_START] = {"systemctl start mailoauthd", START_BY_HAND},
	[DAEMON_RELOAD] = {"systemctl reload mailoauthd", "pkill -HUP -x mailoauthd"},
	[DAEMON_RESTART] = {"systemctl restart mailoauthd",
			    "pkill -x mailoauthd; sleep 1; " START_BY_HAND},
};

/* What else our texts have. What begins like another one comes before it. */
static const struct command others[] = {
	{"systemctl enable --now mailoauthd.socket mailoauthd-postfix.socket mailoauthd",
	 START_BY_HAND},
	{"systemctl enable --now mailoauth-fetch", "setsid mailoauth-fetch -l syslog &"},
	{"systemctl kill -s USR1 --kill-who=main mailoauth-fetch",
	 "pkill -USR1 -x mailoauth-fetch"},
	{"journalctl -u mailoauthd -n 20", "grep mailoauthd /var/log/mail.log"},
};

bool machine_has_systemd(void)
{
	return access("/run/systemd/system", F_OK) == 0 || errno != ENOENT ||
	       access("/run", F_OK) != 0;
}

const char *daemon_command(enum daemon_step step)
{
	return machine_has_systemd() ? commands[step].systemd : commands[step].by_hand;
}

/* The one of the table that text begins with. */
static const struct command *find(const struct command *table, size_t count, struct span text)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(table[i].systemd);

		if (text.len >= len && memcmp(text.ptr, table[i].systemd, len) == 0)
			return &table[i];
	}
	return NULL;
}

void daemon_commands_append(struct buffer *out, struct span text, bool has_systemd)
{
	while (text.len > 0) {
		const struct command *command = NULL;
		size_t used = 1;

		if (!has_systemd)
			command = find(commands, sizeof(commands) / sizeof(commands[0]), text);
		if (!has_systemd && command == NULL)
			command = find(others, sizeof(others) / sizeof(others[0]), text);
		if (command != NULL) {
			(void)buffer_append_str(out, command->by_hand);
			used = strlen(command->systemd);
		} else {
			(void)buffer_append_byte(out, text.ptr[0]);
		}
		text.ptr += used;
		text.len -= used;
	}
}
