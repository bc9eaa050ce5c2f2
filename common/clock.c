/* SPDX-License-Identifier: MIT */
/* clock.c - see clock.h. */
#include "common/clock.h"

#include <stdio.h>
#include <time.h>

#include "common/banned.h"

int64_t clock_now_s(void)
{
	return (int64_t)time(NULL);
}

const char *clock_text(int64_t at_s, char *text, size_t size)
{
	time_t at = (time_t)at_s;
	struct tm tm;

	if (at_s == 0 || gmtime_r(&at, &tm) == NULL ||
	    strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(text, size, "-");
	return text;
}
