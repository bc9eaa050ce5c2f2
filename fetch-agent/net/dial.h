/* SPDX-License-Identifier: MIT */
/*
 * dial.h - from a host name to a connected bufferevent: look-up (evdns), every address in turn,
 * one that does not answer in time being passed over, TLS. Or from a path to a Unix socket.
 *
 * Nothing blocks. done is called exactly once, never from within dial_start(), and not after
 * dial_cancel().
 */
#ifndef FETCH_AGENT_NET_DIAL_H
#define FETCH_AGENT_NET_DIAL_H

#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <openssl/ssl.h>
#include <stdint.h>

#include "common/deadline.h"
#include "common/outcome.h"

struct dial;

struct dial_target {
	struct event_base *base;
	struct evdns_base *dns;
	const char *host; /* borrowed until done */
	const char *path; /* a Unix socket: instead of host, port and tls; borrowed until done */
	uint16_t port;
	SSL_CTX *tls; /* NULL: plain, for STARTTLS; borrowed until done */
	struct deadline deadline;
};

/* OUTCOME_OK gives bev: no callbacks, nothing enabled, closed when freed. Else bev is NULL and err
 * names host and port, or the path. The dial is gone when this returns. */
typedef void dial_done_fn(void *context, enum outcome what, struct bufferevent *bev,
			  const struct err *err);

struct dial *dial_start(const struct dial_target *target, dial_done_fn *done, void *context);
void dial_cancel(struct dial *dial); /* NULL is nothing */

/*
 * Takes a plain bufferevent whose server agreed to STARTTLS, and gives the one that will speak TLS
 * (BEV_EVENT_CONNECTED follows when the handshake is through). Input that is pending is an
 * injection: refused (RFC 3207 4.2). NULL: err says why, and plain is still the caller's.
 */
struct bufferevent *dial_upgrade(struct bufferevent *plain, SSL_CTX *tls, const char *host,
				 struct err *err);

#endif
