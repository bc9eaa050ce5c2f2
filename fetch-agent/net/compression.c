/* SPDX-License-Identifier: MIT */
/* compression.c - see compression.h. */
#include "fetch-agent/net/compression.h"

#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>

#include "common/xalloc.h"

#include "common/banned.h"

/* Commands are short and alike: a window of 1 KiB finds nearly all that there is to find. The
 * peer's window is its own choice. Negative: raw, without zlib's header. */
#define OUT_WINDOW_BITS (-10)
#define OUT_MEMORY	3
#define IN_WINDOW_BITS	(-15)

#define OUT_PIECE 1024

struct compression {
	z_stream out, in;
	uint64_t plain, wire;
	bool more;
};

struct compression *compression_new(void)
{
	struct compression *compression = xcalloc(1, sizeof(*compression));

	if (deflateInit2(&compression->out, Z_DEFAULT_COMPRESSION, Z_DEFLATED, OUT_WINDOW_BITS,
			 OUT_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK ||
	    inflateInit2(&compression->in, IN_WINDOW_BITS) != Z_OK)
		abort(); /* as xalloc: out of memory */
	return compression;
}

void compression_free(struct compression *compression)
{
	if (compression == NULL)
		return;
	(void)deflateEnd(&compression->out);
	(void)inflateEnd(&compression->in);
	free(compression);
}

void compression_out(struct compression *compression, struct span bytes, compression_sink_fn *sink,
		     void *ctx)
{
	z_stream *stream = &compression->out;
	char piece[OUT_PIECE];

	/* Z_BUF_ERROR, the only failure there can be, is that there was nothing left to flush. */
	stream->next_in = (const Bytef *)bytes.ptr;
	stream->avail_in = (uInt)bytes.len;
	do {
		stream->next_out = (Bytef *)piece;
		stream->avail_out = sizeof(piece);
		(void)deflate(stream, Z_SYNC_FLUSH);
		compression->wire += sizeof(piece) - stream->avail_out;
		if (stream->avail_out < sizeof(piece))
			sink(ctx, (struct span){piece, sizeof(piece) - stream->avail_out});
	} while (stream->avail_out == 0);
	compression->plain += bytes.len;
	wipe(piece, sizeof(piece));
}

static enum outcome judge(const struct compression *compression, int verdict, struct err *err)
{
	if (verdict == Z_OK || verdict == Z_BUF_ERROR)
		return OUTCOME_OK;
	if (verdict == Z_MEM_ERROR)
		abort(); /* as xalloc: out of memory */
	if (verdict == Z_STREAM_END)
		return err_set(err, OUTCOME_RETRY, "the server ended the compressed connection");
	return err_set(err, OUTCOME_PROTOCOL,
		       "the server sends what is not DEFLATE, though it agreed to COMPRESS: %s",
		       compression->in.msg != NULL ? compression->in.msg : "no reason is known");
}

enum outcome compression_in(struct compression *compression, struct span from, size_t *used_out,
			    char *room, size_t size, size_t *made_out, struct err *err)
{
	z_stream *stream = &compression->in;
	enum outcome what;
	int verdict;

	stream->next_in = (const Bytef *)from.ptr;
	stream->avail_in = (uInt)from.len;
	stream->next_out = (Bytef *)room;
	stream->avail_out = (uInt)size;
	verdict = inflate(stream, Z_SYNC_FLUSH);
	compression->more = stream->avail_out == 0 || (verdict != Z_OK && verdict != Z_BUF_ERROR);
	what = judge(compression, verdict, err);
	if (what != OUTCOME_OK && stream->avail_out == size)
		return what;
	*used_out = from.len - stream->avail_in;
	*made_out = size - stream->avail_out;
	compression->wire += *used_out;
	compression->plain += *made_out;
	return OUTCOME_OK;
}

bool compression_has_more(const struct compression *compression)
{
	return compression->more;
}

void compression_totals(const struct compression *compression, uint64_t *plain_out,
			uint64_t *wire_out)
{
	*plain_out = compression->plain;
	*wire_out = compression->wire;
}
