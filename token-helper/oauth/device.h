/* SPDX-License-Identifier: MIT */
/*
 * device.h - the device authorization grant (RFC 8628): a code that a person types elsewhere, and
 * the pace at which we ask whether that has happened.
 *
 * The device code is the secret of the two: it never leaves the process but to the token endpoint.
 */
#ifndef TOKEN_HELPER_OAUTH_DEVICE_H
#define TOKEN_HELPER_OAUTH_DEVICE_H

#include <stdint.h>

#include "token-helper/oauth/endpoint-request.h"
#include "token-helper/oauth/token-request.h"

#define DEVICE_GRANT_TYPE	  "urn:ietf:params:oauth:grant-type:device_code"
#define DEVICE_INTERVAL_DEFAULT_S 5 /* RFC 8628 3.2 */
#define DEVICE_INTERVAL_MAX_S	  300
#define DEVICE_SLOWER_S		  5 /* RFC 8628 3.5, slow_down */
#define DEVICE_EXPIRES_DEFAULT_S  600
#define DEVICE_EXPIRES_MAX_S	  3600
#define DEVICE_CODE_MAX		  4096
#define DEVICE_USER_CODE_MAX	  64

struct device_answer {
	enum outcome outcome; /* as of a token_answer */
	struct err err;
	struct buffer device_code; /* secret */
	char user_code[DEVICE_USER_CODE_MAX + 1];
	char *verification_uri;		 /* a URL that may go to a terminal */
	char *verification_uri_complete; /* the same with the code in it; NULL: none */
	int64_t expires_in_s;
	int64_t interval_s;
};

/* Fills *answer anew from one HTTP answer. Pure (fuzzed). client is used for its device_url. */
void device_answer_parse(const struct oauth_client *client, const struct http_response *response,
			 struct device_answer *answer);
void device_answer_release(struct device_answer *answer);

/* Asks for the codes: RFC 8628 3.1. As endpoint_post(); endpoint_cancel() takes it back. */
struct endpoint_request *device_request(struct http_client *http, const struct oauth_client *client,
					endpoint_done_fn *done, void *context);

/* Asks whether the person has agreed: RFC 8628 3.4, in the early draft's words where the client has
 * a device_grant_type of its own. */
struct token_request *token_request_device(struct http_client *http,
					   const struct oauth_client *client,
					   struct span device_code, token_done_fn *done,
					   void *context);

struct device_poll {
	int64_t interval_s; /* the server's, and 5 s more for every slow_down */
	unsigned silences;  /* requests in a row without an answer that says anything */
};

enum device_step {
	DEVICE_WAIT, /* ask again after *wait_s_out */
	DEVICE_OVER, /* the answer stands, whatever it is */
};

/* What an answer means for the next request (RFC 8628 3.5). */
enum device_step device_poll_step(struct device_poll *poll, const struct token_answer *answer,
				  int64_t *wait_s_out);

#endif
