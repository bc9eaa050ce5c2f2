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

#define LSM_FILE "/sys/kernel/security/lsm"

/* Lines of /proc/PID/status as they have to be. systemd filters, too: that a filter is there says
 * nothing of ours. */
static const struct {
	const char *line;
	const char *lacks;
} marks[] = {
	{"CapEff:\t0000000000000000\n", "has capabilities"},
	{"NoNewPrivs:\t1\n", "may gain privileges"},
};

#define MARKS (sizeof(marks) / sizeof(marks[0]))

/* What it says itself. */
struct promise {
	uint64_t pid, files, calls;
};

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

static bool kernel_has_landlock(void)
{
	char line[512] = "";
	FILE *file = fopen(LSM_FILE, "re");

	if (file != NULL) {
		(void)!fgets(line, sizeof(line), file);
		(void)fclose(file);
	}
	return strstr(line, "landlock") != NULL;
}

static void lacking(struct doctor *doctor, uint64_t pid, const char *lacks, bool forbidden)
{
	bool off = doctor->config != NULL && !doctor->config->confine;

	doctor_say(doctor, SEVERITY_WARNING, "mailoauthd (process %" PRIu64 ") %s", pid, lacks);
	doctor_why(doctor, "Who takes it over has that too.%s",
		   off	       ? " confine = no stands under [daemon]: delete it first."
		   : forbidden ? " Whoever started it forbids it to confine itself: a unit or a "
				 "container that filters system calls has to allow "
				 "landlock_create_ruleset, landlock_add_rule, "
				 "landlock_restrict_self and seccomp."
			       : "");
	doctor_mend(doctor, "%s", daemon_command(DAEMON_RESTART));
}

static void judge(struct doctor *doctor, const struct promise *promise, int seen)
{
	bool calls = promise->calls == 1 || !FILTERS;
	bool files = promise->files == 1 || !kernel_has_landlock();

	for (size_t i = 0; i < MARKS; i++) {
		if ((seen & 1 << i) == 0)
			lacking(doctor, promise->pid, marks[i].lacks, false);
	}
	if (!calls)
		lacking(doctor, promise->pid, "does not filter its system calls", true);
	if (!files)
		lacking(doctor, promise->pid, "may open every file that its user may", true);
	if (seen != (1 << MARKS) - 1 || !calls || !files)
		return;
	if (!FILTERS)
		doctor_say(doctor, SEVERITY_NOTE,
			   "mailoauthd was built without libseccomp: its system calls are not "
			   "filtered, unless systemd does it");
	else
		doctor_fine(doctor);
}

static bool ask_daemon(const struct doctor *doctor, struct promise *promise)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct err err = ERR_INIT;
	struct span data;
	bool known;

	cli_request(&request, "ping");
	known = cli_call(doctor->cli, &request, CALL_TIMEOUT_MS, &reply, &data, &err) == CLI_OK &&
		fields_get_u64(data, "pid", PID_TOP, &promise->pid) &&
		fields_get_u64(data, "files_confined", 1, &promise->files) &&
		fields_get_u64(data, "calls_confined", 1, &promise->calls);
	buffer_release(&request);
	buffer_release(&reply);
	return known;
}

void check_confinement(struct doctor *doctor)
{
	struct promise promise = {0};
	int seen;

	if (!ask_daemon(doctor, &promise)) {
		doctor_say(doctor, SEVERITY_NOTE,
			   "mailoauthd does not answer, or is older than this "
			   "program: not looked at");
		return;
	}
	seen = look_at(promise.pid);
	if (seen < 0)
		doctor_say(doctor, SEVERITY_NOTE,
			   "/proc/%" PRIu64 "/status: %s: mailoauthd was not looked at",
			   promise.pid, strerror(errno));
	else
		judge(doctor, &promise, seen);
}
