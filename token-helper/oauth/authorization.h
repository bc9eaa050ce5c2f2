/* SPDX-License-Identifier: MIT */
/*
 * authorization.h - the front channel: authorization code with PKCE (RFC 6749 4.1, RFC 7636, RFC
 * 9207).
 *
 * Pure functions but for the random bytes. state, nonce and verifier live here and leave the
 * process only inside the URL (state, nonce, challenge) and the token request (verifier).
 */
#ifndef TOKEN_HELPER_OAUTH_AUTHORIZATION_H
#define TOKEN_HELPER_OAUTH_AUTHORIZATION_H

#include "common/buffer.h"
#include "common/outcome.h"
#include "token-helper/oauth/client.h"

struct authorization {
	struct buffer state;	/* secret; 32 random octets, base64url */
	struct buffer nonce;	/* secret; the same */
	struct buffer verifier; /* secret; 43 characters, RFC 7636 4.1 */
	char *redirect_uri;	/* repeated exactly in the token request, RFC 6749 4.1.3 */
};

/* redirect_uri: http on a loopback host, or https; else OUTCOME_CONFIG. *auth is filled anew. */
enum outcome authorization_start(struct authorization *auth, const char *redirect_uri,
				 struct err *err);
void authorization_release(struct authorization *auth);

/* Appends the URL that the person opens (no secret but state, nonce, challenge). NOMEM past url's
 * ceiling. */
enum outcome authorization_url(const struct authorization *auth, const struct oauth_client *client,
			       struct buffer *url, struct err *err);

/*
 * What came back: a query ("code=…&state=…"), with or without leading '?', or a whole pasted URL
 * (its query, or its fragment). OK: *code (secret) is replaced. OUTCOME_PROTOCOL: not a redirect at
 * all, no or several code/state, malformed escapes. OUTCOME_DENIED: state is not ours (forged, or
 * another attempt's): nothing may be redeemed, the flow stays open. OUTCOME_CONSENT: the server
 * says error= (err: its own words, and what to do), or iss is another server's: the flow is over.
 */
enum outcome authorization_parse_redirect(const struct authorization *auth,
					  const struct oauth_client *client, struct span redirect,
					  struct buffer *code, struct err *err);

/* BASE64URL(SHA256(ASCII(verifier))), RFC 7636 4.2; 43 characters. Exposed for the RFC's test
 * vector. */
bool pkce_challenge(struct span verifier, struct buffer *challenge);

/* base64url without padding, RFC 4648 5. decode: false when malformed. */
bool base64url_encode(struct span bytes, struct buffer *out);
bool base64url_decode(struct span text, struct buffer *out);

#endif
