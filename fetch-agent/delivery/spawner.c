/* SPDX-License-Identifier: MIT */
/* spawner.c - see spawner.h. What the main process says is checked as a
 * stranger's. */
#include "fetch-agent/delivery/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
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
#include "common/xalloc.h"
#include "fetch-agent/delivery/placeholder.h"

#include "common/banned.h"

#define RUNS_MAX     256
#define VALUES	     4
#define VALUES_BYTES 8192
#define ARGUMENT_MAX 16384
#define GROUPS_MAX   256
#define PASSED	     3 /* descriptors: stdin's two ends, stdout and stderr */
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum order_kind {
	ORDER_RUN,
	ORDER_WHOLE,
	ORDER_KILL,
};

/* One datagram. ORDER_RUN: the values follow, each with its NUL, and PASSED
 * descriptors. */
struct order {
	uint32_t kind, run;
	uint32_t program; /* ORDER_RUN */
	int32_t signum;	  /* ORDER_KILL */
	char values[VALUES_BYTES];
};

#define ORDER_HEAD offsetof(struct order, values)

struct report {
	uint32_t run;
	int32_t how, status;
};

/* Who a program runs as. */
struct identity {
	char *name, *home;
	bool change; /* we are root, and it is not */
	uid_t uid;
	gid_t gid;
	gid_t groups[GROUPS_MAX];
	int group_count;
};

/* The spawner's process
 * --------------------------------------------------------------------------
 */

struct running {
	uint32_t run;
	pid_t pid;
	int input;   /* stdin's writing end, while the message is not whole; else -1 */
	bool killed; /* it reads no end any more */
};

struct spawning {
	int fd, children;
	const struct delivery_config *const *configs;
	const struct identity *identities;
	size_t count;
	struct running running[RUNS_MAX];
	size_t running_count;
};

struct start {
	char **argv, **envp;
	const char *path;
	const struct identity *identity;
	int input, output;
};

static bool become(const struct identity *identity)
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
	struct report report = {run, (int32_t)how, status};

	while (send(spawning->fd, &report, sizeof(report), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* The values, or false: not as many, or with control characters. */
static bool split_values(const char *bytes, size_t len, const char *values[VALUES])
{
	size_t at = 0;

	for (size_t i = 0; i < VALUES; i++) {
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

static char **environment(const struct identity *identity, const char *const values[VALUES])
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
		       const char *const values[VALUES], const int fds[PASSED], pid_t *pid_out)
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

static void order_run(struct spawning *spawning, const struct order *order, size_t len,
		      const int fds[PASSED])
{
	const char *values[VALUES];
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

static void obey(struct spawning *spawning, const struct order *order, size_t len, const int *fds,
		 size_t fd_count)
{
	struct running *running = find_running(spawning, order->run);

	if (order->kind == ORDER_RUN && running == NULL && fd_count == PASSED)
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
	struct order order = {0};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(PASSED * sizeof(int))];
	} control = {0};
	struct iovec bytes = {&order, sizeof(order)};
	struct msghdr message = {.msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t len = recvmsg(spawning->fd, &message, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *head = len > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	int fds[PASSED];
	size_t count = 0;

	if (len <= 0)
		return len < 0 && errno == EINTR;
	if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
		count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(head), count * sizeof(int));
	}
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

/* Never returns. Nothing of the main process is kept but its configuration. */
static void spawner_main(int fd, const struct delivery_config *const *configs,
			 const struct identity *identities, size_t count)
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

/* The main process's end
 * -------------------------------------------------------------------------
 */

struct pending {
	struct pending *next;
	uint32_t run;
	spawn_done_fn *done; /* NULL: forgotten */
	void *ctx;
};

/* What tells one program from another, after a reload too. */
struct known {
	char *text, *user;
};

struct spawner {
	int fd; /* -1: it died */
	pid_t pid;
	struct known *known; /* as in the spawner, in the same order */
	size_t count;
	struct event *readable;
	spawner_lost_fn *lost;
	void *ctx;
	struct pending *pending;
	uint32_t last_run;
};

static enum outcome identify(const struct delivery_config *config, struct identity *identity,
			     struct err *err)
{
	const struct passwd *user;

	errno = 0;
	user = config->mda_user != NULL ? getpwnam(config->mda_user) : getpwuid(geteuid());
	if (user == NULL && config->mda_user != NULL)
		return err_set(err, OUTCOME_CONFIG, "mda_user = %s: there is no such user",
			       config->mda_user);
	identity->name = xstrdup(user != NULL ? user->pw_name : "unknown");
	identity->home = xstrdup(user != NULL ? user->pw_dir : "/");
	identity->uid = user != NULL ? user->pw_uid : geteuid();
	identity->gid = user != NULL ? user->pw_gid : getegid();
	if (identity->uid != geteuid() && geteuid() != 0)
		return err_set(err, OUTCOME_CONFIG,
			       "mda_user = %s needs root: start mailoauth-fetch as root, it drops "
			       "its privileges itself; or leave mda_user out",
			       config->mda_user);
	identity->change = identity->uid != geteuid();
	identity->group_count = GROUPS_MAX;
	if (getgrouplist(identity->name, identity->gid, identity->groups, &identity->group_count) <
	    0)
		identity->group_count = GROUPS_MAX;
	return OUTCOME_OK;
}

static void identities_free(struct identity *identities, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(identities[i].name);
		free(identities[i].home);
	}
	free(identities);
}

static struct spawner *fork_off(const struct delivery_config *const *configs,
				const struct identity *identities, size_t count)
{
	struct spawner *spawner;
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return NULL;
	pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		spawner_main(ends[1], configs, identities, count);
	}
	(void)close(ends[1]);
	if (pid < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
		(void)close(ends[0]);
		return NULL;
	}
	spawner = xcalloc(1, sizeof(*spawner));
	spawner->fd = ends[0];
	spawner->pid = pid;
	return spawner;
}

static void remember(struct spawner *spawner, const struct delivery_config *const *configs,
		     size_t count)
{
	spawner->known = xcalloc(count, sizeof(*spawner->known));
	spawner->count = count;
	for (size_t i = 0; i < count; i++)
		spawner->known[i] =
			(struct known){xstrdup(configs[i]->text), xstrdup(configs[i]->mda_user)};
}

enum outcome spawner_start(const struct delivery_config *const *configs, size_t count,
			   struct spawner **out, struct err *err)
{
	struct identity *identities = xcalloc(count, sizeof(*identities));
	enum outcome what = OUTCOME_OK;
	struct spawner *spawner;

	for (size_t i = 0; i < count && what == OUTCOME_OK; i++)
		what = identify(configs[i], &identities[i], err);
	if (what == OUTCOME_OK) {
		spawner = fork_off(configs, identities, count);
		if (spawner == NULL) {
			what = err_set(err, OUTCOME_RETRY, "cannot fork for the MDAs: %s",
				       strerror(errno));
		} else {
			remember(spawner, configs, count);
			*out = spawner;
		}
	}
	identities_free(identities, count);
	return what;
}

static struct pending *pending_take(struct spawner *spawner, uint32_t run)
{
	for (struct pending **link = &spawner->pending; *link != NULL; link = &(*link)->next) {
		struct pending *pending = *link;

		if (pending->run == run) {
			*link = pending->next;
			return pending;
		}
	}
	return NULL;
}

static void pending_done(struct pending *pending, enum spawn_end how, int status)
{
	if (pending == NULL)
		return;
	if (pending->done != NULL)
		pending->done(pending->ctx, how, status);
	free(pending);
}

static void died(struct spawner *spawner)
{
	struct pending *pending;

	(void)event_del(spawner->readable);
	(void)close(spawner->fd);
	spawner->fd = -1;
	while ((pending = spawner->pending) != NULL) {
		spawner->pending = pending->next;
		pending_done(pending, SPAWN_LOST, 0);
	}
	spawner->lost(spawner->ctx);
}

static void on_report(evutil_socket_t fd, short what, void *ctx)
{
	struct spawner *spawner = ctx;
	struct report report;
	ssize_t len;

	(void)what;
	while (spawner->fd >= 0 && (len = recv(fd, &report, sizeof(report), MSG_DONTWAIT)) != 0) {
		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (len != sizeof(report))
			break;
		pending_done(pending_take(spawner, report.run), (enum spawn_end)report.how,
			     report.status);
	}
	if (spawner->fd >= 0)
		died(spawner);
}

void spawner_attach(struct spawner *spawner, struct event_base *base, spawner_lost_fn *lost,
		    void *ctx)
{
	spawner->lost = lost;
	spawner->ctx = ctx;
	spawner->readable = event_new(base, spawner->fd, EV_READ | EV_PERSIST, on_report, spawner);
	if (spawner->readable == NULL || event_add(spawner->readable, NULL) != 0)
		abort(); /* as xalloc: out of memory */
}

void spawner_stop(struct spawner *spawner)
{
	struct pending *pending;

	if (spawner == NULL)
		return;
	if (spawner->readable != NULL)
		event_free(spawner->readable);
	if (spawner->fd >= 0)
		(void)close(spawner->fd);
	(void)waitpid(spawner->pid, NULL, 0);
	while ((pending = spawner->pending) != NULL) {
		spawner->pending = pending->next;
		free(pending);
	}
	for (size_t i = 0; i < spawner->count; i++) {
		free(spawner->known[i].text);
		free(spawner->known[i].user);
	}
	free(spawner->known);
	free(spawner);
}

static bool give_order(const struct spawner *spawner, struct order *order, size_t len,
		       const int *fds)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(PASSED * sizeof(int))];
	} control = {0};
	struct iovec bytes = {order, len};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};

	if (spawner->fd < 0)
		return false;
	if (fds != NULL) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(PASSED * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, PASSED * sizeof(int));
	}
	return sendmsg(spawner->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
}

/* False: too long. */
static bool pack_values(const struct spawn_values *values, struct order *order, size_t *len_out)
{
	const char *const each[VALUES] = {values->sender, values->recipient, values->folder,
					  values->account};
	size_t at = 0;

	for (size_t i = 0; i < VALUES; i++) {
		const char *value = each[i] != NULL ? each[i] : "";
		size_t len = strlen(value) + 1;

		if (len > VALUES_BYTES - at)
			return false;
		memcpy(order->values + at, value, len);
		at += len;
	}
	*len_out = ORDER_HEAD + at;
	return true;
}

static bool same_user(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* spawner->count: none. */
static size_t program_of(const struct spawner *spawner, const struct delivery_config *config)
{
	size_t i = 0;

	while (i < spawner->count && (strcmp(spawner->known[i].text, config->text) != 0 ||
				      !same_user(spawner->known[i].user, config->mda_user)))
		i++;
	return i;
}

bool spawner_knows(const struct spawner *spawner, const struct delivery_config *config)
{
	return spawner != NULL && program_of(spawner, config) < spawner->count;
}

uint32_t spawner_run(struct spawner *spawner, const struct delivery_config *config,
		     const struct spawn_values *values, const int input[2], int output,
		     spawn_done_fn *done, void *ctx)
{
	struct order order = {.kind = ORDER_RUN,
			      .run = spawner->last_run + 1,
			      .program = (uint32_t)program_of(spawner, config)};
	struct pending *pending;
	size_t len;

	if (order.program == spawner->count || order.run == 0 ||
	    !pack_values(values, &order, &len) ||
	    !give_order(spawner, &order, len, (const int[PASSED]){input[0], input[1], output}))
		return 0;
	spawner->last_run = order.run;
	pending = xcalloc(1, sizeof(*pending));
	*pending = (struct pending){spawner->pending, order.run, done, ctx};
	spawner->pending = pending;
	return order.run;
}

void spawner_whole(struct spawner *spawner, uint32_t run)
{
	struct order order = {.kind = ORDER_WHOLE, .run = run};

	(void)give_order(spawner, &order, ORDER_HEAD, NULL);
}

void spawner_kill(struct spawner *spawner, uint32_t run, int signum)
{
	struct order order = {.kind = ORDER_KILL, .run = run, .signum = signum};

	(void)give_order(spawner, &order, ORDER_HEAD, NULL);
}

void spawner_forget(struct spawner *spawner, uint32_t run)
{
	for (struct pending *pending = spawner->pending; pending != NULL; pending = pending->next) {
		if (pending->run == run)
			pending->done = NULL;
	}
}
