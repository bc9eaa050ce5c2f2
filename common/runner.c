/* SPDX-License-Identifier: MIT */
/* runner.c - our end of the process that runs programs: see runner.h. */
#include "common/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/runner-private.h"

#include "common/banned.h"

#define STOP_MS 2000 /* for it to end */

/* As the process has one user and one umask. */
static int link_fd = -1;
static pid_t runner_pid;

enum outcome runner_start(runner_learn_fn *learn, void *context, struct err *err)
{
	/* It takes orders as fast as it forks; one that hangs must not hang us. */
	static const struct timeval patience = {.tv_sec = 5};
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return err_set(err, OUTCOME_RETRY, "socketpair: %s", strerror(errno));
	runner_pid = fork();
	if (runner_pid == 0) {
		(void)close(ends[0]);
		runner_main(ends[1], learn, context);
	}
	(void)close(ends[1]);
	if (runner_pid < 0) {
		(void)close(ends[0]);
		return err_set(err, OUTCOME_RETRY, "fork: %s", strerror(errno));
	}
	(void)setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	link_fd = ends[0];
	return OUTCOME_OK;
}

void runner_stop(void)
{
	struct timespec pause = {.tv_nsec = 125000}; /* mostly it has nothing to do */
	int64_t left_ns = STOP_MS * INT64_C(1000000);

	if (link_fd < 0)
		return;
	(void)close(link_fd);
	link_fd = -1;
	/* It may be reading a configuration that hangs. */
	while (waitpid(runner_pid, NULL, WNOHANG) == 0 && left_ns > 0) {
		(void)nanosleep(&pause, NULL);
		left_ns -= pause.tv_nsec;
		if (pause.tv_nsec < 8000000)
			pause.tv_nsec *= 2;
	}
}

/* 0: too long. */
static size_t pack(const struct words *argv, struct runner_datagram *order)
{
	size_t at = 0;

	for (size_t i = 0; i < argv->count; i++) {
		size_t len = strlen(argv->word[i]) + 1;

		if (i == RUNNER_WORDS_MAX || len > RUNNER_BYTES_MAX - at)
			return 0;
		memcpy(order->words + at, argv->word[i], len);
		at += len;
	}
	return RUNNER_HEAD + at;
}

static bool send_order(const struct runner_order *order, int report_fd)
{
	const int fds[FDS] = {report_fd, order->output, order->complaint, order->input};
	struct runner_datagram packed;
	size_t len;

	packed.group = (char)order->group;
	len = pack(order->argv, &packed);
	if (len == 0) {
		errno = E2BIG;
		return false;
	}
	return passing_send(link_fd, &packed, len, fds, order->input >= 0 ? FDS : FD_INPUT);
}

int runner_run(const struct runner_order *order)
{
	int ends[2], error;
	bool sent;

	if (link_fd < 0 && runner_start(NULL, NULL, NULL) != OUTCOME_OK)
		return -1;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	sent = send_order(order, ends[1]);
	error = errno;
	(void)close(ends[1]);
	if (sent && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
		return ends[0];
	(void)close(ends[0]);
	errno = error == ECONNRESET ? EPIPE : error;
	return -1;
}

bool runner_ended(int fd, struct runner_end *end)
{
	ssize_t n = read(fd, end, sizeof(*end));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n != (ssize_t)sizeof(*end))
		*end = (struct runner_end){.error = EPIPE};
	return true;
}

const char *runner_error_text(int error)
{
	switch (error) {
	case EPIPE:
		return "the process that runs programs has died: restart the service";
	case EACCES:
		return "it may not be executed, or the configuration file does not say it (any "
		       "more)";
	default:
		return strerror(error);
	}
}
