/* SPDX-License-Identifier: MIT */
/*
 * cli-listener.h - the loopback listener that the browser is redirected to (RFC 8252 7.3).
 *
 * 127.0.0.1 and ::1 on the same port, because "localhost" may be either. It answers one path, only
 * to GET and to form POST, and only under a loopback host's name; everything else is 404 and
 * changes nothing. Anybody on this machine can
 * connect: what arrives here is a stranger's until the daemon has compared its state.
 */
#ifndef TOKEN_HELPER_CLI_LISTENER_H
#define TOKEN_HELPER_CLI_LISTENER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/outcome.h"

struct listener;

/*
 * A redirect arrived. Fills html with the page for the browser. True: that was it: the listener
 * sends the browser on to a path without the redirect's query, shows the page there once, closes
 * its sockets, and then calls the sent function. A browser that does not follow is the caller's
 * clock to end. One that blocks updates the base's time before it returns: timers are armed then.
 */
typedef bool (*listener_redirect_fn)(void *arg, struct span query, struct buffer *html);
typedef void (*listener_sent_fn)(void *arg);

/* port 0: a free one. OUTCOME_RETRY: the port is taken; OUTCOME_CONFIG: it may not be used. Gives
 * *listener_out. */
enum outcome listener_new(struct event_base *base, uint16_t port, struct listener **listener_out,
			  struct err *err);
void listener_free(struct listener *listener);

/* The port that a listener has to have for that redirect; 0: none, or any. */
uint16_t listener_port_of(const char *redirect_uri);

uint16_t listener_port(const struct listener *listener);

/* From now on redirects to redirect_uri are taken; before, all is 404. False: that URI does not
 * lead here. */
bool listener_expect(struct listener *listener, const char *redirect_uri,
		     listener_redirect_fn on_redirect, listener_sent_fn on_sent, void *arg);

#endif
