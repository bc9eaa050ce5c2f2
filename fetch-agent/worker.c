/* SPDX-License-Identifier: MIT */
/* worker.c - see worker.h. */
#include "fetch-agent/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xalloc.h"

#include "common/banned.h"

struct task {
	struct task *next;
	worker_fn *work, *done;
	void *job;
};

struct queue {
	struct task *first, **last;
};

struct worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct queue todo, finished;
	bool stop;
	bool halted;
	int fd; /* eventfd: something is finished */
	struct event *event;
};

static void queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
}

static void queue_push(struct queue *queue, struct task *task)
{
	task->next = NULL;
	*queue->last = task;
	queue->last = &task->next;
}

static struct task *queue_pop(struct queue *queue)
{
	struct task *task = queue->first;

	if (task != NULL) {
		queue->first = task->next;
		if (queue->first == NULL)
			queue->last = &queue->first;
	}
	return task;
}

static void finished_say(struct worker *worker)
{
	static const uint64_t one = 1;

	/* It cannot be full: the loop reads it to zero. */
	while (write(worker->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void *run(void *context)
{
	struct worker *worker = context;

	(void)pthread_mutex_lock(&worker->lock);
	for (;;) {
		struct task *task = worker->halted ? NULL : queue_pop(&worker->todo);

		if (task == NULL && worker->stop)
			break;
		if (task == NULL) {
			(void)pthread_cond_wait(&worker->wake, &worker->lock);
			continue;
		}
		(void)pthread_mutex_unlock(&worker->lock);
		task->work(task->job);
		(void)pthread_mutex_lock(&worker->lock);
		queue_push(&worker->finished, task);
		finished_say(worker);
	}
	(void)pthread_mutex_unlock(&worker->lock);
	return NULL;
}

static void on_finished(evutil_socket_t fd, short what, void *context)
{
	struct worker *worker = context;
	struct task *task;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	for (;;) {
		(void)pthread_mutex_lock(&worker->lock);
		task = queue_pop(&worker->finished);
		(void)pthread_mutex_unlock(&worker->lock);
		if (task == NULL)
			return;
		task->done(task->job);
		free(task);
	}
}

/* Signals are the loop's: the thread is born with all of them blocked. */
static int start_thread(struct worker *worker)
{
	sigset_t all, before;
	int rc;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&worker->thread, NULL, run, worker);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

struct worker *worker_new(struct event_base *base)
{
	struct worker *worker = xcalloc(1, sizeof(*worker));
	int rc;

	queue_init(&worker->todo);
	queue_init(&worker->finished);
	worker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	worker->event = event_new(base, worker->fd, EV_READ | EV_PERSIST, on_finished, worker);
	if (worker->fd < 0 || worker->event == NULL || event_add(worker->event, NULL) != 0 ||
	    pthread_mutex_init(&worker->lock, NULL) != 0 ||
	    pthread_cond_init(&worker->wake, NULL) != 0)
		fatal("no worker thread: %s", strerror(errno));
	rc = start_thread(worker);
	if (rc != 0)
		fatal("no worker thread: %s", strerror(rc));
	return worker;
}

void worker_free(struct worker *worker)
{
	struct task *task;

	(void)pthread_mutex_lock(&worker->lock);
	worker->stop = true;
	(void)pthread_cond_signal(&worker->wake);
	(void)pthread_mutex_unlock(&worker->lock);
	(void)pthread_join(worker->thread, NULL);
	while ((task = queue_pop(&worker->finished)) != NULL)
		free(task);
	while ((task = queue_pop(&worker->todo)) != NULL)
		free(task);
	event_free(worker->event);
	(void)close(worker->fd);
	(void)pthread_cond_destroy(&worker->wake);
	(void)pthread_mutex_destroy(&worker->lock);
	free(worker);
}

void worker_halt(struct worker *worker)
{
	(void)pthread_mutex_lock(&worker->lock);
	worker->halted = true;
	(void)pthread_mutex_unlock(&worker->lock);
}

void worker_submit(struct worker *worker, worker_fn *work, worker_fn *done, void *job)
{
	struct task *task = xcalloc(1, sizeof(*task));

	task->work = work;
	task->done = done;
	task->job = job;
	(void)pthread_mutex_lock(&worker->lock);
	queue_push(&worker->todo, task);
	(void)pthread_cond_signal(&worker->wake);
	(void)pthread_mutex_unlock(&worker->lock);
}
