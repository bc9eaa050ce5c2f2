/* SPDX-License-Identifier: MIT */
/*
 * fuzz-redirect.c - what a browser or a person can hand to authorize-finish.
 *
 * Beside not crashing: a code comes out only when our state went in, and no failure touches what
 * the caller had.
 */
#include <stdint.h>
#include <string.h>

#include "tests/fuzz/require.h"
#include "token-helper/oauth/authorization.h"

#include "common/banned.h"

#define STATE "STATE-123"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_code(const struct buffer *code, const struct err *err)
{
	require(code->len > 0);
	require(memchr(code->data, '\0', code->len) == NULL);
	require(err->text[0] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char issuer[] = "https://as.example";
	const struct oauth_client client = {.issuer = issuer};
	struct authorization auth = {.state = BUFFER_INIT_SECRET(64)};
	struct authorization other = {.state = BUFFER_INIT_SECRET(64)};
	struct buffer code = BUFFER_INIT_SECRET(16384);
	struct span text = {(const char *)data, size};
	struct err err = ERR_INIT;
	enum outcome what;

	require(buffer_append_str(&auth.state, STATE));
	require(buffer_append_str(&other.state, "STATE-124"));
	what = authorization_parse_redirect(&auth, &client, text, &code, &err);
	if (what == OUTCOME_OK) {
		check_code(&code, &err);
		require(authorization_parse_redirect(&other, &client, text, &code, NULL) ==
			OUTCOME_DENIED);
	} else {
		require(code.len == 0 && err.text[0] != '\0');
		require(what == OUTCOME_PROTOCOL || what == OUTCOME_DENIED ||
			what == OUTCOME_CONSENT);
	}
	buffer_release(&auth.state);
	buffer_release(&other.state);
	buffer_release(&code);
	return 0;
}
