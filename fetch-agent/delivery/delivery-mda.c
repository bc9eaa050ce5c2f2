/* SPDX-License-Identifier: MIT */
/*
 * delivery-mda.c - messages into the standard input of a program, one run for
 * each recipient.
 *
 * The spawner (spawner.h) runs it. What goes wrong is said by its exit status,
 * sysexits.h's, and by its last words on stderr. A program that stops reading
 * is no failure: its status counts.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "fetch-agent/delivery/delivery.h"
#include "fetch-agent/delivery/envelope.h"
#include "fetch-agent/delivery/line-ends.h"
#include "fetch-agent/delivery/mda-arguments.h"
#include "fetch-agent/delivery/mda-verdict.h"
#include "fetch-agent/delivery/spawner.h"

#include "common/banned.h"

#define PARALLEL_DEFAULT 4
#define PENDING_MAX	 16777216 /* bytes that a program has not read: one write's at most */
#define WORDS_MAX	 400	  /* of stderr in a verdict: the last */
#define READS_MAX	 64	  /* of stderr at once: others wait */
#define GRACE_S		 5	  /* between SIGTERM and SIGKILL */

struct message;

struct run {
	struct message *message;
	const char *recipient; /* of message; "" when there is none */
	uint32_t number;       /* the spawner's; 0: not started, or over */
	int input, output;     /* -1: closed */
	struct event *writable, *readable, *deadline;
	struct buffer pending; /* not written yet */
	struct buffer words;   /* the end of its stderr */
	bool over, terminated;
};

/* What a message came to, of all of its runs the worst. */
struct ending {
	enum delivery_kind kind;
	enum outcome outcome;
	struct err err;
};

struct message {
	struct message *next;
	struct mda *mda;
	uint32_t uid;
	bool started, ended, dropped;
	char *sender, *folder, *account;
	struct words recipients;
	struct line_ends line_ends;
	struct run *runs;
	size_t run_count, left; /* left: not over */
	struct ending ending;
};

struct mda {
	struct delivery base;
	struct message *messages; /* in their order */
	struct message *current;
	int64_t started;
	bool stalled; /* the source waits for room() */
	bool down;
};

static struct mda *mda_of(struct delivery *delivery)
{
	return (struct mda *)delivery;
}

/* Runs ----------------------------------------------------------------------------------------- */

static void close_end(int *fd, struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void run_close(struct run *run)
{
	close_end(&run->input, &run->writable);
	close_end(&run->output, &run->readable);
	if (run->deadline != NULL)
		event_free(run->deadline);
	run->deadline = NULL;
}

static void run_arm(const struct run *run, int64_t seconds)
{
	struct timeval wait = {.tv_sec = (time_t)seconds};

	(void)event_add(run->deadline, &wait);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	struct run *run = ctx;

	(void)fd;
	(void)what;
	spawner_kill(run->message->mda->base.world.spawner, run->number,
		     run->terminated ? SIGKILL : SIGTERM);
	run->terminated = true;
	run_arm(run, GRACE_S);
}

/* Keeps the last WORDS_MAX bytes; the rest is read, so that the program does
 * not stand still. */
static void run_read(struct run *run)
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
	run_read(ctx);
}

static void run_whole(struct run *run)
{
	spawner_whole(run->message->mda->base.world.spawner, run->number);
	close_end(&run->input, &run->writable);
	run_arm(run, run->message->mda->base.config->timeout_s);
}

/* What the pipe takes now. A program that reads no more gets no more. */
static void run_write(struct run *run)
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
		run_arm(run, run->message->mda->base.config->timeout_s);
	if (run->pending.len > 0)
		(void)event_add(run->writable, NULL);
	else if (run->message->ended)
		run_whole(run);
}

/* Messages ------------------------------------------------------------------------------------- */

static void message_free(struct message *message)
{
	struct message **link = &message->mda->messages;

	while (*link != message)
		link = &(*link)->next;
	*link = message->next;
	if (message->mda->current == message)
		message->mda->current = NULL;
	message->mda->started -= message->started;
	for (size_t i = 0; i < message->run_count; i++) {
		run_close(&message->runs[i]);
		buffer_release(&message->runs[i].pending);
		buffer_release(&message->runs[i].words);
	}
	words_release(&message->recipients);
	free(message->runs);
	free(message->sender);
	free(message->folder);
	free(message->account);
	free(message);
}

/* Its runs are told nothing more; those that have not got all of it are killed.
 */
static void message_abandon(struct message *message)
{
	struct spawner *spawner = message->mda->base.world.spawner;

	for (size_t i = 0; i < message->run_count; i++) {
		struct run *run = &message->runs[i];

		if (run->number == 0)
			continue;
		if (!message->ended || run->pending.len > 0)
			spawner_kill(spawner, run->number, SIGKILL);
		spawner_forget(spawner, run->number);
	}
	message_free(message);
}

static void give_verdict(struct mda *mda, uint32_t uid, const struct delivery_verdict *verdict)
{
	mda->base.handler.verdict(mda->base.handler.ctx, uid, verdict);
}

/* Who has no verdict yet gets one, before the one that says it of the
 * destination. */
static void give_up_others(struct mda *mda, const struct message *but,
			   const struct delivery_verdict *why)
{
	struct message *message, *next;

	for (message = mda->messages; message != NULL; message = next) {
		uint32_t uid = message->uid;

		next = message->next;
		if (message == but || message->dropped || !message->ended)
			continue;
		message_abandon(message);
		give_verdict(mda, uid, why);
	}
}

static void message_start(struct message *message);

static void start_waiting(struct mda *mda)
{
	struct message *message = mda->messages;

	while (message != NULL && !mda->down && mda->started < mda->base.config->parallel) {
		if (!message->started) {
			message_start(message);
			message = mda->messages; /* it may be over */
		} else {
			message = message->next;
		}
	}
}

/* A program has not taken what came, or waits for its turn. */
static bool is_full(const struct mda *mda)
{
	for (const struct message *message = mda->messages; message != NULL;
	     message = message->next) {
		for (size_t i = 0; i < message->run_count; i++) {
			if (message->runs[i].pending.len > 0)
				return true;
		}
	}
	return false;
}

/* To be called last in a callback: the source may go on at once. */
static void say_room(struct mda *mda)
{
	if (!mda->stalled || is_full(mda))
		return;
	mda->stalled = false;
	mda->base.handler.room(mda->base.handler.ctx);
}

/* All of its runs are over, and it has ended. */
static void message_conclude(struct message *message)
{
	struct delivery_verdict verdict = {.kind = message->ending.kind,
					   .outcome = message->ending.outcome,
					   .err = message->ending.err};
	struct mda *mda = message->mda;
	uint32_t uid = message->uid;
	bool dropped = message->dropped;

	if (!dropped && !mda->down && verdict.kind == DELIVERY_DOWN) {
		mda->down = true;
		give_up_others(mda, message, &verdict);
	}
	message_free(message);
	if (!dropped)
		give_verdict(mda, uid, &verdict);
}

static void message_settle(struct message *message)
{
	if (message->left == 0 && (message->ended || message->dropped))
		message_conclude(message);
}

/* The worst is what counts, as the message has one verdict: refused for one
 * recipient and delivered to another is refused. */
static void take_ending(struct message *message, const struct delivery_verdict *verdict)
{
	if (verdict->kind != DELIVERY_DONE && verdict->kind >= message->ending.kind)
		message->ending = (struct ending){verdict->kind, verdict->outcome, verdict->err};
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

static void run_over(struct run *run, enum spawn_end how, int status)
{
	struct delivery_verdict verdict = {0};

	run_read(run);
	words_tidy(&run->words);
	run->number = 0;
	run->over = true;
	mda_verdict(run->message->mda->base.config, how, status, run->terminated,
		    buffer_cstr(&run->words), &verdict);
	run_close(run);
	buffer_clear(&run->pending);
	take_ending(run->message, &verdict);
	run->message->left--;
}

static void on_done(void *ctx, enum spawn_end how, int status)
{
	struct run *run = ctx;
	struct mda *mda = run->message->mda;

	run_over(run, how, status);
	message_settle(run->message);
	start_waiting(mda);
	say_room(mda);
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
	struct run *run = ctx;
	struct mda *mda = run->message->mda;

	(void)fd;
	(void)what;
	run_write(run);
	say_room(mda);
}

static bool run_events(struct run *run)
{
	struct event_base *base = run->message->mda->base.world.base;

	run->writable = event_new(base, run->input, EV_WRITE, on_writable, run);
	run->readable = event_new(base, run->output, EV_READ | EV_PERSIST, on_readable, run);
	run->deadline = evtimer_new(base, on_deadline, run);
	return run->writable != NULL && run->readable != NULL && run->deadline != NULL &&
	       event_add(run->readable, NULL) == 0;
}

/* Pipes to a program, and the program. */
static bool run_start(struct run *run)
{
	const struct message *message = run->message;
	const struct spawn_values values = {message->sender, run->recipient, message->folder,
					    message->account};
	int input[2] = {-1, -1}, output[2] = {-1, -1};

	if (pipe2(input, O_CLOEXEC) == 0 && pipe2(output, O_CLOEXEC) == 0 &&
	    fcntl(input[1], F_SETFL, O_NONBLOCK) == 0 && fcntl(output[0], F_SETFL, O_NONBLOCK) == 0)
		run->number =
			spawner_run(message->mda->base.world.spawner, message->mda->base.config,
				    &values, input, output[1], on_done, run);
	run->input = input[1];
	run->output = output[0];
	if (input[0] >= 0)
		(void)close(input[0]);
	if (output[1] >= 0)
		(void)close(output[1]);
	return run->number != 0 && run_events(run);
}

static void message_start(struct message *message)
{
	bool known = spawner_knows(message->mda->base.world.spawner, message->mda->base.config);

	message->started = true;
	message->mda->started++;
	for (size_t i = 0; i < message->run_count; i++) {
		if (known && run_start(&message->runs[i]))
			run_write(&message->runs[i]);
		else
			run_over(&message->runs[i], SPAWN_NOT_STARTED, known ? EAGAIN : ENOTSUP);
	}
	message_settle(message);
}

/* The seam ------------------------------------------------------------------------------------- */

static enum outcome parse(const char *rest, struct delivery_config *config, struct err *err)
{
	struct words words = {0};
	bool good = mda_arguments_split(rest, &words);

	if (!good || words.count == 0 || words.word[0][0] != '/') {
		words_release(&words);
		return err_set(err, OUTCOME_CONFIG,
			       good ? "deliver = %s: the program must be an absolute path"
				    : "deliver = %s: a quote is not closed, or too many arguments",
			       config->text);
	}
	config->path = words.word[0];
	words.count--;
	memmove(words.word, words.word + 1, words.count * sizeof(*words.word));
	config->args = words;
	if (!mda_arguments_good(&words))
		return err_set(err, OUTCOME_CONFIG,
			       "deliver = %s: the placeholders are %%{sender}, %%{recipient}, "
			       "%%{folder} and %%{account}",
			       config->text);
	return OUTCOME_OK;
}

static enum outcome check(const struct delivery_config *config, struct err *err)
{
	return delivery_check_path(config, config->path, X_OK, err);
}

static bool needs_recipient(const struct delivery_config *config)
{
	for (size_t i = 0; i < config->args.count; i++) {
		if (strstr(config->args.word[i], "%{recipient}") != NULL)
			return true;
	}
	return false;
}

static enum outcome open_mda(const struct delivery_config *config, struct delivery **out,
			     struct err *err)
{
	struct mda *mda = xcalloc(1, sizeof(*mda));

	(void)config;
	(void)err;
	*out = &mda->base;
	return OUTCOME_OK;
}

static void close_mda(struct delivery *delivery)
{
	struct mda *mda = mda_of(delivery);

	while (mda->messages != NULL)
		message_abandon(mda->messages);
	free(mda);
}

/* One for each recipient, if it is said to the program at all. */
static void make_runs(struct message *message)
{
	const struct words *recipients = &message->recipients;
	bool each = needs_recipient(message->mda->base.config) && recipients->count > 1;

	message->run_count = message->left = each ? recipients->count : 1;
	message->runs = xcalloc(message->run_count, sizeof(*message->runs));
	for (size_t i = 0; i < message->run_count; i++)
		message->runs[i] =
			(struct run){.message = message,
				     .recipient = recipients->count > 0 ? recipients->word[i] : "",
				     .input = -1,
				     .output = -1,
				     .pending = BUFFER_INIT(PENDING_MAX),
				     .words = BUFFER_INIT(WORDS_MAX)};
}

static void begin(struct delivery *delivery, const struct delivery_facts *facts)
{
	struct mda *mda = mda_of(delivery);
	struct message **link = &mda->messages;
	struct message *message;

	delivery_drop(delivery);
	message = xcalloc(1, sizeof(*message));
	message->mda = mda;
	message->sender = xstrdup(facts->envelope->sender);
	if (facts->place != NULL) {
		message->folder = xstrdup(facts->place->folder);
		message->account = xstrdup(facts->place->account);
	}
	words_copy(&message->recipients, facts->envelope->recipients);
	make_runs(message);
	while (*link != NULL)
		link = &(*link)->next;
	*link = message;
	mda->current = message;
	start_waiting(mda);
}

static bool into_runs(void *ctx, struct span bytes)
{
	struct message *message = ctx;
	bool good = true;

	for (size_t i = 0; i < message->run_count; i++) {
		if (!message->runs[i].over && (message->runs[i].input >= 0 || !message->started))
			good = buffer_append_span(&message->runs[i].pending, bytes) && good;
	}
	return good;
}

/* Nothing of a message that does not fit is handed over. */
static void too_much(struct message *message)
{
	struct delivery_verdict verdict = {.kind = DELIVERY_LATER, .outcome = OUTCOME_RETRY};

	(void)err_set(&verdict.err, OUTCOME_RETRY, "%s: out of memory for a message",
		      message->mda->base.config->path);
	take_ending(message, &verdict);
	for (size_t i = 0; i < message->run_count; i++) {
		buffer_clear(&message->runs[i].pending);
		if (message->runs[i].number != 0)
			spawner_kill(message->mda->base.world.spawner, message->runs[i].number,
				     SIGKILL);
	}
}

static bool write_mda(struct delivery *delivery, struct span bytes)
{
	struct mda *mda = mda_of(delivery);
	struct message *message = mda->current;
	bool good;

	if (message == NULL)
		return true;
	good = mda->base.config->crlf
		       ? into_runs(message, bytes)
		       : line_ends_to_lf(&message->line_ends, bytes, into_runs, message);
	if (!good)
		too_much(message);
	for (size_t i = 0; message->started && i < message->run_count; i++) {
		if (message->runs[i].number != 0)
			run_write(&message->runs[i]);
	}
	mda->stalled = is_full(mda);
	return !mda->stalled;
}

/* Nothing is started where nothing could be. */
static void message_refuse_start(struct message *message)
{
	struct delivery_verdict verdict = {.kind = DELIVERY_LATER, .outcome = OUTCOME_CONFIG};

	(void)err_set(&verdict.err, OUTCOME_CONFIG, "cannot run %s",
		      message->mda->base.config->path);
	take_ending(message, &verdict);
	message->left = 0;
}

static void end(struct delivery *delivery, uint32_t uid)
{
	struct mda *mda = mda_of(delivery);
	struct message *message = mda->current;

	if (message == NULL)
		return;
	(void)line_ends_finish(&message->line_ends, into_runs, message);
	message->ended = true;
	message->uid = uid;
	mda->current = NULL;
	for (size_t i = 0; message->started && i < message->run_count; i++) {
		if (message->runs[i].number != 0)
			run_write(&message->runs[i]);
	}
	if (!message->started && mda->down)
		message_refuse_start(message);
	message_settle(message);
	start_waiting(mda);
}

/* Its programs are killed before they can see an end; their places are free
 * when they are gone. */
static void drop(struct delivery *delivery)
{
	struct mda *mda = mda_of(delivery);
	struct message *message = mda->current;

	if (message == NULL)
		return;
	mda->current = NULL;
	message->dropped = true;
	if (!message->started)
		message->left = 0;
	for (size_t i = 0; i < message->run_count; i++) {
		buffer_clear(&message->runs[i].pending);
		if (message->runs[i].number != 0)
			spawner_kill(mda->base.world.spawner, message->runs[i].number, SIGKILL);
	}
	message_settle(message);
}

const struct delivery_method delivery_mda_method = {
	.scheme = "mda",
	.form = "mda:/PATH ARGUMENT...",
	.spawned = true,
	.parallel = PARALLEL_DEFAULT,
	.parse = parse,
	.check = check,
	.needs_recipient = needs_recipient,
	.open = open_mda,
	.close = close_mda,
	.begin = begin,
	.write = write_mda,
	.end = end,
	.drop = drop,
};
