/* SPDX-License-Identifier: MIT */
/*
 * sasl-login.h - one SASL exchange through Cyrus SASL, with libmailoauth.so on a literal token, or
 * with a password.
 *
 * The plugin is given "Bearer TOKEN", so it asks nobody and the loop never waits for it.
 */
#ifndef FETCH_AGENT_AUTH_SASL_LOGIN_H
#define FETCH_AGENT_AUTH_SASL_LOGIN_H

#include "common/buffer.h"
#include "common/outcome.h"

/* Once, at start-up. OUTCOME_CONFIG: libsasl2 does not start, or has neither mechanism. */
enum outcome sasl_login_init(struct err *err);
void sasl_login_done(void);

struct sasl_login;

struct sasl_login_facts {
	const char *mechanisms; /* to choose from, separated by spaces */
	const char *host;
	const char *remote; /* "address;port", or NULL */
	struct span user;
	struct span secret; /* a token, or a password */
	bool is_token;
};

/* Does libsasl2 have it? */
bool sasl_login_knows(const char *mechanism);

/* Everything is copied. NULL: err says why. */
struct sasl_login *sasl_login_new(const struct sasl_login_facts *facts, struct err *err);
void sasl_login_free(struct sasl_login *login); /* NULL is nothing */

/*
 * The mechanism and its first message (borrowed, secret, good until the next call); empty when the
 * server speaks first, as with LOGIN.
 */
enum outcome sasl_login_start(struct sasl_login *login, const char **mechanism_out,
			      struct span *message_out, struct err *err);

/* The answer to a challenge (both decoded); may be empty. */
enum outcome sasl_login_step(struct sasl_login *login, struct span challenge,
			     struct span *answer_out, struct err *err);

/* Has the server proved what the mechanism lets it prove? SCRAM: that it knows the password too. */
bool sasl_login_is_complete(const struct sasl_login *login);

#endif
