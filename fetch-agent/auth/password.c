/* SPDX-License-Identifier: MIT */
/* password.c - see password.h. */
#include "fetch-agent/auth/password.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/xalloc.h"

#include "common/banned.h"

extern char **environ;

struct password_ask {
	struct event_base *base;
	const char *file; /* NULL: the command */
	const struct words *command;
	struct deadline deadline;
	password_done_fn *done;
	void *ctx;
	struct event *timer; /* first the start, then the deadline */
	struct event *child; /* SIGCHLD */
	struct event *output;
	struct buffer password;
	bool started;
	bool too_long;
	pid_t pid; /* 0: none, or it has ended */
	int fd;	   /* its output; -1: it is closed */
	int status;
};

static void output_close(struct password_ask *ask)
{
	if (ask->output != NULL)
		event_free(ask->output);
	ask->output = NULL;
	if (ask->fd >= 0)
		(void)close(ask->fd);
	ask->fd = -1;
}

static void ask_free(struct password_ask *ask)
{
	if (ask->pid > 0) {
		(void)kill(ask->pid, SIGKILL);
		(void)waitpid(ask->pid, NULL, 0); /* it was killed: this does not wait */
	}
	output_close(ask);
	event_free(ask->child);
	event_free(ask->timer);
	buffer_release(&ask->password);
	free(ask);
}

static void finish(struct password_ask *ask, enum outcome what, const struct err *err)
{
	struct buffer password = BUFFER_INIT_SECRET(PASSWORD_MAX);
	password_done_fn *done = ask->done;
	void *ctx = ask->ctx;

	if (what == OUTCOME_OK)
		buffer_move(&password, &ask->password);
	ask_free(ask);
	done(ctx, what, &password, err);
	buffer_release(&password);
}

static void fail(struct password_ask *ask, enum outcome what, const char *text)
{
	struct err err = ERR_INIT;

	(void)err_set(&err, what, "password_command %s: %s", ask->command->word[0], text);
	finish(ask, what, &err);
}

/* The output is closed and the program has ended. */
static void conclude(struct password_ask *ask)
{
	char *end = memchr(buffer_cstr(&ask->password), '\n', ask->password.len);
	struct err err = ERR_INIT;

	if (end != NULL) { /* what is behind the first line is a secret too */
		wipe(end, (size_t)(ask->password.data + ask->password.len - end));
		ask->password.len = (size_t)(end - ask->password.data);
	}
	if (!WIFEXITED(ask->status) || WEXITSTATUS(ask->status) != 0) {
		(void)err_set(&err, OUTCOME_CONFIG, "%s %d",
			      WIFEXITED(ask->status) ? "exit status" : "killed by signal",
			      WIFEXITED(ask->status) ? WEXITSTATUS(ask->status)
						     : WTERMSIG(ask->status));
		fail(ask, OUTCOME_CONFIG, err.text);
	} else if (ask->too_long) {
		fail(ask, OUTCOME_CONFIG, "prints too much");
	} else if (ask->password.len == 0) {
		fail(ask, OUTCOME_CONFIG, "prints no password");
	} else {
		finish(ask, OUTCOME_OK, &err);
	}
}

static void on_output(evutil_socket_t fd, short what, void *ctx)
{
	struct password_ask *ask = ctx;
	char bytes[1024];
	ssize_t len = read(fd, bytes, sizeof(bytes));

	(void)what;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len > 0 && !buffer_append(&ask->password, bytes, (size_t)len))
		ask->too_long = true;
	wipe(bytes, sizeof(bytes));
	if (len > 0 && !ask->too_long)
		return;
	output_close(ask);
	if (ask->pid == 0)
		conclude(ask);
}

static void on_child(evutil_socket_t number, short what, void *ctx)
{
	struct password_ask *ask = ctx;

	(void)number;
	(void)what;
	if (ask->pid == 0 || waitpid(ask->pid, &ask->status, WNOHANG) != ask->pid)
		return;
	ask->pid = 0;
	if (ask->fd < 0)
		conclude(ask);
}

static int spawn(struct password_ask *ask, int output)
{
	char *const *argv;
	char **words = xcalloc(ask->command->count + 1, sizeof(*words));
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, broken_pipe;
	int error;

	memcpy(words, ask->command->word, ask->command->count * sizeof(*words));
	argv = words;
	(void)sigemptyset(&none);
	(void)sigemptyset(&broken_pipe);
	(void)sigaddset(&broken_pipe, SIGPIPE);
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setsigdefault(&attributes, &broken_pipe);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	error = posix_spawn(&ask->pid, argv[0], &files, &attributes, argv, environ);
	(void)posix_spawn_file_actions_destroy(&files);
	(void)posix_spawnattr_destroy(&attributes);
	free(words);
	if (error != 0)
		ask->pid = 0;
	return error;
}

static void run_command(struct password_ask *ask)
{
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC) != 0) {
		fail(ask, OUTCOME_RETRY, strerror(errno));
		return;
	}
	(void)evutil_make_socket_nonblocking(ends[0]);
	ask->fd = ends[0];
	ask->output = event_new(ask->base, ask->fd, EV_READ | EV_PERSIST, on_output, ask);
	if (ask->output == NULL || event_add(ask->output, NULL) != 0)
		abort(); /* as xalloc: out of memory */
	error = spawn(ask, ends[1]);
	(void)close(ends[1]);
	if (error != 0)
		fail(ask, OUTCOME_CONFIG, strerror(error));
}

static void read_file(struct password_ask *ask)
{
	struct err err = ERR_INIT;
	enum outcome what = config_read_secret(ask->file, &ask->password, &err);

	finish(ask, what, &err);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct password_ask *ask = ctx;
	int left_ms = deadline_remaining_ms(ask->deadline);
	struct timeval left = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};

	(void)fd;
	(void)what;
	if (ask->started) {
		fail(ask, OUTCOME_RETRY, "did not end in time");
		return;
	}
	ask->started = true;
	(void)event_add(ask->timer, &left);
	if (ask->file != NULL)
		read_file(ask);
	else
		run_command(ask);
}

struct password_ask *password_get(struct event_base *base, const char *file,
				  const struct words *command, struct deadline deadline,
				  password_done_fn *done, void *ctx)
{
	static const struct timeval at_once = {0};
	struct password_ask *ask = xcalloc(1, sizeof(*ask));

	ask->base = base;
	ask->file = file;
	ask->command = command;
	ask->deadline = deadline;
	ask->done = done;
	ask->ctx = ctx;
	ask->fd = -1;
	buffer_init_secret(&ask->password, PASSWORD_MAX);
	ask->timer = evtimer_new(base, on_timer, ask);
	/* There before the program is: its end cannot be missed. */
	ask->child = evsignal_new(base, SIGCHLD, on_child, ask);
	if (ask->timer == NULL || ask->child == NULL || evtimer_add(ask->timer, &at_once) != 0 ||
	    event_add(ask->child, NULL) != 0)
		abort(); /* as xalloc: out of memory */
	return ask;
}

void password_cancel(struct password_ask *ask)
{
	if (ask != NULL)
		ask_free(ask);
}
