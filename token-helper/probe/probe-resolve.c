/* SPDX-License-Identifier: MIT */
/*
 * probe-resolve.c - see probe-resolve.h.
 *
 * getaddrinfo() has no deadline but resolv.conf's, which may be a minute. It runs in a thread that
 * is left alone when its time is over; who is last frees what they share.
 */
#include "token-helper/probe/probe-resolve.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/xalloc.h"

#include "common/banned.h"

struct question {
	pthread_mutex_t mutex;
	pthread_cond_t answered;
	char *host;
	char port[8];
	bool over, abandoned;
	int rc, number;
	struct addrinfo *found;
};

static void question_free(struct question *question)
{
	if (question->found != NULL)
		freeaddrinfo(question->found);
	(void)pthread_mutex_destroy(&question->mutex);
	(void)pthread_cond_destroy(&question->answered);
	free(question->host);
	free(question);
}

static void *ask(void *arg)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct question *question = arg;
	struct addrinfo *found = NULL;
	int rc = getaddrinfo(question->host, question->port, &hints, &found);
	int number = errno;
	bool alone;

	(void)pthread_mutex_lock(&question->mutex);
	question->rc = rc;
	question->number = number;
	question->found = rc == 0 ? found : NULL;
	question->over = true;
	alone = question->abandoned;
	(void)pthread_cond_signal(&question->answered);
	(void)pthread_mutex_unlock(&question->mutex);
	if (alone)
		question_free(question);
	return NULL;
}

static struct question *question_new(const char *host, uint16_t port)
{
	struct question *question = xcalloc(1, sizeof(*question));
	pthread_condattr_t clock;

	(void)pthread_mutex_init(&question->mutex, NULL);
	(void)pthread_condattr_init(&clock);
	(void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&question->answered, &clock);
	(void)pthread_condattr_destroy(&clock);
	question->host = xstrdup(host);
	(void)snprintf(question->port, sizeof(question->port), "%u", (unsigned)port);
	return question;
}

/* True: it is over, and the question is the caller's again; false: it is the thread's. */
static bool wait_for_answer(struct question *question, struct deadline deadline)
{
	const struct timespec until = {.tv_sec = (time_t)(deadline.at_ms / 1000),
				       .tv_nsec = (long)(deadline.at_ms % 1000) * 1000000};
	int rc = 0;
	bool over;

	(void)pthread_mutex_lock(&question->mutex);
	while (!question->over && rc == 0)
		rc = pthread_cond_timedwait(&question->answered, &question->mutex, &until);
	over = question->over;
	question->abandoned = !over;
	(void)pthread_mutex_unlock(&question->mutex);
	return over;
}

static enum outcome answer_of(struct question *question, struct addrinfo **found_out,
			      struct err *err)
{
	const char *why = question->rc == EAI_SYSTEM ? strerror(question->number)
						     : gai_strerror(question->rc);

	if (question->rc == 0) {
		*found_out = question->found;
		question->found = NULL;
		return OUTCOME_OK;
	}
	return err_set(err, question->rc == EAI_AGAIN ? OUTCOME_RETRY : OUTCOME_CONFIG,
		       "%s has no address: %s", question->host, why);
}

enum outcome resolve(const char *host, uint16_t port, struct deadline deadline,
		     struct addrinfo **found_out, struct err *err)
{
	struct question *question = question_new(host, port);
	pthread_t thread;
	enum outcome what;

	if (pthread_create(&thread, NULL, ask, question) != 0) {
		question_free(question);
		return err_set(err, OUTCOME_RETRY, "cannot start a thread to look up %s", host);
	}
	(void)pthread_detach(thread);
	if (!wait_for_answer(question, deadline))
		return err_set(err, OUTCOME_RETRY, "%s: no answer from the name service in time",
			       host);
	what = answer_of(question, found_out, err);
	question_free(question);
	return what;
}
