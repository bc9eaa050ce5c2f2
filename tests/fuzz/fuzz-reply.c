/* SPDX-License-Identifier: MIT */
/* fuzz-reply.c - what something on the daemon's socket can answer to a plugin: framing, status,
 * fields, token. */
#include <stdint.h>
#include <string.h>

#include "common/helper-protocol.h"
#include "tests/fuzz/require.h"

#include "common/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_reply(struct span payload)
{
	struct buffer token = BUFFER_INIT_SECRET(HELPER_TOKEN_MAX);
	struct helper_reply reply;

	if (helper_reply_parse(payload, &reply)) {
		require((reply.status == HELPER_OK) == (reply.outcome == OUTCOME_OK));
		require(reply.text.ptr + reply.text.len == payload.ptr + payload.len);
		if (fields_get(reply.text, "token", &token) && token_is_valid(buffer_span(&token)))
			require(memchr(token.data, '\001', token.len) == NULL);
	}
	buffer_release(&token);
}

/* A failure that the daemon writes with these bytes as its text is read as one line of the same
 * kind. */
static void check_failure(struct span bytes)
{
	struct buffer text = BUFFER_INIT(65536);
	struct buffer out = BUFFER_INIT(HELPER_REPLY_MAX);
	enum outcome what =
		bytes.len > 0 ? (enum outcome)(1 + (unsigned char)bytes.ptr[0] % 5) : OUTCOME_RETRY;
	struct helper_reply reply;

	require(buffer_append_span(&text, bytes));
	require(helper_reply_append_failure(&out, what, buffer_cstr(&text)));
	require(helper_reply_parse(buffer_span(&out), &reply));
	require(reply.outcome == what);
	require(memchr(out.data, '\n', out.len) == NULL);
	buffer_release(&text);
	buffer_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = {(const char *)data, size};
	struct span payload;
	size_t consumed;

	if (netstring_parse(bytes, HELPER_REPLY_MAX, &payload, &consumed) == PARSE_DONE)
		check_reply(payload);
	check_reply(bytes);
	if (size <= 65536)
		check_failure(bytes);
	return 0;
}
