/* SPDX-License-Identifier: MIT */
/*
 * login.h - what a mechanism's first message is made of, checked once for all mechanisms.
 *
 * XOAUTH2 has no escaping: a 0x01 in a user name would let its owner write message parts of their
 * own. So nothing reaches a mechanism before login_check() has seen it.
 */
#ifndef SASL_PLUGIN_LOGIN_H
#define SASL_PLUGIN_LOGIN_H

#include <stdint.h>

#include "common/buffer.h"
#include "common/outcome.h"

#define LOGIN_USER_MAX 1000 /* libsasl's canon_user takes 1024 with the NUL */
#define LOGIN_HOST_MAX 255

struct login {
	struct span user;
	struct span token;
	struct span host; /* empty: unknown */
	uint16_t port;	  /* 0: unknown */
};

/*
 * User: 1 to LOGIN_USER_MAX bytes, none a control character. Token: RFC 6750 b64token. Host: empty,
 * or at most LOGIN_HOST_MAX visible ASCII characters. OUTCOME_CONFIG names what is wrong, never the
 * token.
 */
enum outcome login_check(const struct login *login, struct err *err);

/* The port of libsasl's "address;port"; 0 when there is none. */
uint16_t login_port(struct span address_and_port);

#endif
