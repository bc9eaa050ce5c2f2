/* SPDX-License-Identifier: MIT */
/* token-request.c - the request's side of token-request.h: the forms. */
#include "token-helper/oauth/token-request.h"

#include <stdlib.h>

#include "common/xalloc.h"
#include "token-helper/oauth/endpoint-request.h"

#include "common/banned.h"

#define FORM_MAX 131072 /* the longest tokens and scopes, every byte as %XX */

struct token_request {
	struct endpoint_request *post;
	token_done_fn *done;
	void *context;
	bool finished;		    /* done is being called */
	struct oauth_client client; /* a copy of what token_answer_parse() reads */
};

static void request_free(struct token_request *request)
{
	free(request->client.token_url);
	free(request->client.required_scope);
	free(request);
}

static void on_answer(void *context, struct endpoint_answer *endpoint)
{
	struct token_request *request = context;
	struct token_answer answer;

	token_answer_parse(&request->client, endpoint->response, &answer);
	answer.credential = endpoint->credential;
	answer.credential_changed = endpoint->credential_changed;
	request->finished = true;
	request->done(request->context, &answer);
	token_answer_release(&answer);
	request_free(request);
}

/* Takes the form's content. */
static struct token_request *send_form(struct http_client *http, const struct oauth_client *client,
				       struct buffer *form, token_done_fn *done, void *context)
{
	struct token_request *request = xcalloc(1, sizeof(*request));

	request->done = done;
	request->context = context;
	request->client.token_url = xstrdup(client->token_url);
	request->client.required_scope = xstrdup(client->required_scope);
	request->post = endpoint_post(http, client, client->token_url, form, on_answer, request);
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
	endpoint_cancel(request->post);
	request_free(request);
}
