/* SPDX-License-Identifier: MIT */
/*
 * failing-malloc.h - allocations that fail when a test says so, and are counted when it does not.
 *
 * Linked with -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=strdup: only what the test program
 * links statically is concerned, not the libraries that it loads.
 */
#ifndef TESTS_COMMON_FAILING_MALLOC_H
#define TESTS_COMMON_FAILING_MALLOC_H

#include <stddef.h>

/* From now on the n-th allocation (counting from 1) fails, others do not; 0: none. Restarts the
 * count. */
void failing_malloc_arm(size_t n);

/* Allocations since then. */
size_t failing_malloc_count(void);

#endif
