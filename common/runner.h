/* SPDX-License-Identifier: MIT */
/*
 * runner.h - the process that runs programs of the administrator's, and our end of it.
 *
 * A process that is confined (confine.h) can start no other, and what it starts would be confined
 * with it: a script that prints a secret may read, write and call what it likes. So a process of
 * our own that never hears of the network starts them. It is forked before the confinement, and
 * believes nobody: it runs what the configuration says, and reads that itself when it is asked for
 * something new.
 *
 * There is one, as there is one user and one umask: it is not handed around. Started by
 * runner_run() at the latest, then it runs everything.
 */
#ifndef COMMON_RUNNER_H
#define COMMON_RUNNER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"
#include "common/outcome.h"

/* What it may run. */
struct runner_list;

/* argv (borrowed), with up to `more` arguments behind it. */
void runner_allow(struct runner_list *list, const struct words *argv, size_t more);

/*
 * Called in the runner: what the configuration says may be run. again false: the one that was in
 * force at the fork; true: as its file is now.
 */
typedef void runner_learn_fn(void *context, bool again, struct runner_list *list);

/* Forks. learn NULL: everything may be run. OUTCOME_RETRY: fork(2) failed. */
enum outcome runner_start(runner_learn_fn *learn, void *context, struct err *err);
/* What runs is killed. */
void runner_stop(void);

struct runner_order {
	const struct words *argv; /* the first word is a path */
	int input;		  /* standard input; -1: /dev/null */
	int output, complaint;	  /* standard output and error */
	bool group;		  /* in a process group of its own, that is killed whole */
};

/*
 * Nothing of the order is kept. The descriptor becomes readable when the program has ended, or
 * could not be started: runner_ended() tells; closing it kills the program. -1: errno says why
 * (EPIPE: the runner has died, and only a restart makes another).
 */
int runner_run(const struct runner_order *order);

struct runner_end {
	int error;  /* errno why it was not started (EACCES: the configuration does not say so);
		       EPIPE: the runner has died; 0: it was started */
	int status; /* waitpid(2)'s */
};

/* False: it has not ended yet. */
bool runner_ended(int fd, struct runner_end *end);

/* The line for people. */
const char *runner_error_text(int error);

#endif
