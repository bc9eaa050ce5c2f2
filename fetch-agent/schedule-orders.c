/* SPDX-License-Identifier: MIT */
/* schedule-orders.c - what signals and people ask of a schedule: another configuration, everything
 * now, the end. See schedule.h. */
#include "fetch-agent/schedule-private.h"

#include <stdlib.h>
#include <string.h>

#include "common/deadline.h"

#include "common/banned.h"

#define GRACE_MS 3000 /* at the end: for what is under way */
#define END_MS	 8000 /* for everything */

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
		schedule_settle_soon(section->schedule);
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
		slot_queue(section_add(schedule, fetch_config_take(config, 0)));
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
	else if (slot->state == SLOT_WAITING && !slot_is_asked_to_end(slot))
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
	schedule_end_if_done(schedule);
}
