/* SPDX-License-Identifier: MIT */
/* token-request.c - the request's side of token-request.h: the form, the client's authentication,
 * one exchange. */
#include "token-helper/oauth/token-request.h"

#include <stdlib.h>

#include "common/xalloc.h"

#include "common/banned.h"

#define FORM_MAX 131072 /* the longest tokens and scopes, every byte as %XX */

struct token_request {
	struct http_exchange *exchange;
	token_done_fn *done;
	void *context;
	bool finished;		    /* done is being called */
	bool unsendable;	    /* the form did not fit */
	struct oauth_client client; /* a copy of what token_answer_parse() reads */
};

static void request_free(struct token_request *request)
{
	free(request->client.token_url);
	free(request->client.required_scope);
	free(request);
}

static void on_response(void *context, struct http_response *response)
{
	struct token_request *request = context;
	struct token_answer answer;

	if (request->unsendable)
		response->outcome = err_set(&response->err, OUTCOME_CONFIG,
					    "the token request is too long: look at scope, "
					    "client_id and client_secret");
	token_answer_parse(&request->client, response, &answer);
	request->finished = true;
	request->done(request->context, &answer);
	token_answer_release(&answer);
	request_free(request);
}

/* RFC 6749 2.3: exactly one way of authenticating, and a secret that is not set is not sent. */
static bool append_client(const struct oauth_client *client, struct buffer *form,
			  struct buffer *userpwd)
{
	struct span id = span_from_str(client->client_id);

	if (client->auth == OAUTH_CLIENT_AUTH_BASIC && client->secret.len > 0)
		return form_encode(userpwd, id) && buffer_append_byte(userpwd, ':') &&
		       form_encode(userpwd, buffer_span(&client->secret));
	if (client->auth == OAUTH_CLIENT_AUTH_POST && client->secret.len > 0)
		(void)form_append(form, "client_secret", buffer_span(&client->secret));
	return form_append(form, "client_id", id);
}

/* Takes the form's content: it is wiped. */
static struct token_request *send_form(struct http_client *http, const struct oauth_client *client,
				       struct buffer *form, token_done_fn *done, void *context)
{
	struct token_request *request = xcalloc(1, sizeof(*request));
	struct buffer userpwd = BUFFER_INIT_SECRET(FORM_MAX);
	struct http_request post = {
		.url = client->token_url,
		.ca_file = client->ca_file,
		.proxy = client->proxy,
		.timeout_ms = client->timeout_ms,
	};

	request->done = done;
	request->context = context;
	request->client.token_url = xstrdup(client->token_url);
	request->client.required_scope = xstrdup(client->required_scope);
	request->unsendable = !append_client(client, form, &userpwd) || !buffer_ok(form);
	/* Posted to nowhere, so that this failure too is reported from the loop. */
	if (request->unsendable || post.url == NULL)
		post.url = "";
	post.form = buffer_span(form);
	post.userpwd = userpwd.len > 0 ? &userpwd : NULL;
	request->exchange = http_post(http, &post, on_response, request);
	buffer_release(&userpwd);
	buffer_release(form);
	return request;
}

struct token_request *token_request_code(struct http_client *http,
					 const struct oauth_client *client,
					 const struct authorization *auth, struct span code,
					 token_done_fn *done, void *context)
{
	struct buffer form = BUFFER_INIT_SECRET(FORM_MAX);

	(void)form_append(&form, "grant_type", span_from_str("authorization_code"));
	(void)form_append(&form, "code", code);
	(void)form_append(&form, "redirect_uri", span_from_str(auth->redirect_uri));
	(void)form_append(&form, "code_verifier", buffer_span(&auth->verifier));
	if (client->resource != NULL)
		(void)form_append(&form, "resource", span_from_str(client->resource));
	return send_form(http, client, &form, done, context);
}

struct token_request *token_request_refresh(struct http_client *http,
					    const struct oauth_client *client,
					    struct span refresh_token, token_done_fn *done,
					    void *context)
{
	struct buffer form = BUFFER_INIT_SECRET(FORM_MAX);

	(void)form_append(&form, "grant_type", span_from_str("refresh_token"));
	(void)form_append(&form, "refresh_token", refresh_token);
	if (client->scope != NULL && client->scope[0] != '\0')
		(void)form_append(&form, "scope", span_from_str(client->scope));
	if (client->resource != NULL)
		(void)form_append(&form, "resource", span_from_str(client->resource));
	if (client->refresh_redirect_uri && client->redirect != NULL)
		(void)form_append(&form, "redirect_uri", span_from_str(client->redirect));
	return send_form(http, client, &form, done, context);
}

void token_request_cancel(struct token_request *request)
{
	if (request == NULL || request->finished)
		return;
	http_cancel(request->exchange);
	request_free(request);
}
