/* SPDX-License-Identifier: MIT */
/* deadline.c - see deadline.h. */
#include "common/deadline.h"

#include <limits.h>
#include <time.h>

static int64_t monotonic_ms(void)
{
	struct timespec ts;

	/* Cannot fail: the clock id is one that Linux always has. */
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct deadline deadline_in_ms(int64_t ms)
{
	return (struct deadline){monotonic_ms() + ms};
}

int deadline_remaining_ms(struct deadline deadline)
{
	int64_t left = deadline.at_ms - monotonic_ms();

	if (left <= 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

bool deadline_passed(struct deadline deadline)
{
	return deadline_remaining_ms(deadline) == 0;
}
