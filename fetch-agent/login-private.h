/* SPDX-License-Identifier: MIT */
/*
 * login-private.h - a login from within: how it goes (login.c), what a mechanism says
 * (login-exchange.c), and what the server's refusal means (login-refusal.c).
 */
#ifndef FETCH_AGENT_LOGIN_PRIVATE_H
#define FETCH_AGENT_LOGIN_PRIVATE_H

#include "fetch-agent/auth/password.h"
#include "fetch-agent/auth/sasl-login.h"
#include "fetch-agent/auth/token.h"
#include "fetch-agent/login.h"
#include "fetch-agent/net/dial.h"

#define LOGIN_TOKEN_WAIT_S 60 /* mailoauthd may have to refresh first, and its provider to answer  \
			       */

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

/* login.c */
void login_change(struct login *login, enum login_state next);
struct token_place login_token_place(const struct login *login);

/* The end: the login is gone. The second puts the server's name before text. */
void login_finish(struct login *login, enum outcome what, const struct err *err);
void login_fail(struct login *login, enum outcome what, const char *text);

/* Once more from the beginning, with another token. */
void login_connect_again(struct login *login);

/* The server has said OK to AUTHENTICATE. */
void login_succeeded(struct login *login, const struct imap_text *result);

/* login-exchange.c: AUTHENTICATE, once token (or password) and capabilities are here. */
void login_exchange_init(struct login *login);
void login_forget_exchange(struct login *login);
void login_authenticate(struct login *login);

/* login-refusal.c: the server has said NO to it. A token is reported and another tried, once; else
 * that is the end. */
void login_refused(struct login *login, const struct imap_text *result);

#endif
