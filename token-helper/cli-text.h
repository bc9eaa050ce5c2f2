/* SPDX-License-Identifier: MIT */
/*
 * cli-text.h - other people's words on our terminal: made harmless, measured, and times in words.
 */
#ifndef TOKEN_HELPER_CLI_TEXT_H
#define TOKEN_HELPER_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/buffer.h"

/* Appends str with '?' for what is no UTF-8 and for what steers (utf8.h): nothing left moves a
 * terminal's cursor, or makes one name read as another. */
void text_append_clean(struct buffer *out, const char *str);

/* The same onto a stream. */
void text_print(FILE *out, const char *str);

/* Standard output is a terminal that shows colours, and nobody said NO_COLOR. */
bool text_wants_colour(void);

/* Columns that str takes: its UTF-8 characters counted. Right for the Latin, Greek and Cyrillic of
 * account names. */
size_t text_columns(const char *str);

/* "45 s", "12 min", "3 h", "9 d": the largest unit that leaves at least 2. Negative counts as 0. */
#define TEXT_SPAN_MAX 32
const char *text_duration(int64_t seconds, char *text, size_t size);

/* "2026-11-23 20:42:07Z"; "-" for 0. size >= CLOCK_TEXT_MAX. */
const char *text_when(int64_t at_s, char *text, size_t size);

#endif
