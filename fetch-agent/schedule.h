/* SPDX-License-Identifier: MIT */
/*
 * schedule.h - when each section is fetched: once, or for ever.
 *
 * Whoever is due waits for a place (turns.h). With world.stays a section comes again after its
 * interval, is watched where it says so, and after a failure waits longer each time (backoff.h);
 * one line in the log says of each failure what it means and when it is tried again.
 */
#ifndef FETCH_AGENT_SCHEDULE_H
#define FETCH_AGENT_SCHEDULE_H

#include <json-c/json.h>

#include "fetch-agent/source-run.h"

struct schedule;

/* Takes the sections out of config. world is copied; what it points to is borrowed. Without
 * world.stays the event loop ends when each has run. */
struct schedule *schedule_new(const struct run_world *world, struct fetch_config *config);
void schedule_free(struct schedule *schedule); /* NULL is nothing */

/* What stays as it was keeps its connection; what is gone or changed ends after what is under way.
 * Takes the sections out of config. */
void schedule_reload(struct schedule *schedule, struct fetch_config *config);
/* Everything now, whatever was to be waited for. */
void schedule_now(struct schedule *schedule);
/* Nothing new begins, what is under way comes to its end; then, in some seconds, the loop ends. */
void schedule_stop(struct schedule *schedule);

/* Of the last runs: the gravest failure, and the messages of all. */
enum run_stage schedule_worst(const struct schedule *schedule);
uint64_t schedule_messages(const struct schedule *schedule);

/* Names of sections -> what each does now, for `status`. The caller puts it. */
struct json_object *schedule_describe(const struct schedule *schedule);
/* "12 sections: 10 watched, 1 at work, 1 failing" */
const char *schedule_summary(const struct schedule *schedule, char *text, size_t size);

#endif
