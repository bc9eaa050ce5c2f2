/* SPDX-License-Identifier: MIT */
/* smtp-dot.c - see smtp-dot.h. */
#include "fetch-agent/delivery/smtp-dot.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/banned.h"

static void put(struct evbuffer *out, const char *bytes, size_t len)
{
	if (len > 0 && evbuffer_add(out, bytes, len) != 0)
		abort(); /* as xalloc: out of memory */
}

static bool has_eight_bit(struct span bytes)
{
	const char *end = bytes.ptr + bytes.len;
	uint64_t eight;

	for (; end - bytes.ptr >= (long)sizeof(eight); bytes.ptr += sizeof(eight)) {
		memcpy(&eight, bytes.ptr, sizeof(eight));
		if ((eight & 0x8080808080808080u) != 0)
			return true;
	}
	for (; bytes.ptr < end; bytes.ptr++) {
		if ((*bytes.ptr & 0x80) != 0)
			return true;
	}
	return false;
}

/*
 * What needs no change goes out in one piece, which is nearly always all of it: *from is where that
 * piece begins, and is moved when something is put in between.
 */
void smtp_dot_feed(struct smtp_dot *dot, struct span bytes, struct evbuffer *out)
{
	const char *from = bytes.ptr, *at = bytes.ptr, *end = bytes.ptr + bytes.len;

	dot->eight_bit = dot->eight_bit || has_eight_bit(bytes);
	while (at < end) {
		const char *lf;

		if (!dot->in_line && *at == '.') {
			put(out, from, (size_t)(at - from));
			put(out, ".", 1);
			from = at;
		}
		lf = memchr(at, '\n', (size_t)(end - at));
		if (lf == NULL) {
			dot->in_line = true;
			dot->cr = end[-1] == '\r';
			break;
		}
		if (lf > at ? lf[-1] != '\r' : !dot->cr) {
			put(out, from, (size_t)(lf - from));
			put(out, "\r", 1);
			from = lf;
		}
		at = lf + 1;
		dot->in_line = dot->cr = false;
	}
	put(out, from, (size_t)(end - from));
}

void smtp_dot_end(struct smtp_dot *dot, struct evbuffer *out)
{
	if (dot->in_line)
		put(out, "\r\n", 2);
	put(out, ".\r\n", 3);
}
