/* SPDX-License-Identifier: MIT */
/*
 * clock.h - wall-clock time, for what is written down or agreed with other machines: token expiry.
 * Host half. Seconds since 1970 in int64_t, for ever past 2038. Waiting is deadline.h.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_now_s(void);

/* "2026-11-23T19:42:42Z"; "-" for 0. size >= CLOCK_TEXT_MAX. Returns text. */
#define CLOCK_TEXT_MAX 32
const char *clock_text(int64_t at_s, char *text, size_t size);

#endif
