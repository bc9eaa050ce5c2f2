/* SPDX-License-Identifier: MIT */
/* schedule.c - see schedule.h. */
#include "fetch-agent/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#include "common/banned.h"

#define CONNECTIONS_MAX		200
#define CONNECTIONS_ACCOUNT_MAX 4

enum slot_state {
	SLOT_WAITING,
	SLOT_RUNNING,
	SLOT_DONE,
};

struct slot {
	struct schedule *schedule;
	const struct fetch_source *source;
	enum slot_state state;
};

struct schedule {
	struct run_world world;
	struct slot *slots;
	struct run_result *results;
	size_t count, running, done;
	struct event *start;
};

static bool may_start(const struct schedule *schedule, const struct slot *slot)
{
	size_t same = 0;

	if (slot->state != SLOT_WAITING || schedule->running >= CONNECTIONS_MAX)
		return false;
	for (size_t i = 0; i < schedule->count; i++) {
		const struct slot *other = &schedule->slots[i];

		same += other->state == SLOT_RUNNING &&
			strcmp(other->source->account, slot->source->account) == 0;
	}
	return same < CONNECTIONS_ACCOUNT_MAX;
}

static void start_soon(struct schedule *schedule)
{
	static const struct timeval at_once = {0};

	if (event_add(schedule->start, &at_once) != 0)
		abort(); /* as xalloc: out of memory */
}

static void on_run(void *ctx, const struct run_result *result)
{
	struct slot *slot = ctx;
	struct schedule *schedule = slot->schedule;

	schedule->results[slot - schedule->slots] = *result;
	slot->state = SLOT_DONE;
	schedule->running--;
	schedule->done++;
	start_soon(schedule);
}

static void on_start(evutil_socket_t fd, short what, void *ctx)
{
	struct schedule *schedule = ctx;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < schedule->count; i++) {
		struct slot *slot = &schedule->slots[i];

		if (may_start(schedule, slot)) {
			slot->state = SLOT_RUNNING;
			schedule->running++;
			source_run_start(&schedule->world, slot->source, on_run, slot);
		}
	}
	if (schedule->done == schedule->count)
		(void)event_base_loopbreak(schedule->world.base);
}

struct schedule *schedule_new(const struct run_world *world, const struct fetch_config *config)
{
	struct schedule *schedule = xcalloc(1, sizeof(*schedule));

	schedule->world = *world;
	schedule->count = config->count;
	schedule->slots = xcalloc(config->count, sizeof(*schedule->slots));
	schedule->results = xcalloc(config->count, sizeof(*schedule->results));
	for (size_t i = 0; i < config->count; i++)
		schedule->slots[i] = (struct slot){schedule, config->sources[i], SLOT_WAITING};
	schedule->start = evtimer_new(world->base, on_start, schedule);
	if (schedule->start == NULL)
		abort(); /* as xalloc: out of memory */
	start_soon(schedule);
	return schedule;
}

void schedule_free(struct schedule *schedule)
{
	if (schedule == NULL)
		return;
	event_free(schedule->start);
	free(schedule->slots);
	free(schedule->results);
	free(schedule);
}

const struct run_result *schedule_results(const struct schedule *schedule)
{
	return schedule->results;
}
