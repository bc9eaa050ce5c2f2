/* SPDX-License-Identifier: MIT */
/*
 * id-token.h - who signed in.
 *
 * The id_token comes straight from the token endpoint over verified TLS, so its signature may go
 * unchecked (OpenID Connect Core 3.1.3.7 (6)); iss, aud, exp and nonce are checked all the same.
 * Access tokens are opaque and never decoded.
 */
#ifndef TOKEN_HELPER_OAUTH_ID_TOKEN_H
#define TOKEN_HELPER_OAUTH_ID_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/outcome.h"
#include "token-helper/oauth/client.h"

struct identity {
	char *issuer;  /* iss */
	char *subject; /* Microsoft: "tid/oid" when both are there; else sub */
	char *name;    /* the first of client->identity_claims that is present; NULL: none */
	char *names;   /* all of them that are, a line each; NULL: none. An `email` that is not
			  verified does not count */
};

void identity_release(struct identity *identity);

/*
 * OK: *identity is filled anew; else it is untouched.
 * nonce: what was sent, or an empty span on a refresh (then not compared). now_s: wall clock; 120 s
 * of skew are tolerated. OUTCOME_PROTOCOL: not a JWT, or a required claim is missing.
 * OUTCOME_CONSENT: it is somebody else's token (iss, aud, nonce) or expired; err says which.
 */
enum outcome id_token_read(struct span id_token, const struct oauth_client *client,
			   struct span nonce, int64_t now_s, struct identity *identity,
			   struct err *err);

/*
 * Reads who it is out of claims that have been checked, or come from a place that needs no check.
 * source: "id_token", for the message. OK: *identity is filled anew; else it is untouched.
 * OUTCOME_PROTOCOL: no subject.
 */
struct json_object;
enum outcome identity_from_claims(struct json_object *claims, const struct oauth_client *client,
				  const char *source, struct identity *identity, struct err *err);

/* Is one of the identity's names (any of client->identity_claims in the token) one of
 * client->identity? ASCII case is ignored. */
bool identity_matches(const struct identity *identity, const struct oauth_client *client);

#endif
