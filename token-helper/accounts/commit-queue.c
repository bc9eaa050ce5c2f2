/* SPDX-License-Identifier: MIT */
/* commit-queue.c - see commit-queue.h. */
#include "token-helper/accounts/commit-queue.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "common/log.h"
#include "common/xalloc.h"

#include "common/banned.h"

TAILQ_HEAD(commit_list, commit);

struct commit {
	TAILQ_ENTRY(commit) link;
	struct commit_queue *queue;
	struct store_written written; /* its slot NULL: the outcome is known */
	bool is_made;		      /* it is in the list of those */
	commit_done_fn *done;
	void *context;
};

struct commit_queue {
	struct event *turn;
	struct commit_list waiting;
	struct commit_list made; /* whose owners are to be told */
};

static void turn_soon(struct commit_queue *queue)
{
	static const struct timeval now = {0};

	/* Adding it anew would put it off (http-client.c). */
	if (!evtimer_pending(queue->turn, NULL))
		(void)event_add(queue->turn, &now);
}

static void make_durable(struct commit_queue *queue)
{
	struct store_written *group[COMMIT_GROUP_MAX];
	struct commit *commit;
	size_t count = 0;

	while (count < COMMIT_GROUP_MAX && (commit = TAILQ_FIRST(&queue->waiting)) != NULL) {
		TAILQ_REMOVE(&queue->waiting, commit, link);
		TAILQ_INSERT_TAIL(&queue->made, commit, link);
		commit->is_made = true;
		if (commit->written.slot != NULL)
			group[count++] = &commit->written;
	}
	store_commit_written(group, count);
}

/* Who is told may ask, or take away what waits here for another: the list is read anew each time.
 */
static void tell(struct commit_queue *queue)
{
	struct commit *commit;

	while ((commit = TAILQ_FIRST(&queue->made)) != NULL) {
		TAILQ_REMOVE(&queue->made, commit, link);
		commit->done(commit->context, commit->written.outcome, &commit->written.err);
		free(commit);
	}
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
	struct commit_queue *queue = context;

	(void)fd;
	(void)what;
	make_durable(queue);
	if (!TAILQ_EMPTY(&queue->waiting))
		turn_soon(queue);
	tell(queue);
}

struct commit_queue *commit_queue_new(struct event_base *base)
{
	struct commit_queue *queue = xcalloc(1, sizeof(*queue));

	TAILQ_INIT(&queue->waiting);
	TAILQ_INIT(&queue->made);
	queue->turn = evtimer_new(base, on_turn, queue);
	if (queue->turn == NULL)
		fatal("out of memory");
	return queue;
}

void commit_queue_free(struct commit_queue *queue)
{
	if (queue == NULL)
		return;
	event_free(queue->turn);
	free(queue);
}

struct commit *commit_queue_add(struct commit_queue *queue, struct store_slot *slot,
				const struct grant *grant, commit_done_fn *done, void *context)
{
	struct commit *commit = xcalloc(1, sizeof(*commit));
	struct store_written *written = &commit->written;

	commit->queue = queue;
	commit->done = done;
	commit->context = context;
	written->slot = slot;
	written->outcome = store_write(slot, grant, &written->err);
	if (written->outcome != OUTCOME_OK) {
		store_abort(slot);
		written->slot = NULL;
	}
	TAILQ_INSERT_TAIL(&queue->waiting, commit, link);
	turn_soon(queue);
	return commit;
}

enum outcome commit_now(struct commit *commit, struct err *err)
{
	struct commit_queue *queue = commit->queue;
	struct store_written *written = &commit->written;
	enum outcome outcome;

	TAILQ_REMOVE(commit->is_made ? &queue->made : &queue->waiting, commit, link);
	if (written->slot != NULL)
		store_commit_written(&written, 1);
	outcome = written->outcome;
	if (outcome != OUTCOME_OK)
		*err = written->err;
	free(commit);
	return outcome;
}
