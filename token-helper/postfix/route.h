/* SPDX-License-Identifier: MIT */
/*
 * route.h - where Postfix sends mail that is for no domain of its own, and as whom it logs in
 * there: the decisions of trivial-rewrite(8) and smtp(8), taken after their settings.
 */
#ifndef TOKEN_HELPER_POSTFIX_ROUTE_H
#define TOKEN_HELPER_POSTFIX_ROUTE_H

#include "token-helper/postfix/maps.h"
#include "token-helper/postfix/nexthop.h"
#include "token-helper/postfix/postfix.h"

#define ROUTE_NAME_MAX 128

struct route {
	char transport[ROUTE_NAME_MAX];
	const struct postfix_service *service; /* NULL: master.cf has no such service */
	struct nexthop nexthop;		       /* host "": the recipient's own servers */
	const char *by;			       /* the parameter that says so; a literal */
};

/*
 * For a sender (NULL or "": the null sender). OUTCOME_OK, or OUTCOME_CONFIG when a table cannot be
 * asked or a value cannot be understood: err says which.
 */
enum outcome route_find(const struct postfix *postfix, const char *sender, struct deadline deadline,
			struct route *out, struct err *err);

/*
 * What smtp(8) writes in the sender's place, by smtp_generic_maps: the address, then its @domain
 * (generic(5)). False: the sender stays as it is, or the table cannot be asked. written:
 * NEXTHOP_TEXT_MAX bytes.
 */
bool route_writes_sender(const struct postfix *postfix, const struct route *route,
			 const char *sender, struct deadline deadline, char *written);

enum login_kind {
	LOGIN_ENTRY,  /* a password map has an entry */
	LOGIN_DAEMON, /* mailoauthd's `login` is asked */
	LOGIN_NONE,   /* no entry: Postfix does not authenticate */
	LOGIN_ERROR,
};

struct login {
	enum login_kind kind;
	char key[NEXTHOP_TEXT_MAX]; /* under which the entry stands */
	char user[NEXTHOP_TEXT_MAX];
	struct buffer password; /* secret; to be released */
};

/* In the order of smtp(8): the sender where smtp_sender_dependent_authentication says so, the host,
 * the nexthop as it is written. */
void login_find(const struct postfix *postfix, const struct route *route, const char *sender,
		struct deadline deadline, struct login *out, struct err *err);

/*
 * The entry stands there, but for another spelling of this server. False: no spelling of it does.
 * spelling: NEXTHOP_TEXT_MAX bytes.
 */
bool login_find_other_spelling(const struct postfix *postfix, const struct route *route,
			       struct deadline deadline, char *spelling, struct login *out);

/*
 * "secure" can be met: there is a name to look for in the server's certificate. Postfix looks for
 * no address in it, so it then takes smtp_tls_secure_cert_match (postconf(5)).
 */
bool route_can_name(const struct postfix *postfix, const struct postfix_service *service,
		    const struct nexthop *nexthop);

#endif
