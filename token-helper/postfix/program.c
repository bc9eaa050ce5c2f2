/* SPDX-License-Identifier: MIT */
/* program.c - see program.h. */
#include "token-helper/postfix/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/banned.h"

#define CHUNK	      8192
#define COMPLAINT_MAX 4096
#define SYSTEM_PATH   "/usr/sbin:/usr/bin:/sbin:/bin"

/* Finding ------------------------------------------------------------------------------------- */

static bool is_program(const char *dir, size_t dir_len, const char *name,
		       char path[PROGRAM_PATH_MAX])
{
	int len = snprintf(path, PROGRAM_PATH_MAX, "%.*s/%s", (int)dir_len, dir, name);

	return dir_len > 0 && dir[0] == '/' && len > 0 && len < PROGRAM_PATH_MAX &&
	       access(path, X_OK) == 0;
}

static bool find_on(const char *dirs, const char *name, char path[PROGRAM_PATH_MAX])
{
	while (dirs != NULL && *dirs != '\0') {
		size_t len = strcspn(dirs, ":");

		if (is_program(dirs, len, name, path))
			return true;
		dirs += len + (dirs[len] == ':');
	}
	return false;
}

const char *program_find(const char *name, char path[PROGRAM_PATH_MAX])
{
	if (find_on("/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin", name, path))
		return path;
	/* What root runs is not to hang on how he became root. */
	return geteuid() != 0 && find_on(getenv("PATH"), name, path) ? path : NULL;
}

/* Running ------------------------------------------------------------------------------------- */

struct stream {
	int fd; /* -1: at its end */
	struct buffer *into;
	bool must_fit;
};

static void child_run(const char *const *argv, int out, int complaint)
{
	static const char *const environment[] = {"PATH=" SYSTEM_PATH, "LANG=C", "LC_ALL=C", NULL};
	int null = open("/dev/null", O_RDONLY);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(complaint, STDERR_FILENO) < 0)
		_exit(127);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)execve(argv[0], (char *const *)(uintptr_t)argv,
		     (char *const *)(uintptr_t)environment);
	_exit(127);
}

static enum outcome read_some(struct stream *stream, const char *name, struct err *err)
{
	char chunk[CHUNK];
	ssize_t n = read(stream->fd, chunk, sizeof(chunk));
	enum outcome outcome = OUTCOME_OK;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return OUTCOME_OK;
	if (n <= 0) {
		(void)close(stream->fd);
		stream->fd = -1;
	} else if (!buffer_append(stream->into, chunk, (size_t)n) && stream->must_fit) {
		outcome = err_set(err, OUTCOME_NOMEM, "%s printed more than %zu bytes", name,
				  stream->into->max);
	}
	wipe(chunk, sizeof(chunk));
	return outcome;
}

static enum outcome read_streams(struct stream streams[2], const char *name,
				 struct deadline deadline, struct err *err)
{
	enum outcome outcome = OUTCOME_OK;

	while (outcome == OUTCOME_OK && (streams[0].fd >= 0 || streams[1].fd >= 0)) {
		struct pollfd polled[2] = {{.fd = streams[0].fd, .events = POLLIN},
					   {.fd = streams[1].fd, .events = POLLIN}};

		if (deadline_passed(deadline))
			return err_set(err, OUTCOME_RETRY, "%s did not end in time", name);
		if (poll(polled, 2, deadline_remaining_ms(deadline)) < 0 && errno != EINTR)
			return err_set(err, OUTCOME_RETRY, "poll: %s", strerror(errno));
		for (int i = 0; outcome == OUTCOME_OK && i < 2; i++) {
			if (streams[i].fd >= 0 && polled[i].revents != 0)
				outcome = read_some(&streams[i], name, err);
		}
	}
	return outcome;
}

/* A program may close its output long before it ends. False: it was killed at the deadline. */
static bool wait_for(pid_t pid, struct deadline deadline, int *status_out)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	int status = 0;
	pid_t ended;

	while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && !deadline_passed(deadline))
		(void)nanosleep(&pause, NULL);
	if (ended == 0)
		(void)kill(pid, SIGKILL);
	while (ended == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	*status_out = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return ended != 0;
}

static enum outcome start(const char *const *argv, int out[2], int complaint[2], pid_t *pid_out,
			  struct err *err)
{
	if (pipe2(out, O_CLOEXEC) != 0)
		return err_set(err, OUTCOME_RETRY, "pipe: %s", strerror(errno));
	if (pipe2(complaint, O_CLOEXEC) != 0) {
		(void)close(out[0]), (void)close(out[1]);
		return err_set(err, OUTCOME_RETRY, "pipe: %s", strerror(errno));
	}
	(void)fflush(NULL);
	*pid_out = fork();
	if (*pid_out == 0)
		child_run(argv, out[1], complaint[1]);
	(void)close(out[1]);
	(void)close(complaint[1]);
	if (*pid_out > 0)
		return OUTCOME_OK;
	(void)close(out[0]);
	(void)close(complaint[0]);
	return err_set(err, OUTCOME_RETRY, "fork: %s", strerror(errno));
}

enum outcome program_run(const char *const *argv, struct deadline deadline,
			 struct program_result *result, struct err *err)
{
	struct buffer dropped = BUFFER_INIT_SECRET(COMPLAINT_MAX);
	int out[2], complaint[2];
	enum outcome outcome;
	pid_t pid = -1;

	outcome = start(argv, out, complaint, &pid, err);
	if (outcome == OUTCOME_OK) {
		struct stream streams[2] = {
			{out[0], result->out, true},
			{complaint[0], result->complaint != NULL ? result->complaint : &dropped,
			 false}};

		outcome = read_streams(streams, argv[0], deadline, err);
		for (int i = 0; i < 2; i++) {
			if (streams[i].fd >= 0)
				(void)close(streams[i].fd);
		}
		if (outcome != OUTCOME_OK)
			(void)kill(pid, SIGKILL);
		if (!wait_for(pid, deadline, &result->status) && outcome == OUTCOME_OK)
			outcome = err_set(err, OUTCOME_RETRY, "%s did not end in time", argv[0]);
	}
	buffer_release(&dropped);
	if (outcome == OUTCOME_OK && result->status == 127)
		outcome = err_set(err, OUTCOME_RETRY, "%s could not be started", argv[0]);
	return outcome;
}
