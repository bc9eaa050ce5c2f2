/* SPDX-License-Identifier: MIT */
/* exchange.c - see exchange.h. */
#include "sasl-plugin/exchange.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/helper-protocol.h"
#include "sasl-plugin/challenge.h"
#include "sasl-plugin/credentials.h"
#include "sasl-plugin/token-source.h"

#include "common/banned.h"

enum exchange_state {
	EXCHANGE_START,
	EXCHANGE_SENT, /* the message is out */
	EXCHANGE_DONE,
};

struct exchange {
	const struct exchange_kind *kind;
	enum exchange_state state;
	struct token token;
	struct buffer message; /* secret; libsasl borrows it until the next step */
};

/*
 * libsasl has a fixed text for each code, and Postfix puts it into the queue and the bounce: these
 * are the codes whose texts mislead least.
 */
static const int sasl_codes[] = {
	[OUTCOME_OK] = SASL_OK,
	[OUTCOME_RETRY] = SASL_UNAVAIL,	   /* "remote authentication server unavailable" */
	[OUTCOME_CONSENT] = SASL_EXPIRED,  /* "passphrase expired, has to be reset" */
	[OUTCOME_CONFIG] = SASL_CONFIGERR, /* "error when parsing configuration file" */
	[OUTCOME_DENIED] = SASL_NOAUTHZ,   /* "authorization failure" */
	[OUTCOME_PROTOCOL] = SASL_FAIL,	   /* "generic failure" */
	[OUTCOME_NOMEM] = SASL_NOMEM,
};

/* seterror knows few conversions and crashes on others: the text is complete before it gets there.
 */
static void say(const sasl_client_params_t *params, const char *text)
{
	struct err line = ERR_INIT;

	(void)err_set(&line, OUTCOME_OK, "mailoauth: %s", text);
	params->utils->seterror(params->utils->conn, 0, "%s", line.text);
}

static int fail(const sasl_client_params_t *params, int code, const struct err *err)
{
	say(params, err->text);
	return code;
}

static struct span host_of(const sasl_client_params_t *params)
{
	return (struct span){params->serverFQDN != NULL ? params->serverFQDN : "",
			     params->serverFQDN != NULL ? params->slen : 0};
}

static struct server server_of(const struct exchange *exchange, const sasl_client_params_t *params)
{
	return (struct server){
		.mechanism = exchange->kind->mechanism->name,
		.service = span_from_str(params->service),
		.host = host_of(params),
	};
}

int exchange_new(void *glob_context, sasl_client_params_t *params, void **conn_context)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (exchange == NULL) {
		say(params, "out of memory");
		return SASL_NOMEM;
	}
	exchange->kind = glob_context;
	token_init(&exchange->token);
	buffer_init_secret(&exchange->message, MECHANISM_MESSAGE_MAX);
	*conn_context = exchange;
	return SASL_OK;
}

void exchange_dispose(void *conn_context, const sasl_utils_t *utils)
{
	struct exchange *exchange = conn_context;

	(void)utils;
	if (exchange == NULL)
		return;
	token_release(&exchange->token);
	buffer_release(&exchange->message);
	free(exchange);
}

/* Writes the message; the token is not needed any more after that, its fingerprint is. */
static enum outcome message_make(struct exchange *exchange, const sasl_client_params_t *params,
				 struct err *err)
{
	struct login login = {
		.user = buffer_span(&exchange->token.user),
		.token = buffer_span(&exchange->token.bytes),
		.host = host_of(params),
		.port = login_port(span_from_str(params->ipremoteport)),
	};
	enum outcome what = login_check(&login, err);

	buffer_clear(&exchange->message);
	if (what == OUTCOME_OK &&
	    !exchange->kind->mechanism->append_message(&exchange->message, &login))
		what = err_set(err, OUTCOME_NOMEM, "out of memory");
	buffer_release(&exchange->token.bytes);
	return what;
}

static int identity_set(struct exchange *exchange, sasl_client_params_t *params,
			sasl_out_params_t *oparams, struct err *err)
{
	const struct buffer *user = &exchange->token.user;
	int rc = params->canon_user(params->utils->conn, user->data, (unsigned)user->len,
				    SASL_CU_AUTHID | SASL_CU_AUTHZID, oparams);

	if (rc != SASL_OK)
		(void)err_set(err, OUTCOME_CONFIG, "libsasl does not take the user name %s",
			      buffer_cstr(user));
	return rc;
}

static void no_layer(sasl_out_params_t *oparams, unsigned done)
{
	oparams->doneflag = done;
	oparams->mech_ssf = 0;
	oparams->maxoutbuf = 0;
	oparams->encode_context = NULL;
	oparams->encode = NULL;
	oparams->decode_context = NULL;
	oparams->decode = NULL;
	oparams->param_version = 0;
}

/* From what the program gave to a message that is ready. */
static int message_prepare(struct exchange *exchange, sasl_client_params_t *params,
			   sasl_interact_t **prompt_need, struct err *err)
{
	struct server server = server_of(exchange, params);
	struct credentials given;
	enum outcome what;
	int rc = credentials_get(params, prompt_need, &given, err);

	if (rc == SASL_INTERACT)
		return rc;
	if (rc != SASL_OK) {
		credentials_prompts_free(params->utils, prompt_need);
		return rc;
	}
	what = token_get(&exchange->token, exchange->kind->client, &server, given.user,
			 given.password, err);
	/* "mailoauthd is not running" does not say whose message waits for it. */
	if (what != OUTCOME_OK)
		err_prefix(err, "%.*s: ", (int)given.user.len, given.user.ptr);
	if (what == OUTCOME_OK)
		what = message_make(exchange, params, err);
	credentials_prompts_free(params->utils, prompt_need);
	return sasl_codes[what];
}

static int step_send(struct exchange *exchange, sasl_client_params_t *params,
		     sasl_interact_t **prompt_need, const char **clientout, unsigned *clientoutlen,
		     sasl_out_params_t *oparams)
{
	struct err err = ERR_INIT;
	int rc;

	/* There is no layer: whoever demands one must bring it (Postfix demands none). */
	if (params->props.min_ssf > params->external_ssf) {
		(void)err_set(&err, OUTCOME_CONFIG,
			      "the mail program demands encryption that %s "
			      "does not bring: use TLS",
			      exchange->kind->mechanism->name);
		return fail(params, SASL_TOOWEAK, &err);
	}
	rc = message_prepare(exchange, params, prompt_need, &err);
	if (rc == SASL_INTERACT)
		return rc;
	if (rc == SASL_OK)
		rc = identity_set(exchange, params, oparams, &err);
	if (rc != SASL_OK)
		return fail(params, rc, &err);
	no_layer(oparams, 0);
	*clientout = exchange->message.data;
	*clientoutlen = (unsigned)exchange->message.len;
	exchange->state = EXCHANGE_SENT;
	return SASL_CONTINUE;
}

/* The line for the mail log; the server's own final words follow in the mail program's. */
static void say_rejected(const struct exchange *exchange, const sasl_client_params_t *params,
			 const struct challenge *challenge)
{
	const struct token *token = &exchange->token;
	const char *account = buffer_cstr(&token->account);
	struct span host = host_of(params);
	struct err line = ERR_INIT;
	char words[CHALLENGE_STATUS_MAX + CHALLENGE_SCOPE_MAX + 32] = "";

	if (challenge->kind == CHALLENGE_ERROR)
		(void)snprintf(words, sizeof(words), " (status %s%s%s)",
			       challenge->status[0] != '\0' ? challenge->status : "not given",
			       challenge->scope[0] != '\0' ? ", scope " : "", challenge->scope);
	if (token->literal)
		(void)err_set(&line, OUTCOME_CONSENT,
			      "%.*s refused the access token for %s%s: it came from the password "
			      "field; run: mailoauth status",
			      (int)host.len, host.ptr, buffer_cstr(&token->user), words);
	else
		(void)err_set(
			&line, OUTCOME_CONSENT,
			"account=%s: %.*s refused the access token for %s%s: mailoauthd gets a "
			"new one for the next attempt; if that is refused too, run: mailoauth "
			"status %s",
			account, (int)host.len, host.ptr, buffer_cstr(&token->user), words,
			account);
	say(params, line.text);
}

static int step_finish(struct exchange *exchange, sasl_client_params_t *params,
		       struct span serverin, const char **clientout, unsigned *clientoutlen,
		       sasl_out_params_t *oparams)
{
	struct challenge challenge = challenge_read(serverin);
	struct server server = server_of(exchange, params);

	buffer_release(&exchange->message);
	if (challenge.kind != CHALLENGE_NONE) {
		struct span said = {"", 0};

		if (challenge.kind == CHALLENGE_ERROR)
			said = serverin;
		token_report_rejected(&exchange->token, exchange->kind->client, &server, said);
		say_rejected(exchange, params, &challenge);
		*clientout = exchange->kind->mechanism->answer_to_error.ptr;
		*clientoutlen = (unsigned)exchange->kind->mechanism->answer_to_error.len;
	}
	no_layer(oparams, 1);
	exchange->state = EXCHANGE_DONE;
	return SASL_OK;
}

int exchange_step(void *conn_context, sasl_client_params_t *params, const char *serverin,
		  unsigned serverinlen, sasl_interact_t **prompt_need, const char **clientout,
		  unsigned *clientoutlen, sasl_out_params_t *oparams)
{
	struct exchange *exchange = conn_context;
	struct span challenge = {serverin != NULL ? serverin : "",
				 serverin != NULL ? serverinlen : 0};

	*clientout = "";
	*clientoutlen = 0;
	switch (exchange->state) {
	case EXCHANGE_START:
		return step_send(exchange, params, prompt_need, clientout, clientoutlen, oparams);
	case EXCHANGE_SENT:
		return step_finish(exchange, params, challenge, clientout, clientoutlen, oparams);
	case EXCHANGE_DONE:
		break;
	}
	return SASL_BADPROT;
}
