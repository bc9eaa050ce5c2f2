/* SPDX-License-Identifier: MIT */
/*
 * login.h - from a source's configuration to an authenticated IMAP session.
 *
 * The token is asked for while the connection is made, and before it where the section names no
 * host: then mailoauthd says it, the account's first. A token that the server refuses is reported
 * to mailoauthd, replaced once and tried once, on a new connection; a password is not. TLS is there
 * before anything is said: a server that greets as logged in, or offers no STARTTLS, gets nothing.
 */
#ifndef FETCH_AGENT_LOGIN_H
#define FETCH_AGENT_LOGIN_H

#include <event2/dns.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "fetch-agent/fetch-config.h"
#include "fetch-agent/imap/imap-capability.h"
#include "fetch-agent/imap/imap-session.h"

struct login;

/* Borrowed until done. */
struct login_target {
	struct event_base *base;
	struct evdns_base *dns;
	SSL_CTX *tls;
	const char *helper_socket;
	const struct fetch_source *source;
};

/* All but the session is borrowed; its handler is still to be set. */
struct login_result {
	struct imap_session *session;
	const struct imap_capability *capability;
	const char *user; /* who is logged in */
	const char *host; /* where */
};

/*
 * OUTCOME_OK gives the session. Else result is NULL: OUTCOME_CONSENT, OUTCOME_DENIED: nobody can
 * log in before a person acts. Called once; the login is gone when it returns.
 */
typedef void login_done_fn(void *ctx, enum outcome what, const struct login_result *result,
			   const struct err *err);

struct login *login_start(const struct login_target *target, login_done_fn *done, void *ctx);
void login_cancel(struct login *login); /* done is not called; NULL is nothing */

#endif
