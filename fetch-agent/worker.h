/* SPDX-License-Identifier: MIT */
/*
 * worker.h - one thread for what blocks: syncing, renaming, the state's database.
 *
 * Jobs run one after the other, in order; when one has ended, done runs in the event loop's thread.
 * A job touches nothing but what its argument holds.
 */
#ifndef FETCH_AGENT_WORKER_H
#define FETCH_AGENT_WORKER_H

#include <event2/event.h>

struct worker;

typedef void worker_fn(void *job);

struct worker *worker_new(struct event_base *base); /* ends the process when it cannot start */
void worker_free(struct worker *worker);	    /* waits for the jobs; done does not run */

/* For a job that others stand on, and that failed: none of them is begun. */
void worker_halt(struct worker *worker);

/* work in the thread, then done in the loop; job is the caller's and lives until done. */
void worker_submit(struct worker *worker, worker_fn *work, worker_fn *done, void *job);

#endif
