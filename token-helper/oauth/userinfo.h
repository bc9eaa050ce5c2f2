/* SPDX-License-Identifier: MIT */
/*
 * userinfo.h - who signed in, asked at the UserInfo endpoint (OpenID Connect Core 5.3): for servers
 * that give no id_token, or one without a name in it.
 */
#ifndef TOKEN_HELPER_OAUTH_USERINFO_H
#define TOKEN_HELPER_OAUTH_USERINFO_H

#include "common/buffer.h"
#include "common/outcome.h"
#include "token-helper/http/http-client.h"
#include "token-helper/oauth/client.h"
#include "token-helper/oauth/id-token.h"

struct userinfo_request;

/* OK: identity is filled and may be moved out. Else it is empty: RETRY, no answer for now; CONFIG
 * or PROTOCOL, no answer that helps; err names the endpoint. */
typedef void userinfo_done_fn(void *context, enum outcome outcome, struct identity *identity,
			      const struct err *err);

/* GET client->userinfo_url with the access token. Never NULL; done is called later, once.
 * Everything is borrowed for the duration of the call only. */
struct userinfo_request *userinfo_get(struct http_client *http, const struct oauth_client *client,
				      struct span access_token, userinfo_done_fn *done,
				      void *context);
void userinfo_cancel(struct userinfo_request *request); /* done is not called; NULL is fine */

/*
 * The pure half (fuzzed). OK: *identity is filled anew, its issuer being the client's; else it is
 * untouched.
 */
enum outcome userinfo_parse(const struct oauth_client *client, const struct http_response *response,
			    struct identity *identity, struct err *err);

#endif
