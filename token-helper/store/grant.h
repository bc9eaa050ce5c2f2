/* SPDX-License-Identifier: MIT */
/*
 * grant.h - what an authorization left us with: the record that the store keeps for one account.
 *
 * The refresh token is the one thing here that cannot be had again without a person. Nothing but a
 * newer refresh token from the same authorization server, or `mailoauth authorize`, replaces it.
 */
#ifndef TOKEN_HELPER_STORE_GRANT_H
#define TOKEN_HELPER_STORE_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"

#define GRANT_TOKEN_MAX 16384 /* bytes of a refresh or access token that is stored */

struct grant {
	struct buffer refresh_token;	      /* secret; empty: none */
	struct buffer previous_refresh_token; /* secret; kept until refresh_token has worked once */
	struct buffer access_token;	      /* secret; empty: none */
	int64_t access_expires_s;	      /* wall clock; 0: no access token */
	int64_t access_obtained_s;	      /* wall clock, when it was asked for */
	int64_t refresh_obtained_s;	      /* wall clock, when refresh_token was issued */
	int64_t authorized_s; /* wall clock, when a person last consented; 0: never */
	int64_t generation;   /* +1 with every commit */
	char *scope;	      /* as granted; NULL: unknown */
	char *identity;	      /* who signed in, for people; NULL: unknown */
	char *issuer;	      /* id_token iss; with subject the pinned identity */
	char *subject;	      /* id_token sub */
	char *kind; /* the grant it came from, "client_credentials"; NULL: "authorization_code" */
	char *client_id;   /* the refresh token is worthless to another client */
	char *token_url;   /* where it was issued: it is never sent elsewhere */
	char *redirect;	   /* the configured one that the code came back to; NULL: unknown */
	int64_t refused_s; /* wall clock, when the server last wanted a person; 0: it does not */
	int64_t refused_count; /* how often in a row */
	char *refused;	       /* what it said; NULL: nothing */
};

void grant_init(struct grant *grant);
void grant_release(struct grant *grant); /* wipes; leaves an initialised grant */
void grant_copy(struct grant *to,
		const struct grant *from);	/* `to` initialised; what it had is released */
bool grant_is_empty(const struct grant *grant); /* neither token */

#endif
