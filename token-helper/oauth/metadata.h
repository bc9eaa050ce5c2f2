/* SPDX-License-Identifier: MIT */
/*
 * metadata.h - what an authorization server says of itself (RFC 8414, OpenID Connect
 * Discovery 1.0): where it says so, and what is believed of it.
 */
#ifndef TOKEN_HELPER_OAUTH_METADATA_H
#define TOKEN_HELPER_OAUTH_METADATA_H

#include "common/outcome.h"
#include "token-helper/http/http-client.h"

/* NULL: it has none. */
struct metadata {
	char *authorize_url, *token_url, *device_url, *revoke_url, *userinfo_url;
};

void metadata_release(struct metadata *metadata);

/* *to is filled anew. */
void metadata_copy(const struct metadata *from, struct metadata *to);

/* Where it may be, in the order to try: RFC 8414 3.1 puts the well-known part between host and
 * path, OpenID Connect Discovery 4 after the path. NULL: there are no more. Gives. */
char *metadata_url(const char *issuer, unsigned attempt);

/*
 * The pure half (fuzzed). OK: *metadata is filled anew; else it is untouched. The document's issuer
 * must be the one that was asked for, byte by byte (RFC 8414 3.3): else whoever can make us ask
 * him could name his own token endpoint. Its URLs must be https (http on loopback).
 */
enum outcome metadata_parse(const char *issuer, const struct http_response *response,
			    struct metadata *metadata, struct err *err);

#endif
