/* SPDX-License-Identifier: MIT */
/* token-request.c - the request's side of token-request.h: the forms. */
#include "token-helper/oauth/token-request.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "token-helper/oauth/device.h"
#include "token-helper/oauth/diagnose.h"
#include "token-helper/oauth/endpoint-request.h"

#include "common/banned.h"

#define FORM_MAX	 131072 /* the longest tokens and scopes, every byte as %XX */
#define JWT_BEARER	 "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define METADATA_VERSION "2018-02-01" /* of Azure's metadata service */

struct token_request {
	struct endpoint_request *post; /* or: */
	struct http_exchange *get;
	token_done_fn *done;
	void *context;
	bool finished;	      /* done is being called */
	enum outcome trouble; /* why nothing could be sent, or OK */
	struct err err;
	struct oauth_client client; /* a copy of what token_answer_parse() reads */
};

static void request_free(struct token_request *request)
{
	free(request->client.token_url);
	free(request->client.required_scope);
	free(request);
}

static void finish(struct token_request *request, struct token_answer *answer)
{
	if (answer->outcome != OUTCOME_OK && answer->error[0] != '\0')
		(void)oauth_diagnose(request->client.grant, &answer->err);
	request->finished = true;
	request->done(request->context, answer);
	token_answer_release(answer);
	request_free(request);
}

static void on_answer(void *context, struct endpoint_answer *endpoint)
{
	struct token_request *request = context;
	struct token_answer answer;

	if (request->trouble != OUTCOME_OK) {
		endpoint->response->outcome = request->trouble;
		endpoint->response->err = request->err;
	}
	token_answer_parse(&request->client, endpoint->response, &answer);
	answer.is_unsent = endpoint->is_unsent || request->trouble != OUTCOME_OK;
	answer.credential = endpoint->credential;
	answer.credential_changed = endpoint->credential_changed;
	finish(request, &answer);
}

static struct token_request *request_new(const struct oauth_client *client, token_done_fn *done,
					 void *context)
{
	struct token_request *request = xcalloc(1, sizeof(*request));

	request->done = done;
	request->context = context;
	request->client.grant = client->grant;
	request->client.token_url = xstrdup(client->token_url);
	request->client.required_scope = xstrdup(client->required_scope);
	return request;
}

/* Takes the form's content. */
static struct token_request *send_form(struct http_client *http, const struct oauth_client *client,
				       struct buffer *form, token_done_fn *done, void *context)
{
	struct token_request *request = request_new(client, done, context);

	request->post = endpoint_post(http, client, client->token_url, form, on_answer, request);
	return request;
}

static void append_scope(const struct oauth_client *client, struct buffer *form)
{
	if (client->scope != NULL && client->scope[0] != '\0')
		(void)form_append(form, "scope", span_from_str(client->scope));
}

static void append_resource(const struct oauth_client *client, struct buffer *form)
{
	if (client->resource != NULL)
		(void)form_append(form, "resource", span_from_str(client->resource));
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
	append_resource(client, &form);
	return send_form(http, client, &form, done, context);
}

struct token_request *token_request_refresh(struct http_client *http,
					    const struct oauth_client *client,
					    struct span refresh_token, const char *redirect,
					    token_done_fn *done, void *context)
{
	struct buffer form = BUFFER_INIT_SECRET(FORM_MAX);

	(void)form_append(&form, "grant_type", span_from_str("refresh_token"));
	(void)form_append(&form, "refresh_token", refresh_token);
	append_scope(client, &form);
	append_resource(client, &form);
	if (client->refresh_redirect_uri && redirect != NULL)
		(void)form_append(&form, "redirect_uri", span_from_str(redirect));
	return send_form(http, client, &form, done, context);
}

struct token_request *token_request_device(struct http_client *http,
					   const struct oauth_client *client,
					   struct span device_code, token_done_fn *done,
					   void *context)
{
	const char *type = client->device_grant_type;
	struct buffer form = BUFFER_INIT_SECRET(FORM_MAX);
	struct token_request *request;

	(void)form_append(&form, "grant_type",
			  span_from_str(type != NULL ? type : DEVICE_GRANT_TYPE));
	(void)form_append(&form, type != NULL ? "code" : "device_code", device_code);
	request = send_form(http, client, &form, done, context);
	request->client.grant = GRANT_DEVICE_CODE; /* also where the account's usual one is another
						    */
	return request;
}

/* Without a person ---------------------------------------------------------------------------- */

static struct token_request *ask_as_client(struct http_client *http,
					   const struct oauth_client *client, token_done_fn *done,
					   void *context)
{
	struct buffer form = BUFFER_INIT_SECRET(FORM_MAX);

	(void)form_append(&form, "grant_type", span_from_str("client_credentials"));
	append_scope(client, &form);
	append_resource(client, &form);
	return send_form(http, client, &form, done, context);
}

/* What Google wants: iss is the service account, sub the mailbox, and the scope stands inside. */
static enum outcome sign_grant(const struct oauth_client *client, struct buffer *jwt,
			       struct err *err)
{
	const struct service_account *account = client->service_account;
	int64_t issued_s = clock_now_s() - JWT_SKEW_S;
	struct jwt_claims claims = {
		.issuer = span_from_str(account->email),
		.subject = span_from_str(client->subject),
		.audience = span_from_str(client->token_url),
		.scope = span_from_str(client->scope),
		.issued_s = issued_s,
		.expires_s = issued_s + JWT_SKEW_S + JWT_LIFE_S,
	};

	return jwt_sign(account->key, JWT_RS256, account->key_id, &claims, jwt, err);
}

static struct token_request *ask_as_service(struct http_client *http,
					    const struct oauth_client *client, token_done_fn *done,
					    void *context)
{
	struct token_request *request = request_new(client, done, context);
	struct buffer form = BUFFER_INIT_SECRET(FORM_MAX);
	struct buffer jwt = BUFFER_INIT_SECRET(JWT_MAX);

	request->trouble = sign_grant(client, &jwt, &request->err);
	(void)form_append(&form, "grant_type", span_from_str(JWT_BEARER));
	(void)form_append(&form, "assertion", buffer_span(&jwt));
	/* Posted to nowhere, so that this failure too is reported from the loop. */
	request->post = endpoint_post(http, client,
				      request->trouble == OUTCOME_OK ? client->token_url : NULL,
				      &form, on_answer, request);
	buffer_release(&jwt);
	return request;
}

/* Its own errors come with statuses that elsewhere mean a wrong URL: it is being updated, or not up
 * yet. */
static void on_metadata(void *context, struct http_response *response)
{
	struct token_request *request = context;
	struct token_answer answer;

	request->get = NULL;
	token_answer_parse(&request->client, response, &answer);
	if (answer.outcome == OUTCOME_CONFIG && (answer.status == 404 || answer.status == 410))
		answer.outcome = OUTCOME_RETRY;
	if (answer.status == 0)
		(void)err_set(&answer.err, answer.outcome,
			      "%s: managed_identity is for machines in Azure", answer.err.text);
	finish(request, &answer);
}

/* The resource of a scope RESOURCE/.default. */
static struct span resource_of(const char *scope)
{
	static const char suffix[] = "/.default";
	struct span resource = span_from_str(scope);
	size_t len = sizeof(suffix) - 1;

	if (resource.len > len && memcmp(scope + resource.len - len, suffix, len) == 0)
		resource.len -= len;
	return resource;
}

static struct token_request *ask_as_machine(struct http_client *http,
					    const struct oauth_client *client, token_done_fn *done,
					    void *context)
{
	struct token_request *request = request_new(client, done, context);
	struct buffer query = BUFFER_INIT(FORM_MAX);
	struct http_request get = {.metadata = true, .timeout_ms = client->timeout_ms};
	char *url;

	(void)form_append(&query, "api-version", span_from_str(METADATA_VERSION));
	(void)form_append(&query, "resource", resource_of(client->scope));
	if (client->client_id != NULL)
		(void)form_append(&query, "client_id", span_from_str(client->client_id));
	url = xasprintf("%s?%s", client->token_url, buffer_cstr(&query));
	get.url = url;
	request->get = http_get(http, &get, on_metadata, request);
	buffer_release(&query);
	free(url);
	return request;
}

struct token_request *token_request_direct(struct http_client *http,
					   const struct oauth_client *client, token_done_fn *done,
					   void *context)
{
	switch (client->grant) {
	case GRANT_JWT_BEARER:
		return ask_as_service(http, client, done, context);
	case GRANT_MANAGED_IDENTITY:
		return ask_as_machine(http, client, done, context);
	default:
		return ask_as_client(http, client, done, context);
	}
}

void token_request_cancel(struct token_request *request)
{
	if (request == NULL || request->finished)
		return;
	endpoint_cancel(request->post);
	http_cancel(request->get);
	request_free(request);
}
