/* SPDX-License-Identifier: MIT */
/*
 * fuzz-userinfo.c - the body of a UserInfo answer. Beside not crashing: an identity is complete or
 * it is none, and a name is one line.
 */
#include <stdint.h>
#include <string.h>

#include "tests/fuzz/require.h"
#include "token-helper/oauth/userinfo.h"

#include "common/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char url[] = "https://as.example/me";
	static char issuer[] = "https://as.example";
	static char claims[] = "preferred_username email";
	const struct oauth_client client = {
		.userinfo_url = url, .issuer = issuer, .identity_claims = claims};
	struct buffer body = BUFFER_INIT_SECRET(HTTP_BODY_MAX);
	struct http_response response = {.outcome = OUTCOME_OK, .status = 200, .body = &body};
	struct identity identity = {0};
	struct err err = ERR_INIT;

	(void)buffer_append(&body, (const char *)data, size);
	if (userinfo_parse(&client, &response, &identity, &err) == OUTCOME_OK) {
		require(identity.subject != NULL && identity.issuer != NULL);
		require((identity.name == NULL) == (identity.names == NULL));
		require(identity.name == NULL || strpbrk(identity.name, "\r\n") == NULL);
	} else {
		require(identity.subject == NULL && err.text[0] != '\0');
	}
	identity_release(&identity);
	buffer_release(&body);
	return 0;
}
