/* SPDX-License-Identifier: MIT */
/*
 * fuzz-id-token.c - an id_token's claims. The input is the JSON inside; the text around it is made
 * here, and the input is also read as a whole JWT.
 *
 * Beside not crashing: an identity is complete or it is none, and a name is one line.
 */
#include <stdint.h>
#include <string.h>

#include "tests/fuzz/require.h"
#include "token-helper/oauth/authorization.h"
#include "token-helper/oauth/id-token.h"

#include "common/banned.h"

#define NOW 1800000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_token(struct span token)
{
	static char issuer[] = "https://login.microsoftonline.com/{tenantid}/v2.0";
	static char client_id[] = "cid";
	static char claims[] = "preferred_username email";
	static char expected[] = "a@x";
	const struct oauth_client client = {.issuer = issuer,
					    .client_id = client_id,
					    .identity_claims = claims,
					    .identity = expected};
	struct identity identity = {0};
	struct err err = ERR_INIT;

	if (id_token_read(token, &client, span_from_str("n1"), NOW, &identity, &err) !=
	    OUTCOME_OK) {
		require(identity.subject == NULL && err.text[0] != '\0');
		return;
	}
	require(identity.subject != NULL && identity.issuer != NULL);
	require((identity.name == NULL) == (identity.names == NULL));
	require(identity.name == NULL || strpbrk(identity.name, "\r\n") == NULL);
	(void)identity_matches(&identity, &client);
	identity_release(&identity);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = {(const char *)data, size};
	struct buffer jwt = BUFFER_INIT_SECRET(100000);

	read_token(bytes);
	if (buffer_append_str(&jwt, "e30.") && base64url_encode(bytes, &jwt) &&
	    buffer_append_str(&jwt, ".c2ln"))
		read_token(buffer_span(&jwt));
	buffer_release(&jwt);
	return 0;
}
