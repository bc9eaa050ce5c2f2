/* SPDX-License-Identifier: MIT */
/*
 * fuzz-grant.c - a grant's file, whatever has happened to it.
 *
 * Beside not crashing: what can be read comes out the same when it is written and read again, and
 * what cannot be read leaves the caller's grant alone.
 */
#include <stdint.h>
#include <string.h>

#include "tests/fuzz/require.h"
#include "token-helper/store/store.h"

#include "common/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same_bytes(const struct buffer *a, const struct buffer *b)
{
	return equal_constant_time(buffer_span(a), buffer_span(b));
}

static void check_again(const struct grant *grant)
{
	struct buffer first = BUFFER_INIT_SECRET(600000);
	struct buffer second = BUFFER_INIT_SECRET(600000);
	struct grant back;

	grant_init(&back);
	require(grant_encode(grant, "a", &first, NULL) == OUTCOME_OK);
	require(grant_decode(buffer_span(&first), "a", &back, NULL) == OUTCOME_OK);
	require(same_bytes(&grant->refresh_token, &back.refresh_token));
	require(same_bytes(&grant->access_token, &back.access_token));
	require(grant_encode(&back, "a", &second, NULL) == OUTCOME_OK);
	require(same_bytes(&first, &second));
	require(grant_decode(buffer_span(&first), "b", &back, NULL) == OUTCOME_CONFIG);
	grant_release(&back);
	buffer_release(&first);
	buffer_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span json = {(const char *)data, size};
	struct err err = ERR_INIT;
	struct grant grant;

	grant_init(&grant);
	grant.generation = 77;
	if (grant_decode(json, "a", &grant, &err) == OUTCOME_OK)
		check_again(&grant);
	else
		require(grant.generation == 77 && err.text[0] != '\0');
	grant_release(&grant);
	return 0;
}
