/* SPDX-License-Identifier: MIT */
/*
 * counting.h - what a piece of work costs besides time: heap allocations and system calls.
 *
 * Allocations are counted by this program's own malloc(3) family, which the libraries it loads use
 * too (glibc).
 */
#ifndef BENCH_COUNTING_H
#define BENCH_COUNTING_H

#include <stddef.h>

struct heap_use {
	size_t allocations;
	size_t bytes;
};

/* Since the program started. */
struct heap_use heap_use_now(void);

/* System calls that work(argument) makes, in a traced child of its own; -1 when tracing is not
 * possible. */
typedef void work_fn(void *argument);
long count_system_calls(work_fn *work, void *argument);

#endif
