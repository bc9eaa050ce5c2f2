/* SPDX-License-Identifier: MIT */
/*
 * endpoint-request.h - one POST to an endpoint of the authorization server, as a client that has
 * proved who it is.
 *
 * Every request with client authentication goes through here: token, device authorization,
 * revocation. The proof is made for the request: a key signs anew, a file is read anew, a command
 * is run beside the event loop. When the server says `invalid_client` and there is a second
 * credential, that one is tried once; the answer is then the second one's. All of it has one
 * deadline, the client's timeout.
 */
#ifndef TOKEN_HELPER_OAUTH_ENDPOINT_REQUEST_H
#define TOKEN_HELPER_OAUTH_ENDPOINT_REQUEST_H

#include "token-helper/http/http-client.h"
#include "token-helper/oauth/client.h"

struct endpoint_request;

struct endpoint_answer {
	struct http_response *response; /* also what failed before anything was sent */
	const char *credential;	 /* the label of the one that was used; NULL: there is only one, or
				    none */
	bool credential_changed; /* it is not the one that worked before */
	bool is_unsent;		 /* the proof could not be made: the server was not asked */
};

typedef void endpoint_done_fn(void *context, struct endpoint_answer *answer);

/*
 * Takes form's content (secret, without the client's authentication). url NULL is a failure, as
 * http_post() reports one. Never NULL; done is called later, from the loop, once; the request is
 * then gone. client is borrowed for the call only.
 */
struct endpoint_request *endpoint_post(struct http_client *http, const struct oauth_client *client,
				       const char *url, struct buffer *form, endpoint_done_fn *done,
				       void *context);
void endpoint_cancel(struct endpoint_request *request); /* done is not called; NULL is fine */

#endif
