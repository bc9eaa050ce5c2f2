/* SPDX-License-Identifier: MIT */
/*
 * runner-process.c - the process that runs programs: see runner.h and runner-private.h. That nobody
 * holds the other end of a program's pipe any more is the order to kill it.
 */
#include "common/runner-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/xalloc.h"

#include "common/banned.h"

#define LINK_FD 3 /* in the runner, which has nothing else open beside 0, 1 and 2 */

extern char **environ;

struct runner_list {
	struct allowed {
		struct words argv;
		size_t more;
	} * allowed;
	size_t count;
};

struct running {
	pid_t pid;
	bool group;
	int report; /* -1: nobody waits for its end */
};

struct runner {
	runner_learn_fn *learn;
	void *context;
	struct runner_list list;
	int children; /* signalfd(2) */
	struct running *running;
	struct pollfd *polled; /* the link, children, and a report each */
	size_t count;
};

void runner_allow(struct runner_list *list, const struct words *argv, size_t more)
{
	list->allowed = xreallocarray(list->allowed, list->count + 1, sizeof(list->allowed[0]));
	list->allowed[list->count] = (struct allowed){.more = more};
	words_copy(&list->allowed[list->count++].argv, argv);
}

static bool fits(const struct allowed *allowed, const struct words *argv)
{
	if (argv->count < allowed->argv.count || argv->count > allowed->argv.count + allowed->more)
		return false;
	for (size_t i = 0; i < allowed->argv.count; i++) {
		if (strcmp(argv->word[i], allowed->argv.word[i]) != 0)
			return false;
	}
	return true;
}

static bool is_listed(const struct runner_list *list, const struct words *argv)
{
	size_t i = 0;

	while (i < list->count && !fits(&list->allowed[i], argv))
		i++;
	return i < list->count;
}

static void forget(struct runner_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		words_release(&list->allowed[i].argv);
	free(list->allowed);
	*list = (struct runner_list){0};
}

/* A configuration that cannot be read now teaches nothing, and what was allowed stays so. */
static bool may_run(struct runner *runner, const struct words *argv)
{
	struct runner_list list = {0};

	if (runner->learn == NULL || is_listed(&runner->list, argv))
		return true;
	runner->learn(runner->context, true, &list);
	if (!is_listed(&list, argv)) {
		forget(&list);
		return false;
	}
	forget(&runner->list);
	runner->list = list;
	return true;
}

/* What systemd gave to us and not to our children. */
static bool is_ours(const char *variable)
{
	static const char *const names[] = {"NOTIFY_SOCKET=", "LISTEN_", "WATCHDOG_"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

static void clean_environment(void)
{
	char **to = environ;

	for (char **at = environ; *at != NULL; at++) {
		if (!is_ours(*at))
			*to++ = *at;
	}
	*to = NULL;
}

static int prepare(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes,
		   const int fds[FDS], bool group)
{
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	sigset_t none, usual;
	int error;

	(void)sigemptyset(&none);
	(void)sigfillset(&usual);
	if (fds[FD_INPUT] >= 0)
		error = posix_spawn_file_actions_adddup2(actions, fds[FD_INPUT], STDIN_FILENO);
	else
		error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null",
							 O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, fds[FD_OUTPUT], STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, fds[FD_COMPLAINT], STDERR_FILENO);
	if (error == 0)
		error = posix_spawnattr_setpgroup(attributes, 0);
	if (error == 0)
		error = posix_spawnattr_setsigmask(attributes, &none);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(attributes, &usual);
	if (group)
		flags |= POSIX_SPAWN_SETPGROUP;
	return error == 0 ? posix_spawnattr_setflags(attributes, flags) : error;
}

/* 0, or an errno. */
static int spawn(const struct words *argv, const int fds[FDS], bool group, pid_t *pid_out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int error;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return ENOMEM;
	}
	error = prepare(&actions, &attributes, fds, group);
	if (error == 0)
		error = posix_spawn(pid_out, argv->word[0], &actions, &attributes, argv->word,
				    environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	return error;
}

static void report(int fd, int error, int status)
{
	struct runner_end end = {error, status};

	if (fd >= 0) {
		(void)!write(fd, &end, sizeof(end));
		(void)close(fd);
	}
}

static void remember(struct runner *runner, pid_t pid, bool group, int fd)
{
	size_t i = runner->count++;

	runner->running = xreallocarray(runner->running, runner->count, sizeof(runner->running[0]));
	runner->polled =
		xreallocarray(runner->polled, runner->count + 2, sizeof(runner->polled[0]));
	runner->running[i] = (struct running){pid, group, fd};
	runner->polled[i + 2] = (struct pollfd){.fd = fd}; /* POLLERR is told unasked */
}

/* argv->word has room for RUNNER_WORDS_MAX + 1, and points into the order. False: it is no list of
 * words.
 */
static bool split(char *bytes, size_t len, struct words *argv)
{
	if (len == 0 || bytes[len - 1] != '\0')
		return false;
	for (size_t at = 0; at < len; at += strlen(bytes + at) + 1) {
		if (argv->count == RUNNER_WORDS_MAX)
			return false;
		argv->word[argv->count++] = bytes + at;
	}
	argv->word[argv->count] = NULL;
	return true;
}

static void obey(struct runner *runner, struct runner_datagram *order, size_t len,
		 const int fds[FDS])
{
	char *word[RUNNER_WORDS_MAX + 1];
	struct words argv = {.word = word};
	bool group = order->group != 0;
	int error = EINVAL;
	pid_t pid = 0;

	if (split(order->words, len - RUNNER_HEAD, &argv))
		error = may_run(runner, &argv) ? spawn(&argv, fds, group, &pid) : EACCES;
	if (error != 0)
		report(fds[FD_REPORT], error, 0);
	else
		remember(runner, pid, group, fds[FD_REPORT]);
}

/* False: our other half has ended. */
static bool take_order(struct runner *runner)
{
	static struct runner_datagram order;
	int fds[FDS];
	size_t count;
	ssize_t len = passing_receive(LINK_FD, &order, sizeof(order), fds, &count);

	if (len <= 0)
		return len < 0 && errno == EINTR;
	if ((size_t)len >= RUNNER_HEAD && count >= FD_INPUT)
		obey(runner, &order, (size_t)len, fds);
	else if (fds[FD_REPORT] >= 0)
		(void)close(fds[FD_REPORT]);
	for (size_t i = FD_OUTPUT; i < count; i++)
		(void)close(fds[i]);
	return true;
}

static void kill_running(const struct running *running)
{
	(void)kill(running->group ? -running->pid : running->pid, SIGKILL);
}

/* Those whose end is of no interest any more. */
static void kill_unwanted(struct runner *runner)
{
	for (size_t i = 0; i < runner->count; i++) {
		if (runner->running[i].report < 0 || runner->polled[i + 2].revents == 0)
			continue;
		kill_running(&runner->running[i]);
		(void)close(runner->running[i].report);
		runner->running[i].report = -1;
		runner->polled[i + 2].fd = -1;
	}
}

static void reap(struct runner *runner)
{
	struct signalfd_siginfo ignored;
	int status;
	pid_t pid;

	(void)!read(runner->children, &ignored, sizeof(ignored));
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < runner->count; i++) {
			if (runner->running[i].pid != pid)
				continue;
			report(runner->running[i].report, 0, status);
			runner->running[i] = runner->running[--runner->count];
			runner->polled[i + 2] = runner->polled[runner->count + 2];
			break;
		}
	}
}

static void serve(struct runner *runner)
{
	bool alive = true;

	while (alive) {
		if (poll(runner->polled, runner->count + 2, -1) < 0)
			continue;
		kill_unwanted(runner);
		if (runner->polled[1].revents != 0)
			reap(runner);
		if (runner->polled[0].revents != 0)
			alive = take_order(runner);
	}
	for (size_t i = 0; i < runner->count; i++)
		kill_running(&runner->running[i]);
}

/* Sockets that we listen on would stay open as long as the runner lives. */
static bool keep_only(int fd)
{
	while (fd <= LINK_FD) { /* 0, 1 and 2 may be closed */
		fd = dup(fd);
		if (fd < 0)
			return false;
	}
	if (dup3(fd, LINK_FD, O_CLOEXEC) < 0)
		return false;
#ifdef SYS_close_range
	if (syscall(SYS_close_range, LINK_FD + 1u, ~0u, 0u) == 0)
		return true;
#endif
	for (long i = LINK_FD + 1; i < sysconf(_SC_OPEN_MAX); i++)
		(void)close((int)i);
	return true;
}

/* It ends with our other half, not when a terminal or systemd signals all of us. */
void runner_main(int fd, runner_learn_fn *learn, void *context)
{
	struct runner runner = {.learn = learn, .context = context};
	sigset_t blocked;

	(void)sigfillset(&blocked);
	(void)sigprocmask(SIG_SETMASK, &blocked, NULL);
	(void)prctl(PR_SET_NAME, "mailoauth-run", 0, 0, 0);
	clean_environment();
	if (!keep_only(fd))
		_exit(1);
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGCHLD);
	runner.children = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
	runner.polled = xcalloc(2, sizeof(runner.polled[0]));
	runner.polled[0] = (struct pollfd){.fd = LINK_FD, .events = POLLIN};
	runner.polled[1] = (struct pollfd){.fd = runner.children, .events = POLLIN};
	if (runner.children < 0)
		_exit(1);
	if (learn != NULL)
		learn(context, false, &runner.list);
	serve(&runner);
	_exit(0);
}
