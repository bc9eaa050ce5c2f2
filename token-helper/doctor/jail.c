/* SPDX-License-Identifier: MIT */
/* jail.c - see jail.h. */
#include "token-helper/doctor/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/helper-client.h"
#include "common/helper-protocol.h"

#include "common/banned.h"

#define QUESTION   "login doctor@mailoauth.invalid" /* an address of nobody's: RFC 6761 6.4 */
#define REASON_MAX 1000
#define ANSWERED   0
#define NO_ANSWER  1

/* In the child ---------------------------------------------------------------------------------*/

static enum outcome enter(const struct jail *jail, const struct passwd *user, struct err *err)
{
	/* Groups are looked up outside, where their file is. */
	if (initgroups(user->pw_name, user->pw_gid) != 0)
		return err_set(err, OUTCOME_RETRY, "initgroups: %s", strerror(errno));
	if (jail->root != NULL && (chroot(jail->root) != 0 || chdir("/") != 0))
		return err_set(err, OUTCOME_RETRY, "%s: %s", jail->root, strerror(errno));
	if (setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
		return err_set(err, OUTCOME_RETRY, "setuid: %s", strerror(errno));
	return OUTCOME_OK;
}

/* What is to be done depends on where the daemon listens, which is not known in here. */
static enum outcome ask(const struct jail *jail, struct deadline deadline, struct err *err)
{
	const struct helper_client client = {.sockets = jail->sockets, .bare = true};
	struct buffer reply = BUFFER_INIT_SECRET(HELPER_REPLY_MAX);
	enum outcome outcome =
		helper_client_call(&client, span_from_str(QUESTION), deadline, &reply, err);

	buffer_release(&reply);
	return outcome;
}

static void run_child(const struct jail *jail, const struct passwd *user, struct deadline deadline,
		      int out)
{
	struct err err = ERR_INIT;
	enum outcome outcome = enter(jail, user, &err);

	if (outcome == OUTCOME_OK)
		outcome = ask(jail, deadline, &err);
	if (outcome != OUTCOME_OK) {
		ssize_t written = write(out, err.text, strnlen(err.text, REASON_MAX));

		_exit(written >= 0 ? NO_ANSWER : NO_ANSWER + 1);
	}
	_exit(ANSWERED);
}

/* Outside ------------------------------------------------------------------------------------- */

static enum outcome collect(pid_t pid, int in, struct err *err)
{
	char reason[REASON_MAX + 1] = "";
	size_t len = 0;
	ssize_t n;
	int status = 0;

	while (len < REASON_MAX &&
	       ((n = read(in, reason + len, REASON_MAX - len)) > 0 || (n < 0 && errno == EINTR)))
		len += n > 0 ? (size_t)n : 0;
	reason[len] = '\0';
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFEXITED(status) && WEXITSTATUS(status) == ANSWERED)
		return OUTCOME_OK;
	return err_set(err, OUTCOME_RETRY, "%s",
		       reason[0] != '\0' ? reason : "the attempt crashed");
}

enum outcome jail_try(const struct jail *jail, struct deadline deadline, struct err *err)
{
	const struct passwd *user = getpwnam(jail->user);
	enum outcome outcome;
	int pipes[2];
	pid_t pid;

	if (user == NULL)
		return err_set(err, OUTCOME_CONFIG, "there is no user %s", jail->user);
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return err_set(err, OUTCOME_RETRY, "pipe: %s", strerror(errno));
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		run_child(jail, user, deadline, pipes[1]);
	(void)close(pipes[1]);
	if (pid > 0)
		outcome =
			collect(pid, pipes[0], err); /* ends with the deadline: the child has it */
	else
		outcome = err_set(err, OUTCOME_RETRY, "fork: %s", strerror(errno));
	(void)close(pipes[0]);
	return outcome;
}
