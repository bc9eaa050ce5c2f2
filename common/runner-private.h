/* SPDX-License-Identifier: MIT */
/*
 * runner-private.h - what is said between a daemon (runner.c) and the process that runs programs
 * for it (runner-process.c): one datagram is one program, with its descriptors and the pipe on
 * which its end is told.
 */
#ifndef COMMON_RUNNER_PRIVATE_H
#define COMMON_RUNNER_PRIVATE_H

#include <stddef.h>

#include "common/passing.h"
#include "common/runner.h"

#define RUNNER_BYTES_MAX 32768 /* of arguments */
#define RUNNER_WORDS_MAX 256

/* The descriptors of a datagram; the last may be missing. */
enum { FD_REPORT, FD_OUTPUT, FD_COMPLAINT, FD_INPUT, FDS = PASSING_MAX };

struct runner_datagram {
	char group;
	char words[RUNNER_BYTES_MAX]; /* each with its NUL */
};

#define RUNNER_HEAD offsetof(struct runner_datagram, words)

/* The new process, from its first line to its last. fd: to the daemon. learn: as runner_start()'s.
 */
void runner_main(int fd, runner_learn_fn *learn, void *context) __attribute__((noreturn));

#endif
