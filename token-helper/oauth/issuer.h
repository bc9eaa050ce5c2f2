/* SPDX-License-Identifier: MIT */
/*
 * issuer.h - is that who we expected? One comparison for the redirect's iss (RFC 9207) and the
 * id_token's.
 */
#ifndef TOKEN_HELPER_OAUTH_ISSUER_H
#define TOKEN_HELPER_OAUTH_ISSUER_H

#include <stdbool.h>

#include "common/buffer.h"

/*
 * Simple string comparison, with two exceptions that the providers document: "{tenantid}" in
 * expected matches one tenant's id, which must be `tenant` when that is not empty (the token's tid;
 * Microsoft), and Google leaves out "https://" at times.
 */
bool issuer_matches(const char *expected, struct span actual, struct span tenant);

#endif
