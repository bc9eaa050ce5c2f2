/* SPDX-License-Identifier: MIT */
/*
 * failing-calls.h - system calls on files that fail when a test says so, and are counted when it
 * does not: what a disk does that breaks, without one that does.
 *
 * Linked with $(FAILING_CALLS) (tests/common/local.am): only what the test program links statically
 * is concerned, not the libraries that it loads.
 */
#ifndef TESTS_COMMON_FAILING_CALLS_H
#define TESTS_COMMON_FAILING_CALLS_H

#include <stdbool.h>
#include <stddef.h>

/* From now on the n-th call (counting from 1) fails with error, others do not; 0: none. Restarts
 * the count. */
void failing_calls_arm(size_t n, int error);

/* Calls since then. */
size_t failing_calls_count(void);

/* The name of the call that failed since then, or "none". */
const char *failing_calls_failed(void);

/* From now on a read and a write move at most this many bytes; 0: as many as they like. */
void failing_calls_cut(size_t bytes);

#endif
