/* SPDX-License-Identifier: MIT */
/* line-ends.h - CRLF to LF in a stream that is cut anywhere. A CR that ends no line stays. */
#ifndef FETCH_AGENT_DELIVERY_LINE_ENDS_H
#define FETCH_AGENT_DELIVERY_LINE_ENDS_H

#include <stdbool.h>

#include "common/buffer.h"

/* Zeroed at the start of a message. */
struct line_ends {
	bool cr_held; /* the last byte was a CR, which may belong to a line end */
};

/* Takes a run of what goes on, borrowed; false stops. */
typedef bool line_ends_sink_fn(void *ctx, struct span run);

/* Both give false when sink did. */
bool line_ends_to_lf(struct line_ends *ends, struct span bytes, line_ends_sink_fn *sink, void *ctx);
bool line_ends_finish(struct line_ends *ends, line_ends_sink_fn *sink, void *ctx);

#endif
