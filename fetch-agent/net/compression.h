/* SPDX-License-Identifier: MIT */
/*
 * compression.h - both directions of a connection that speaks raw DEFLATE (RFC 4978, RFC 1951).
 *
 * Costs about 50 KiB. What comes out of the peer's bytes can be a thousand times as much as they
 * are: it is made in pieces that the caller has room for, and only when asked.
 */
#ifndef FETCH_AGENT_NET_COMPRESSION_H
#define FETCH_AGENT_NET_COMPRESSION_H

#include <stdint.h>

#include "common/buffer.h"
#include "common/outcome.h"

struct compression;

struct compression *compression_new(void);
void compression_free(struct compression *compression); /* NULL is nothing */

/* Borrowed during the call, and wiped after it. */
typedef void compression_sink_fn(void *ctx, struct span bytes);

/* Deflates bytes and flushes: the peer can read all of them when it has what sink got. */
void compression_out(struct compression *compression, struct span bytes, compression_sink_fn *sink,
		     void *ctx);

/*
 * Inflates from `from`, of which *used_out bytes are used up, *made_out bytes into room, until one
 * of them is. OUTCOME_PROTOCOL: it is no DEFLATE; OUTCOME_RETRY: the peer has ended the stream;
 * both only when all that was good before it has come out.
 */
enum outcome compression_in(struct compression *compression, struct span from, size_t *used_out,
			    char *room, size_t size, size_t *made_out, struct err *err);

/* May compression_in() have more to say without more going in? */
bool compression_has_more(const struct compression *compression);

/* So far: bytes as the peers mean them, and as they were on the wire, in both directions. */
void compression_totals(const struct compression *compression, uint64_t *plain_out,
			uint64_t *wire_out);

#endif
