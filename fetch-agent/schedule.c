/* SPDX-License-Identifier: MIT */
/* schedule.c - who waits, who runs, and what runs tell: see schedule.h and schedule-private.h. */
#include "fetch-agent/schedule.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/clock.h"
#include "common/deadline.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "fetch-agent/folder-list.h"
#include "fetch-agent/schedule-private.h"

#include "common/banned.h"

#define BUSY_MAX	200 /* that log in or fetch at the same time */
#define RUN_DESCRIPTORS 8   /* of each of those at most; one that only watches has one */
#define SPREAD_MS	30  /* between the first runs of two sections, on average */
#define SPREAD_MAX_MS	60000

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

void slot_queue(struct slot *slot)
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
	if (ms == SCHEDULE_NEVER)
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

struct slot *slot_new(struct schedule *schedule, struct fetch_source *source)
{
	struct slot *slot = xcalloc(1, sizeof(*slot));

	slot->schedule = schedule;
	slot->source = source;
	TAILQ_INIT(&slot->branches);
	slot->timer = evtimer_new(schedule->world.base, on_due, slot);
	if (slot->timer == NULL)
		abort(); /* as xalloc: out of memory */
	slot_join(slot);
	return slot;
}

struct slot *section_add(struct schedule *schedule, struct fetch_source *source)
{
	struct slot *slot = slot_new(schedule, source);

	TAILQ_INSERT_TAIL(&schedule->sections, slot, link);
	schedule->count++;
	return slot;
}

void slot_free(struct slot *slot)
{
	if (slot->section != NULL) {
		TAILQ_REMOVE(&slot->section->branches, slot, link);
	} else {
		TAILQ_REMOVE(&slot->schedule->sections, slot, link);
		slot->schedule->count--;
		fetch_source_free(slot->source);
	}
	turns_leave(slot->schedule->turns, &slot->turn);
	event_free(slot->timer);
	fetch_source_free(slot->changed);
	free(slot->folder);
	free(slot);
}

/* What runs tell --------------------------------------------------------------------------------
 */

/* One connection for one plain name: there is nothing that only an interval would bring. */
static bool watches_alone(const struct slot *slot)
{
	return source_run_folder(slot->run, 1) == NULL && !folder_list_is_needed(slot->source);
}

/* A folder is fetched by one connection at a time. */
static bool on_mine(void *ctx, const char *folder)
{
	const struct slot *slot = ctx;
	const struct slot *branch = slot->section == NULL ? branch_find(slot, folder) : NULL;

	return branch == NULL || branch->run == NULL;
}

static int64_t on_passed(void *ctx, const struct run_result *result)
{
	struct slot *slot = ctx;
	bool complete = result->what == OUTCOME_OK && watches_alone(slot) && result->left == 0;
	int64_t next_ms;

	if (!slot_may_watch(slot, result))
		return RUN_LOG_OUT; /* on_over() reports */
	next_ms = slot_take_result(slot, result);
	turns_rest(slot->schedule->turns, &slot->turn);
	start_soon(slot->schedule); /* for others: this one is not busy any more */
	slot_change(slot, SLOT_WATCHING);
	if (slot->section == NULL)
		branches_arrange(slot, result);
	if (slot->asked)
		next_ms = 1;
	else if (complete || next_ms == SCHEDULE_NEVER)
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

	if (slot->poll_told || slot_is_asked_to_end(slot) || !wanted || result->what != OUTCOME_OK)
		return;
	slot->poll_told = true;
	log_info("fetch=%s account=%s not watched, but fetched every %" PRId64 " s: %s",
		 slot->source->name, slot->source->account, slot->source->interval_s,
		 result->watch_able
			 ? "the account's sections need more connections than it may have"
			 : "the server has no IDLE");
}

/* What was changed takes its place; the limits may be others. */
static void section_replace(struct slot *slot)
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

/* A section that is to be another, or none: once no connection of it is left. */
static void section_settle(struct slot *section)
{
	if (section->run != NULL || !TAILQ_EMPTY(&section->branches))
		return;
	if (section->removed)
		slot_free(section);
	else if (section->changed != NULL)
		section_replace(section);
}

void schedule_settle_soon(struct schedule *schedule)
{
	schedule->to_settle = true;
	start_soon(schedule);
}

static void settle(struct schedule *schedule)
{
	struct slot *section, *next;

	schedule->to_settle = false;
	for (section = TAILQ_FIRST(&schedule->sections); section != NULL; section = next) {
		next = TAILQ_NEXT(section, link);
		section_settle(section);
	}
}

void schedule_end_if_done(struct schedule *schedule)
{
	bool waits = false;
	const struct slot *slot;

	TAILQ_FOREACH(slot, &schedule->sections, link)
	{
		waits = waits || !slot->has_run;
	}
	if (schedule->running == 0 &&
	    (schedule->stop != NULL || (!schedule->world.stays && !waits)))
		(void)event_base_loopexit(schedule->world.base, NULL);
}

/* A branch that was not needed, or may not watch, leaves its folder to the section. */
static void branch_over(struct slot *branch, const struct run_result *result, int64_t next_ms)
{
	bool again = result->what != OUTCOME_OK || result->lost;

	if (again && !slot_is_asked_to_end(branch)) {
		slot_wait(branch, next_ms);
		return;
	}
	schedule_settle_soon(branch->schedule);
	slot_free(branch);
}

static void section_over(struct slot *section, int64_t next_ms)
{
	struct schedule *schedule = section->schedule;

	slot_change(section, SLOT_WAITING);
	if (schedule->stop != NULL || !schedule->world.stays)
		return;
	if (slot_is_asked_to_end(section))
		schedule_settle_soon(schedule);
	else if (section->asked)
		slot_queue(section);
	else
		slot_wait(section, next_ms);
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
	if (!reported && !result->cancelled && !(result->watched && slot_is_asked_to_end(slot)))
		next_ms = slot_take_result(slot, result);
	if (result->lost && next_ms != SCHEDULE_NEVER)
		next_ms = SCHEDULE_SOON_MS;
	if (slot->section != NULL) {
		branch_over(slot, result, next_ms);
	} else {
		tell_of_polling(slot, result);
		section_over(slot, next_ms);
	}
	start_soon(schedule);
	schedule_end_if_done(schedule);
}

/* Its section's own connection may be in the folder of a branch just now. */
static bool is_taken(const struct slot *slot)
{
	const struct slot *section = slot->section;

	return section != NULL && section->run != NULL &&
	       source_run_is_in(section->run, slot->folder);
}

static void slot_start(struct slot *slot)
{
	struct schedule *schedule = slot->schedule;
	struct run_handler handler = {on_passed, on_woke, on_mine, on_over, slot};

	if (is_taken(slot)) {
		turns_give_back(schedule->turns, &slot->turn);
		slot_wait(slot, SCHEDULE_SOON_MS);
		return;
	}
	schedule->running++;
	slot_change(slot, SLOT_WORKING);
	slot->asked = false;
	slot->began_ms = deadline_in_ms(0).at_ms;
	slot->run = source_run_start(&schedule->world, slot->source, slot->folder, &handler);
}

static void on_start(evutil_socket_t fd, short what, void *ctx)
{
	struct schedule *schedule = ctx;
	struct turn *turn;

	(void)fd;
	(void)what;
	if (schedule->to_settle && schedule->stop == NULL)
		settle(schedule);
	while (schedule->stop == NULL && (turn = turns_next(schedule->turns)) != NULL)
		slot_start((struct slot *)((char *)turn - offsetof(struct slot, turn)));
}

/* Life -------------------------------------------------------------------------------------------
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
		slot_wait(slot, spread_ms * (schedule_chance() % 1024) / 1024);
}

struct schedule *schedule_new(const struct run_world *world, struct fetch_config *config)
{
	struct schedule *schedule = xcalloc(1, sizeof(*schedule));
	struct slot *slot;
	size_t most = open_max();

	schedule->world = *world;
	TAILQ_INIT(&schedule->sections);
	schedule->turns = turns_new(most < BUSY_MAX ? most : BUSY_MAX, most);
	schedule->start = evtimer_new(world->base, on_start, schedule);
	if (schedule->start == NULL)
		abort(); /* as xalloc: out of memory */
	while (config->count > 0)
		(void)section_add(schedule, fetch_config_take(config, 0));
	TAILQ_FOREACH(slot, &schedule->sections, link)
	{
		slot_begin(slot);
	}
	return schedule;
}

void schedule_free(struct schedule *schedule)
{
	struct slot *slot, *branch;

	if (schedule == NULL)
		return;
	while ((slot = TAILQ_FIRST(&schedule->sections)) != NULL) {
		while ((branch = TAILQ_FIRST(&slot->branches)) != NULL)
			slot_free(branch);
		slot_free(slot);
	}
	turns_free(schedule->turns);
	event_free(schedule->start);
	if (schedule->stop != NULL)
		event_free(schedule->stop);
	free(schedule);
}
