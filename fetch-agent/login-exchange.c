/* SPDX-License-Identifier: MIT */
/* login-exchange.c - AUTHENTICATE: the mechanism, and what it says. See login-private.h. */
#include "fetch-agent/login-private.h"

#include "common/base64.h"

#include "common/banned.h"

#define INITIAL_LINE_MAX 8000  /* with SASL-IR; longer messages go as a line of their own */
#define MESSAGE_MAX	 16384 /* of a mechanism, in base64 */
#define CHALLENGE_MAX	 4096

void login_exchange_init(struct login *login)
{
	buffer_init_secret(&login->message, MESSAGE_MAX);
	buffer_init(&login->said, CHALLENGE_MAX);
}

void login_forget_exchange(struct login *login)
{
	sasl_login_free(login->sasl);
	login->sasl = NULL;
	buffer_release(&login->message);
	buffer_release(&login->said);
}

/* The answer to an error challenge: the mechanism's, so that the server says its final word. */
static bool answer(struct login *login, struct span raw, struct buffer *line)
{
	struct span reply;

	buffer_clear(&login->said);
	if (!base64_decode(&login->said, raw))
		buffer_clear(&login->said);
	return sasl_login_step(login->sasl, buffer_span(&login->said), &reply, NULL) ==
		       OUTCOME_OK &&
	       base64_encode(line, reply);
}

static void on_challenge(void *ctx, struct span raw)
{
	struct login *login = ctx;
	struct buffer line = BUFFER_INIT_SECRET(MESSAGE_MAX);

	if (login->message.len > 0)
		buffer_move(&line, &login->message);
	else if (!answer(login, raw, &line))
		(void)buffer_set(&line, "*", 1); /* RFC 3501 6.2.2: cancels */
	imap_session_continue(login->session, buffer_span(&line));
	buffer_release(&line);
}

static void on_authenticated(void *ctx, const struct imap_text *result)
{
	struct login *login = ctx;

	if (result == NULL)
		return; /* on_closed() follows */
	if (result->status != IMAP_STATUS_OK) {
		login_refused(login, result);
		return;
	}
	if (login->target.source->user != NULL && !sasl_login_is_complete(login->sasl)) {
		login_fail(login, OUTCOME_PROTOCOL,
			   "the server did not prove that it knows the password: it may be another "
			   "one");
		return;
	}
	login_succeeded(login, result);
}

/* The first that is offered, known here and not ruled out by the configuration is taken. */
static const struct mechanism {
	const char *name;
	int chosen; /* enum fetch_mechanism */
	bool password;
} mechanisms[] = {
	{"XOAUTH2", FETCH_MECHANISM_XOAUTH2, false},
	{"OAUTHBEARER", FETCH_MECHANISM_OAUTHBEARER, false},
	{"SCRAM-SHA-256", FETCH_MECHANISM_SCRAM_SHA_256, true},
	{"SCRAM-SHA-1", FETCH_MECHANISM_SCRAM_SHA_1, true},
	{"PLAIN", FETCH_MECHANISM_PLAIN, true},
	{"LOGIN", FETCH_MECHANISM_LOGIN, true},
};

static const char *mechanism_of(const struct login *login)
{
	const struct fetch_source *source = login->target.source;

	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
		const struct mechanism *mechanism = &mechanisms[i];

		if (mechanism->password == (source->user != NULL) &&
		    (source->mechanism == FETCH_MECHANISM_AUTO ||
		     source->mechanism == mechanism->chosen) &&
		    imap_capability_has_mechanism(&login->capability, mechanism->name) &&
		    sasl_login_knows(mechanism->name))
			return mechanism->name;
	}
	return NULL;
}

static void no_mechanism(struct login *login)
{
	struct err err = ERR_INIT;

	(void)err_set(&err, OUTCOME_PROTOCOL,
		      "the server offers %s, or not the configured one; it offers: %s",
		      login->target.source->user != NULL
			      ? "none of SCRAM-SHA-256, SCRAM-SHA-1, PLAIN and LOGIN"
			      : "neither XOAUTH2 nor OAUTHBEARER",
		      login->capability.mechanisms[0] != '\0' ? login->capability.mechanisms
							      : "nothing");
	login_fail(login, OUTCOME_PROTOCOL, err.text);
}

static bool exchange_begin(struct login *login, struct err *err)
{
	struct sasl_login_facts facts = {
		.mechanisms = login->mechanism,
		.host = login->host,
		.remote = imap_session_remote(login->session),
		.user = buffer_span(&login->token.user),
		.secret = buffer_span(&login->token.bytes),
		.is_token = login->target.source->user == NULL,
	};
	struct span message;

	if (facts.remote[0] == '\0')
		facts.remote = NULL;
	buffer_init_secret(&login->message, MESSAGE_MAX);
	login->sasl = sasl_login_new(&facts, err);
	if (login->sasl == NULL ||
	    sasl_login_start(login->sasl, &login->mechanism, &message, err) != OUTCOME_OK)
		return false;
	if (base64_encode(&login->message, message))
		return true;
	(void)err_set(err, OUTCOME_CONFIG, "the token is too long");
	return false;
}

static void authenticate_send(struct login *login)
{
	struct imap_command command;

	imap_command_init(login->session, &command);
	(void)buffer_printf(&command.bytes, "AUTHENTICATE %s", login->mechanism);
	if ((login->capability.can & IMAP_CAN_SASL_IR) != 0 && login->message.len > 0 &&
	    login->message.len <= INITIAL_LINE_MAX) {
		(void)buffer_append_byte(&command.bytes, ' ');
		(void)buffer_append_span(&command.bytes, buffer_span(&login->message));
		buffer_release(&login->message);
	}
	/* What the server said before login is void after it (RFC 3501 6.2.2). */
	login->capability_known = false;
	if (!imap_session_converse(login->session, &command, on_challenge, on_authenticated, login))
		login_fail(login, OUTCOME_CONFIG, "the token is too long");
}

void login_authenticate(struct login *login)
{
	struct err err = ERR_INIT;

	login->mechanism = mechanism_of(login);
	if (login->mechanism == NULL)
		no_mechanism(login);
	else if (!exchange_begin(login, &err))
		login_fail(login, OUTCOME_CONFIG, err.text);
	else
		authenticate_send(login);
}
