/* SPDX-License-Identifier: MIT */
/*
 * jwt.h - signed statements about ourselves: JWTs with RSA (RFC 7519, 7515, 7518 3.3, 3.5).
 *
 * Only made here, never believed: what others sign is id-token.h. A key is read once and checked
 * then, so that a wrong one is found by `mailoauth config check` and not in the night.
 */
#ifndef TOKEN_HELPER_OAUTH_JWT_H
#define TOKEN_HELPER_OAUTH_JWT_H

#include <stdint.h>

#include "common/buffer.h"
#include "common/outcome.h"

#define JWT_MAX	     16384 /* bytes of a whole one */
#define JWT_SKEW_S   30	   /* our clock may be so much ahead of the server's */
#define JWT_LIFE_S   300   /* of a client assertion; from iat to exp 10 minutes at most */
#define JWT_RSA_BITS 2048  /* no shorter key (RFC 7518 3.3) */

enum jwt_algorithm {
	JWT_PS256, /* with x5t#S256: Entra */
	JWT_RS256, /* with x5t: AD FS, Google */
};

struct signing_key;

/*
 * The private key of key_pem and the certificate of certificate_pem (empty: without). Gives
 * *key_out. OUTCOME_CONFIG: no PEM, a passphrase on it, no RSA, too short, or the two do not belong
 * together.
 */
enum outcome signing_key_new(struct span key_pem, struct span certificate_pem,
			     struct signing_key **key_out, struct err *err);
void signing_key_free(struct signing_key *key); /* NULL is fine */

/* The end of its certificate's life, wall clock; 0: it has none. */
int64_t signing_key_expires_s(const struct signing_key *key);

struct jwt_claims {
	struct span issuer, subject, audience;
	struct span scope;    /* empty: none (RFC 7523 has none; Google wants it) */
	struct span id;	      /* jti; empty: none */
	int64_t issued_s;     /* iat */
	int64_t not_before_s; /* nbf; 0: none */
	int64_t expires_s;    /* exp */
};

/* Replaces *jwt (a secret buffer). key_id: the header's kid; NULL: none. OUTCOME_NOMEM: past jwt's
 * ceiling. OUTCOME_RETRY: OpenSSL would not sign. */
enum outcome jwt_sign(const struct signing_key *key, enum jwt_algorithm algorithm,
		      const char *key_id, const struct jwt_claims *claims, struct buffer *jwt,
		      struct err *err);

#endif
