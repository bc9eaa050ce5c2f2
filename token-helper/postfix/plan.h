/* SPDX-License-Identifier: MIT */
/*
 * plan.h - what has to be set in Postfix so that it relays through an account: a pure decision on
 * what is set now.
 *
 * The six lines of the manual are right only where smtp(8) does nothing else:
 * smtp_tls_security_level = secure would stop mail to servers without TLS, and a mechanism filter
 * the logins that other hosts' passwords are for. Where there is anything else, the account gets a
 * service of its own in master.cf with these settings, and main.cf says who uses it.
 */
#ifndef TOKEN_HELPER_POSTFIX_PLAN_H
#define TOKEN_HELPER_POSTFIX_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "token-helper/postfix/nexthop.h"
#include "token-helper/postfix/postfix.h"

/* Not "mailoauth": Postfix makes private/NAME for a service, and that one is mailoauthd's socket.
 */
#define PLAN_SERVICE "smtp-oauth"

enum change_kind {
	CHANGE_MAIN,	/* a parameter of main.cf */
	CHANGE_SERVICE, /* a line of master.cf: name is "smtp-oauth/unix", value its eight fields */
	CHANGE_OPTION,	/* name is "smtp-oauth/unix/PARAMETER": an -o of it */
};

struct change {
	enum change_kind kind;
	char *name;
	char *value; /* NULL: to be removed */
};

struct plan {
	struct change *changes; /* what differs from what is set; main.cf's last */
	size_t count;
	bool has_own_service;
	const char *reason; /* for that: a literal; NULL: none */
};

struct plan_wanted {
	struct nexthop nexthop;
	const char *user;     /* before the colon */
	const char *password; /* behind it: "", or the account's name */
	const char *const *senders;
	size_t sender_count;	 /* 0: all mail */
	bool limits;		 /* Exchange's: 3 connections, 30 messages a minute */
	const char *authorities; /* for a Postfix that trusts none yet; NULL: there are none */
};

/* OUTCOME_OK, or OUTCOME_CONFIG: what is set now cannot be understood or does not go together with
 * what is wanted; err says what. plan is to be released in any case. */
enum outcome plan_make(const struct postfix *postfix, const struct plan_wanted *wanted,
		       struct plan *plan, struct err *err);
void plan_release(struct plan *plan);

#endif
