/* SPDX-License-Identifier: MIT */
/* mda-run.c - see mda-run.h. */
#include "fetch-agent/delivery/mda-run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "fetch-agent/delivery/mda-verdict.h"

#include "common/banned.h"

#define PENDING_MAX 16777216 /* bytes that a program has not read: one write's at most */
#define WORDS_MAX   400	     /* of stderr in a verdict: the last */
#define READS_MAX   64	     /* of stderr at once: others wait */
#define GRACE_S	    5	     /* between SIGTERM and SIGKILL */

void mda_run_init(struct mda_run *run, const struct delivery *delivery,
		  const struct mda_run_handler *handler, void *ctx)
{
	*run = (struct mda_run){.delivery = delivery,
				.handler = handler,
				.ctx = ctx,
				.input = -1,
				.output = -1,
				.pending = BUFFER_INIT(PENDING_MAX),
				.words = BUFFER_INIT(WORDS_MAX)};
}

static void close_end(int *fd, struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void close_all(struct mda_run *run)
{
	close_end(&run->input, &run->writable);
	close_end(&run->output, &run->readable);
	if (run->deadline != NULL)
		event_free(run->deadline);
	run->deadline = NULL;
}

static void arm(const struct mda_run *run, int64_t seconds)
{
	struct timeval wait = {.tv_sec = (time_t)seconds};

	(void)event_add(run->deadline, &wait);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	struct mda_run *run = ctx;

	(void)fd;
	(void)what;
	spawner_kill(run->delivery->world.spawner, run->number,
		     run->terminated ? SIGKILL : SIGTERM);
	run->terminated = true;
	arm(run, GRACE_S);
}

/* Keeps the last WORDS_MAX bytes; the rest is read, so that the program does
 * not stand still. */
static void read_words(struct mda_run *run)
{
	char bytes[4096];
	ssize_t len = 1;

	for (int i = 0; i < READS_MAX && run->output >= 0 &&
			(len = read(run->output, bytes, sizeof(bytes))) > 0;
	     i++) {
		size_t keep = (size_t)len < WORDS_MAX ? (size_t)len : WORDS_MAX;

		if (run->words.len + keep > WORDS_MAX)
			buffer_consume(&run->words, run->words.len + keep - WORDS_MAX);
		(void)buffer_append(&run->words, bytes + len - keep, keep);
	}
	if (run->output >= 0 && len == 0)
		close_end(&run->output, &run->readable);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	read_words(ctx);
}

static void show_end(struct mda_run *run)
{
	spawner_whole(run->delivery->world.spawner, run->number);
	close_end(&run->input, &run->writable);
	arm(run, run->delivery->config->timeout_s);
}

/* What the pipe takes now. A program that reads no more gets no more. */
static void write_pending(struct mda_run *run)
{
	size_t done = 0;
	ssize_t len;

	while (run->input >= 0 && done < run->pending.len) {
		len = write(run->input, run->pending.data + done, run->pending.len - done);
		if (len < 0 && errno == EAGAIN)
			break;
		if (len < 0 && errno != EINTR)
			close_end(&run->input, &run->writable);
		done += len > 0 ? (size_t)len : 0;
	}
	if (run->input < 0)
		buffer_clear(&run->pending);
	else
		buffer_consume(&run->pending, done);
	if (run->terminated)
		return;
	if (run->pending.len == 0)
		(void)event_del(run->deadline); /* the source's silence is not the program's */
	else if (done > 0 || !event_pending(run->deadline, EV_TIMEOUT, NULL))
		arm(run, run->delivery->config->timeout_s);
	if (run->pending.len > 0)
		(void)event_add(run->writable, NULL);
	else if (run->whole)
		show_end(run);
}

/* Several lines become one; the last line end goes. */
static void words_tidy(struct buffer *words)
{
	for (size_t i = 0; i < words->len; i++) {
		if (words->data[i] == '\n' || words->data[i] == '\r' || words->data[i] == '\t')
			words->data[i] = ' ';
	}
	while (words->len > 0 && words->data[words->len - 1] == ' ')
		words->data[--words->len] = '\0';
}

static void conclude(struct mda_run *run, enum spawn_end how, int status,
		     struct delivery_verdict *verdict)
{
	struct mda_end end = {how, status, run->terminated, run->whole && run->input < 0, NULL};

	*verdict = (struct delivery_verdict){0};
	read_words(run);
	words_tidy(&run->words);
	end.words = buffer_cstr(&run->words);
	run->number = 0;
	run->over = true;
	mda_verdict(run->delivery->config, &end, verdict);
	close_all(run);
	buffer_clear(&run->pending);
}

static void on_done(void *ctx, enum spawn_end how, int status)
{
	struct delivery_verdict verdict;
	struct mda_run *run = ctx;

	conclude(run, how, status, &verdict);
	run->handler->over(run->ctx, &verdict);
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
	struct mda_run *run = ctx;

	(void)fd;
	(void)what;
	write_pending(run);
	run->handler->written(run->ctx);
}

static bool make_events(struct mda_run *run)
{
	struct event_base *base = run->delivery->world.base;

	run->writable = event_new(base, run->input, EV_WRITE, on_writable, run);
	run->readable = event_new(base, run->output, EV_READ | EV_PERSIST, on_readable, run);
	run->deadline = evtimer_new(base, on_deadline, run);
	return run->writable != NULL && run->readable != NULL && run->deadline != NULL &&
	       event_add(run->readable, NULL) == 0;
}

/* 0; EPIPE: the spawner is gone; EAGAIN. */
static int spawn(struct mda_run *run, const struct spawn_values *values)
{
	const struct delivery *delivery = run->delivery;
	int input[2] = {-1, -1}, output[2] = {-1, -1};
	int error = EAGAIN;

	if (pipe2(input, O_CLOEXEC) == 0 && pipe2(output, O_CLOEXEC) == 0 &&
	    fcntl(input[1], F_SETFL, O_NONBLOCK) == 0 && fcntl(output[0], F_SETFL, O_NONBLOCK) == 0)
		run->number = spawner_run(delivery->world.spawner, delivery->config, values, input,
					  output[1], on_done, run);
	if (run->number == 0 && errno == EPIPE)
		error = EPIPE;
	run->input = input[1];
	run->output = output[0];
	if (input[0] >= 0)
		(void)close(input[0]);
	if (output[1] >= 0)
		(void)close(output[1]);
	return run->number != 0 && make_events(run) ? 0 : error;
}

bool mda_run_start(struct mda_run *run, const struct spawn_values *values,
		   struct delivery_verdict *verdict)
{
	int error = ENOTSUP;

	if (spawner_knows(run->delivery->world.spawner, run->delivery->config))
		error = spawn(run, values);
	if (error == 0) {
		write_pending(run);
		return true;
	}
	if (run->number != 0) { /* it runs, and nobody could hear of it */
		spawner_kill(run->delivery->world.spawner, run->number, SIGKILL);
		spawner_forget(run->delivery->world.spawner, run->number);
	}
	conclude(run, error == EPIPE ? SPAWN_LOST : SPAWN_NOT_STARTED, error, verdict);
	return false;
}

bool mda_run_takes(const struct mda_run *run)
{
	return !run->over && (run->input >= 0 || run->number == 0);
}

void mda_run_write(struct mda_run *run)
{
	if (run->number != 0)
		write_pending(run);
}

void mda_run_end(struct mda_run *run)
{
	run->whole = true;
	mda_run_write(run);
}

void mda_run_kill(struct mda_run *run)
{
	buffer_clear(&run->pending);
	if (run->number != 0)
		spawner_kill(run->delivery->world.spawner, run->number, SIGKILL);
}

void mda_run_abandon(struct mda_run *run)
{
	struct spawner *spawner = run->delivery->world.spawner;

	if (run->number == 0)
		return;
	if (!run->whole || run->pending.len > 0)
		spawner_kill(spawner, run->number, SIGKILL);
	spawner_forget(spawner, run->number);
}

void mda_run_release(struct mda_run *run)
{
	close_all(run);
	buffer_release(&run->pending);
	buffer_release(&run->words);
}
