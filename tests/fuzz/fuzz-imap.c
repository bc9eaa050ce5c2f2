/* SPDX-License-Identifier: MIT */
/*
 * fuzz-imap.c - what an IMAP server can send.
 *
 * Beside not crashing: whole, byte by byte and in odd steps the parser says the same; a body has
 * the announced size; nothing grows past the limits. Names survive the way to UTF-8 and back.
 */
#include <stdint.h>
#include <string.h>

#include "fetch-agent/imap/imap-capability.h"
#include "fetch-agent/imap/imap-encode.h"
#include "fetch-agent/imap/imap-parser.h"
#include "tests/fetch-agent/imap-trace.h"
#include "tests/fuzz/require.h"

#include "common/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Small, so that mutations reach them. */
static const struct imap_limits tight = {
	.response_bytes = 256,
	.literal_bytes = 40,
	.literals = 4,
	.depth = 4,
	.items = 12,
};

static void check_cuts(struct span bytes, const struct imap_limits *limits)
{
	static const size_t steps[] = {1, 5};
	struct imap_trace whole;
	struct imap_trace cut;

	imap_trace_run(&whole, bytes, 0, limits);
	require(!whole.body_size_wrong && buffer_ok(&whole.text));
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		imap_trace_run(&cut, bytes, steps[i], limits);
		require(cut.text.len == whole.text.len && cut.idle == whole.idle);
		require(whole.text.len == 0 ||
			memcmp(cut.text.data, whole.text.data, whole.text.len) == 0);
		imap_trace_release(&cut);
	}
	imap_trace_release(&whole);
}

static void check_name(struct span bytes)
{
	struct buffer utf8 = BUFFER_INIT(1 << 20);
	struct buffer again = BUFFER_INIT(1 << 20);

	if (imap_utf7_decode(&utf8, bytes)) {
		require(imap_utf7_encode(&again, buffer_span(&utf8)));
		require(equal_constant_time(buffer_span(&again), bytes));
	}
	buffer_clear(&utf8);
	buffer_clear(&again);
	if (imap_utf7_encode(&again, bytes)) {
		require(imap_utf7_decode(&utf8, buffer_span(&again)));
		require(equal_constant_time(buffer_span(&utf8), bytes));
	}
	buffer_release(&utf8);
	buffer_release(&again);
}

/* What we would send as a name is what our own parser reads from a LIST. */
static void check_string(struct span bytes)
{
	struct buffer line = BUFFER_INIT(1 << 20);
	struct imap_encoder enc = {.out = &line, .literals = IMAP_LITERALS_PLUS};
	struct imap_limits limits = imap_limits_default;
	struct imap_parser *parser;
	struct imap_response response;
	size_t consumed;

	limits.response_bytes = limits.literal_bytes = 1 << 20;
	(void)buffer_append_str(&line, "* LIST () NIL ");
	if (imap_encode_astring(&enc, bytes) && buffer_append_str(&line, "\r\n")) {
		parser = imap_parser_new(&limits, NULL);
		require(imap_parser_feed(parser, buffer_span(&line), &consumed, &response, NULL) ==
			IMAP_PARSE_RESPONSE);
		require(equal_constant_time(response.list.name, bytes));
		imap_parser_free(parser);
	}
	buffer_release(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = {(const char *)data, size};
	struct imap_capability cap = imap_capability_parse(bytes);
	int64_t seconds;

	require(strlen(cap.mechanisms) < sizeof(cap.mechanisms));
	check_cuts(bytes, NULL);
	check_cuts(bytes, &tight);
	check_name(bytes);
	check_string(bytes);
	(void)imap_date_parse(bytes, &seconds);
	return 0;
}
