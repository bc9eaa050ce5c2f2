/* SPDX-License-Identifier: MIT */
/* scanner.c - see scanner.h. */
#include "common/scanner.h"

#include <string.h>

struct scanner scanner_over(struct span bytes)
{
	/* Nothing may be added to NULL, not even 0. */
	return (struct scanner){bytes.ptr, bytes.len > 0 ? bytes.ptr + bytes.len : bytes.ptr};
}

size_t scanner_left(const struct scanner *scan)
{
	return (size_t)(scan->end - scan->cur);
}

bool scanner_at_end(const struct scanner *scan)
{
	return scan->cur == scan->end;
}

bool scan_byte(struct scanner *scan, char byte)
{
	if (scan->cur == scan->end || *scan->cur != byte)
		return false;
	scan->cur++;
	return true;
}

bool scan_literal(struct scanner *scan, const char *text)
{
	size_t len = strlen(text);

	if (scanner_left(scan) < len || memcmp(scan->cur, text, len) != 0)
		return false;
	scan->cur += len;
	return true;
}

bool scan_until(struct scanner *scan, char stop, size_t max, struct span *out)
{
	size_t left = scanner_left(scan);
	const char *hit;

	if (left == 0)
		return false;
	hit = memchr(scan->cur, stop, left <= max ? left : max + 1);
	if (hit == NULL)
		return false;
	*out = (struct span){scan->cur, (size_t)(hit - scan->cur)};
	scan->cur = hit + 1;
	return true;
}

bool scan_line(struct scanner *scan, struct span *out)
{
	size_t left = scanner_left(scan);

	return scan_until(scan, '\n', left, out) || (left > 0 && scan_take(scan, left, out));
}

bool scan_take(struct scanner *scan, size_t n, struct span *out)
{
	if (scanner_left(scan) < n)
		return false;
	*out = (struct span){scan->cur, n};
	scan->cur += n;
	return true;
}

bool scan_u64(struct scanner *scan, uint64_t max, uint64_t *out)
{
	const char *p = scan->cur;
	uint64_t value = 0;

	if (p == scan->end || *p < '0' || *p > '9')
		return false;
	if (*p == '0' && p + 1 < scan->end && p[1] >= '0' && p[1] <= '9')
		return false;
	for (; p < scan->end && *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (digit > max || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	scan->cur = p;
	return true;
}
