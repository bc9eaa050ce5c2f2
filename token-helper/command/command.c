/* SPDX-License-Identifier: MIT */
/*
 * command.c - see command.h.
 *
 * The end is the child's death, not the end of its output: a grandchild may hold the pipe open for
 * ever. What a dead child wrote is in the pipe by then. Until it has been reaped the struct lives
 * on, also when nobody waits for it any more.
 */
#include "token-helper/command/command.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define COMMAND_MUTE_MAX 65536
extern char **environ;

enum { PIPE_OUTPUT, PIPE_COMPLAINT, PIPE_COUNT };

struct command {
	char *path;
	pid_t pid; /* 0: it could not be started, or has been reaped */
	int input; /* what it reads; -1: nothing */
	int fds[PIPE_COUNT];
	struct event *readable[PIPE_COUNT];
	struct event *child; /* SIGCHLD */
	struct event *deadline;
	struct buffer output;
	bool mute; /* its output is of no interest */
	struct buffer complaint;
	struct command_result result;
	command_done_fn *done; /* NULL: cancelled */
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
	event_drop(&command->child);
	event_drop(&command->deadline);
	buffer_release(&command->output);
	buffer_release(&command->complaint);
	free(command->path);
	free(command);
}

/* Tells the asker; the struct stays until the child is reaped. */
static void command_tell(struct command *command)
{
	command_done_fn *done = command->done;

	command->done = NULL;
	command->result.output = &command->output;
	command->result.complaint = buffer_span(&command->complaint);
	if (done != NULL)
		done(command->context, &command->result);
}

static void command_fail(struct command *command, enum outcome what, const char *why)
{
	command->result.outcome = err_set(&command->result.err, what, "%s: %s", command->path, why);
}

/* Kills the whole group: the program may have started others. */
static void command_kill(struct command *command)
{
	if (command->pid > 0)
		(void)kill(-command->pid, SIGKILL);
}

static void command_give_up(struct command *command, const char *why)
{
	command_fail(command, OUTCOME_RETRY, why);
	command_kill(command);
	for (int i = 0; i < PIPE_COUNT; i++)
		event_drop(&command->readable[i]);
	command_tell(command);
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

static bool command_reap(struct command *command, int *status)
{
	if (waitpid(command->pid, status, WNOHANG) != command->pid)
		return false;
	command->pid = 0;
	return true;
}

static void on_child(evutil_socket_t fd, short what, void *context)
{
	struct command *command = context;
	int status;

	(void)fd;
	(void)what;
	if (!command_reap(command, &status))
		return;
	if (command->done != NULL) {
		command_conclude(command, status);
		command_tell(command);
	}
	command_free(command);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
	struct command *command = context;

	(void)fd;
	(void)what;
	if (command->pid != 0) {
		command_give_up(command, "it did not end in time and was killed");
		return;
	}
	command_tell(command); /* it could not be started */
	command_free(command);
}

/* The beginning ------------------------------------------------------------------------------- */

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

/* Gives; the strings are the environment's. */
static char **child_environment(void)
{
	size_t count = 0;
	char **env;

	while (environ[count] != NULL)
		count++;
	env = xcalloc(count + 1, sizeof(*env));
	count = 0;
	for (char **at = environ; *at != NULL; at++) {
		if (!is_ours(*at))
			env[count++] = *at;
	}
	return env;
}

/* argv as execve() wants it. Gives; the strings are words'. */
static char **child_arguments(const struct words *words)
{
	char **argv = xcalloc(words->count + 1, sizeof(*argv));

	for (size_t i = 0; i < words->count; i++)
		argv[i] = words->word[i];
	return argv;
}

static int spawn_prepare(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes,
			 int input, const int ends[PIPE_COUNT])
{
	sigset_t none, usual;
	int error;

	(void)sigemptyset(&none);
	(void)sigfillset(&usual);
	if (input >= 0)
		error = posix_spawn_file_actions_adddup2(actions, input, STDIN_FILENO);
	else
		error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null",
							 O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, ends[PIPE_OUTPUT], STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, ends[PIPE_COMPLAINT],
							 STDERR_FILENO);
	if (error == 0)
		error = posix_spawnattr_setpgroup(attributes, 0);
	if (error == 0)
		error = posix_spawnattr_setsigmask(attributes, &none);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(attributes, &usual);
	if (error == 0)
		error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP |
								     POSIX_SPAWN_SETSIGMASK |
								     POSIX_SPAWN_SETSIGDEF);
	return error;
}

/* 0, or an errno. */
static int command_spawn(struct command *command, const struct words *words,
			 const int ends[PIPE_COUNT])
{
	char **argv = child_arguments(words);
	char **env = child_environment();
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int error;

	if (posix_spawn_file_actions_init(&actions) != 0 || posix_spawnattr_init(&attributes) != 0)
		fatal("out of memory");
	error = spawn_prepare(&actions, &attributes, command->input, ends);
	if (error == 0)
		error = posix_spawn(&command->pid, command->path, &actions, &attributes, argv, env);
	if (error != 0)
		command->pid = 0;
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	free(argv);
	free(env);
	return error;
}

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

static void command_begin(struct command *command, struct event_base *base,
			  const struct words *words, const struct span *input)
{
	int ends[PIPE_COUNT] = {-1, -1};
	int error;

	/* Before the child can die: its death must not be missed. */
	command->child = watch(base, SIGCHLD, EV_SIGNAL | EV_PERSIST, on_child, command, NULL);
	error = open_pipes(command, ends);
	if (error == 0 && input != NULL)
		error = open_input(command, *input);
	if (error == 0)
		error = command_spawn(command, words, ends);
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
		return;
	event_drop(&command->child);
	command_fail(command,
		     error == EMFILE || error == ENFILE || error == EAGAIN || error == ENOMEM
			     ? OUTCOME_RETRY
			     : OUTCOME_CONFIG,
		     strerror(error));
}

static struct command *run(struct event_base *base, const struct words *argv,
			   const struct span *input, size_t output_max, int64_t timeout_ms,
			   command_done_fn *done, void *context)
{
	struct command *command = xcalloc(1, sizeof(*command));
	struct timeval wait;

	command->path = xstrdup(argv->word[0]);
	command->input = -1;
	command->fds[PIPE_OUTPUT] = command->fds[PIPE_COMPLAINT] = -1;
	command->mute = output_max == 0;
	buffer_init_secret(&command->output, command->mute ? COMMAND_MUTE_MAX : output_max);
	buffer_init_secret(&command->complaint, COMMAND_COMPLAINT_MAX);
	command->done = done;
	command->context = context;
	command_begin(command, base, argv, input);
	/* One that could not be started is told at once, but from the loop. */
	if (timeout_ms < 0 || command->pid == 0)
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
	int status;

	if (command == NULL)
		return;
	command->done = NULL;
	command_kill(command);
	if (command->pid == 0 || command_reap(command, &status))
		command_free(command);
}
