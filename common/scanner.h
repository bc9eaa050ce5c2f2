/* SPDX-License-Identifier: MIT */
/*
 * scanner.h - reading bytes that somebody else wrote.
 *
 * Guest half: libc only. A scanner walks over borrowed bytes; each scan_*() advances on success
 * only and leaves its out-parameters untouched on failure. Every loop has a maximum that the caller
 * names.
 */
#ifndef COMMON_SCANNER_H
#define COMMON_SCANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"

struct scanner {
	const char *cur;
	const char *end;
};

struct scanner scanner_over(struct span bytes); /* borrows */
size_t scanner_left(const struct scanner *scan);
bool scanner_at_end(const struct scanner *scan);

bool scan_byte(struct scanner *scan, char byte);
bool scan_literal(struct scanner *scan, const char *text);

/* The bytes before the next `stop`, which is consumed too but not part of *out. At most max bytes.
 */
bool scan_until(struct scanner *scan, char stop, size_t max, struct span *out);

/* The next line, without its end; the last one may have none. False: nothing is left. */
bool scan_line(struct scanner *scan, struct span *out);

/* Takes n bytes. */
bool scan_take(struct scanner *scan, size_t n, struct span *out);

/* Decimal digits without sign, value <= max; "0" yes, leading zeros no, nothing no. */
bool scan_u64(struct scanner *scan, uint64_t max, uint64_t *out);

#endif
