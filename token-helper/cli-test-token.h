/* SPDX-License-Identifier: MIT */
/*
 * cli-test-token.h - what an access token says of itself, where it is a JWT. Nothing is verified:
 * the token came from mailoauthd, and only the mail server's opinion of it counts.
 */
#ifndef TOKEN_HELPER_CLI_TEST_TOKEN_H
#define TOKEN_HELPER_CLI_TEST_TOKEN_H

#include "common/buffer.h"

struct json_object;

/* The claims; NULL: it is no JWT. json_release() it. */
struct json_object *token_claims(struct span token);

/* "audience A, scope S, …" of those claims that say what it is for and whose. */
void token_describe(struct json_object *claims, struct buffer *text);

/* Whose it is, as the claims say it; NULL: they do not. Borrows. */
const char *token_owner(struct json_object *claims);

#endif
