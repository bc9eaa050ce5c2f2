/* SPDX-License-Identifier: MIT */
/* token.c - see token.h. */
#include "fetch-agent/auth/token.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/helper-protocol.h"
#include "common/xalloc.h"
#include "fetch-agent/auth/helper-ask.h"

#include "common/banned.h"

#define USER_MAX	  1000
#define HOSTS_MAX	  4096
#define SAID_MAX	  1000 /* of a server's words that mailoauthd is told */
#define MIN_VALID_S	  60   /* a login takes no longer; the account's own minimum may be more */
#define FINGERPRINT_BYTES 17

struct token_ask {
	struct helper_ask *ask;
	token_done_fn *done;
	void *context;
	bool wants_token;
};

void token_init(struct token *token)
{
	buffer_init(&token->user, USER_MAX);
	buffer_init_secret(&token->bytes, HELPER_TOKEN_MAX);
	buffer_init(&token->hosts, HOSTS_MAX);
}

void token_release(struct token *token)
{
	buffer_release(&token->user);
	buffer_release(&token->bytes);
	buffer_release(&token->hosts);
}

static enum outcome read_token(const struct helper_reply *reply, struct token *token,
			       struct err *err)
{
	if (reply->status != HELPER_OK)
		return err_set(err, reply->outcome, "%.*s", (int)reply->text.len, reply->text.ptr);
	if (!fields_get(reply->text, "user", &token->user) ||
	    !fields_get(reply->text, "token", &token->bytes) ||
	    !token_is_valid(buffer_span(&token->bytes)))
		return err_set(err, OUTCOME_PROTOCOL, "mailoauthd's answer has no usable token");
	if (!fields_get(reply->text, "hosts", &token->hosts))
		buffer_clear(&token->hosts);
	return OUTCOME_OK;
}

static void on_reply(void *context, enum outcome what, const struct helper_reply *reply,
		     const struct err *failure)
{
	struct token_ask *ask = context;
	struct err err = ERR_INIT;
	struct token token;

	token_init(&token);
	if (what != OUTCOME_OK)
		err = *failure;
	else if (ask->wants_token)
		what = read_token(reply, &token, &err);
	if (what != OUTCOME_OK)
		token_release(&token);
	ask->done(ask->context, what, &token, &err);
	token_release(&token);
	free(ask);
}

static struct token_ask *send_request(const struct token_place *place, const struct buffer *request,
				      bool wants_token, struct deadline deadline,
				      token_done_fn *done, void *context)
{
	struct token_ask *ask = xcalloc(1, sizeof(*ask));

	ask->done = done;
	ask->context = context;
	ask->wants_token = wants_token;
	ask->ask = helper_ask(place->base, place->socket, buffer_span(request), deadline, on_reply,
			      ask);
	return ask;
}

/* "verb fields" */
static void request_begin(struct buffer *request, struct buffer *fields,
			  const struct token_place *place, const char *verb,
			  const char *account_key)
{
	buffer_init(request, HELPER_REQUEST_MAX);
	buffer_init(fields, HELPER_REQUEST_MAX);
	(void)buffer_printf(request, "%s ", verb);
	(void)fields_append_str(fields, "service", "imap");
	if (place->host != NULL)
		(void)fields_append_str(fields, "host", place->host);
	(void)fields_append_str(fields, account_key, place->account);
}

struct token_ask *token_get(const struct token_place *place, struct deadline deadline,
			    token_done_fn *done, void *context)
{
	struct buffer request, fields;
	struct token_ask *ask;

	request_begin(&request, &fields, place, "token", "selector");
	(void)fields_append_int(&fields, "min_valid", MIN_VALID_S);
	(void)buffer_append_span(&request, buffer_span(&fields));
	ask = send_request(place, &request, true, deadline, done, context);
	buffer_release(&request);
	buffer_release(&fields);
	return ask;
}

struct token_ask *token_rejected(const struct token_place *place, const char *mechanism,
				 struct span token, struct span said, struct deadline deadline,
				 token_done_fn *done, void *context)
{
	char fingerprint[FINGERPRINT_BYTES];
	struct buffer request, fields;
	struct token_ask *ask;

	if (said.len > SAID_MAX)
		said.len = SAID_MAX;
	(void)snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64, token_fingerprint(token));
	request_begin(&request, &fields, place, "rejected", "account");
	(void)fields_append_str(&fields, "mech", mechanism);
	(void)fields_append_str(&fields, "fingerprint", fingerprint);
	(void)fields_append(&fields, "said", said);
	(void)buffer_append_span(&request, buffer_span(&fields));
	ask = send_request(place, &request, false, deadline, done, context);
	buffer_release(&request);
	buffer_release(&fields);
	return ask;
}

struct token_ask *token_accepted(const struct token_place *place, struct deadline deadline,
				 token_done_fn *done, void *context)
{
	struct buffer request, fields;
	struct token_ask *ask;

	request_begin(&request, &fields, place, "accepted", "account");
	(void)buffer_append_span(&request, buffer_span(&fields));
	ask = send_request(place, &request, false, deadline, done, context);
	buffer_release(&request);
	buffer_release(&fields);
	return ask;
}

void token_cancel(struct token_ask *ask)
{
	if (ask == NULL)
		return;
	helper_ask_cancel(ask->ask);
	free(ask);
}
