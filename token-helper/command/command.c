/* SPDX-License-Identifier: MIT */
/*
 * command.c - see command.h.
 *
 * The end is the program's death, not the end of its output: a grandchild may hold the pipe open
 * for ever. What a dead program wrote is in the pipe by then. The runner (common/runner.h) starts
 * it, and kills it when we close what its end is told on.
 */
#include "token-helper/command/command.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/runner.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define COMMAND_MUTE_MAX 65536

enum { PIPE_OUTPUT, PIPE_COMPLAINT, PIPE_COUNT };

struct command {
	char *path;
	int end;   /* readable: it has ended; -1: it was not given to the runner */
	int input; /* what it reads; -1: nothing */
	int fds[PIPE_COUNT];
	struct event *readable[PIPE_COUNT];
	struct event *ended;
	struct event *deadline;
	struct buffer output;
	bool mute; /* its output is of no interest */
	struct buffer complaint;
	struct command_result result;
	command_done_fn *done;
	void *context;
};

/* The end ------------------------------------------------------------------------------------- */

static void event_drop(struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
}

static void command_free(struct command *command)
{
	for (int i = 0; i < PIPE_COUNT; i++) {
		event_drop(&command->readable[i]);
		if (command->fds[i] >= 0)
			(void)close(command->fds[i]);
	}
	event_drop(&command->ended);
	event_drop(&command->deadline);
	if (command->end >= 0)
		(void)close(command->end); /* kills it */
	buffer_release(&command->output);
	buffer_release(&command->complaint);
	free(command->path);
	free(command);
}

/* Tells the asker; the command is gone. */
static void command_tell(struct command *command)
{
	command->result.output = &command->output;
	command->result.complaint = buffer_span(&command->complaint);
	command->done(command->context, &command->result);
	command_free(command);
}

static void command_fail(struct command *command, enum outcome what, const char *why)
{
	command->result.outcome = err_set(&command->result.err, what, "%s: %s", command->path, why);
}

/* Its whole group is killed: the program may have started others. */
static void command_give_up(struct command *command, const char *why)
{
	command_fail(command, OUTCOME_RETRY, why);
	command_tell(command);
}

/* That it could not be started. */
static void command_unstarted(struct command *command, int error)
{
	bool passes = error == EMFILE || error == ENFILE || error == EAGAIN || error == ENOMEM ||
		      error == EPIPE || error == ETOOMANYREFS;

	command_fail(command, passes ? OUTCOME_RETRY : OUTCOME_CONFIG, runner_error_text(error));
}

/* Output -------------------------------------------------------------------------------------- */

/* True: there may be more. What does not fit of the complaint is read and forgotten. */
static bool command_read(struct command *command, int which)
{
	struct buffer *into = which == PIPE_OUTPUT ? &command->output : &command->complaint;
	size_t room = into->max - into->len;
	char chunk[1024];
	size_t len;
	ssize_t n;

	errno = 0;
	n = read(command->fds[which], chunk, sizeof(chunk));
	len = n > 0 ? (size_t)n : 0;
	if (which == PIPE_COMPLAINT && len > room)
		len = room;
	(void)buffer_append(into, chunk, len);
	wipe(chunk, sizeof(chunk));
	return n > 0 || (n < 0 && errno == EINTR);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct command *command = context;
	int which = fd == command->fds[PIPE_OUTPUT] ? PIPE_OUTPUT : PIPE_COMPLAINT;

	(void)what;
	if (!command_read(command, which) && errno != EAGAIN)
		event_drop(&command->readable[which]); /* its end */
	if (!buffer_ok(&command->output))
		command_give_up(command, "it printed more than a secret");
}

static void drop_newline(struct buffer *text)
{
	while (text->len > 0 &&
	       (text->data[text->len - 1] == '\n' || text->data[text->len - 1] == '\r'))
		text->data[--text->len] = '\0';
}

/* What a dead child left behind. */
static void command_conclude(struct command *command, int status)
{
	for (int i = 0; i < PIPE_COUNT; i++) {
		while (command_read(command, i) && buffer_ok(&command->output))
			;
	}
	drop_newline(&command->output);
	if (WIFSIGNALED(status))
		command->result.outcome =
			err_set(&command->result.err, OUTCOME_RETRY, "%s: was ended by signal %d",
				command->path, WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		command->result.outcome = err_set(&command->result.err, OUTCOME_RETRY,
						  "%s: failed with exit status %d", command->path,
						  WEXITSTATUS(status));
	else if (!buffer_ok(&command->output))
		command_fail(command, OUTCOME_RETRY, "it printed more than a secret");
	else if (command->output.len == 0 && !command->mute)
		command_fail(command, OUTCOME_RETRY, "it printed nothing");
}

static void on_ended(evutil_socket_t fd, short what, void *context)
{
	struct command *command = context;
	struct runner_end end;

	(void)what;
	if (!runner_ended(fd, &end))
		return;
	if (end.error != 0)
		command_unstarted(command, end.error);
	else
		command_conclude(command, end.status);
	command_tell(command);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
	struct command *command = context;

	(void)fd;
	(void)what;
	if (command->end >= 0)
		command_give_up(command, "it did not end in time and was killed");
	else
		command_tell(command); /* it could not be started */
}

/* The beginning ------------------------------------------------------------------------------- */

/* Our ends into command->fds, the child's into ends. 0, or an errno. */
static int open_pipes(struct command *command, int ends[PIPE_COUNT])
{
	for (int i = 0; i < PIPE_COUNT; i++) {
		int both[2];

		if (pipe2(both, O_CLOEXEC) != 0)
			return errno;
		command->fds[i] = both[0];
		ends[i] = both[1];
		(void)fcntl(both[0], F_SETFL, O_NONBLOCK);
	}
	return 0;
}

static struct event *watch(struct event_base *base, evutil_socket_t fd, short what,
			   event_callback_fn callback, struct command *command,
			   const struct timeval *wait)
{
	struct event *event = event_new(base, fd, what, callback, command);

	if (event == NULL || event_add(event, wait) != 0)
		fatal("out of memory");
	return event;
}

/* A file in memory takes all of it at once: nobody has to wait for the child to read. 0, or an
 * errno. */
static int open_input(struct command *command, struct span input)
{
	ssize_t n;

	command->input = memfd_create("mailoauthd-input", MFD_CLOEXEC);
	if (command->input < 0)
		return errno;
	n = write(command->input, input.ptr, input.len);
	if (n < 0 || (size_t)n != input.len)
		return n < 0 ? errno : ENOSPC;
	return lseek(command->input, 0, SEEK_SET) == 0 ? 0 : errno;
}

/* 0, or an errno. */
static int command_start(struct command *command, const struct words *argv,
			 const int ends[PIPE_COUNT])
{
	const struct runner_order order = {.argv = argv,
					   .input = command->input,
					   .output = ends[PIPE_OUTPUT],
					   .complaint = ends[PIPE_COMPLAINT],
					   .group = true};

	command->end = runner_run(&order);
	return command->end >= 0 ? 0 : errno;
}

static void command_begin(struct command *command, struct event_base *base,
			  const struct words *argv, const struct span *input)
{
	int ends[PIPE_COUNT] = {-1, -1};
	int error = open_pipes(command, ends);

	if (error == 0 && input != NULL)
		error = open_input(command, *input);
	if (error == 0)
		error = command_start(command, argv, ends);
	if (command->input >= 0)
		(void)close(command->input);
	for (int i = 0; i < PIPE_COUNT; i++) {
		if (ends[i] >= 0)
			(void)close(ends[i]);
		if (error == 0)
			command->readable[i] = watch(base, command->fds[i], EV_READ | EV_PERSIST,
						     on_readable, command, NULL);
	}
	if (error == 0)
		command->ended =
			watch(base, command->end, EV_READ | EV_PERSIST, on_ended, command, NULL);
	else
		command_unstarted(command, error);
}

static struct command *run(struct event_base *base, const struct words *argv,
			   const struct span *input, size_t output_max, int64_t timeout_ms,
			   command_done_fn *done, void *context)
{
	struct command *command = xcalloc(1, sizeof(*command));
	struct timeval wait;

	command->path = xstrdup(argv->word[0]);
	command->end = command->input = -1;
	command->fds[PIPE_OUTPUT] = command->fds[PIPE_COMPLAINT] = -1;
	command->mute = output_max == 0;
	buffer_init_secret(&command->output, command->mute ? COMMAND_MUTE_MAX : output_max);
	buffer_init_secret(&command->complaint, COMMAND_COMPLAINT_MAX);
	command->done = done;
	command->context = context;
	command_begin(command, base, argv, input);
	/* One that could not be started is told at once, but from the loop. */
	if (timeout_ms < 0 || command->end < 0)
		timeout_ms = 0;
	wait = (struct timeval){timeout_ms / 1000, (timeout_ms % 1000) * 1000};
	command->deadline = watch(base, -1, 0, on_deadline, command, &wait);
	return command;
}

struct command *command_run(struct event_base *base, const struct words *argv, size_t output_max,
			    int64_t timeout_ms, command_done_fn *done, void *context)
{
	return run(base, argv, NULL, output_max, timeout_ms, done, context);
}

struct command *command_feed(struct event_base *base, const struct words *argv, struct span input,
			     int64_t timeout_ms, command_done_fn *done, void *context)
{
	return run(base, argv, &input, 0, timeout_ms, done, context);
}

void command_cancel(struct command *command)
{
	if (command != NULL)
		command_free(command);
}
