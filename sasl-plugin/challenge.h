/* SPDX-License-Identifier: MIT */
/*
 * challenge.h - what came after the first message: a server's refusal, or nothing.
 *
 * Clients call the second step in very different ways: with the server's JSON, with NULL after
 * success (mbsync), even with their own command that is still in the buffer (NeoMutt). Only words
 * that were found in well-formed JSON are ever repeated; anything else could be our own token
 * coming back.
 */
#ifndef SASL_PLUGIN_CHALLENGE_H
#define SASL_PLUGIN_CHALLENGE_H

#include "common/buffer.h"

#define CHALLENGE_JSON_MAX   8192 /* a longer challenge is CHALLENGE_OTHER, unread */
#define CHALLENGE_STATUS_MAX 64
#define CHALLENGE_SCOPE_MAX  256

enum challenge_kind {
	CHALLENGE_NONE,	 /* nothing, or the client's own command */
	CHALLENGE_ERROR, /* a JSON object (RFC 7628 3.2.2; XOAUTH2's looks the same) */
	CHALLENGE_OTHER, /* something else: the server refused, but its words are not repeated */
};

struct challenge {
	enum challenge_kind kind;
	char status[CHALLENGE_STATUS_MAX]; /* "" when absent; what is no printable ASCII is '?'; cut
					    * to fit
					    */
	char scope[CHALLENGE_SCOPE_MAX];   /* the same */
};

struct challenge challenge_read(struct span bytes);

#endif
