/* SPDX-License-Identifier: MIT */
/*
 * http-client.c - libcurl in the event loop: see http-client.h and http-private.h.
 *
 * libcurl tells which sockets and which timer it wants; libevent watches them; whatever happens is
 * passed to curl_multi_socket_action(), and what has ended is then collected.
 */
#include "token-helper/http/http-client.h"

#include <stdlib.h>

#include "common/xalloc.h"
#include "token-helper/http/http-private.h"

#include "common/banned.h"

#define COLLECT_MAX 12

/* Whoever adds a timer that has run out, before its turn is there, puts it off: with something on a
 * socket in each turn nothing would ever be collected. */
static void collect_soon(struct http_client *client)
{
	static const struct timeval now = {0};

	if (!evtimer_pending(client->collect, NULL))
		(void)event_add(client->collect, &now);
}

/* False: nothing has ended. */
static bool collect_one(struct http_client *client)
{
	int left;
	CURLMsg *msg = curl_multi_info_read(client->multi, &left);
	struct http_exchange *exchange;
	char *private = NULL;

	if (msg == NULL)
		return false;
	if (msg->msg != CURLMSG_DONE)
		return true;
	(void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
	exchange = (struct http_exchange *)(void *)private;
	http_answer_take(exchange, msg->data.result);
	http_exchange_finish(exchange);
	return true;
}

/* So many in a round of the event loop that what they bring can be written down together, and no
 * more: whoever asks for a token that lives must not wait for a thousand answers that come at once.
 */
static void on_collect(evutil_socket_t fd, short what, void *context)
{
	struct http_client *client = context;
	int collected = 0;

	(void)fd, (void)what;
	while (collected < COLLECT_MAX && collect_one(client))
		collected++;
	if (collected == COLLECT_MAX)
		collect_soon(client);
}

static void on_socket(evutil_socket_t fd, short what, void *context)
{
	struct http_client *client = context;
	int action = ((what & EV_READ) ? CURL_CSELECT_IN : 0) |
		     ((what & EV_WRITE) ? CURL_CSELECT_OUT : 0);
	int running;

	(void)curl_multi_socket_action(client->multi, fd, action, &running);
	collect_soon(client);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct http_client *client = context;
	int running;

	(void)fd, (void)what;
	(void)curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect_soon(client);
}

static int want_timer(CURLM *multi, long timeout_ms, void *context)
{
	struct http_client *client = context;
	struct timeval tv = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};

	(void)multi;
	if (timeout_ms < 0)
		return evtimer_del(client->timer);
	return evtimer_add(client->timer, &tv);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *watch)
{
	struct http_client *client = context;
	struct event *event = watch;
	short flags = (short)(EV_PERSIST | ((what & CURL_POLL_IN) ? EV_READ : 0) |
			      ((what & CURL_POLL_OUT) ? EV_WRITE : 0));

	(void)easy;
	if (event != NULL)
		event_free(event);
	/* Whatever fails below, libcurl must not give us the freed one again. */
	(void)curl_multi_assign(client->multi, fd, NULL);
	if (what == CURL_POLL_REMOVE)
		return 0;
	event = event_new(client->base, fd, flags, on_socket, client);
	if (event == NULL)
		return -1;
	if (event_add(event, NULL) != 0) {
		event_free(event);
		return -1;
	}
	(void)curl_multi_assign(client->multi, fd, event);
	return 0;
}

/* The client ----------------------------------------------------------------------------------- */

struct http_client *http_client_new(struct event_base *base, const char *user_agent)
{
	struct http_client *client = xcalloc(1, sizeof(*client));

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		abort();
	client->base = base;
	client->user_agent = xstrdup(user_agent);
	client->timer = evtimer_new(base, on_timer, client);
	client->collect = evtimer_new(base, on_collect, client);
	client->multi = curl_multi_init();
	if (client->timer == NULL || client->collect == NULL || client->multi == NULL ||
	    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, want_socket) != 0 ||
	    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client) != 0 ||
	    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, want_timer) != 0 ||
	    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client) != 0)
		abort(); /* out of memory, at start-up */
	return client;
}

struct event_base *http_client_base(const struct http_client *client)
{
	return client->base;
}

void http_client_free(struct http_client *client)
{
	if (client == NULL)
		return;
	while (client->exchanges != NULL)
		http_exchange_free(client->exchanges);
	(void)curl_multi_cleanup(client->multi);
	event_free(client->timer);
	event_free(client->collect);
	free(client->user_agent);
	free(client);
	curl_global_cleanup();
}
