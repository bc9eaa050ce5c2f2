/* SPDX-License-Identifier: MIT */
/* dial.c - see dial.h. */
#include "fetch-agent/net/dial.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/util.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "fetch-agent/net/tls.h"

#include "common/banned.h"

#define KEEP_IDLE_S	120
#define KEEP_INTERVAL_S 30
#define KEEP_PROBES	4
#define ADDRESS_MS	5000 /* for connection and TLS, where another address is left to try */

struct dial {
	struct dial_target target;
	dial_done_fn *done;
	void *context;
	struct event *timer; /* first the start, then the deadline */
	bool started;
	struct evdns_getaddrinfo_request *lookup;
	struct evutil_addrinfo *addresses;
	const struct evutil_addrinfo *next;
	struct bufferevent *bev;
	struct err why; /* of the last address tried */
	enum outcome what;
};

static void dial_free(struct dial *dial)
{
	event_free(dial->timer);
	if (dial->addresses != NULL)
		evutil_freeaddrinfo(dial->addresses);
	if (dial->bev != NULL)
		bufferevent_free(dial->bev);
	free(dial);
}

static void finish(struct dial *dial, enum outcome what)
{
	struct bufferevent *bev = NULL;
	dial_done_fn *done = dial->done;
	void *context = dial->context;
	struct err err = dial->why;

	if (what == OUTCOME_OK) {
		bev = dial->bev;
		dial->bev = NULL;
		bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
		(void)bufferevent_disable(bev, EV_READ | EV_WRITE);
	} else if (dial->target.path != NULL) {
		err_prefix(&err, "%s: ", dial->target.path);
	} else {
		err_prefix(&err, "%s:%u: ", dial->target.host, (unsigned)dial->target.port);
	}
	dial_free(dial);
	done(context, what, bev, &err);
}

/*
 * A keyword's worth of small commands must not wait for an acknowledgement, and a peer that is gone
 * must be noticed while nothing is said (IDLE): after KEEP_IDLE_S + KEEP_PROBES * KEEP_INTERVAL_S;
 * the system's own two hours are longer than routers remember a connection. No TCP_USER_TIMEOUT:
 * whoever waits for an answer has a deadline.
 */
static void tune(evutil_socket_t fd)
{
	static const int on = 1, idle_s = KEEP_IDLE_S, interval_s = KEEP_INTERVAL_S,
			 probes = KEEP_PROBES;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

static void try_next(struct dial *dial);

static void note_failure(struct dial *dial, short what)
{
	int number = (what & BEV_EVENT_ERROR) != 0 ? EVUTIL_SOCKET_ERROR() : 0;

	dial->what = tls_failure(bufferevent_openssl_get_ssl(dial->bev),
				 bufferevent_get_openssl_error(dial->bev), number, &dial->why);
}

static void on_event(struct bufferevent *bev, short what, void *context)
{
	struct dial *dial = context;

	if ((what & BEV_EVENT_CONNECTED) != 0) {
		tune(bufferevent_getfd(bev));
		finish(dial, OUTCOME_OK);
		return;
	}
	note_failure(dial, what);
	bufferevent_free(dial->bev);
	dial->bev = NULL;
	try_next(dial);
}

static struct bufferevent *bev_new(struct dial *dial)
{
	SSL *ssl;

	if (dial->target.tls == NULL)
		return bufferevent_socket_new(dial->target.base, -1, BEV_OPT_CLOSE_ON_FREE);
	ssl = tls_session_new(dial->target.tls, dial->target.host, &dial->why);
	if (ssl == NULL)
		return NULL;
	return bufferevent_openssl_socket_new(dial->target.base, -1, ssl,
					      BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
}

/*
 * An address that swallows what is sent to it (IPv6 that leads nowhere, mostly) must not use up the
 * time of those behind it; the last one has all that is left.
 */
static void set_timer(struct dial *dial)
{
	int ms = deadline_remaining_ms(dial->target.deadline);
	struct timeval left;

	if (dial->next != NULL)
		ms = ms / 2 < ADDRESS_MS ? ms / 2 : ADDRESS_MS;
	left = (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	(void)event_add(dial->timer, &left);
}

static void try_next(struct dial *dial)
{
	while (dial->next != NULL) {
		const struct evutil_addrinfo *address = dial->next;

		dial->next = address->ai_next;
		dial->bev = bev_new(dial);
		if (dial->bev == NULL) {
			finish(dial, OUTCOME_CONFIG);
			return;
		}
		bufferevent_setcb(dial->bev, NULL, NULL, on_event, dial);
		(void)bufferevent_enable(dial->bev, EV_READ | EV_WRITE);
		set_timer(dial);
		if (bufferevent_socket_connect(dial->bev, address->ai_addr,
					       (int)address->ai_addrlen) == 0)
			return;
		dial->what = err_set(&dial->why, OUTCOME_RETRY, "%s", strerror(errno));
		bufferevent_free(dial->bev);
		dial->bev = NULL;
	}
	finish(dial, dial->what);
}

static void on_addresses(int result, struct evutil_addrinfo *addresses, void *context)
{
	struct dial *dial = context;

	dial->lookup = NULL;
	if (result == EVUTIL_EAI_CANCEL) {
		dial_free(dial);
		return;
	}
	if (result != 0) {
		finish(dial, err_set(&dial->why, OUTCOME_RETRY, "look-up failed: %s",
				     evutil_gai_strerror(result)));
		return;
	}
	dial->addresses = addresses;
	dial->next = addresses;
	dial->what = err_set(&dial->why, OUTCOME_RETRY, "no address");
	try_next(dial);
}

static void look_up(struct dial *dial)
{
	struct evutil_addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_protocol = IPPROTO_TCP,
		.ai_flags = EVUTIL_AI_ADDRCONFIG,
	};
	struct evdns_getaddrinfo_request *lookup;
	char port[8];

	(void)snprintf(port, sizeof(port), "%u", (unsigned)dial->target.port);
	/* A numeric host calls back at once, and the dial may be gone: then there is no request. */
	lookup = evdns_getaddrinfo(dial->target.dns, dial->target.host, port, &hints, on_addresses,
				   dial);
	if (lookup != NULL)
		dial->lookup = lookup;
}

/* Never waits: a Unix socket is connected at once, or refused (EAGAIN: too many are waiting). */
static void connect_path(struct dial *dial)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", dial->target.path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		dial->what = err_set(&dial->why, OUTCOME_RETRY, "%s", strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		finish(dial, dial->what);
		return;
	}
	dial->bev = bufferevent_socket_new(dial->target.base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (dial->bev == NULL)
		abort(); /* as xalloc: out of memory */
	finish(dial, OUTCOME_OK);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct dial *dial = context;

	(void)fd;
	(void)what;
	if (dial->target.path != NULL) {
		connect_path(dial);
		return;
	}
	if (!dial->started) {
		dial->started = true;
		set_timer(dial);
		look_up(dial);
		return;
	}
	dial->what = err_set(&dial->why, OUTCOME_RETRY, "no connection before the deadline");
	if (dial->next != NULL && !deadline_passed(dial->target.deadline)) {
		bufferevent_free(dial->bev);
		dial->bev = NULL;
		try_next(dial);
		return;
	}
	if (dial->lookup != NULL) {
		/* The cancelled look-up frees the dial, later. */
		dial_done_fn *done = dial->done;
		void *owner = dial->context;
		struct err err = dial->why;

		err_prefix(&err, "%s: ", dial->target.host);
		dial_cancel(dial);
		done(owner, OUTCOME_RETRY, NULL, &err);
		return;
	}
	finish(dial, OUTCOME_RETRY);
}

struct dial *dial_start(const struct dial_target *target, dial_done_fn *done, void *context)
{
	static const struct timeval at_once = {0};
	struct dial *dial = xcalloc(1, sizeof(*dial));

	dial->target = *target;
	dial->done = done;
	dial->context = context;
	dial->timer = evtimer_new(target->base, on_timer, dial);
	if (dial->timer == NULL || evtimer_add(dial->timer, &at_once) != 0)
		abort(); /* as xalloc: out of memory */
	return dial;
}

void dial_cancel(struct dial *dial)
{
	if (dial == NULL)
		return;
	if (dial->lookup != NULL) {
		(void)event_del(dial->timer);
		evdns_getaddrinfo_cancel(dial->lookup); /* on_addresses() frees */
		return;
	}
	dial_free(dial);
}

struct bufferevent *dial_upgrade(struct bufferevent *plain, SSL_CTX *tls, const char *host,
				 struct err *err)
{
	struct event_base *base = bufferevent_get_base(plain);
	struct bufferevent *bev = NULL;
	SSL *ssl;
	int fd;

	if (evbuffer_get_length(bufferevent_get_input(plain)) > 0) {
		(void)err_set(
			err, OUTCOME_PROTOCOL,
			"the server, or somebody in between, sent data after STARTTLS that is "
			"not encrypted");
		return NULL;
	}
	ssl = tls_session_new(tls, host, err);
	if (ssl == NULL)
		return NULL;
	fd = fcntl(bufferevent_getfd(plain), F_DUPFD_CLOEXEC, 0);
	if (fd >= 0)
		bev = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_CONNECTING,
						     BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL) {
		(void)err_set(err, OUTCOME_RETRY, "STARTTLS: %s", strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		SSL_free(ssl);
		return NULL;
	}
	bufferevent_free(plain);
	return bev;
}
