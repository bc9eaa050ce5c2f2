/* SPDX-License-Identifier: MIT */
/*
 * fuzz-seal.c - what lies where a sealed grant should.
 *
 * Nothing that we did not seal opens; whatever it is sealed as comes back.
 */
#include <stdint.h>

#include "tests/fuzz/require.h"
#include "token-helper/store/seal.h"

#include "common/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char key[] =
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
	struct buffer sealed = BUFFER_INIT_SECRET(1 << 21);
	struct buffer plain = BUFFER_INIT_SECRET(1 << 21);
	struct span bytes = {(const char *)data, size};
	struct seal_keys *keys = seal_keys_new();
	struct err err = ERR_INIT;

	require(seal_keys_add(keys, span_from_str(key), &err) == OUTCOME_OK);
	require(seal_open(keys, "a", bytes, &plain, &err) == OUTCOME_CONFIG);
	require(plain.len == 0 && err.text[0] != '\0');
	(void)seal_length(bytes);
	if (size < 1 << 20) {
		require(seal_text(keys, "a", bytes, &sealed, &err) == OUTCOME_OK);
		require(seal_open(keys, "a", buffer_span(&sealed), &plain, &err) == OUTCOME_OK);
		require(equal_constant_time(bytes, buffer_span(&plain)));
	}
	seal_keys_free(keys);
	buffer_release(&sealed);
	buffer_release(&plain);
	return 0;
}
