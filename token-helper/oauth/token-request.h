/* SPDX-License-Identifier: MIT */
/*
 * token-request.h - the back channel: one request to a token endpoint, and what its answer means.
 *
 * Control flow depends on the HTTP status and the OAuth `error` only; descriptions and AADSTS
 * numbers go into texts for people (RFC 6749 5.1, 5.2; facts of the providers).
 */
#ifndef TOKEN_HELPER_OAUTH_TOKEN_REQUEST_H
#define TOKEN_HELPER_OAUTH_TOKEN_REQUEST_H

#include <stdint.h>

#include "common/buffer.h"
#include "common/outcome.h"
#include "token-helper/http/http-client.h"
#include "token-helper/oauth/authorization.h"
#include "token-helper/oauth/client.h"

#define TOKEN_EXPIRES_DEFAULT_S                                                                    \
	600 /* when the server does not say: short, so that we ask again                           \
	     */

struct token_set {
	struct buffer access_token;  /* secret; valid b64token */
	struct buffer refresh_token; /* secret; empty: the server sent none, keep the old one */
	struct buffer id_token;	     /* secret; empty: none */
	int64_t expires_in_s;	     /* > 0 */
	char *scope;		     /* NULL: as requested */
};

void token_set_init(struct token_set *set);
void token_set_release(struct token_set *set);
void token_set_move(struct token_set *to, struct token_set *from); /* from is left empty */

struct token_answer {
	enum outcome outcome; /* OK: set is filled. RETRY: transient. CONSENT: invalid_grant and its
				 like. CONFIG: client or request refused. PROTOCOL is not used: a
				 page that is no token answer is transient (a captive portal, a
				 proxy) and RETRY */
	struct err err; /* not OK: endpoint host, HTTP status, error and description in the server's
			   words */
	char error[64]; /* the OAuth `error` code; "" when there was none */
	char correlation[64];  /* Microsoft's correlation_id, for tickets; "" */
	int status;	       /* HTTP status; 0: no answer */
	bool is_unsent;	       /* what failed is on our side: the endpoint was not asked */
	int64_t retry_after_s; /* -1: none */
	bool is_dated;	       /* the endpoint said what time it is there */
	int64_t clock_ahead_s; /* then: by how much our clock is ahead of its */
	int64_t duration_ms;
	const char *credential; /* which of the client's two it was sent with; NULL: it has not two;
				   borrowed for the callback's duration */
	bool credential_changed; /* another than the time before */
	struct token_set
		set; /* may be moved out by the callback. Not OK: a refresh_token in it is new and
			must be kept all the same; the server may have retired the one before */
};

typedef void token_done_fn(void *context, struct token_answer *answer);

struct token_request;

/* Never NULL; done is called later, from the loop, once. Everything is borrowed for the duration of
 * the call only. */
struct token_request *token_request_code(struct http_client *http,
					 const struct oauth_client *client,
					 const struct authorization *auth, struct span code,
					 token_done_fn *done, void *context);
/* redirect: sent where the client's refresh_redirect_uri wants it; NULL: none. */
struct token_request *token_request_refresh(struct http_client *http,
					    const struct oauth_client *client,
					    struct span refresh_token, const char *redirect,
					    token_done_fn *done, void *context);
/* Of the grants without a person: what client->grant says. No refresh token comes of it. */
struct token_request *token_request_direct(struct http_client *http,
					   const struct oauth_client *client, token_done_fn *done,
					   void *context);
void token_request_cancel(struct token_request *request); /* done is not called; NULL is fine */

/* The pure half (fuzzed): fills *answer (initialised by this function) from one HTTP answer. client
 * is used for its scope and names. */
void token_answer_parse(const struct oauth_client *client, const struct http_response *response,
			struct token_answer *answer);
void token_answer_release(struct token_answer *answer);

#endif
