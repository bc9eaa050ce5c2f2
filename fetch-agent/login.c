/* SPDX-License-Identifier: MIT */
/* login.c - see login.h. */
#include "fetch-agent/login.h"

#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/diagnosis.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "fetch-agent/auth/password.h"
#include "fetch-agent/auth/sasl-login.h"
#include "fetch-agent/auth/token.h"
#include "fetch-agent/introduce.h"
#include "fetch-agent/net/dial.h"

#include "common/banned.h"

#define INITIAL_LINE_MAX 8000  /* with SASL-IR; longer messages go as a line of their own */
#define MESSAGE_MAX	 16384 /* of a mechanism, in base64 */
#define CHALLENGE_MAX	 4096
#define TOKEN_WAIT_S	 60 /* mailoauthd may have to refresh first, and its provider to answer */

enum login_state {
	LOGIN_CONNECTING, /* the token is asked for at the same time */
	LOGIN_GREETING,
	LOGIN_CAPABILITY,
	LOGIN_STARTTLS,
	LOGIN_AUTHENTICATING,
	LOGIN_CAPABILITY_AFTER,
	LOGIN_ENABLING,
	LOGIN_REPORTING, /* the token was refused */
	LOGIN_ENDED,
};

static const char *const state_names[] = {
	"connecting",	      "greeting", "capability", "starttls", "authenticating",
	"capability (after)", "enabling", "reporting",	"ended",
};

struct login {
	struct login_target target;
	login_done_fn *done;
	void *ctx;
	enum login_state state;
	char *host; /* NULL: not known before the token is here */
	struct dial *dial;
	enum outcome dial_what; /* how that failed, while the token is still asked for */
	struct err dial_err;
	struct token_ask *asking;
	struct password_ask *asking_password;
	struct imap_session *session;
	struct imap_capability capability;
	bool capability_known;
	struct token token; /* or user and password */
	bool token_here;
	bool encrypted;
	bool second_try;
	struct sasl_login *sasl;
	const char *mechanism;
	struct buffer message; /* secret, base64: the mechanism's first; empty once sent */
	struct buffer said;    /* the server's challenge, decoded */
};

/* State and ending -------------------------------------------------------------------------------
 */

static void login_change(struct login *login, enum login_state next)
{
	log_debug("fetch=%s login: %s -> %s", login->target.source->name, state_names[login->state],
		  state_names[next]);
	login->state = next;
}

static void exchange_forget(struct login *login)
{
	sasl_login_free(login->sasl);
	login->sasl = NULL;
	buffer_release(&login->message);
	buffer_release(&login->said);
}

static void login_free(struct login *login)
{
	dial_cancel(login->dial);
	token_cancel(login->asking);
	password_cancel(login->asking_password);
	imap_session_free(login->session);
	exchange_forget(login);
	token_release(&login->token);
	free(login->host);
	free(login);
}

static void finish(struct login *login, enum outcome what, const struct err *err)
{
	struct imap_capability capability = login->capability;
	login_done_fn *done = login->done;
	void *ctx = login->ctx;
	struct buffer user = BUFFER_INIT(0);
	char *host = login->host;
	struct login_result result = {.capability = &capability, .host = host};
	struct err copy = ERR_INIT;

	login_change(login, LOGIN_ENDED);
	if (err != NULL)
		copy = *err;
	if (what == OUTCOME_OK) {
		result.session = login->session;
		login->session = NULL;
	}
	buffer_move(&user, &login->token.user);
	result.user = buffer_cstr(&user);
	login->host = NULL;
	login_free(login);
	done(ctx, what, what == OUTCOME_OK ? &result : NULL, &copy);
	buffer_release(&user);
	free(host);
}

static void fail(struct login *login, enum outcome what, const char *text)
{
	struct err err = ERR_INIT;

	(void)err_set(&err, what, "%s: %s", login->host, text);
	finish(login, what, &err);
}

static void on_closed(void *ctx, enum outcome what, const struct err *err)
{
	struct login *login = ctx;

	if (login->state != LOGIN_ENDED)
		fail(login, what, err->text);
}

/* Token ------------------------------------------------------------------------------------------
 */

static void authenticate(struct login *login);

static struct token_place place_of(const struct login *login)
{
	return (struct token_place){
		.base = login->target.base,
		.socket = login->target.helper_socket,
		.account = login->target.source->account,
		.host = login->host,
	};
}

static void dial(struct login *login);

/* The first of the account's hosts, when the section names none. */
static void dial_account(struct login *login)
{
	struct span hosts = buffer_span(&login->token.hosts);
	struct span first;
	struct err err = ERR_INIT;

	if (imap_word_next(&hosts, &first)) {
		login->host = xspandup(first);
		dial(login);
		return;
	}
	(void)err_set(&err, OUTCOME_CONFIG,
		      "mailoauthd does not say the server of account %s: add host to [fetch %s]",
		      login->target.source->account, login->target.source->name);
	finish(login, OUTCOME_CONFIG, &err);
}

static void on_token(void *ctx, enum outcome what, struct token *token, const struct err *err)
{
	struct login *login = ctx;

	login->asking = NULL;
	if (what != OUTCOME_OK) {
		finish(login, what, err);
		return;
	}
	buffer_move(&login->token.user, &token->user);
	buffer_move(&login->token.bytes, &token->bytes);
	buffer_move(&login->token.hosts, &token->hosts);
	login->token_here = true;
	if (login->host == NULL)
		dial_account(login);
	else if (login->dial_what != OUTCOME_OK)
		finish(login, login->dial_what, &login->dial_err);
	else if (login->state == LOGIN_AUTHENTICATING)
		authenticate(login);
}

static void on_password(void *ctx, enum outcome what, struct buffer *password,
			const struct err *err)
{
	struct login *login = ctx;

	login->asking_password = NULL;
	if (what != OUTCOME_OK) {
		finish(login, what, err);
		return;
	}
	(void)buffer_append_str(&login->token.user, login->target.source->user);
	buffer_move(&login->token.bytes, password);
	login->token_here = true;
	if (login->dial_what != OUTCOME_OK)
		finish(login, login->dial_what, &login->dial_err);
	else if (login->state == LOGIN_AUTHENTICATING)
		authenticate(login);
}

static void connect_again(struct login *login);

static void on_reported(void *ctx, enum outcome what, struct token *token, const struct err *err)
{
	struct login *login = ctx;

	(void)token;
	login->asking = NULL;
	if (what != OUTCOME_OK)
		finish(login, what, err);
	else
		connect_again(login);
}

/* Refusal ----------------------------------------------------------------------------------------
 */

static enum outcome meaning_of_code(enum imap_code code)
{
	switch (code) {
	case IMAP_CODE_UNAVAILABLE:
	case IMAP_CODE_INUSE:
	case IMAP_CODE_LIMIT:
	case IMAP_CODE_THROTTLED:
	case IMAP_CODE_OVERQUOTA:
	case IMAP_CODE_SERVERBUG:
		return OUTCOME_RETRY;
	case IMAP_CODE_AUTHORIZATIONFAILED:
	case IMAP_CODE_PRIVACYREQUIRED:
	case IMAP_CODE_CONTACTADMIN:
	case IMAP_CODE_NOPERM:
	case IMAP_CODE_WEBALERT:
		return OUTCOME_CONFIG;
	default:
		return OUTCOME_CONSENT;
	}
}

/* What a refusal means. A response code (RFC 5530) that says "later" acquits the token, whatever
 * the words beside it; else the words that are known, else the code; and without either, the token
 * is not liked. */
static enum outcome meaning(const struct imap_text *result)
{
	const struct diagnosis *diagnosis = diagnosis_find(DIAGNOSIS_IMAP, result->text);

	if (meaning_of_code(result->code) == OUTCOME_RETRY)
		return OUTCOME_RETRY;
	return diagnosis != NULL ? diagnosis->outcome : meaning_of_code(result->code);
}

/* Never tried twice: servers count, and lock who is wrong too often. */
static void password_refused(struct login *login, const struct imap_text *result)
{
	const struct fetch_source *source = login->target.source;
	enum outcome what = meaning(result);
	struct err err = ERR_INIT;

	if (what == OUTCOME_CONSENT)
		what = OUTCOME_DENIED;
	(void)err_set(&err, what, "%s refused %s for %s: %s%s%s%.*s%s%s", login->host,
		      login->mechanism, source->user, result->code_name.len > 0 ? "[" : "",
		      imap_code_name(result->code), result->code_name.len > 0 ? "] " : "",
		      (int)result->text.len, result->text.ptr,
		      what == OUTCOME_DENIED ? "; the password is from " : "",
		      what != OUTCOME_DENIED	      ? ""
		      : source->password_file != NULL ? source->password_file
						      : source->password_command.word[0]);
	finish(login, what, &err);
}

static void refused(struct login *login, const struct imap_text *result)
{
	const struct fetch_source *source = login->target.source;
	enum outcome what = meaning(result);
	struct span words = login->said.len > 0 ? buffer_span(&login->said) : result->text;
	struct token_place place = place_of(login);
	struct err err = ERR_INIT;

	(void)err_set(&err, what, "%s refused %s for %s: %s%s%s%.*s%s%s", login->host,
		      login->mechanism, buffer_cstr(&login->token.user),
		      result->code_name.len > 0 ? "[" : "", imap_code_name(result->code),
		      result->code_name.len > 0 ? "] " : "", (int)result->text.len,
		      result->text.ptr,
		      what == OUTCOME_CONSENT && login->second_try
			      ? "; with a fresh token too; run: mailoauth status "
			      : "",
		      what == OUTCOME_CONSENT && login->second_try ? source->account : "");
	if (what != OUTCOME_CONSENT || login->second_try) {
		finish(login, what, &err);
		return;
	}
	log_info("fetch=%s account=%s %s; trying a fresh token", source->name, source->account,
		 err.text);
	login_change(login, LOGIN_REPORTING);
	login->asking =
		token_rejected(&place, login->mechanism, buffer_span(&login->token.bytes), words,
			       deadline_in_ms(TOKEN_WAIT_S * 1000), on_reported, login);
}

/* AUTHENTICATE -----------------------------------------------------------------------------------
 */

/* ENABLE is answered: names can be said now. */
static void on_introduced(void *ctx, const struct imap_text *result)
{
	struct login *login = ctx;

	if (result != NULL)
		finish(login, OUTCOME_OK, NULL);
	/* Else on_closed() follows. */
}

static void logged_in(struct login *login)
{
	const struct fetch_source *source = login->target.source;

	if (!introduce_must_wait(&login->capability, source)) {
		introduce(login->session, &login->capability, NULL, NULL);
		finish(login, OUTCOME_OK, NULL);
		return;
	}
	login_change(login, LOGIN_ENABLING);
	introduce(login->session, &login->capability, on_introduced, login);
}

static void on_capability_after(void *ctx, const struct imap_text *result)
{
	struct login *login = ctx;

	if (result == NULL)
		return; /* on_closed() follows */
	if (result->status != IMAP_STATUS_OK || !login->capability_known)
		fail(login, OUTCOME_PROTOCOL, "no capabilities after login");
	else
		logged_in(login);
}

static void on_authenticated(void *ctx, const struct imap_text *result)
{
	struct login *login = ctx;

	if (result == NULL)
		return; /* on_closed() follows */
	if (result->status != IMAP_STATUS_OK) {
		if (login->target.source->user != NULL)
			password_refused(login, result);
		else
			refused(login, result);
		return;
	}
	if (login->target.source->user != NULL && !sasl_login_is_complete(login->sasl)) {
		fail(login, OUTCOME_PROTOCOL,
		     "the server did not prove that it knows the password: it may be another one");
		return;
	}
	exchange_forget(login);
	buffer_release(&login->token.bytes);
	if (result->code == IMAP_CODE_CAPABILITY) {
		login->capability = imap_capability_parse(result->args);
		login->capability_known = true;
	}
	login_change(login, LOGIN_CAPABILITY_AFTER);
	if (login->capability_known)
		logged_in(login);
	else
		imap_session_say(login->session, "CAPABILITY", on_capability_after, login);
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
	fail(login, OUTCOME_PROTOCOL, err.text);
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
		fail(login, OUTCOME_CONFIG, "the token is too long");
}

static void authenticate(struct login *login)
{
	struct err err = ERR_INIT;

	login->mechanism = mechanism_of(login);
	if (login->mechanism == NULL)
		no_mechanism(login);
	else if (!exchange_begin(login, &err))
		fail(login, OUTCOME_CONFIG, err.text);
	else
		authenticate_send(login);
}

/* Greeting, capabilities, STARTTLS ---------------------------------------------------------------
 */

static void session_begin(struct login *login, struct bufferevent *bev);
static void ask_capability(struct login *login);

static void on_starttls(void *ctx, const struct imap_text *result)
{
	struct login *login = ctx;
	struct err err = ERR_INIT;
	struct bufferevent *plain, *bev = NULL;

	if (result == NULL)
		return; /* on_closed() follows */
	if (result->status != IMAP_STATUS_OK) {
		fail(login, OUTCOME_PROTOCOL, "the server refuses STARTTLS");
		return;
	}
	plain = imap_session_detach(login->session);
	if (plain != NULL) {
		bev = dial_upgrade(plain, login->target.tls, login->host, &err);
		if (bev == NULL)
			bufferevent_free(plain);
	}
	if (bev == NULL) {
		fail(login, OUTCOME_PROTOCOL,
		     err.text[0] != '\0' ? err.text : "data is pending after STARTTLS");
		return;
	}
	imap_session_free(login->session);
	login->capability_known = false; /* RFC 3501 6.2.1 */
	login->encrypted = true;
	session_begin(login, bev);
	ask_capability(login);
}

static void capabilities_are_here(struct login *login)
{
	if (!login->encrypted && (login->capability.can & IMAP_CAN_STARTTLS) == 0) {
		fail(login, OUTCOME_PROTOCOL,
		     "the server offers no STARTTLS: nothing is said to it");
	} else if (!login->encrypted) {
		login_change(login, LOGIN_STARTTLS);
		imap_session_say(login->session, "STARTTLS", on_starttls, login);
	} else {
		login_change(login, LOGIN_AUTHENTICATING);
		if (login->token_here)
			authenticate(login);
	}
}

static void on_capability(void *ctx, const struct imap_text *result)
{
	struct login *login = ctx;

	if (result == NULL)
		return; /* on_closed() follows */
	if (result->status != IMAP_STATUS_OK || !login->capability_known)
		fail(login, OUTCOME_PROTOCOL, "the server does not say what it can do");
	else
		capabilities_are_here(login);
}

static void ask_capability(struct login *login)
{
	login_change(login, LOGIN_CAPABILITY);
	imap_session_say(login->session, "CAPABILITY", on_capability, login);
}

static void on_greeting(struct login *login, const struct imap_text *text)
{
	if (text->status == IMAP_STATUS_PREAUTH) {
		fail(login, OUTCOME_PROTOCOL,
		     "the server greets as if somebody were logged in: nothing is said to it");
	} else if (text->status != IMAP_STATUS_OK) {
		return; /* BYE: it will close */
	} else if (text->code == IMAP_CODE_CAPABILITY) {
		login->capability = imap_capability_parse(text->args);
		login->capability_known = true;
		capabilities_are_here(login);
	} else {
		ask_capability(login);
	}
}

static void on_response(void *ctx, const struct imap_response *response)
{
	struct login *login = ctx;

	if (response->kind == IMAP_CAPABILITY) {
		login->capability = imap_capability_parse(response->raw);
		login->capability_known = true;
	} else if (response->kind == IMAP_CONDITION && login->state == LOGIN_GREETING) {
		on_greeting(login, &response->text);
	}
}

/* Connecting -------------------------------------------------------------------------------------
 */

static void session_begin(struct login *login, struct bufferevent *bev)
{
	struct imap_session_handler handler = {
		.response = on_response, .closed = on_closed, .ctx = login};

	login->session = imap_session_new(bev, login->target.source->name, &handler,
					  (int)login->target.source->timeout_s);
}

static void on_dialled(void *ctx, enum outcome what, struct bufferevent *bev, const struct err *err)
{
	struct login *login = ctx;

	login->dial = NULL;
	if (what != OUTCOME_OK && !login->token_here) {
		/* A refusal of mailoauthd's says more: a host may not be found because it is wrong.
		 */
		login->dial_what = what;
		login->dial_err = *err;
		return;
	}
	if (what != OUTCOME_OK) {
		finish(login, what, err);
		return;
	}
	login->encrypted = login->target.source->tls == FETCH_TLS_IMPLICIT;
	login_change(login, LOGIN_GREETING);
	session_begin(login, bev);
}

static void dial(struct login *login)
{
	const struct fetch_source *source = login->target.source;
	struct dial_target target = {
		.base = login->target.base,
		.dns = login->target.dns,
		.host = login->host,
		.port = (uint16_t)source->port,
		.tls = source->tls == FETCH_TLS_IMPLICIT ? login->target.tls : NULL,
		.deadline = deadline_in_ms(source->timeout_s * 1000),
	};

	login->dial = dial_start(&target, on_dialled, login);
}

static void connect_begin(struct login *login)
{
	const struct fetch_source *source = login->target.source;
	struct token_place place = place_of(login);

	if (source->user != NULL)
		login->asking_password = password_get(
			login->target.base, source->password_file, &source->password_command,
			deadline_in_ms(TOKEN_WAIT_S * 1000), on_password, login);
	else
		login->asking =
			token_get(&place, deadline_in_ms(TOKEN_WAIT_S * 1000), on_token, login);
	if (login->host != NULL)
		dial(login);
}

static void connect_again(struct login *login)
{
	imap_session_free(login->session);
	login->session = NULL;
	exchange_forget(login);
	token_release(&login->token);
	login->token_here = false;
	login->capability_known = false;
	login->second_try = true;
	login_change(login, LOGIN_CONNECTING);
	connect_begin(login);
}

struct login *login_start(const struct login_target *target, login_done_fn *done, void *ctx)
{
	struct login *login = xcalloc(1, sizeof(*login));

	login->target = *target;
	login->done = done;
	login->ctx = ctx;
	if (target->source->host != NULL)
		login->host = xstrdup(target->source->host);
	token_init(&login->token);
	buffer_init_secret(&login->message, MESSAGE_MAX);
	buffer_init(&login->said, CHALLENGE_MAX);
	connect_begin(login);
	return login;
}

void login_cancel(struct login *login)
{
	if (login != NULL)
		login_free(login);
}
