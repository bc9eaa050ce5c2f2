/* SPDX-License-Identifier: MIT */
/* schedule.c - see schedule.h. */
#include "fetch-agent/schedule.h"

#include <event2/util.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/clock.h"
#include "common/deadline.h"
#include "common/diagnosis.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "fetch-agent/backoff.h"
#include "fetch-agent/run-report.h"
#include "fetch-agent/turns.h"

#include "common/banned.h"

#define BUSY_MAX	200 /* that log in or fetch at the same time */
#define RUN_DESCRIPTORS 8   /* of each of those at most; one that only watches has one */
#define SPREAD_MS	30  /* between the first runs of two sections, on average */
#define SPREAD_MAX_MS	60000
#define SHORT_LIFE_MS	60000 /* of a connection; again and again is a failure */
#define SOON_MS		1000
#define GRACE_MS	3000 /* at the end: for what is under way */
#define END_MS		8000 /* for everything */
#define NEVER		(-1)

enum slot_state {
	SLOT_WAITING, /* for its time, or for nothing */
	SLOT_QUEUED,
	SLOT_WORKING,
	SLOT_WATCHING,
};

static const char *const state_names[] = {"waiting", "queued", "working", "watching"};

struct slot {
	TAILQ_ENTRY(slot) link;
	struct turn turn;
	struct schedule *schedule;
	struct fetch_source *source;
	struct fetch_source *changed; /* takes the place of source when the run is over */
	bool removed;
	enum slot_state state;
	int64_t since_s;
	int64_t next_s; /* SLOT_WAITING: when; 0: never by itself */
	struct event *timer;
	struct source_run *run;
	bool has_run;
	bool poll_told;	 /* that it cannot be watched */
	bool asked;	 /* for another pass, while one is under way */
	unsigned tries;	 /* failures in a row */
	unsigned breaks; /* in a row, of connections that did not live long */
	int64_t failing_since_s;
	int64_t began_ms;	  /* the connection */
	struct run_result result; /* the last */
};

struct schedule {
	struct run_world world;
	TAILQ_HEAD(, slot) slots;
	size_t count, running;
	struct turns *turns;
	struct event *start;
	struct event *stop; /* NULL: it goes on */
	int64_t stop_began_ms;
};

static uint32_t chance(void)
{
	uint32_t number;

	evutil_secure_rng_get_bytes(&number, sizeof(number));
	return number;
}

/* Waiting and starting ---------------------------------------------------------------------------
 */

static void slot_change(struct slot *slot, enum slot_state next)
{
	slot->state = next;
	slot->since_s = clock_now_s();
	slot->next_s = 0;
}

static void start_soon(struct schedule *schedule)
{
	static const struct timeval at_once = {0};

	if (event_add(schedule->start, &at_once) != 0)
		abort(); /* as xalloc: out of memory */
}

static void slot_queue(struct slot *slot)
{
	(void)event_del(slot->timer);
	slot_change(slot, SLOT_QUEUED);
	turns_want(slot->schedule->turns, &slot->turn);
	start_soon(slot->schedule);
}

static void slot_wait(struct slot *slot, int64_t ms)
{
	struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	slot_change(slot, SLOT_WAITING);
	if (ms == NEVER)
		return;
	slot->next_s = slot->since_s + ms / 1000;
	if (event_add(slot->timer, &wait) != 0)
		abort(); /* as xalloc: out of memory */
}

static void on_due(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	slot_queue(ctx);
}

static void slot_join(struct slot *slot)
{
	turns_join(slot->schedule->turns, &slot->turn, slot->source->account,
		   slot->source->host != NULL ? slot->source->host : "",
		   (size_t)slot->source->connections);
}

static struct slot *slot_new(struct schedule *schedule, struct fetch_source *source)
{
	struct slot *slot = xcalloc(1, sizeof(*slot));

	slot->schedule = schedule;
	slot->source = source;
	slot->timer = evtimer_new(schedule->world.base, on_due, slot);
	if (slot->timer == NULL)
		abort(); /* as xalloc: out of memory */
	slot_join(slot);
	TAILQ_INSERT_TAIL(&schedule->slots, slot, link);
	schedule->count++;
	return slot;
}

/* Its run is over. */
static void slot_free(struct slot *slot)
{
	TAILQ_REMOVE(&slot->schedule->slots, slot, link);
	slot->schedule->count--;
	turns_leave(slot->schedule->turns, &slot->turn);
	event_free(slot->timer);
	fetch_source_free(slot->source);
	fetch_source_free(slot->changed);
	free(slot);
}

/* Results ----------------------------------------------------------------------------------------
 */

static bool is_asked_to_end(const struct slot *slot)
{
	return slot->removed || slot->changed != NULL || slot->schedule->stop != NULL;
}

/* What the server asks for, or the table of diagnoses knows to be worth it. */
static int64_t asked_ms(const struct run_result *result)
{
	struct span said = span_from_str(result->err.text);
	const struct diagnosis *diagnosis = diagnosis_find(DIAGNOSIS_IMAP, said);
	int64_t ms = diagnosis_wait_ms(said);

	return ms > 0 || diagnosis == NULL ? ms : diagnosis->wait_s * 1000;
}

static int64_t interval_ms(const struct slot *slot)
{
	return slot->source->interval_s == 0
		       ? NEVER
		       : backoff_jitter_ms(slot->source->interval_s * 1000, chance());
}

/*
 * A connection that was only watched may end at any time: a server restarts, a token's time is
 * over. It is made again at once; if it does not live long, that is a failure like others, though
 * each login is good.
 */
static int64_t judge_break(struct slot *slot, const struct run_result *result)
{
	bool lived = deadline_in_ms(0).at_ms - slot->began_ms >= SHORT_LIFE_MS;

	slot->breaks = lived ? 1 : slot->breaks + 1;
	if (slot->breaks == 1 && asked_ms(result) == 0)
		return backoff_jitter_ms(SOON_MS, chance());
	return backoff_ms(result->what, slot->breaks - 1, asked_ms(result), chance());
}

/* After how long the section is to be run again. */
static int64_t judge(struct slot *slot, const struct run_result *result)
{
	int64_t next_ms;

	if (result->what == OUTCOME_OK) {
		slot->tries = 0;
		return interval_ms(slot);
	}
	if (result->watched) {
		next_ms = judge_break(slot, result);
		if (slot->breaks == 1)
			return next_ms;
	} else {
		next_ms = backoff_ms(result->what, slot->tries + 1, asked_ms(result), chance());
	}
	if (slot->tries++ == 0)
		slot->failing_since_s = clock_now_s();
	return next_ms;
}

static void report(const struct slot *slot, unsigned tries_before, int64_t next_ms)
{
	struct run_report report = {
		.source = slot->source,
		.result = &slot->result,
		.tries_before = tries_before,
		.next_ms = next_ms,
		.daemon = slot->schedule->world.stays,
	};

	run_report_log(&report);
}

static int64_t take_result(struct slot *slot, const struct run_result *result)
{
	unsigned tries_before = slot->tries;
	int64_t next_ms = judge(slot, result);

	slot->result = *result;
	report(slot, tries_before, next_ms);
	return next_ms;
}

/* It was asked for a place to watch from: may it keep the one it has? */
static bool may_watch(struct slot *slot)
{
	return !is_asked_to_end(slot) && turns_may_rest(slot->schedule->turns, &slot->turn);
}

static int64_t on_passed(void *ctx, const struct run_result *result)
{
	struct slot *slot = ctx;
	bool complete = result->what == OUTCOME_OK && result->covered && result->left == 0;
	int64_t next_ms;

	if (!may_watch(slot))
		return RUN_LOG_OUT; /* on_over() reports */
	next_ms = take_result(slot, result);
	turns_rest(slot->schedule->turns, &slot->turn);
	start_soon(slot->schedule); /* for others: this one is not busy any more */
	slot_change(slot, SLOT_WATCHING);
	if (slot->asked)
		next_ms = 1;
	else if (complete || next_ms == NEVER)
		next_ms = 0;
	slot->asked = false;
	return next_ms;
}

static void on_woke(void *ctx)
{
	struct slot *slot = ctx;

	turns_wake(slot->schedule->turns, &slot->turn);
	slot_change(slot, SLOT_WORKING);
}

static void tell_of_polling(struct slot *slot, const struct run_result *result)
{
	bool wanted = slot->source->watch == FETCH_WATCH_IDLE && slot->schedule->world.stays;

	if (slot->poll_told || is_asked_to_end(slot) || !wanted || result->what != OUTCOME_OK)
		return;
	slot->poll_told = true;
	log_info("fetch=%s account=%s not watched, but fetched every %" PRId64 " s: %s",
		 slot->source->name, slot->source->account, slot->source->interval_s,
		 result->watch_able
			 ? "the account's sections need more connections than it may have"
			 : "the server has no IDLE");
}

/* What was changed takes its place; the limits may be others. */
static void slot_replace(struct slot *slot)
{
	turns_leave(slot->schedule->turns, &slot->turn);
	fetch_source_free(slot->source);
	slot->source = slot->changed;
	slot->changed = NULL;
	slot->tries = 0;
	slot->poll_told = false;
	slot_join(slot);
	slot_queue(slot);
}

static void end_if_done(struct schedule *schedule)
{
	bool waits = false;
	const struct slot *slot;

	TAILQ_FOREACH(slot, &schedule->slots, link)
	{
		waits = waits || !slot->has_run;
	}
	if (schedule->running == 0 &&
	    (schedule->stop != NULL || (!schedule->world.stays && !waits)))
		(void)event_base_loopexit(schedule->world.base, NULL);
}

static void on_over(void *ctx, const struct run_result *result)
{
	struct slot *slot = ctx;
	struct schedule *schedule = slot->schedule;
	bool reported = slot->state == SLOT_WATCHING && !result->watched;
	int64_t next_ms = 0;

	slot->run = NULL;
	schedule->running--;
	turns_give_back(schedule->turns, &slot->turn);
	slot->has_run = true;
	if (!reported && !result->cancelled && !(result->watched && is_asked_to_end(slot)))
		next_ms = take_result(slot, result);
	if (result->lost && next_ms != NEVER)
		next_ms = SOON_MS;
	tell_of_polling(slot, result);
	if (slot->removed)
		slot_free(slot);
	else if (schedule->stop != NULL || !schedule->world.stays)
		slot_change(slot, SLOT_WAITING);
	else if (slot->changed != NULL)
		slot_replace(slot);
	else if (slot->asked)
		slot_queue(slot);
	else
		slot_wait(slot, next_ms);
	start_soon(schedule);
	end_if_done(schedule);
}

static void on_start(evutil_socket_t fd, short what, void *ctx)
{
	struct schedule *schedule = ctx;
	struct turn *turn;

	(void)fd;
	(void)what;
	while (schedule->stop == NULL && (turn = turns_next(schedule->turns)) != NULL) {
		struct slot *slot = (struct slot *)((char *)turn - offsetof(struct slot, turn));
		struct run_handler handler = {on_passed, on_woke, on_over, slot};

		schedule->running++;
		slot_change(slot, SLOT_WORKING);
		slot->asked = false;
		slot->began_ms = deadline_in_ms(0).at_ms;
		slot->run = source_run_start(&schedule->world, slot->source, &handler);
	}
}

/* From outside -----------------------------------------------------------------------------------
 */

static size_t open_max(void)
{
	struct rlimit files;
	size_t reserved = (size_t)BUSY_MAX * RUN_DESCRIPTORS + 64;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
		return SIZE_MAX;
	return files.rlim_cur > 2 * reserved ? files.rlim_cur - reserved : files.rlim_cur / 2;
}

/* A thousand sections do not begin in the same second. */
static void slot_begin(struct slot *slot)
{
	int64_t spread_ms = (int64_t)(slot->schedule->count - 1) * SPREAD_MS;

	if (spread_ms > SPREAD_MAX_MS)
		spread_ms = SPREAD_MAX_MS;
	if (!slot->schedule->world.stays || spread_ms == 0)
		slot_queue(slot);
	else
		slot_wait(slot, spread_ms * (chance() % 1024) / 1024);
}

struct schedule *schedule_new(const struct run_world *world, struct fetch_config *config)
{
	struct schedule *schedule = xcalloc(1, sizeof(*schedule));
	struct slot *slot;
	size_t most = open_max();

	schedule->world = *world;
	TAILQ_INIT(&schedule->slots);
	schedule->turns = turns_new(most < BUSY_MAX ? most : BUSY_MAX, most);
	schedule->start = evtimer_new(world->base, on_start, schedule);
	if (schedule->start == NULL)
		abort(); /* as xalloc: out of memory */
	while (config->count > 0)
		(void)slot_new(schedule, fetch_config_take(config, 0));
	TAILQ_FOREACH(slot, &schedule->slots, link)
	{
		slot_begin(slot);
	}
	return schedule;
}

void schedule_free(struct schedule *schedule)
{
	struct slot *slot;

	if (schedule == NULL)
		return;
	while ((slot = TAILQ_FIRST(&schedule->slots)) != NULL)
		slot_free(slot);
	turns_free(schedule->turns);
	event_free(schedule->start);
	if (schedule->stop != NULL)
		event_free(schedule->stop);
	free(schedule);
}

static size_t find_source(const struct fetch_config *config, const char *name)
{
	size_t at = 0;

	while (at < config->count && strcmp(config->sources[at]->name, name) != 0)
		at++;
	return at;
}

/* source: what the section says now; NULL: it is gone. */
static void slot_apply(struct slot *slot, struct fetch_source *source)
{
	bool same = source != NULL && fetch_source_same(source, slot->source);

	fetch_source_free(slot->changed);
	slot->changed = NULL;
	slot->removed = source == NULL;
	if (same) {
		fetch_source_free(source);
		if (slot->state == SLOT_WAITING && slot->tries > 0)
			slot_queue(slot); /* what was wrong may have been put right */
		return;
	}
	slot->changed = source;
	if (slot->run != NULL)
		source_run_stop(slot->run, false); /* on_over() goes on */
	else if (slot->removed)
		slot_free(slot);
	else
		slot_replace(slot);
}

void schedule_reload(struct schedule *schedule, struct fetch_config *config)
{
	struct slot *slot, *next;

	for (slot = TAILQ_FIRST(&schedule->slots); slot != NULL; slot = next) {
		size_t at = find_source(config, slot->source->name);

		next = TAILQ_NEXT(slot, link);
		slot_apply(slot, at < config->count ? fetch_config_take(config, at) : NULL);
	}
	while (config->count > 0)
		slot_queue(slot_new(schedule, fetch_config_take(config, 0)));
}

void schedule_now(struct schedule *schedule)
{
	struct slot *slot;

	TAILQ_FOREACH(slot, &schedule->slots, link)
	{
		if (slot->state == SLOT_WATCHING)
			source_run_now(slot->run);
		else if (slot->state == SLOT_WORKING)
			slot->asked = true;
		else if (slot->state == SLOT_WAITING && schedule->stop == NULL)
			slot_queue(slot);
	}
}

static void stop_all(struct schedule *schedule, bool cut)
{
	struct slot *slot, *next;

	for (slot = TAILQ_FIRST(&schedule->slots); slot != NULL; slot = next) {
		next = TAILQ_NEXT(slot, link);
		(void)event_del(slot->timer);
		if (slot->run != NULL)
			source_run_stop(slot->run, cut);
	}
}

static void on_stop(evutil_socket_t fd, short what, void *ctx)
{
	struct schedule *schedule = ctx;
	int64_t spent_ms = deadline_in_ms(0).at_ms - schedule->stop_began_ms;

	(void)fd;
	(void)what;
	if (spent_ms >= END_MS)
		(void)event_base_loopexit(schedule->world.base, NULL);
	else if (spent_ms >= GRACE_MS)
		stop_all(schedule, true);
}

void schedule_stop(struct schedule *schedule)
{
	static const struct timeval tick = {.tv_sec = 1};

	if (schedule->stop != NULL)
		return;
	schedule->stop_began_ms = deadline_in_ms(0).at_ms;
	schedule->stop = event_new(schedule->world.base, -1, EV_PERSIST, on_stop, schedule);
	if (schedule->stop == NULL || event_add(schedule->stop, &tick) != 0)
		abort(); /* as xalloc: out of memory */
	stop_all(schedule, false);
	end_if_done(schedule);
}

/* What is known -----------------------------------------------------------------------------------
 */

enum run_stage schedule_worst(const struct schedule *schedule)
{
	enum run_stage worst = RUN_STAGE_NONE;
	const struct slot *slot;

	TAILQ_FOREACH(slot, &schedule->slots, link)
	{
		if (slot->result.what != OUTCOME_OK && slot->result.stage > worst)
			worst = slot->result.stage;
	}
	return worst;
}

uint64_t schedule_messages(const struct schedule *schedule)
{
	const struct slot *slot;
	uint64_t messages = 0;

	TAILQ_FOREACH(slot, &schedule->slots, link)
	{
		messages += slot->result.messages;
	}
	return messages;
}

static void add_number(struct json_object *object, const char *key, int64_t number)
{
	(void)json_object_object_add(object, key, json_object_new_int64(number));
}

static void add_text(struct json_object *object, const char *key, const char *text)
{
	(void)json_object_object_add(object, key, json_object_new_string(text));
}

static void describe_failure(const struct slot *slot, struct json_object *object)
{
	const struct diagnosis *diagnosis =
		diagnosis_find(DIAGNOSIS_IMAP, span_from_str(slot->result.err.text));

	add_number(object, "tries", slot->tries);
	add_number(object, "failing_since", slot->failing_since_s);
	add_text(object, "error", slot->result.err.text);
	if (diagnosis != NULL)
		add_text(object, "meaning", diagnosis->meaning);
	if (diagnosis != NULL && diagnosis->remedy != NULL)
		add_text(object, "remedy", diagnosis->remedy);
}

struct json_object *schedule_describe(const struct schedule *schedule)
{
	struct json_object *all = json_object_new_object();
	const struct slot *slot;

	TAILQ_FOREACH(slot, &schedule->slots, link)
	{
		struct json_object *object = json_object_new_object();

		add_text(object, "state", state_names[slot->state]);
		add_number(object, "since", slot->since_s);
		add_number(object, "next", slot->next_s);
		if (slot->tries > 0)
			describe_failure(slot, object);
		(void)json_object_object_add(all, slot->source->name, object);
	}
	return all;
}

const char *schedule_summary(const struct schedule *schedule, char *text, size_t size)
{
	size_t watched = 0, working = 0, failing = 0;
	const struct slot *slot;

	TAILQ_FOREACH(slot, &schedule->slots, link)
	{
		watched += slot->state == SLOT_WATCHING;
		working += slot->state == SLOT_WORKING;
		failing += slot->tries > 0;
	}
	(void)snprintf(text, size, "%zu sections: %zu watched, %zu at work, %zu failing",
		       schedule->count, watched, working, failing);
	return text;
}
