/* SPDX-License-Identifier: MIT */
/*
 * schedule.h - which sources run when. Sources of one account share a limit of connections
 * (Exchange allows some 20, Gmail 15, and other programs want some of them), all sources another.
 */
#ifndef FETCH_AGENT_SCHEDULE_H
#define FETCH_AGENT_SCHEDULE_H

#include "fetch-agent/source-run.h"

/* Every run once, then the event loop ends. results: one for each source, in their order. */
struct schedule;

struct schedule *schedule_new(const struct run_world *world, const struct fetch_config *config);
void schedule_free(struct schedule *schedule);
const struct run_result *schedule_results(const struct schedule *schedule);

#endif
