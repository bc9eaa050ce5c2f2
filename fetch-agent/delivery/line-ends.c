/* SPDX-License-Identifier: MIT */
/* line-ends.c - see line-ends.h. */
#include "fetch-agent/delivery/line-ends.h"

#include <string.h>

#include "common/banned.h"

bool line_ends_to_lf(struct line_ends *ends, struct span bytes, line_ends_sink_fn *sink, void *ctx)
{
	const char *from = bytes.ptr, *end = bytes.ptr + bytes.len;
	bool good = true;

	if (bytes.len == 0)
		return true;
	if (ends->cr_held && *from != '\n')
		good = sink(ctx, (struct span){"\r", 1});
	ends->cr_held = false;
	while (good && from < end) {
		const char *cr = memchr(from, '\r', (size_t)(end - from));
		const char *stop = cr != NULL ? cr : end;

		/* A CR that ends no line stays, with the run before it. */
		if (cr != NULL && cr + 1 < end && cr[1] != '\n')
			stop++;
		good = sink(ctx, (struct span){from, (size_t)(stop - from)});
		ends->cr_held = cr != NULL && cr + 1 == end;
		from = cr != NULL ? cr + 1 : end;
	}
	return good;
}

bool line_ends_finish(struct line_ends *ends, line_ends_sink_fn *sink, void *ctx)
{
	bool held = ends->cr_held;

	ends->cr_held = false;
	return !held || sink(ctx, (struct span){"\r", 1});
}
