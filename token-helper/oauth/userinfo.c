/* SPDX-License-Identifier: MIT */
/* userinfo.c - see userinfo.h. */
#include "token-helper/oauth/userinfo.h"

#include <stdlib.h>

#include "common/xalloc.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

#define USERINFO_MAX 65536 /* bytes; some servers list every group there */

struct userinfo_request {
	struct http_exchange *exchange;
	struct oauth_client client; /* a copy of what userinfo_parse() reads */
	userinfo_done_fn *done;
	void *context;
};

static enum outcome not_ok(const struct http_response *response, const char *host, struct err *err)
{
	bool passing = response->status >= 500 || response->status == 429;

	return err_set(
		err, passing ? OUTCOME_RETRY : OUTCOME_CONFIG,
		"the userinfo endpoint %s answered HTTP %d, so it is not known who signed in", host,
		response->status);
}

enum outcome userinfo_parse(const struct oauth_client *client, const struct http_response *response,
			    struct identity *identity, struct err *err)
{
	struct json_object *root;
	const char *why = "";
	char host[256];
	enum outcome outcome;

	if (response->outcome != OUTCOME_OK) {
		*err = response->err;
		return response->outcome;
	}
	http_url_host(client->userinfo_url, host, sizeof(host));
	if (response->status != 200)
		return not_ok(response, host, err);
	root = json_read(buffer_span(response->body), USERINFO_MAX, &why);
	if (root == NULL)
		return err_set(err, OUTCOME_PROTOCOL,
			       "the userinfo endpoint %s did not answer with JSON: %s", host, why);
	outcome = identity_from_claims(root, client, "userinfo", identity, err);
	json_release(root);
	/* The answer has no issuer of its own: it is the server that the token came from. */
	if (outcome == OUTCOME_OK) {
		free(identity->issuer);
		identity->issuer = xstrdup(client->issuer);
	}
	return outcome;
}

static void request_free(struct userinfo_request *request)
{
	free(request->client.userinfo_url);
	free(request->client.issuer);
	free(request->client.identity_claims);
	free(request);
}

static void on_response(void *context, struct http_response *response)
{
	struct userinfo_request *request = context;
	struct identity identity = {0};
	struct err err = ERR_INIT;
	enum outcome outcome = userinfo_parse(&request->client, response, &identity, &err);
	userinfo_done_fn *done = request->done;
	void *owner = request->context;

	request_free(request); /* first: whoever is told may have no use for it any more */
	done(owner, outcome, &identity, &err);
	identity_release(&identity);
}

struct userinfo_request *userinfo_get(struct http_client *http, const struct oauth_client *client,
				      struct span access_token, userinfo_done_fn *done,
				      void *context)
{
	struct userinfo_request *request = xcalloc(1, sizeof(*request));
	const struct http_request get = {
		.url = client->userinfo_url,
		.bearer = access_token,
		.ca_file = client->ca_file,
		.proxy = client->proxy,
		.timeout_ms = client->timeout_ms,
	};

	request->done = done;
	request->context = context;
	request->client.userinfo_url = xstrdup(client->userinfo_url);
	request->client.issuer = xstrdup(client->issuer);
	request->client.identity_claims = xstrdup(client->identity_claims);
	request->exchange = http_get(http, &get, on_response, request);
	return request;
}

void userinfo_cancel(struct userinfo_request *request)
{
	if (request == NULL)
		return;
	http_cancel(request->exchange);
	request_free(request);
}
