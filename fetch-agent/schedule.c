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
#include "fetch-agent/folder-list.h"
#include "fetch-agent/run-report.h"
#include "fetch-agent/schedule-private.h"

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
	TAILQ_INIT(&slot->branches);
	slot->timer = evtimer_new(schedule->world.base, on_due, slot);
	if (slot->timer == NULL)
		abort(); /* as xalloc: out of memory */
	slot_join(slot);
	return slot;
}

static struct slot *section_new(struct schedule *schedule, struct fetch_source *source)
{
	struct slot *slot = slot_new(schedule, source);

	TAILQ_INSERT_TAIL(&schedule->sections, slot, link);
	schedule->count++;
	return slot;
}

static void branch_new(struct slot *section, const char *folder)
{
	struct slot *branch = slot_new(section->schedule, section->source);

	branch->section = section;
	branch->folder = xstrdup(folder);
	TAILQ_INSERT_TAIL(&section->branches, branch, link);
	slot_queue(branch);
}

/* Its run is over, its branches are gone. */
static void slot_free(struct slot *slot)
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

/* Results ----------------------------------------------------------------------------------------
 */

static bool is_asked_to_end(const struct slot *slot)
{
	const struct slot *section = slot->section != NULL ? slot->section : slot;

	return slot->removed || section->removed || section->changed != NULL ||
	       slot->schedule->stop != NULL;
}

/* What the server asks for, or the table of diagnoses knows to be worth it. */
static int64_t asked_ms(const struct run_result *result)
{
	struct span said = span_from_str(result->err.text);
	const struct diagnosis *diagnosis = diagnosis_find(result->where, said);
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

	/* A message that is set aside does not make the next ones wait. */
	if (result->what == OUTCOME_OK || result->only_messages) {
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
		.check = slot->schedule->world.check,
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

/* It was asked for a place to watch from: may it keep the one it has? A server that wants to be
 * left alone is. */
static bool may_watch(struct slot *slot, const struct run_result *result)
{
	bool unwanted =
		result->what != OUTCOME_OK && !result->only_messages && asked_ms(result) > 0;

	return !unwanted && !is_asked_to_end(slot) &&
	       turns_may_rest(slot->schedule->turns, &slot->turn);
}

/* Branches ---------------------------------------------------------------------------------------
 */

static struct slot *branch_of(const struct slot *section, const char *folder)
{
	struct slot *branch;

	TAILQ_FOREACH(branch, &section->branches, link)
	{
		if (strcmp(branch->folder, folder) == 0)
			return branch;
	}
	return NULL;
}

/* From then on the section's own connection sees to its folder. */
static void branch_end(struct slot *branch)
{
	branch->removed = true;
	if (branch->run != NULL)
		source_run_stop(branch->run, false); /* on_over() goes on */
	else
		slot_free(branch);
}

static void branches_end(struct slot *section)
{
	struct slot *branch, *next;

	for (branch = TAILQ_FIRST(&section->branches); branch != NULL; branch = next) {
		next = TAILQ_NEXT(branch, link);
		branch_end(branch);
	}
}

/* Whether the section's own connection watches it, or it is there no more. */
static bool is_needless(const struct slot *branch, const struct run_result *result)
{
	const struct source_run *run = branch->section->run;
	const char *name;

	for (size_t i = result->covers; (name = source_run_folder(run, i)) != NULL; i++) {
		if (strcmp(name, branch->folder) == 0)
			return false;
	}
	return true;
}

static void tell_of_few(struct slot *section, size_t polled)
{
	if (polled == 0 || section->poll_told)
		return;
	section->poll_told = true;
	log_info("fetch=%s account=%s %zu folders are not watched, but fetched every %" PRId64
		 " s: `connections` allows no more",
		 section->source->name, section->source->account, polled,
		 section->source->interval_s);
}

/* Each folder that the section's own connection does not watch gets one, while there are places. */
static void branches_arrange(struct slot *section, const struct run_result *result)
{
	struct slot *branch, *next;
	const char *name;
	size_t polled = 0;

	for (branch = TAILQ_FIRST(&section->branches); branch != NULL; branch = next) {
		next = TAILQ_NEXT(branch, link);
		if (is_needless(branch, result))
			branch_end(branch);
	}
	for (size_t i = result->covers; (name = source_run_folder(section->run, i)) != NULL; i++) {
		if (branch_of(section, name) != NULL)
			continue;
		if (turns_spare(section->schedule->turns, &section->turn) > 0)
			branch_new(section, name);
		else
			polled++;
	}
	tell_of_few(section, polled);
}

/* Other sections come first: when they need the places, those of branches are given up. */
static void branches_yield(struct slot *section)
{
	size_t excess = turns_excess(section->schedule->turns, &section->turn);
	struct slot *branch, *next;

	for (branch = TAILQ_FIRST(&section->branches); branch != NULL && excess > 0;
	     branch = next) {
		next = TAILQ_NEXT(branch, link);
		excess--;
		branch_end(branch);
	}
}

/* One connection for one plain name: there is nothing that only an interval would bring. */
static bool watches_alone(const struct slot *slot)
{
	return source_run_folder(slot->run, 1) == NULL && !folder_list_is_needed(slot->source);
}

/* A folder is fetched by one connection at a time. */
static bool on_mine(void *ctx, const char *folder)
{
	const struct slot *slot = ctx;
	const struct slot *branch = slot->section == NULL ? branch_of(slot, folder) : NULL;

	return branch == NULL || branch->run == NULL;
}

static int64_t on_passed(void *ctx, const struct run_result *result)
{
	struct slot *slot = ctx;
	bool complete = result->what == OUTCOME_OK && watches_alone(slot) && result->left == 0;
	int64_t next_ms;

	if (!may_watch(slot, result))
		return RUN_LOG_OUT; /* on_over() reports */
	next_ms = take_result(slot, result);
	turns_rest(slot->schedule->turns, &slot->turn);
	start_soon(slot->schedule); /* for others: this one is not busy any more */
	slot_change(slot, SLOT_WATCHING);
	if (slot->section == NULL)
		branches_arrange(slot, result);
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

/* From the event loop: nobody holds any of them then. */
static void settle_soon(struct schedule *schedule)
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

static void end_if_done(struct schedule *schedule)
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

	if (again && !is_asked_to_end(branch)) {
		slot_wait(branch, next_ms);
		return;
	}
	settle_soon(branch->schedule);
	slot_free(branch);
}

static void section_over(struct slot *section, int64_t next_ms)
{
	struct schedule *schedule = section->schedule;

	slot_change(section, SLOT_WAITING);
	if (schedule->stop != NULL || !schedule->world.stays)
		return;
	if (is_asked_to_end(section))
		settle_soon(schedule);
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
	if (!reported && !result->cancelled && !(result->watched && is_asked_to_end(slot)))
		next_ms = take_result(slot, result);
	if (result->lost && next_ms != NEVER)
		next_ms = SOON_MS;
	if (slot->section != NULL) {
		branch_over(slot, result, next_ms);
	} else {
		tell_of_polling(slot, result);
		section_over(slot, next_ms);
	}
	start_soon(schedule);
	end_if_done(schedule);
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
		slot_wait(slot, SOON_MS);
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
	TAILQ_INIT(&schedule->sections);
	schedule->turns = turns_new(most < BUSY_MAX ? most : BUSY_MAX, most);
	schedule->start = evtimer_new(world->base, on_start, schedule);
	if (schedule->start == NULL)
		abort(); /* as xalloc: out of memory */
	while (config->count > 0)
		(void)section_new(schedule, fetch_config_take(config, 0));
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

static size_t find_source(const struct fetch_config *config, const char *name)
{
	size_t at = 0;

	while (at < config->count && strcmp(config->sources[at]->name, name) != 0)
		at++;
	return at;
}

/* What was wrong may have been put right. */
static void retry_now(struct slot *section)
{
	struct slot *branch;

	if (section->state == SLOT_WAITING && section->tries > 0)
		slot_queue(section);
	TAILQ_FOREACH(branch, &section->branches, link)
	{
		if (branch->state == SLOT_WAITING)
			slot_queue(branch);
	}
}

/* source: what the section says now; NULL: it is gone. */
static void section_apply(struct slot *section, struct fetch_source *source)
{
	bool same = source != NULL && fetch_source_same(source, section->source);

	fetch_source_free(section->changed);
	section->changed = NULL;
	section->removed = source == NULL;
	if (same) {
		fetch_source_free(source);
		retry_now(section);
		return;
	}
	section->changed = source;
	(void)event_del(section->timer);
	branches_end(section);
	if (section->run != NULL)
		source_run_stop(section->run, false); /* on_over() goes on */
	else
		settle_soon(section->schedule);
}

void schedule_reload(struct schedule *schedule, struct fetch_config *config)
{
	struct slot *slot, *next;

	for (slot = TAILQ_FIRST(&schedule->sections); slot != NULL; slot = next) {
		size_t at = find_source(config, slot->source->name);

		next = TAILQ_NEXT(slot, link);
		section_apply(slot, at < config->count ? fetch_config_take(config, at) : NULL);
	}
	while (config->count > 0)
		slot_queue(section_new(schedule, fetch_config_take(config, 0)));
	TAILQ_FOREACH(slot, &schedule->sections, link)
	{
		branches_yield(slot);
	}
}

static void slot_now(struct slot *slot)
{
	if (slot->state == SLOT_WATCHING)
		source_run_now(slot->run);
	else if (slot->state == SLOT_WORKING)
		slot->asked = true;
	else if (slot->state == SLOT_WAITING && !is_asked_to_end(slot))
		slot_queue(slot);
}

void schedule_now(struct schedule *schedule)
{
	struct slot *section, *branch;

	TAILQ_FOREACH(section, &schedule->sections, link)
	{
		slot_now(section);
		TAILQ_FOREACH(branch, &section->branches, link)
		{
			slot_now(branch);
		}
	}
}

/* Its place in a list may be gone when it returns. */
static void slot_stop(struct slot *slot, bool cut)
{
	(void)event_del(slot->timer);
	if (slot->run != NULL)
		source_run_stop(slot->run, cut);
}

static void stop_all(struct schedule *schedule, bool cut)
{
	struct slot *section, *branch, *next;

	TAILQ_FOREACH(section, &schedule->sections, link)
	{
		for (branch = TAILQ_FIRST(&section->branches); branch != NULL; branch = next) {
			next = TAILQ_NEXT(branch, link);
			slot_stop(branch, cut);
		}
	}
	for (section = TAILQ_FIRST(&schedule->sections); section != NULL; section = next) {
		next = TAILQ_NEXT(section, link);
		slot_stop(section, cut);
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
