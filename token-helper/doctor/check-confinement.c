/* SPDX-License-Identifier: MIT */
/* check-confinement.c - what the kernel says of mailoauthd: common/confine.h is what it should be.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/daemon-command.h"
#include "common/sanitized.h"
#include "token-helper/doctor/doctor.h"

#include "common/banned.h"

#define CALL_TIMEOUT_MS 10000
#define PID_TOP		INT32_MAX

#if defined(HAVE_SECCOMP) && !defined(SANITIZED)
#define FILTERS true
#else
#define FILTERS false
#endif

/* Lines of /proc/PID/status as they have to be. */
static const struct {
	const char *line;
	const char *lacks;
	bool expected;
} marks[] = {
	{"CapEff:\t0000000000000000\n", "has capabilities", true},
	{"NoNewPrivs:\t1\n", "may gain privileges", true},
	{"Seccomp:\t2\n", "may make every system call", FILTERS},
};

#define MARKS (sizeof(marks) / sizeof(marks[0]))

/* Bits of marks that are there; -1: errno says why nothing is known. */
static int look_at(uint64_t pid)
{
	char path[64], line[256];
	int seen = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%" PRIu64 "/status", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return -1;
	while (fgets(line, sizeof(line), file) != NULL) {
		for (size_t i = 0; i < MARKS; i++) {
			if (strcmp(line, marks[i].line) == 0)
				seen |= 1 << i;
		}
	}
	(void)fclose(file);
	return seen;
}

static void judge(struct doctor *doctor, uint64_t pid, int seen)
{
	bool off = doctor->config != NULL && !doctor->config->confine;
	bool fine = true;

	for (size_t i = 0; i < MARKS; i++) {
		if ((seen & 1 << i) != 0 || !marks[i].expected)
			continue;
		fine = false;
		doctor_say(doctor, SEVERITY_WARNING, "mailoauthd (process %" PRIu64 ") %s", pid,
			   marks[i].lacks);
		doctor_why(doctor, "Who takes it over has that too.%s",
			   off ? " confine = no stands under [daemon]: delete it first." : "");
		doctor_mend(doctor, "%s", daemon_command(DAEMON_RESTART));
	}
	if (fine && !FILTERS)
		doctor_say(doctor, SEVERITY_NOTE,
			   "mailoauthd was built without libseccomp: its system calls are not "
			   "filtered, unless systemd does it");
	else if (fine)
		doctor_fine(doctor);
}

static bool pid_of_daemon(const struct doctor *doctor, uint64_t *pid_out)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct err err = ERR_INIT;
	struct span data;
	bool known;

	cli_request(&request, "ping");
	known = cli_call(doctor->cli, &request, CALL_TIMEOUT_MS, &reply, &data, &err) == CLI_OK &&
		fields_get_u64(data, "pid", PID_TOP, pid_out);
	buffer_release(&request);
	buffer_release(&reply);
	return known;
}

void check_confinement(struct doctor *doctor)
{
	uint64_t pid = 0;
	int seen;

	if (!pid_of_daemon(doctor, &pid)) {
		doctor_say(doctor, SEVERITY_NOTE, "mailoauthd does not answer: not looked at");
		return;
	}
	seen = look_at(pid);
	if (seen < 0)
		doctor_say(doctor, SEVERITY_NOTE,
			   "/proc/%" PRIu64 "/status: %s: mailoauthd was not looked at", pid,
			   strerror(errno));
	else
		judge(doctor, pid, seen);
}
