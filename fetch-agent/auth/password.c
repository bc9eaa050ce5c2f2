/* SPDX-License-Identifier: MIT */
/* password.c - see password.h. */
#include "fetch-agent/auth/password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/runner.h"
#include "common/secret-file.h"
#include "common/xalloc.h"

#include "common/banned.h"

struct password_ask {
	struct event_base *base;
	const char *file; /* NULL: the command */
	const struct words *command;
	struct deadline deadline;
	password_done_fn *done;
	void *ctx;
	struct event *timer; /* first the start, then the deadline */
	struct event *ended;
	struct event *output;
	struct buffer password;
	bool started;
	bool too_long;
	int end; /* readable: the program has ended; -1: none, or it has */
	int fd;	 /* its output; -1: it is closed */
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

/* A program that still runs is killed by it. */
static void end_close(struct password_ask *ask)
{
	if (ask->ended != NULL)
		event_free(ask->ended);
	ask->ended = NULL;
	if (ask->end >= 0)
		(void)close(ask->end);
	ask->end = -1;
}

static void ask_free(struct password_ask *ask)
{
	end_close(ask);
	output_close(ask);
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
	if (ask->end < 0)
		conclude(ask);
}

static void on_ended(evutil_socket_t fd, short what, void *ctx)
{
	struct password_ask *ask = ctx;
	struct runner_end end;

	(void)what;
	if (!runner_ended(fd, &end))
		return;
	end_close(ask);
	ask->status = end.status;
	if (end.error != 0)
		fail(ask, end.error == EPIPE ? OUTCOME_RETRY : OUTCOME_CONFIG,
		     runner_error_text(end.error));
	else if (ask->fd < 0)
		conclude(ask);
}

static struct event *watch(struct password_ask *ask, int fd, event_callback_fn callback)
{
	struct event *event = event_new(ask->base, fd, EV_READ | EV_PERSIST, callback, ask);

	if (event == NULL || event_add(event, NULL) != 0)
		abort(); /* as xalloc: out of memory */
	return event;
}

/* Not in a process group of its own: one that asks for a passphrase does so at our terminal. */
static bool start(struct password_ask *ask, int output)
{
	const struct runner_order order = {
		.argv = ask->command, .input = -1, .output = output, .complaint = STDERR_FILENO};

	ask->end = runner_run(&order);
	if (ask->end < 0)
		return false;
	ask->ended = watch(ask, ask->end, on_ended);
	return true;
}

static void run_command(struct password_ask *ask)
{
	int ends[2], error;
	bool started;

	if (pipe2(ends, O_CLOEXEC) != 0) {
		fail(ask, OUTCOME_RETRY, strerror(errno));
		return;
	}
	(void)evutil_make_socket_nonblocking(ends[0]);
	ask->fd = ends[0];
	ask->output = watch(ask, ask->fd, on_output);
	started = start(ask, ends[1]);
	error = errno;
	(void)close(ends[1]);
	if (!started)
		fail(ask, error == EPIPE ? OUTCOME_RETRY : OUTCOME_CONFIG,
		     runner_error_text(error));
}

static void read_file(struct password_ask *ask)
{
	struct err err = ERR_INIT;
	enum outcome what = secret_file_read(ask->file, &ask->password, &err);

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
	ask->fd = ask->end = -1;
	buffer_init_secret(&ask->password, PASSWORD_MAX);
	ask->timer = evtimer_new(base, on_timer, ask);
	if (ask->timer == NULL || evtimer_add(ask->timer, &at_once) != 0)
		abort(); /* as xalloc: out of memory */
	return ask;
}

void password_cancel(struct password_ask *ask)
{
	if (ask != NULL)
		ask_free(ask);
}
