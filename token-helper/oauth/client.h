/* SPDX-License-Identifier: MIT */
/*
 * client.h - what the OAuth protocol has to know of one account: a registration at an authorization
 * server.
 *
 * Made by accounts/ from the configuration and the provider's preset; everything in oauth/ takes it
 * const.
 */
#ifndef TOKEN_HELPER_OAUTH_CLIENT_H
#define TOKEN_HELPER_OAUTH_CLIENT_H

#include <stdbool.h>

#include "common/buffer.h"
#include "common/config.h"
#include "token-helper/oauth/client-auth.h"
#include "token-helper/oauth/grant-kind.h"
#include "token-helper/oauth/service-account.h"

/* All strings owned by whoever owns the struct; NULL means not set. */
struct oauth_client {
	char *issuer; /* exact, for iss (RFC 9207) and the id_token; "{tenantid}" inside matches any
			 tenant id */
	char *authorize_url; /* NULL: nobody signs in there */
	char *token_url;
	char *device_url;	 /* RFC 8628 device_authorization_endpoint */
	char *device_grant_type; /* grant_type of its polls when it is not RFC 8628's */
	char *revoke_url;	 /* RFC 7009 */
	char *userinfo_url;	 /* OpenID Connect Core 5.3 */
	char *resource;		 /* RFC 8707 (AD FS demands it) */
	char *client_id;
	struct client_auth *auth; /* NULL: as CLIENT_AUTH_NONE */
	enum grant_kind grant;
	struct service_account *service_account; /* of GRANT_JWT_BEARER; NULL: none */
	char *subject;				 /* GRANT_JWT_BEARER: whose mailbox */
	char *scope;	       /* space-separated, sent when authorizing and on every refresh */
	char *required_scope;  /* what the answer must contain (space-separated); NULL: do not
				  compare */
	char *authorize_extra; /* more authorize parameters, form-encoded: "prompt=select_account"
				*/
	char *login_hint;
	struct words redirects;	   /* the first counts unless another is chosen. To http://localhost
				      or http://127.0.0.1[/path] a port is added; any other is used as
				      it stands */
	bool refresh_redirect_uri; /* the redirect is sent with a refresh too */
	char *identity; /* who must sign in; several, space-separated; NULL: whoever (not verified)
			 */
	char *identity_claims; /* id_token claims that may name them, in order, space-separated */
	char *ca_file;
	char *proxy;
	int timeout_ms; /* of one request to the token endpoint */
};

#endif
