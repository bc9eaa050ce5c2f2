/* SPDX-License-Identifier: MIT */
/*
 * fuzz-metadata.c - an authorization server's metadata. Beside not crashing: what is believed has a
 * token endpoint, and no URL that a secret must not go to.
 */
#include <stdint.h>

#include "tests/fuzz/require.h"
#include "token-helper/oauth/metadata.h"

#include "common/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_url(const char *url)
{
	require(url == NULL || http_url_is_allowed(url));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer body = BUFFER_INIT_SECRET(HTTP_BODY_MAX);
	struct http_response response = {.outcome = OUTCOME_OK, .status = 200, .body = &body};
	struct metadata metadata = {0};
	struct err err = ERR_INIT;

	(void)buffer_append(&body, (const char *)data, size);
	if (metadata_parse("https://as.example", &response, &metadata, &err) == OUTCOME_OK)
		require(metadata.token_url != NULL);
	else
		require(metadata.token_url == NULL && err.text[0] != '\0');
	check_url(metadata.authorize_url);
	check_url(metadata.token_url);
	check_url(metadata.device_url);
	check_url(metadata.revoke_url);
	check_url(metadata.userinfo_url);
	metadata_release(&metadata);
	buffer_release(&body);
	return 0;
}
