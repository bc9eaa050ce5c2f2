/* SPDX-License-Identifier: MIT */
/* cli-listener.c - see cli-listener.h. */
#include "token-helper/cli-listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/url.h"
#include "common/xalloc.h"
#include "token-helper/cli-page.h"
#include "token-helper/cli-paste.h"

#include "common/banned.h"

#define REQUEST_HEADERS_MAX 32768 /* bytes, the request line with the code in it included */
#define REQUEST_BODY_MAX    16384
#define REQUEST_TIMEOUT_S   15 /* a browser's spare connection stays silent: it may go */
#define HTTP_SEE_OTHER	    303
#define BACKLOG		    16
#define HOST_URL_MAX	    300
#define PORT_ATTEMPTS	    16
#define POLICY_MAX	    1024
#define RESULT_ID_BYTES	    16
#define RESULT_PATH_SIZE    (1 + 2 * RESULT_ID_BYTES + 1)

enum { V4, V6, FAMILIES };

struct listener {
	struct evhttp *http;
	struct evhttp_bound_socket *bound[FAMILIES]; /* NULL: not listening there */
	uint16_t port;
	char *path; /* NULL: no redirect is expected yet */
	bool over;
	char result_path[RESULT_PATH_SIZE]; /* where the last page is */
	struct buffer result;		    /* that page, until it is fetched */
	listener_redirect_fn on_redirect;
	listener_sent_fn on_sent;
	void *arg;
};

/* Sockets ------------------------------------------------------------------------------------- */

struct loopback {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} addr;
	socklen_t len;
};

static struct loopback loopback_address(int family, uint16_t port)
{
	struct loopback at = {0};

	if (family == AF_INET) {
		at.addr.v4.sin_family = AF_INET;
		at.addr.v4.sin_port = htons(port);
		at.addr.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		at.len = sizeof(at.addr.v4);
	} else {
		at.addr.v6.sin6_family = AF_INET6;
		at.addr.v6.sin6_port = htons(port);
		at.addr.v6.sin6_addr = in6addr_loopback;
		at.len = sizeof(at.addr.v6);
	}
	return at;
}

static int listen_here(int fd, int family, uint16_t port)
{
	struct loopback at = loopback_address(family, port);
	const int on = 1;

	/* A port named by hand may have connections of the last attempt in TIME_WAIT. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return errno;
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return errno;
	if (bind(fd, &at.addr.any, at.len) < 0 || listen(fd, BACKLOG) < 0)
		return errno;
	return 0;
}

/* 0 and *fd_out, or an errno. */
static int listen_on(int family, uint16_t port, int *fd_out)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return errno;
	error = listen_here(fd, family, port);
	if (error != 0) {
		(void)close(fd);
		return error;
	}
	*fd_out = fd;
	return 0;
}

static bool means_no_ipv6(int error)
{
	return error == EAFNOSUPPORT || error == EADDRNOTAVAIL || error == EPROTONOSUPPORT;
}

static uint16_t port_of(int fd)
{
	struct loopback at = {.len = sizeof(at.addr)};

	if (getsockname(fd, &at.addr.any, &at.len) < 0)
		return 0;
	return ntohs(at.addr.v4.sin_port);
}

/* Both families on one port, or IPv4 alone where there is no IPv6. fds[V6] is -1 then. */
static int listen_both(uint16_t port, int fds[FAMILIES], uint16_t *port_out)
{
	int error = listen_on(AF_INET, port, &fds[V4]);
	uint16_t got;

	if (error != 0)
		return error;
	got = port_of(fds[V4]);
	error = listen_on(AF_INET6, got, &fds[V6]);
	if (error != 0 && !means_no_ipv6(error)) {
		/* Somebody else has [::1] on it and would be sent the redirect. */
		(void)close(fds[V4]);
		return error;
	}
	if (error != 0)
		fds[V6] = -1;
	*port_out = got;
	return 0;
}

static int listen_somewhere(uint16_t port, int fds[FAMILIES], uint16_t *port_out)
{
	int error = EADDRINUSE;

	for (int i = 0; error == EADDRINUSE && i < (port == 0 ? PORT_ATTEMPTS : 1); i++)
		error = listen_both(port, fds, port_out);
	return error;
}

/* Requests ------------------------------------------------------------------------------------ */

static const char *const headers[][2] = {
	{"Content-Type", "text/html; charset=utf-8"},
	{"Cache-Control", "no-store"},
	{"Referrer-Policy", "no-referrer"},
	{"X-Content-Type-Options", "nosniff"},
	{"Connection", "close"},
};

static void add_policy(struct evkeyvalq *out)
{
	struct buffer policy = BUFFER_INIT(POLICY_MAX);

	page_append_policy(&policy);
	(void)evhttp_add_header(out, "Content-Security-Policy", buffer_cstr(&policy));
	buffer_release(&policy);
}

static void send_page(struct evhttp_request *req, int status, const struct buffer *html)
{
	struct evkeyvalq *out = evhttp_request_get_output_headers(req);
	struct evbuffer *body = evbuffer_new();

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		(void)evhttp_add_header(out, headers[i][0], headers[i][1]);
	add_policy(out);
	if (body != NULL)
		(void)evbuffer_add(body, buffer_cstr(html), html->len);
	evhttp_send_reply(req, status, NULL, body);
	if (body != NULL)
		evbuffer_free(body);
}

static void stop_listening(struct listener *listener)
{
	for (int i = 0; i < FAMILIES; i++) {
		if (listener->bound[i] != NULL)
			evhttp_del_accept_socket(listener->http, listener->bound[i]);
		listener->bound[i] = NULL;
	}
}

static void tell_sent(struct listener *listener)
{
	listener_sent_fn on_sent = listener->on_sent;

	listener->on_sent = NULL;
	if (on_sent != NULL)
		on_sent(listener->arg);
}

static void on_page_sent(struct evhttp_request *req, void *arg)
{
	(void)req;
	tell_sent(arg);
}

static void on_browser_gone(struct evhttp_connection *connection, void *arg)
{
	(void)connection;
	tell_sent(arg);
}

static bool is_form(struct evhttp_request *req)
{
	static const char form[] = "application/x-www-form-urlencoded";
	const char *type =
		evhttp_find_header(evhttp_request_get_input_headers(req), "Content-Type");

	return type != NULL && strncasecmp(type, form, sizeof(form) - 1) == 0;
}

/* The redirect's parameters: of the URL, or of the form with response_mode=form_post. */
static void read_query(struct evhttp_request *req, struct buffer *query)
{
	const char *of_url = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));
	struct evbuffer *body = evhttp_request_get_input_buffer(req);
	size_t len = evbuffer_get_length(body);

	if (evhttp_request_get_command(req) == EVHTTP_REQ_GET && of_url != NULL)
		(void)buffer_append_str(query, of_url);
	else if (evhttp_request_get_command(req) == EVHTTP_REQ_POST && is_form(req) && len > 0)
		(void)buffer_append(query, evbuffer_pullup(body, -1), len);
}

static bool is_redirect_path(const struct listener *listener, struct evhttp_request *req)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;

	return listener->path != NULL && path != NULL && strcmp(path, listener->path) == 0;
}

/*
 * A page of somebody else's whose name was made to resolve to 127.0.0.1 could send requests here
 * and read the answers, with the account's name in them. It cannot change the name that its
 * browser sends.
 */
static bool is_for_loopback(struct evhttp_request *req)
{
	const char *host = evhttp_request_get_host(req);
	struct buffer url = BUFFER_INIT(HOST_URL_MAX);
	bool ok = host != NULL && buffer_append_str(&url, "http://") &&
		  buffer_append_str(&url, host) && url_is_loopback_http(buffer_cstr(&url));

	buffer_release(&url);
	return ok;
}

/*
 * The page is not the answer to the redirect: its URL has the code in it and would stay in the
 * address line, and in the list of pages to go back to. 303 makes a GET of a form's POST too. The
 * path cannot be guessed: other users of this machine are not told who signed in.
 */
static void send_elsewhere(struct listener *listener, struct evhttp_request *req)
{
	unsigned char id[RESULT_ID_BYTES];
	char *end = listener->result_path;

	evutil_secure_rng_get_bytes(id, sizeof(id));
	*end++ = '/';
	for (size_t i = 0; i < sizeof(id); i++)
		end += snprintf(end, 3, "%02x", id[i]);
	(void)evhttp_add_header(evhttp_request_get_output_headers(req), "Location",
				listener->result_path);
	send_page(req, HTTP_SEE_OTHER, &(struct buffer){0});
}

static void take_redirect(struct listener *listener, struct evhttp_request *req, struct span query)
{
	struct buffer html = BUFFER_INIT(PAGE_MAX);
	bool over = listener->on_redirect(listener->arg, query, &html);

	if (over) {
		listener->over = true;
		buffer_move(&listener->result, &html);
		send_elsewhere(listener, req);
	} else {
		send_page(req, HTTP_BADREQUEST, &html);
	}
	buffer_release(&html);
}

static bool is_result(const struct listener *listener, struct evhttp_request *req)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;

	return listener->result.len > 0 && path != NULL &&
	       evhttp_request_get_command(req) == EVHTTP_REQ_GET &&
	       strcmp(path, listener->result_path) == 0 && is_for_loopback(req);
}

/* Once: then nobody is answered any more. */
static void send_result(struct listener *listener, struct evhttp_request *req)
{
	stop_listening(listener);
	evhttp_request_set_on_complete_cb(req, on_page_sent, listener);
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_browser_gone,
				      listener);
	send_page(req, HTTP_OK, &listener->result);
	buffer_release(&listener->result);
}

static void answer_other(const struct listener *listener, struct evhttp_request *req, int status)
{
	struct buffer html = BUFFER_INIT(PAGE_MAX);

	if (listener->over)
		page_over(&html);
	else
		page_not_here(&html);
	send_page(req, listener->over ? 410 : status, &html);
	buffer_release(&html);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct listener *listener = arg;
	struct buffer query = BUFFER_INIT_SECRET(REQUEST_HEADERS_MAX);
	bool here = is_redirect_path(listener, req) && is_for_loopback(req);

	if (here && !listener->over)
		read_query(req, &query);
	if (query_has(buffer_span(&query), "code") || query_has(buffer_span(&query), "error"))
		take_redirect(listener, req, buffer_span(&query));
	else if (is_result(listener, req))
		send_result(listener, req);
	else
		answer_other(listener, req, here ? HTTP_BADREQUEST : HTTP_NOTFOUND);
	buffer_release(&query);
}

/* Life ---------------------------------------------------------------------------------------- */

static struct evhttp *http_new(struct event_base *base, struct listener *listener)
{
	struct evhttp *http = evhttp_new(base);

	if (http == NULL)
		return NULL;
	evhttp_set_max_headers_size(http, REQUEST_HEADERS_MAX);
	evhttp_set_max_body_size(http, REQUEST_BODY_MAX);
	evhttp_set_timeout(http, REQUEST_TIMEOUT_S);
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
	evhttp_set_gencb(http, on_request, listener);
	return http;
}

/* Takes fds. */
static bool accept_on(struct listener *listener, int fds[FAMILIES])
{
	bool ok = listener->http != NULL;

	for (int i = 0; i < FAMILIES; i++) {
		if (fds[i] < 0)
			continue;
		if (ok)
			listener->bound[i] =
				evhttp_accept_socket_with_handle(listener->http, fds[i]);
		if (listener->bound[i] == NULL) {
			(void)close(fds[i]);
			ok = false;
		}
	}
	return ok;
}

enum outcome listener_new(struct event_base *base, uint16_t port, struct listener **listener_out,
			  struct err *err)
{
	struct listener *listener;
	int fds[FAMILIES] = {-1, -1};
	uint16_t got = 0;
	int error = listen_somewhere(port, fds, &got);

	if (error == EADDRINUSE)
		return err_set(err, OUTCOME_RETRY,
			       "port %u on loopback is taken by another program", (unsigned)port);
	if (error != 0)
		return err_set(err, OUTCOME_CONFIG, "cannot listen on loopback, port %u: %s",
			       (unsigned)port, strerror(error));
	listener = xcalloc(1, sizeof(*listener));
	listener->port = got;
	buffer_init(&listener->result, PAGE_MAX);
	listener->http = http_new(base, listener);
	if (!accept_on(listener, fds)) {
		listener_free(listener);
		return err_set(err, OUTCOME_NOMEM, "out of memory while making a listener");
	}
	*listener_out = listener;
	return OUTCOME_OK;
}

void listener_free(struct listener *listener)
{
	if (listener == NULL)
		return;
	/* Freeing a connection calls on_browser_gone(). */
	listener->on_sent = NULL;
	if (listener->http != NULL)
		evhttp_free(listener->http);
	free(listener->path);
	buffer_release(&listener->result);
	free(listener);
}

uint16_t listener_port(const struct listener *listener)
{
	return listener->port;
}

uint16_t listener_port_of(const char *redirect_uri)
{
	struct evhttp_uri *uri =
		url_is_loopback_http(redirect_uri) ? evhttp_uri_parse(redirect_uri) : NULL;
	int port = uri != NULL ? evhttp_uri_get_port(uri) : 0;

	if (uri != NULL)
		evhttp_uri_free(uri);
	return port > 0 && port <= UINT16_MAX ? (uint16_t)port : 0;
}

static bool leads_here(const struct listener *listener, const struct evhttp_uri *uri)
{
	const char *host = evhttp_uri_get_host(uri);

	if (evhttp_uri_get_port(uri) != listener->port || host == NULL)
		return false;
	return listener->bound[V6] != NULL || strcmp(host, "[::1]") != 0;
}

bool listener_expect(struct listener *listener, const char *redirect_uri,
		     listener_redirect_fn on_redirect, listener_sent_fn on_sent, void *arg)
{
	struct evhttp_uri *uri =
		url_is_loopback_http(redirect_uri) ? evhttp_uri_parse(redirect_uri) : NULL;
	bool ok = uri != NULL && leads_here(listener, uri);
	const char *path = ok ? evhttp_uri_get_path(uri) : NULL;

	if (ok) {
		listener->path = xstrdup(path != NULL && path[0] != '\0' ? path : "/");
		listener->on_redirect = on_redirect;
		listener->on_sent = on_sent;
		listener->arg = arg;
	}
	if (uri != NULL)
		evhttp_uri_free(uri);
	return ok;
}
