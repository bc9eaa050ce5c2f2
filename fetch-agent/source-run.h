/* SPDX-License-Identifier: MIT */
/*
 * source-run.h - one [fetch] section, once: log in, each folder in turn, log out, one line in the
 * log, one row in the state.
 */
#ifndef FETCH_AGENT_SOURCE_RUN_H
#define FETCH_AGENT_SOURCE_RUN_H

#include <event2/dns.h>
#include <event2/event.h>

#include "fetch-agent/fetch-config.h"
#include "fetch-agent/state/state.h"
#include "fetch-agent/worker.h"

/* What all runs share. */
struct run_world {
	struct event_base *base;
	struct evdns_base *dns;
	struct worker *worker; /* NULL with check */
	struct state *state;   /* NULL with check */
	struct spawner *spawner; /* NULL: no section has an MDA */
	const char *helper_socket;
	bool check; /* log in, say what is there, touch nothing */
};

/* Where a run failed first: for the exit status. */
enum run_stage {
	RUN_STAGE_NONE,
	RUN_STAGE_CONNECT,
	RUN_STAGE_AUTHENTICATE,
	RUN_STAGE_PROTOCOL,
	RUN_STAGE_CONFIG,
	RUN_STAGE_DELIVER,
};

struct run_result {
	enum outcome what;
	enum run_stage stage;
	uint64_t messages;
};

/* Called once, from the event loop; the run is gone when it returns. */
typedef void run_done_fn(void *ctx, const struct run_result *result);

/* world and source are borrowed until done. */
void source_run_start(const struct run_world *world, const struct fetch_source *source,
		      run_done_fn *done, void *ctx);

#endif
