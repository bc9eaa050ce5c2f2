/* SPDX-License-Identifier: MIT */
/* endpoint-request.c - see endpoint-request.h. */
#include "token-helper/oauth/endpoint-request.h"

#include <stdlib.h>

#include "common/deadline.h"
#include "common/secret-file.h"
#include "common/xalloc.h"
#include "token-helper/command/command.h"
#include "token-helper/json/json-reader.h"
#include "token-helper/oauth/server-words.h"

#include "common/banned.h"

#define FORM_MAX 131072 /* the longest tokens and scopes, every byte as %XX */

struct endpoint_request {
	struct http_client *http;
	struct client_auth *auth; /* held; NULL: none */
	char *url, *client_id, *ca_file, *proxy;
	struct deadline deadline;
	struct buffer form; /* secret; without the client's authentication */
	size_t credential;  /* the one in use */
	bool tried_other;
	struct command *command;
	struct http_exchange *exchange;
	enum outcome trouble; /* why nothing could be sent, or OK */
	struct err err;
	bool finished; /* done is being called */
	endpoint_done_fn *done;
	void *context;
};

static void attempt(struct endpoint_request *request);

static void request_free(struct endpoint_request *request)
{
	client_auth_drop(request->auth);
	buffer_release(&request->form);
	free(request->url);
	free(request->client_id);
	free(request->ca_file);
	free(request->proxy);
	free(request);
}

/* Answers ------------------------------------------------------------------------------------- */

static bool has_two(const struct endpoint_request *request)
{
	return request->auth != NULL && request->auth->count > 1;
}

/* Control flow depends on `error` alone, here as elsewhere. */
static bool says_invalid_client(const struct http_response *response)
{
	const char *why;
	struct json_object *root;
	struct span error;
	bool says;

	if (response->outcome != OUTCOME_OK)
		return false;
	root = json_read(buffer_span(response->body), HTTP_BODY_MAX, &why);
	says = root != NULL && json_get_string(root, "error", &error) &&
	       span_equals(error, "invalid_client");
	json_release(root);
	return says;
}

static void finish(struct endpoint_request *request, struct http_response *response, bool refused)
{
	struct endpoint_answer answer = {.response = response,
					 .is_unsent = request->trouble != OUTCOME_OK};

	if (has_two(request)) {
		answer.credential = request->auth->credentials[request->credential].label;
		answer.credential_changed = request->tried_other && !refused &&
					    response->outcome == OUTCOME_OK &&
					    request->auth->working != request->credential;
	}
	if (answer.credential_changed)
		request->auth->working = request->credential;
	request->finished = true;
	request->done(request->context, &answer);
	request_free(request);
}

static void on_response(void *context, struct http_response *response)
{
	struct endpoint_request *request = context;
	bool refused = has_two(request) && says_invalid_client(response);

	request->exchange = NULL;
	if (request->trouble != OUTCOME_OK) {
		response->outcome = request->trouble;
		response->err = request->err;
	}
	if (refused && !request->tried_other) {
		request->tried_other = true;
		request->credential = request->auth->count - 1 - request->credential;
		attempt(request);
		return;
	}
	finish(request, response, refused);
}

/* Requests ------------------------------------------------------------------------------------ */

static void post(struct endpoint_request *request, const char *url, const struct buffer *form,
		 const struct buffer *userpwd)
{
	struct http_request http = {
		.url = url,
		.form = buffer_span(form),
		.userpwd = userpwd != NULL && userpwd->len > 0 ? userpwd : NULL,
		.ca_file = request->ca_file,
		.proxy = request->proxy,
		.timeout_ms = deadline_remaining_ms(request->deadline),
	};

	request->exchange = http_post(request->http, &http, on_response, request);
}

/* Posted to nowhere, so that this failure too is reported from the loop. */
static void fail(struct endpoint_request *request, enum outcome what)
{
	request->trouble = what == OUTCOME_NOMEM ? OUTCOME_CONFIG : what;
	post(request, "", &request->form, NULL);
}

static void send_with(struct endpoint_request *request, struct span text)
{
	const struct client_auth *auth = request->auth;
	struct client_proof proof = {
		.client_id = request->client_id,
		.audience = auth != NULL && auth->audience != NULL ? auth->audience : request->url,
		.credential = auth != NULL ? &auth->credentials[request->credential] : NULL,
		.text = text,
		.algorithm = auth != NULL ? auth->algorithm : JWT_PS256,
	};
	struct buffer form = BUFFER_INIT_SECRET(FORM_MAX);
	struct buffer userpwd = BUFFER_INIT_SECRET(FORM_MAX);
	enum outcome outcome;

	(void)buffer_append_span(&form, buffer_span(&request->form));
	form.failed = form.failed || !buffer_ok(&request->form);
	outcome = client_auth_append(auth != NULL ? auth->method : CLIENT_AUTH_NONE, &proof, &form,
				     &userpwd, &request->err);
	if (outcome == OUTCOME_OK)
		post(request, request->url, &form, &userpwd);
	else
		fail(request, outcome);
	buffer_release(&form);
	buffer_release(&userpwd);
}

static void on_command(void *context, struct command_result *result)
{
	struct endpoint_request *request = context;
	const char *label = request->auth->credentials[request->credential].label;
	char words[SERVER_WORDS_MAX + 1];

	request->command = NULL;
	if (result->outcome == OUTCOME_OK) {
		send_with(request, buffer_span(result->output));
		return;
	}
	server_words(result->complaint, words);
	(void)err_set(&request->err, result->outcome, "%s: %s%s%s", label, result->err.text,
		      words[0] != '\0' ? ": " : "", words);
	fail(request, result->outcome);
}

/* A file may be missing for as long as it takes to replace it. */
static void send_with_file(struct endpoint_request *request, const char *path)
{
	struct buffer text = BUFFER_INIT_SECRET(CLIENT_ASSERTION_MAX);
	enum outcome outcome = secret_file_read(path, &text, &request->err);

	if (outcome == OUTCOME_OK) {
		send_with(request, buffer_span(&text));
	} else {
		err_prefix(&request->err,
			   "%s: ", request->auth->credentials[request->credential].label);
		fail(request, OUTCOME_RETRY);
	}
	buffer_release(&text);
}

static void attempt(struct endpoint_request *request)
{
	const struct client_credential *credential =
		request->auth != NULL && request->auth->count > 0
			? &request->auth->credentials[request->credential]
			: NULL;

	if (credential != NULL && credential->command.count > 0)
		request->command = command_run(
			http_client_base(request->http), &credential->command, CLIENT_ASSERTION_MAX,
			deadline_remaining_ms(request->deadline), on_command, request);
	else if (credential != NULL && credential->file != NULL)
		send_with_file(request, credential->file);
	else
		send_with(request, credential != NULL ? buffer_span(&credential->secret)
						      : (struct span){"", 0});
}

struct endpoint_request *endpoint_post(struct http_client *http, const struct oauth_client *client,
				       const char *url, struct buffer *form, endpoint_done_fn *done,
				       void *context)
{
	struct endpoint_request *request = xcalloc(1, sizeof(*request));

	request->http = http;
	request->auth = client_auth_hold(client->auth);
	request->credential = request->auth != NULL ? request->auth->working : 0;
	request->url = xstrdup(url != NULL ? url : "");
	request->client_id = xstrdup(client->client_id);
	request->ca_file = xstrdup(client->ca_file);
	request->proxy = xstrdup(client->proxy);
	request->deadline = deadline_in_ms(client->timeout_ms);
	request->done = done;
	request->context = context;
	buffer_init_secret(&request->form, FORM_MAX);
	buffer_move(&request->form, form);
	attempt(request);
	return request;
}

void endpoint_cancel(struct endpoint_request *request)
{
	if (request == NULL || request->finished)
		return;
	command_cancel(request->command);
	http_cancel(request->exchange);
	request_free(request);
}
