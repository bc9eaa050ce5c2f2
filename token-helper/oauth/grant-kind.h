/* SPDX-License-Identifier: MIT */
/*
 * grant-kind.h - the ways in which a client gets tokens: one table.
 */
#ifndef TOKEN_HELPER_OAUTH_GRANT_KIND_H
#define TOKEN_HELPER_OAUTH_GRANT_KIND_H

#include <stdbool.h>

enum grant_kind {
	GRANT_AUTHORIZATION_CODE, /* a person at a browser; then refresh tokens */
	GRANT_CLIENT_CREDENTIALS, /* the client itself (RFC 6749 4.4) */
	GRANT_JWT_BEARER,	  /* an assertion of a service account (RFC 7523 2.1) */
	GRANT_MANAGED_IDENTITY,	  /* the machine itself, asked of Azure's metadata service */
	GRANT_DEVICE_CODE,	  /* a person at another machine (RFC 8628); then refresh tokens */
	GRANT_KIND_COUNT,
};

/* As in the configuration, the store and the protocol: "client_credentials". */
const char *grant_kind_name(enum grant_kind kind);

/* Does a person consent, once? Else the daemon asks for each token anew, and there is no refresh
 * token. */
bool grant_kind_has_person(enum grant_kind kind);

#endif
