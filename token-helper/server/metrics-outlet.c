/* SPDX-License-Identifier: MIT */
/* metrics-outlet.c - see metrics-outlet.h. */
#include "token-helper/server/metrics-outlet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/util.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/accounts/metrics.h"
#include "token-helper/server/listener.h"

#include "common/banned.h"

#define HEADERS_MAX  8192
#define TIMEOUT_S    10
#define FILE_EVERY_S 60
#define BACKLOG	     16
#define UNIX_PREFIX  "unix:"
#define FILE_PREFIX  "file:"
#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_outlet {
	const struct accounts *accounts;
	struct evhttp *http;
	struct event *timer;
	struct words files;
};

/* HTTP ---------------------------------------------------------------------------------------- */

static void on_metrics(struct evhttp_request *request, void *context)
{
	const struct metrics_outlet *outlet = context;
	struct buffer text = BUFFER_INIT(METRICS_TEXT_MAX);
	struct evbuffer *body = evbuffer_new();

	if (body == NULL || !metrics_append(outlet->accounts, &text) ||
	    evbuffer_add(body, text.data, text.len) != 0) {
		evhttp_send_error(request, HTTP_INTERNAL, NULL);
	} else {
		(void)evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
					CONTENT_TYPE);
		evhttp_send_reply(request, HTTP_OK, "OK", body);
	}
	if (body != NULL)
		evbuffer_free(body);
	buffer_release(&text);
}

static int listen_on_port(const char *place)
{
	struct sockaddr_storage address;
	int len = sizeof(address);
	int on = 1;
	int fd;

	if (evutil_parse_sockaddr_port(place, (struct sockaddr *)&address, &len) != 0)
		return -1;
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, (socklen_t)len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static void open_http(struct metrics_outlet *outlet, const char *place)
{
	size_t prefix = strlen(UNIX_PREFIX);
	struct err err = ERR_INIT;
	int fd = -1;

	if (strncmp(place, UNIX_PREFIX, prefix) != 0) {
		fd = listen_on_port(place);
		(void)err_set(&err, OUTCOME_CONFIG, "%s", strerror(errno));
	} else if (listener_open(place + prefix, &fd, &err) != OUTCOME_OK) {
		fd = -1;
	}
	if (fd < 0 || evhttp_accept_socket(outlet->http, fd) != 0) {
		log_error("metrics: %s: not served: %s", place, err.text);
		if (fd >= 0)
			(void)close(fd);
	}
}

/* Files --------------------------------------------------------------------------------------- */

static bool write_text(int fd, const struct buffer *text)
{
	size_t at = 0;

	while (at < text->len) {
		ssize_t n = write(fd, text->data + at, text->len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

/* A collector reads it whenever it likes: it is renamed into its place. */
static void write_file(const char *path, const struct buffer *text)
{
	char *beside = xasprintf("%s.new", path);
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	bool ok = fd >= 0 && fchmod(fd, 0644) == 0 && write_text(fd, text);

	if (fd >= 0 && close(fd) != 0)
		ok = false;
	if (!ok || rename(beside, path) != 0)
		log_warning("metrics: %s: %s", path, strerror(errno));
	free(beside);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct metrics_outlet *outlet = context;
	struct buffer text = BUFFER_INIT(METRICS_TEXT_MAX);

	(void)fd;
	(void)what;
	if (metrics_append(outlet->accounts, &text)) {
		for (size_t i = 0; i < outlet->files.count; i++)
			write_file(outlet->files.word[i] + strlen(FILE_PREFIX), &text);
	}
	buffer_release(&text);
}

/* Life ---------------------------------------------------------------------------------------- */

static void start_timer(struct metrics_outlet *outlet, struct event_base *base)
{
	static const struct timeval every = {.tv_sec = FILE_EVERY_S};

	outlet->timer = event_new(base, -1, EV_PERSIST, on_timer, outlet);
	if (outlet->timer == NULL || event_add(outlet->timer, &every) != 0)
		fatal("out of memory");
	event_active(outlet->timer, 0, 0);
}

static struct evhttp *http_new(struct event_base *base, struct metrics_outlet *outlet)
{
	struct evhttp *http = evhttp_new(base);

	if (http == NULL)
		fatal("out of memory");
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET);
	evhttp_set_max_headers_size(http, HEADERS_MAX);
	evhttp_set_max_body_size(http, 0);
	evhttp_set_timeout(http, TIMEOUT_S);
	(void)evhttp_set_cb(http, "/metrics", on_metrics, outlet);
	return http;
}

static void add_file(struct words *files, const char *place)
{
	words_push(files, span_from_str(place));
}

struct metrics_outlet *metrics_outlet_new(struct event_base *base, const struct accounts *accounts,
					  const struct words *places)
{
	struct metrics_outlet *outlet;

	if (places->count == 0)
		return NULL;
	outlet = xcalloc(1, sizeof(*outlet));
	outlet->accounts = accounts;
	outlet->http = http_new(base, outlet);
	for (size_t i = 0; i < places->count; i++) {
		if (strncmp(places->word[i], FILE_PREFIX, strlen(FILE_PREFIX)) == 0)
			add_file(&outlet->files, places->word[i]);
		else
			open_http(outlet, places->word[i]);
	}
	if (outlet->files.count > 0)
		start_timer(outlet, base);
	return outlet;
}

void metrics_outlet_free(struct metrics_outlet *outlet)
{
	if (outlet == NULL)
		return;
	evhttp_free(outlet->http);
	if (outlet->timer != NULL)
		event_free(outlet->timer);
	words_release(&outlet->files);
	free(outlet);
}
