/* SPDX-License-Identifier: MIT */
/*
 * commit-queue.h - the grants that one turn of the event loop brings, made durable together.
 *
 * A sync takes milliseconds, in which nobody is answered, and for many files hardly longer than for
 * one. A grant stands in a file as soon as it is added; its owner is told when it is durable, and
 * hands out nothing of it before. At most so many are synced at once that whoever asks for a token
 * that lives has his turn in between.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_COMMIT_QUEUE_H
#define TOKEN_HELPER_ACCOUNTS_COMMIT_QUEUE_H

#include "common/outcome.h"
#include "token-helper/store/store.h"

struct commit;
struct commit_queue;
struct event_base;

#define COMMIT_GROUP_MAX 12

/* As of store_commit(). */
typedef void commit_done_fn(void *context, enum outcome outcome, const struct err *err);

struct commit_queue *commit_queue_new(struct event_base *base);
void commit_queue_free(struct commit_queue *queue); /* nothing is in it any more; NULL is fine */

/* Takes the slot. Never NULL; done is called later, from the loop, once. */
struct commit *commit_queue_add(struct commit_queue *queue, struct store_slot *slot,
				const struct grant *grant, commit_done_fn *done, void *context);

/* Does not wait for the others; done is not called. Takes the commit. */
enum outcome commit_now(struct commit *commit, struct err *err);

#endif
