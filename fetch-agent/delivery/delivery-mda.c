/* SPDX-License-Identifier: MIT */
/*
 * delivery-mda.c - messages into the standard input of a program, one run for
 * each recipient.
 *
 * What goes wrong is said by its exit status, sysexits.h's, and by its last words on stderr.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "fetch-agent/delivery/delivery.h"
#include "fetch-agent/delivery/envelope.h"
#include "fetch-agent/delivery/line-ends.h"
#include "fetch-agent/delivery/mda-arguments.h"
#include "fetch-agent/delivery/mda-run.h"

#include "common/banned.h"

#define PARALLEL_DEFAULT 4

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
	struct mda_run *runs;	/* of each recipient, in their order; or one */
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
	for (size_t i = 0; i < message->run_count; i++)
		mda_run_release(&message->runs[i]);
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
	for (size_t i = 0; i < message->run_count; i++)
		mda_run_abandon(&message->runs[i]);
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

static void take_run(struct message *message, const struct delivery_verdict *verdict)
{
	take_ending(message, verdict);
	message->left--;
}

static void on_over(void *ctx, const struct delivery_verdict *verdict)
{
	struct message *message = ctx;
	struct mda *mda = message->mda;

	take_run(message, verdict);
	message_settle(message);
	start_waiting(mda);
	say_room(mda);
}

static void on_written(void *ctx)
{
	const struct message *message = ctx;

	say_room(message->mda);
}

static void message_start(struct message *message)
{
	const struct words *recipients = &message->recipients;
	struct delivery_verdict verdict;

	message->started = true;
	message->mda->started++;
	for (size_t i = 0; i < message->run_count; i++) {
		const struct spawn_values values = {
			message->sender, recipients->count > 0 ? recipients->word[i] : "",
			message->folder, message->account};

		if (!mda_run_start(&message->runs[i], &values, &verdict))
			take_run(message, &verdict);
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
	static const struct mda_run_handler handler = {on_written, on_over};
	const struct words *recipients = &message->recipients;
	bool each = needs_recipient(message->mda->base.config) && recipients->count > 1;

	message->run_count = message->left = each ? recipients->count : 1;
	message->runs = xcalloc(message->run_count, sizeof(*message->runs));
	for (size_t i = 0; i < message->run_count; i++)
		mda_run_init(&message->runs[i], &message->mda->base, &handler, message);
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
		if (mda_run_takes(&message->runs[i]))
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
	for (size_t i = 0; i < message->run_count; i++)
		mda_run_kill(&message->runs[i]);
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
	for (size_t i = 0; i < message->run_count; i++)
		mda_run_write(&message->runs[i]);
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
	for (size_t i = 0; i < message->run_count; i++)
		mda_run_end(&message->runs[i]);
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
	for (size_t i = 0; i < message->run_count; i++)
		mda_run_kill(&message->runs[i]);
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
