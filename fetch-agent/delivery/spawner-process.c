/* SPDX-License-Identifier: MIT */
/*
 * spawner-process.c - the process that runs MDAs: see spawner.h and spawner-private.h.
 *
 * It may be root's, and talks to one that a mail server may have taken over: what the main process
 * says is checked as a stranger's.
 */
#include "fetch-agent/delivery/spawner-private.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/passing.h"
#include "common/xalloc.h"
#include "fetch-agent/delivery/placeholder.h"

#include "common/banned.h"

#define RUNS_MAX     256
#define ARGUMENT_MAX 16384
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct running {
	uint32_t run;
	pid_t pid;
	int input;   /* stdin's writing end, while the message is not whole; else -1 */
	bool killed; /* it reads no end any more */
};

struct spawning {
	int fd, children;
	const struct delivery_config *const *configs;
	const struct spawn_identity *identities;
	size_t count;
	struct running running[RUNS_MAX];
	size_t running_count;
};

struct start {
	char **argv, **envp;
	const char *path;
	const struct spawn_identity *identity;
	int input, output;
};

static bool become(const struct spawn_identity *identity)
{
	if (!identity->change)
		return true;
	return setgroups((size_t)identity->group_count, identity->groups) == 0 &&
	       setresgid(identity->gid, identity->gid, identity->gid) == 0 &&
	       setresuid(identity->uid, identity->uid, identity->uid) == 0;
}

/* In the child, which shares our memory until it executes: it leaves errno
 * behind. */
static void execute(const struct start *start)
{
	sigset_t none;

	(void)setsid();
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)umask(077);
	if (dup2(start->input, STDIN_FILENO) < 0 || dup2(start->output, STDOUT_FILENO) < 0 ||
	    dup2(start->output, STDERR_FILENO) < 0 || !become(start->identity))
		return;
#ifdef SYS_close_range
	(void)syscall(SYS_close_range, 3u, ~0u, 0u);
#endif
	if (chdir(start->identity->home) != 0 && chdir("/") != 0)
		return;
	(void)execve(start->path, start->argv, start->envp);
}

/* vfork(2): no page tables are copied, and a failure of execve(2) is ours to
 * read. */
static pid_t spawn(const struct start *start, int *error_out)
{
	volatile int error = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		execute(start);
		error = errno;
		_exit(127);
	}
	*error_out = pid < 0 ? errno : error;
	return pid;
}

static void say(const struct spawning *spawning, uint32_t run, enum spawn_end how, int status)
{
	struct spawn_report report = {run, (int32_t)how, status};

	while (send(spawning->fd, &report, sizeof(report), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* The values, or false: not as many, or with control characters. */
static bool split_values(const char *bytes, size_t len, const char *values[SPAWN_VALUES])
{
	size_t at = 0;

	for (size_t i = 0; i < SPAWN_VALUES; i++) {
		const char *nul = at < len ? memchr(bytes + at, '\0', len - at) : NULL;

		if (nul == NULL)
			return false;
		values[i] = bytes + at;
		for (; bytes + at < nul; at++) {
			if ((unsigned char)bytes[at] < 32 || bytes[at] == 127)
				return false;
		}
		at++;
	}
	return at == len;
}

/* An argument that a placeholder makes an option could be any option: Postfix
 * refuses it too. */
static char *expand_argument(const char *text, const struct placeholder *known)
{
	struct buffer argument = BUFFER_INIT(ARGUMENT_MAX);
	char *expanded = NULL;

	if (placeholder_expand(text, known, &argument) &&
	    (text[0] == '-' || buffer_cstr(&argument)[0] != '-'))
		expanded = xstrdup(buffer_cstr(&argument));
	buffer_release(&argument);
	return expanded;
}

static char **arguments(const struct delivery_config *config, const struct placeholder *known)
{
	char **argv = xcalloc(config->args.count + 2, sizeof(*argv));

	argv[0] = xstrdup(config->path);
	for (size_t i = 0; i < config->args.count; i++) {
		argv[i + 1] = expand_argument(config->args.word[i], known);
		if (argv[i + 1] == NULL) {
			for (size_t j = 0; j <= i; j++)
				free(argv[j]);
			free(argv);
			return NULL;
		}
	}
	return argv;
}

static void list_free(char **list)
{
	for (size_t i = 0; list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

static char **environment(const struct spawn_identity *identity,
			  const char *const values[SPAWN_VALUES])
{
	char **envp = xcalloc(7, sizeof(*envp));

	envp[0] = xstrdup("PATH=" PATH_DEFAULT);
	envp[1] = xasprintf("HOME=%s", identity->home);
	envp[2] = xasprintf("USER=%s", identity->name);
	envp[3] = xasprintf("LOGNAME=%s", identity->name);
	envp[4] = xasprintf("SENDER=%s", values[0]);
	envp[5] = xasprintf("RECIPIENT=%s", values[1]);
	return envp;
}

/* An errno, or 0 and pid_out. */
static int run_program(const struct spawning *spawning, uint32_t program,
		       const char *const values[SPAWN_VALUES], const int fds[SPAWN_FDS],
		       pid_t *pid_out)
{
	const struct placeholder known[] = {{"sender", values[0]},
					    {"recipient", values[1]},
					    {"folder", values[2]},
					    {"account", values[3]},
					    {NULL, NULL}};
	struct start start = {.path = spawning->configs[program]->path,
			      .identity = &spawning->identities[program],
			      .input = fds[0],
			      .output = fds[2]};
	int error;

	start.argv = arguments(spawning->configs[program], known);
	if (start.argv == NULL)
		return EINVAL;
	start.envp = environment(start.identity, values);
	*pid_out = spawn(&start, &error);
	if (*pid_out > 0 && error != 0)
		(void)waitpid(*pid_out, NULL, 0);
	list_free(start.argv);
	list_free(start.envp);
	return error;
}

static void order_run(struct spawning *spawning, const struct spawn_order *order, size_t len,
		      const int fds[SPAWN_FDS])
{
	const char *values[SPAWN_VALUES];
	struct running *running;
	int error = EINVAL;
	pid_t pid = -1;

	if (spawning->running_count == RUNS_MAX)
		error = EAGAIN;
	else if (order->program < spawning->count &&
		 split_values(order->values, len - ORDER_HEAD, values))
		error = run_program(spawning, order->program, values, fds, &pid);
	if (error != 0) {
		say(spawning, order->run, SPAWN_NOT_STARTED, error);
		return;
	}
	running = &spawning->running[spawning->running_count++];
	*running = (struct running){order->run, pid, fcntl(fds[1], F_DUPFD_CLOEXEC, 3), false};
	/* Without our end of it the program could take a part for the whole. */
	if (running->input < 0) {
		running->killed = true;
		(void)kill(-pid, SIGKILL);
	}
}

static struct running *find_running(struct spawning *spawning, uint32_t run)
{
	for (size_t i = 0; i < spawning->running_count; i++) {
		if (spawning->running[i].run == run)
			return &spawning->running[i];
	}
	return NULL;
}

static void close_input(struct running *running)
{
	if (running->input >= 0)
		(void)close(running->input);
	running->input = -1;
}

static void obey(struct spawning *spawning, const struct spawn_order *order, size_t len,
		 const int *fds, size_t fd_count)
{
	struct running *running = find_running(spawning, order->run);

	if (order->kind == ORDER_RUN && running == NULL && fd_count == SPAWN_FDS)
		order_run(spawning, order, len, fds);
	else if (order->kind == ORDER_WHOLE && running != NULL && !running->killed)
		close_input(running);
	else if (order->kind == ORDER_KILL && running != NULL &&
		 (order->signum == SIGTERM || order->signum == SIGKILL)) {
		running->killed = true;
		(void)kill(-running->pid, order->signum);
	}
}

/* False: the main process is gone. */
static bool take_order(struct spawning *spawning)
{
	struct spawn_order order = {0};
	int fds[PASSING_MAX];
	size_t count;
	ssize_t len = passing_receive(spawning->fd, &order, sizeof(order), fds, &count);

	if (len <= 0)
		return len < 0 && errno == EINTR;
	if ((size_t)len >= ORDER_HEAD)
		obey(spawning, &order, (size_t)len, fds, count);
	for (size_t i = 0; i < count; i++)
		(void)close(fds[i]);
	return true;
}

static void reap(struct spawning *spawning)
{
	struct signalfd_siginfo ignored;
	int status;
	pid_t pid;

	(void)!read(spawning->children, &ignored, sizeof(ignored));
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < spawning->running_count; i++) {
			if (spawning->running[i].pid != pid)
				continue;
			close_input(&spawning->running[i]);
			say(spawning, spawning->running[i].run, SPAWN_EXITED, status);
			spawning->running[i] = spawning->running[--spawning->running_count];
			break;
		}
	}
}

/* A program whose message is not whole must be dead before it can read an end.
 */
static void kill_unfinished(struct spawning *spawning)
{
	for (size_t i = 0; i < spawning->running_count; i++) {
		if (spawning->running[i].input < 0)
			continue;
		(void)kill(-spawning->running[i].pid, SIGKILL);
		(void)waitpid(spawning->running[i].pid, NULL, 0);
		close_input(&spawning->running[i]);
	}
}

static void serve(struct spawning *spawning)
{
	struct pollfd polled[] = {{.fd = spawning->fd, .events = POLLIN},
				  {.fd = spawning->children, .events = POLLIN}};
	bool alive = true;

	while (alive) {
		if (poll(polled, 2, -1) < 0)
			continue;
		if (polled[1].revents != 0)
			reap(spawning);
		if (polled[0].revents != 0)
			alive = take_order(spawning);
	}
	kill_unfinished(spawning);
}

void spawner_main(int fd, const struct delivery_config *const *configs,
		  const struct spawn_identity *identities, size_t count)
{
	static struct spawning spawning;
	sigset_t blocked;

	/* It ends when the main process does, not when a terminal or systemd signals
	 * the group. */
	(void)sigfillset(&blocked);
	(void)sigprocmask(SIG_SETMASK, &blocked, NULL);
	/* Here they are blocked; a program has them as it expects them. */
	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL);
	(void)setsid();
	(void)prctl(PR_SET_NAME, "mailoauth-spawn", 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	/* To become others, and to kill what they run; what it executes is not restricted. */
	confine_capabilities(CONFINE_CAPABILITY(CAP_SETUID) | CONFINE_CAPABILITY(CAP_SETGID) |
			     CONFINE_CAPABILITY(CAP_KILL));
	if (chdir("/") != 0)
		_exit(1);
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGCHLD);
	spawning = (struct spawning){.fd = fd,
				     .children = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK),
				     .configs = configs,
				     .identities = identities,
				     .count = count};
	if (spawning.children >= 0)
		serve(&spawning);
	_exit(0);
}
