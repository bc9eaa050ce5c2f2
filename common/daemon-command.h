/* SPDX-License-Identifier: MIT */
/*
 * daemon-command.h - what an administrator types on this machine to start mailoauthd, to look at
 * it, to have it read its configuration again: systemctl(1), or the daemon by hand where systemd
 * does not run.
 *
 * Guest half: the plugin says it too.
 */
#ifndef COMMON_DAEMON_COMMAND_H
#define COMMON_DAEMON_COMMAND_H

#include <stdbool.h>

#include "common/buffer.h"

enum daemon_step {
	DAEMON_LOOK_AT,
	DAEMON_START,
	DAEMON_RELOAD,
	DAEMON_RESTART,
};

/* sd_booted(3). In a chroot, from which nobody can tell, it is taken to run. */
bool machine_has_systemd(void);

/* The command line, for this machine. */
const char *daemon_command(enum daemon_step step);

/* Appends text; commands of systemd's in it, of our daemons, are replaced where it does not run. */
void daemon_commands_append(struct buffer *out, struct span text, bool has_systemd);

#endif
