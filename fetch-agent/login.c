/* SPDX-License-Identifier: MIT */
/* login.c - a connection and a token, up to a session: see login.h and login-private.h. */
#include "fetch-agent/login.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "fetch-agent/introduce.h"
#include "fetch-agent/login-private.h"

#include "common/banned.h"

static const char *const state_names[] = {
	"connecting",	      "greeting", "capability", "starttls", "authenticating",
	"capability (after)", "enabling", "reporting",	"ended",
};

/* State and ending -------------------------------------------------------------------------------
 */

void login_change(struct login *login, enum login_state next)
{
	log_debug("fetch=%s login: %s -> %s", login->target.source->name, state_names[login->state],
		  state_names[next]);
	login->state = next;
}

static void login_free(struct login *login)
{
	dial_cancel(login->dial);
	token_cancel(login->asking);
	password_cancel(login->asking_password);
	imap_session_free(login->session);
	login_forget_exchange(login);
	token_release(&login->token);
	free(login->host);
	free(login);
}

void login_finish(struct login *login, enum outcome what, const struct err *err)
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

void login_fail(struct login *login, enum outcome what, const char *text)
{
	struct err err = ERR_INIT;

	(void)err_set(&err, what, "%s: %s", login->host, text);
	login_finish(login, what, &err);
}

static void on_closed(void *ctx, enum outcome what, const struct err *err)
{
	struct login *login = ctx;

	if (login->state != LOGIN_ENDED)
		login_fail(login, what, err->text);
}

/* Token ------------------------------------------------------------------------------------------
 */

struct token_place login_token_place(const struct login *login)
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
	login_finish(login, OUTCOME_CONFIG, &err);
}

static void on_token(void *ctx, enum outcome what, struct token *token, const struct err *err)
{
	struct login *login = ctx;

	login->asking = NULL;
	if (what != OUTCOME_OK) {
		login_finish(login, what, err);
		return;
	}
	buffer_move(&login->token.user, &token->user);
	buffer_move(&login->token.bytes, &token->bytes);
	buffer_move(&login->token.hosts, &token->hosts);
	login->token_here = true;
	if (login->host == NULL)
		dial_account(login);
	else if (login->dial_what != OUTCOME_OK)
		login_finish(login, login->dial_what, &login->dial_err);
	else if (login->state == LOGIN_AUTHENTICATING)
		login_authenticate(login);
}

static void on_password(void *ctx, enum outcome what, struct buffer *password,
			const struct err *err)
{
	struct login *login = ctx;

	login->asking_password = NULL;
	if (what != OUTCOME_OK) {
		login_finish(login, what, err);
		return;
	}
	(void)buffer_append_str(&login->token.user, login->target.source->user);
	buffer_move(&login->token.bytes, password);
	login->token_here = true;
	if (login->dial_what != OUTCOME_OK)
		login_finish(login, login->dial_what, &login->dial_err);
	else if (login->state == LOGIN_AUTHENTICATING)
		login_authenticate(login);
}

/* After the login ---------------------------------------------------------------------------------
 */

/* ENABLE is answered: names can be said now. */
static void on_introduced(void *ctx, const struct imap_text *result)
{
	struct login *login = ctx;

	if (result != NULL)
		login_finish(login, OUTCOME_OK, NULL);
	/* Else on_closed() follows. */
}

static void logged_in(struct login *login)
{
	const struct fetch_source *source = login->target.source;

	if (!introduce_must_wait(&login->capability, source)) {
		introduce(login->session, &login->capability, NULL, NULL);
		login_finish(login, OUTCOME_OK, NULL);
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
		login_fail(login, OUTCOME_PROTOCOL, "no capabilities after login");
	else
		logged_in(login);
}

void login_succeeded(struct login *login, const struct imap_text *result)
{
	login_forget_exchange(login);
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
		login_fail(login, OUTCOME_PROTOCOL, "the server refuses STARTTLS");
		return;
	}
	plain = imap_session_detach(login->session);
	if (plain != NULL) {
		bev = dial_upgrade(plain, login->target.tls, login->host, &err);
		if (bev == NULL)
			bufferevent_free(plain);
	}
	if (bev == NULL) {
		login_fail(login, OUTCOME_PROTOCOL,
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
		login_fail(login, OUTCOME_PROTOCOL,
			   "the server offers no STARTTLS: nothing is said to it");
	} else if (!login->encrypted) {
		login_change(login, LOGIN_STARTTLS);
		imap_session_say(login->session, "STARTTLS", on_starttls, login);
	} else {
		login_change(login, LOGIN_AUTHENTICATING);
		if (login->token_here)
			login_authenticate(login);
	}
}

static void on_capability(void *ctx, const struct imap_text *result)
{
	struct login *login = ctx;

	if (result == NULL)
		return; /* on_closed() follows */
	if (result->status != IMAP_STATUS_OK || !login->capability_known)
		login_fail(login, OUTCOME_PROTOCOL, "the server does not say what it can do");
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
		login_fail(
			login, OUTCOME_PROTOCOL,
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
		login_finish(login, what, err);
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
	struct token_place place = login_token_place(login);

	if (source->user != NULL)
		login->asking_password = password_get(
			login->target.base, source->password_file, &source->password_command,
			deadline_in_ms(LOGIN_TOKEN_WAIT_S * 1000), on_password, login);
	else
		login->asking = token_get(&place, deadline_in_ms(LOGIN_TOKEN_WAIT_S * 1000),
					  on_token, login);
	if (login->host != NULL)
		dial(login);
}

void login_connect_again(struct login *login)
{
	imap_session_free(login->session);
	login->session = NULL;
	login_forget_exchange(login);
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
	login_exchange_init(login);
	connect_begin(login);
	return login;
}

void login_cancel(struct login *login)
{
	if (login != NULL)
		login_free(login);
}
