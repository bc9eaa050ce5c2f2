/* SPDX-License-Identifier: MIT */
/*
 * nexthop.h - how Postfix spells a server: "[host]:port", "host:port", "[host]", "host", and a
 * transport before it.
 *
 * The spelling matters: a password map is searched for the host and for the nexthop exactly as it
 * is written. Brackets mean that no MX record is looked up.
 */
#ifndef TOKEN_HELPER_POSTFIX_NEXTHOP_H
#define TOKEN_HELPER_POSTFIX_NEXTHOP_H

#include <stdbool.h>

#include "common/buffer.h"

#define NEXTHOP_HOST_MAX 256
#define PORT_SUBMISSIONS 465 /* TLS from the first byte: RFC 8314 7.3 */
#define NEXTHOP_TEXT_MAX 320

struct nexthop {
	char host[NEXTHOP_HOST_MAX]; /* without brackets */
	char port[32];		     /* number or service name; "" when none is written */
	bool is_bracketed;
};

/* False: no host, or longer than any. */
bool nexthop_parse(struct span text, struct nexthop *out);

/* "[host]:port" as it would be written. text: NEXTHOP_TEXT_MAX bytes. Returns text. */
const char *nexthop_text(const struct nexthop *nexthop, char *text);

/* "submission" and "smtps" too; 0: a name that we do not know. No port is 25. */
unsigned nexthop_port(const struct nexthop *nexthop);

/* An IPv4 or IPv6 address in place of a name ("IPv6:" before it or not). */
bool nexthop_is_address(const struct nexthop *nexthop);

/* "transport:nexthop" of transport(5) and its kin: either part may be empty. Borrows. */
void transport_split(struct span text, struct span *transport_out, struct span *nexthop_out);

#endif
