/* SPDX-License-Identifier: MIT */
/*
 * mechanism.h - what differs between the SASL mechanisms that carry a bearer token.
 *
 * Two things: how the first message is written, and what is said to a server that has answered it
 * with an error challenge. The rest of an exchange is exchange.c's. Pure functions; no libsasl
 * here.
 */
#ifndef SASL_PLUGIN_MECHANISM_H
#define SASL_PLUGIN_MECHANISM_H

#include "common/buffer.h"
#include "sasl-plugin/login.h"

/* Ceiling of a first message: the token, the names (a user escaped threefold), the frame. */
#define MECHANISM_MESSAGE_MAX 16384

struct mechanism {
	const char *name;

	/* Appends the first message. login has passed login_check(). False: out of memory. */
	bool (*append_message)(struct buffer *out, const struct login *login);

	/* The answer to an error challenge; the server then ends the exchange with its failure. */
	struct span answer_to_error;
};

extern const struct mechanism mechanism_xoauth2;     /* Google's and Microsoft's; no RFC */
extern const struct mechanism mechanism_oauthbearer; /* RFC 7628 */

#endif
