/* SPDX-License-Identifier: MIT */
/*
 * deadline.h - absolute points in time on the monotonic clock.
 *
 * Guest half: libc only. A deadline is made once, at the top of an operation, and handed down;
 * a callee never makes its own longer one. Wall-clock time (token expiry) is clock.h, not this.
 */
#ifndef COMMON_DEADLINE_H
#define COMMON_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

struct deadline {
	int64_t at_ms; /* CLOCK_MONOTONIC */
};

struct deadline deadline_in_ms(int64_t ms);

/* Milliseconds left, 0 when it has passed, at most INT_MAX: fits poll(2). */
int deadline_remaining_ms(struct deadline deadline);

bool deadline_passed(struct deadline deadline);

#endif
