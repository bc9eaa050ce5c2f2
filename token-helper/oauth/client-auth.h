/* SPDX-License-Identifier: MIT */
/*
 * client-auth.h - how a client proves to the authorization server that it is itself (RFC 6749 2.3,
 * RFC 7521 4.2, RFC 7523 2.2).
 *
 * One table of methods, exactly one of which is used in a request. A client may have two
 * credentials, so that one can be replaced while the other works: the newer is tried first, and the
 * one that worked last is tried first from then on.
 */
#ifndef TOKEN_HELPER_OAUTH_CLIENT_AUTH_H
#define TOKEN_HELPER_OAUTH_CLIENT_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buffer.h"
#include "common/config.h"
#include "common/outcome.h"
#include "token-helper/oauth/jwt.h"

#define CLIENT_CREDENTIALS_MAX 2
#define CLIENT_SECRET_MAX      4096
#define CLIENT_ASSERTION_MAX   16384

enum client_auth_method {
	CLIENT_AUTH_NONE,	     /* public client: client_id in the body */
	CLIENT_AUTH_POST,	     /* client_id and client_secret in the body */
	CLIENT_AUTH_BASIC,	     /* HTTP Basic, parts form-encoded first (RFC 6749 2.3.1) */
	CLIENT_AUTH_PRIVATE_KEY_JWT, /* an assertion signed anew for each request */
	CLIENT_AUTH_ASSERTION,	     /* one that somebody else made: workload identity */
	CLIENT_AUTH_COUNT,
};

/* What a method needs to have. */
enum client_material { MATERIAL_NONE, MATERIAL_SECRET, MATERIAL_KEY, MATERIAL_ASSERTION };

/* One secret, key or source of assertions. Which members are set depends on the method. */
struct client_credential {
	const char *label;	 /* its configuration key, a literal */
	struct buffer secret;	 /* secret; read when the configuration was */
	struct signing_key *key; /* NULL: none */
	char *file;		 /* read anew for each request; NULL: none */
	struct words command;	 /* run anew for each request; empty: none */
};

struct client_auth {
	enum client_auth_method method;
	struct client_credential credentials[CLIENT_CREDENTIALS_MAX]; /* the newer first */
	size_t count;		      /* 0 with CLIENT_AUTH_NONE only */
	size_t working;		      /* which one is tried first */
	enum jwt_algorithm algorithm; /* of private_key_jwt */
	char *audience;		      /* of its assertions; NULL: the token endpoint */
	unsigned references;
};

/* Shared by the configuration and the requests in flight, which outlive it: one reference each. */
struct client_auth *client_auth_new(enum client_auth_method method);
struct client_auth *client_auth_hold(struct client_auth *auth); /* NULL gives NULL */
void client_auth_drop(struct client_auth *auth);		/* NULL is fine */

/* A new credential for the caller to fill. There is room for two. */
struct client_credential *client_auth_add(struct client_auth *auth, const char *label);

const char *client_auth_name(enum client_auth_method method);
enum client_material client_auth_material(enum client_auth_method method);

/* What goes into a request. */
struct client_proof {
	const char *client_id; /* NULL: none is sent */
	const char *audience;
	const struct client_credential *credential; /* NULL with CLIENT_AUTH_NONE */
	struct span text;			    /* secret or assertion */
	enum jwt_algorithm algorithm;
};

/*
 * Appends to form, and to userpwd ("id:secret", form-encoded, for HTTP Basic), what the method
 * says. Both are secret buffers. OUTCOME_NOMEM: past their ceilings; else as jwt_sign().
 */
enum outcome client_auth_append(enum client_auth_method method, const struct client_proof *proof,
				struct buffer *form, struct buffer *userpwd, struct err *err);

#endif
