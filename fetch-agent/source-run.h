/* SPDX-License-Identifier: MIT */
/*
 * source-run.h - one connection for one [fetch] section, or for one of its folders: log in, each
 * folder in turn, and then either log out, or watch and fetch again.
 *
 * Going over the folders is a pass; it leaves one row in the state. Its owner (schedule.h) decides
 * after each what is next, and writes the line in the log.
 */
#ifndef FETCH_AGENT_SOURCE_RUN_H
#define FETCH_AGENT_SOURCE_RUN_H

#include <event2/dns.h>
#include <event2/event.h>

#include "fetch-agent/fetch-config.h"
#include "fetch-agent/mailbox.h"
#include "fetch-agent/net/tls-contexts.h"
#include "fetch-agent/state/state.h"
#include "fetch-agent/worker.h"

/* What all runs share. */
struct run_world {
	struct event_base *base;
	struct evdns_base *dns;
	struct tls_contexts *tls;
	struct worker *worker;	 /* NULL with check */
	struct state *state;	 /* NULL with check */
	struct spawner *spawner; /* NULL: no section has an MDA */
	const char *helper_socket;
	struct mailbox_progress *progress; /* of all together; NULL: nobody looks */
	bool check;			   /* log in, say what is there, touch nothing */
	bool stays; /* a connection is kept and watched where the section says so */
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
	struct err err; /* of the first failure, and its folder */
	unsigned where; /* whose words those are: enum diagnosis_where */
	uint64_t messages, bytes, told, left, later, refused, known;
	bool only_messages; /* what went wrong concerns single messages: all else is well */
	int64_t spent_ms;
	bool watched;	 /* the connection broke while nothing was to be done */
	bool lost;	 /* it broke just after the pass */
	bool cancelled;	 /* it was told to stop before it did anything */
	bool watch_able; /* the server has what it takes */
	size_t covers;	 /* how many of the folders the connection watches, from the first on */
};

#define RUN_LOG_OUT (-1)

/* All but mine and over may be NULL without world.stays. */
struct run_handler {
	/*
	 * A pass is over and the connection can be watched. Answer: after how many ms there is to
	 * be another whatever happens, 0: only if something does, RUN_LOG_OUT: over follows.
	 */
	int64_t (*passed)(void *ctx, const struct run_result *result);
	/* Another pass begins, after passed. */
	void (*woke)(void *ctx);
	/* Is the folder this run's now? Else another connection of the section sees to it. */
	bool (*mine)(void *ctx, const char *folder);
	/* Once, from the event loop; the run is gone when it returns. */
	void (*over)(void *ctx, const struct run_result *result);
	void *ctx;
};

struct source_run;

/* only: of the section's folders this one; NULL: all. World, source and only are borrowed until
 * over; handler is copied. over is never called from here. */
struct source_run *source_run_start(const struct run_world *world,
				    const struct fetch_source *source, const char *only,
				    const struct run_handler *handler);

/* Another pass now, if it watches. */
void source_run_now(struct source_run *run);

/* The folders as they were last looked up, borrowed until the next pass; NULL: index is too high.
 */
const char *source_run_folder(const struct source_run *run, size_t index);
/* Is it fetching that folder right now? */
bool source_run_is_in(const struct source_run *run, const char *folder);

/*
 * Ends it: at the next folder, or where it is harmless. cut: now; what is whole is still delivered
 * and noted. over follows, perhaps from here.
 */
void source_run_stop(struct source_run *run, bool cut);

#endif
