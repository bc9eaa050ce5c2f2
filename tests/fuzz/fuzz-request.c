/* SPDX-License-Identifier: MIT */
/*
 * fuzz-request.c - what a stranger can send to mailoauthd: netstring, verb, fields.
 *
 * Beside not crashing: what is taken apart and valid comes out the same when it is put together
 * again.
 */
#include <stdint.h>
#include <string.h>

#include "common/helper-protocol.h"
#include "tests/fuzz/require.h"

#include "common/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(struct span fields, const char *key)
{
	struct buffer value = BUFFER_INIT(1024);
	struct buffer again = BUFFER_INIT(4096);
	struct buffer back = BUFFER_INIT(1024);
	uint64_t number;

	if (fields_get(fields, key, &value)) {
		require(fields_append(&again, key, buffer_span(&value)));
		require(fields_valid(buffer_span(&again)));
		require(fields_get(buffer_span(&again), key, &back));
		require(equal_constant_time(buffer_span(&value), buffer_span(&back)));
	}
	if (fields_get_u64(fields, key, 1000, &number))
		require(number <= 1000);
	buffer_release(&value);
	buffer_release(&again);
	buffer_release(&back);
}

static void check_request(struct span payload)
{
	struct helper_request request;

	if (!helper_request_parse(payload, &request))
		return;
	require(request.verb.len > 0 && request.verb.len <= HELPER_VERB_MAX);
	require(request.verb.len + 1 + request.key.len == payload.len);
	(void)fields_valid(request.key);
	check_value(request.key, "user");
	check_value(request.key, "selector");
	check_value(request.key, "min_valid");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = {(const char *)data, size};
	struct buffer framed = BUFFER_INIT(HELPER_REQUEST_MAX + 64);
	struct span payload;
	size_t consumed;

	if (netstring_parse(bytes, HELPER_REQUEST_MAX, &payload, &consumed) == PARSE_DONE) {
		require(consumed <= size && payload.len <= HELPER_REQUEST_MAX);
		require(netstring_append(&framed, payload));
		require(framed.len == consumed && memcmp(framed.data, data, consumed) == 0);
		check_request(payload);
	}
	check_request(bytes);
	buffer_release(&framed);
	return 0;
}
