/* SPDX-License-Identifier: MIT */
/*
 * test-spawner.c - the process that runs programs, asked by a stranger: who has taken the main
 * process over gets no more out of it than the configuration says, and does not end it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fetch-agent/delivery/spawner-private.h"

#include "common/banned.h"

#define PATIENCE_S 20
#define FDS_MAX	   8

static pid_t process;
static int link_fd;

static int set_up(void **state)
{
	static char program[] = "/bin/sh", option[] = "-c", script[] = "exit 7",
		    *args[] = {option, script};
	static const struct delivery_config config = {.path = program, .args = {args, 2}};
	static const struct delivery_config *const configs[] = {&config};
	static char name[] = "nobody", home[] = "/";
	static const struct spawn_identity identity = {.name = name, .home = home};
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	int ends[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	process = fork();
	if (process == 0) {
		(void)close(ends[0]);
		spawner_main(ends[1], configs, &identity, 1);
	}
	(void)close(ends[1]);
	link_fd = ends[0];
	return process > 0
		       ? setsockopt(link_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience))
		       : -1;
}

static int tear_down(void **state)
{
	int status = -1;

	(void)state;
	(void)close(link_fd);
	(void)waitpid(process, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* len bytes, and count descriptors of /dev/null. */
static void say(const void *order, size_t len, size_t count)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = {0};
	struct iovec bytes = {(void *)(uintptr_t)order, len};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fds[FDS_MAX];

	for (size_t i = 0; i < count; i++)
		fds[i] = null;
	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
	}
	assert_int_equal(sendmsg(link_fd, &message, MSG_NOSIGNAL), len);
	(void)close(null);
}

static void say_run(uint32_t run, uint32_t program, const char *values, size_t len, size_t count)
{
	struct spawn_order order = {.kind = ORDER_RUN, .run = run, .program = program};

	memcpy(order.values, values, len);
	say(&order, ORDER_HEAD + len, count);
}

static void hear(uint32_t run, enum spawn_end how, int status)
{
	struct spawn_report report = {0};

	assert_int_equal(recv(link_fd, &report, sizeof(report), 0), sizeof(report));
	assert_int_equal(report.run, run);
	assert_int_equal(report.how, how);
	assert_int_equal(how == SPAWN_EXITED ? WEXITSTATUS(report.status) : report.status, status);
}

static const char good[] = "a@example.test\0b@example.test\0INBOX\0relay";

/* What was said before has not hurt it. */
static void runs_still(uint32_t run)
{
	say_run(run, 0, good, sizeof(good), SPAWN_FDS);
	hear(run, SPAWN_EXITED, 7);
}

static void values_are_looked_at(void **state)
{
	static const char few[] = "a\0b\0c", many[] = "a\0b\0c\0d\0e", open_end[] = "a\0b\0c\0d",
			  marks[] = "a\nb\0b\0c\0d";

	(void)state;
	say_run(1, 0, few, sizeof(few), SPAWN_FDS);
	hear(1, SPAWN_NOT_STARTED, EINVAL);
	say_run(2, 0, many, sizeof(many), SPAWN_FDS);
	hear(2, SPAWN_NOT_STARTED, EINVAL);
	say_run(3, 0, open_end, sizeof(open_end) - 1, SPAWN_FDS);
	hear(3, SPAWN_NOT_STARTED, EINVAL);
	say_run(4, 0, marks, sizeof(marks), SPAWN_FDS);
	hear(4, SPAWN_NOT_STARTED, EINVAL);
	say_run(5, 0, "", 0, SPAWN_FDS);
	hear(5, SPAWN_NOT_STARTED, EINVAL);
	runs_still(6);
}

static void only_what_is_configured_runs(void **state)
{
	(void)state;
	say_run(1, 1, good, sizeof(good), SPAWN_FDS);
	hear(1, SPAWN_NOT_STARTED, EINVAL);
	say_run(2, UINT32_MAX, good, sizeof(good), SPAWN_FDS);
	hear(2, SPAWN_NOT_STARTED, EINVAL);
	runs_still(3);
}

/* The kernel has room for more of them than were asked for. */
static void other_descriptors_than_three_are_refused(void **state)
{
	(void)state;
	for (size_t count = 0; count <= FDS_MAX; count++) {
		if (count != SPAWN_FDS)
			say_run(9, 0, good, sizeof(good), count);
	}
	runs_still(1);
}

static void nonsense_is_passed_over(void **state)
{
	const struct spawn_order kill_all = {.kind = ORDER_KILL, .run = 1, .signum = SIGKILL};
	const struct spawn_order whole = {.kind = ORDER_WHOLE, .run = UINT32_MAX};
	const struct spawn_order unknown = {.kind = 77};

	(void)state;
	say(&kill_all, ORDER_HEAD, 0);
	say(&whole, ORDER_HEAD, 0);
	say(&unknown, ORDER_HEAD, SPAWN_FDS);
	say("x", 1, SPAWN_FDS);
	runs_still(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values_are_looked_at, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_what_is_configured_runs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(other_descriptors_than_three_are_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(nonsense_is_passed_over, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
