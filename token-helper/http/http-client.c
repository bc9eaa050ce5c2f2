/* SPDX-License-Identifier: MIT */
/*
 * http-client.c - see http-client.h.
 *
 * libcurl tells which sockets and which timer it wants; libevent watches them; whatever happens is
 * passed to curl_multi_socket_action(), and what has ended is then collected. Every exchange has a
 * connection of its own: on a reused one libcurl may send a POST twice when the server closes it,
 * and a one-time refresh token that arrives twice is taken for theft. What we copy is wiped; the
 * send buffer inside libcurl is beyond our reach.
 */
#include "token-helper/http/http-client.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/clock.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define HEADERS_MAX	  65536 /* bytes of a response's header lines in total */
#define RETRY_AFTER_MAX_S 3600
#define COLLECT_MAX	  12

struct http_client {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
	struct event *collect; /* takes what has ended */
	struct http_exchange *exchanges;
	char *user_agent;
};

struct http_exchange {
	struct http_client *client;
	struct http_exchange *next;
	CURL *easy;	      /* NULL: refused before libcurl saw it */
	struct event *refuse; /* reports that from the loop */
	struct curl_slist *headers;
	struct curl_slist *to; /* of a message, which lies in form */
	size_t sent;	       /* of it */
	struct buffer form;
	struct buffer userpwd;
	struct buffer bearer;
	struct buffer body;
	bool get; /* else POST */
	size_t header_bytes;
	bool headers_complete;
	bool too_large;
	bool finished; /* done is being called */
	char host[256];
	char reason[CURL_ERROR_SIZE];
	http_done_fn *done;
	void *context;
	struct http_response response;
};

/* The end of an exchange ----------------------------------------------------------------------- */

static void exchange_free(struct http_exchange *exchange)
{
	struct http_exchange **link = &exchange->client->exchanges;

	while (*link != exchange)
		link = &(*link)->next;
	*link = exchange->next;
	if (exchange->easy != NULL) {
		(void)curl_multi_remove_handle(exchange->client->multi, exchange->easy);
		curl_easy_cleanup(exchange->easy);
	}
	if (exchange->refuse != NULL)
		event_free(exchange->refuse);
	curl_slist_free_all(exchange->headers);
	curl_slist_free_all(exchange->to);
	buffer_release(&exchange->form);
	buffer_release(&exchange->userpwd);
	buffer_release(&exchange->bearer);
	buffer_release(&exchange->body);
	free(exchange);
}

static void exchange_finish(struct http_exchange *exchange)
{
	exchange->finished = true;
	exchange->response.body = &exchange->body;
	exchange->done(exchange->context, &exchange->response);
	exchange_free(exchange);
}

static enum outcome outcome_of(const struct http_exchange *exchange, CURLcode code)
{
	if (exchange->too_large)
		return OUTCOME_PROTOCOL;
	switch (code) {
	case CURLE_OK:
		return OUTCOME_OK;
	case CURLE_FILESIZE_EXCEEDED:
		return OUTCOME_PROTOCOL;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_URL_MALFORMAT:
		return OUTCOME_CONFIG;
	default:
		return OUTCOME_RETRY;
	}
}

/* What the proxy answered when it was asked for a way through; 0: nothing, or it let us through. */
static long proxy_refusal(const struct http_exchange *exchange)
{
	long status = 0;

	(void)curl_easy_getinfo(exchange->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	return status >= 300 ? status : 0;
}

/* It may let us through later; and the request has not left. */
static void describe_proxy(struct http_exchange *exchange, long status)
{
	struct http_response *response = &exchange->response;

	response->outcome = OUTCOME_RETRY;
	(void)err_set(&response->err, OUTCOME_RETRY, "%s: the proxy answered HTTP %ld%s",
		      exchange->host, status,
		      status == 407 ? ": it wants a login: proxy = http://USER:PASSWORD@HOST:PORT"
				    : " and lets nothing through to there");
}

static void describe_failure(struct http_exchange *exchange, CURLcode code)
{
	struct http_response *response = &exchange->response;
	const char *reason =
		exchange->reason[0] != '\0' ? exchange->reason : curl_easy_strerror(code);

	if (proxy_refusal(exchange) != 0) {
		describe_proxy(exchange, proxy_refusal(exchange));
		return;
	}
	response->outcome = outcome_of(exchange, code);
	if (response->outcome == OUTCOME_PROTOCOL)
		(void)err_set(&response->err, response->outcome,
			      "%s: the answer is longer than %d bytes", exchange->host,
			      HTTP_BODY_MAX);
	else if (code == CURLE_PEER_FAILED_VERIFICATION)
		(void)err_set(
			&response->err, response->outcome,
			"%s: its certificate is not trusted: %s (check this machine's clock and "
			"CA certificates; for a private authority set ca_file)",
			exchange->host, reason);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		(void)err_set(&response->err, response->outcome, "%s: no answer in time: %s",
			      exchange->host, reason);
	else
		(void)err_set(&response->err, response->outcome, "%s: %s", exchange->host, reason);
}

static int64_t parse_retry_after(const char *value)
{
	size_t digits = strspn(value, "0123456789");
	int64_t seconds;

	if (digits > 0 && value[digits + strspn(value + digits, " \t")] == '\0') {
		seconds = digits < 10 ? (int64_t)strtoll(value, NULL, 10) : RETRY_AFTER_MAX_S;
	} else {
		time_t at = curl_getdate(value, NULL);

		if (at < 0)
			return -1;
		seconds = (int64_t)at - clock_now_s();
	}
	if (seconds < 0)
		return 0;
	return seconds > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : seconds;
}

static void read_date(const char *value, struct http_response *response)
{
	time_t at = curl_getdate(value, NULL);

	response->is_dated = at > 0;
	response->clock_ahead_s = response->is_dated ? clock_now_s() - (int64_t)at : 0;
}

static void read_headers(struct http_exchange *exchange)
{
	struct http_response *response = &exchange->response;
	struct curl_header *header;
	char *type = response->content_type;
	long status = 0;

	(void)curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
	response->status = (int)status;
	if (curl_easy_header(exchange->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) ==
	    CURLHE_OK)
		response->retry_after_s = parse_retry_after(header->value);
	if (curl_easy_header(exchange->easy, "Date", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
		read_date(header->value, response);
	if (curl_easy_header(exchange->easy, "Content-Type", 0, CURLH_HEADER, -1, &header) !=
	    CURLHE_OK)
		return;
	(void)snprintf(type, sizeof(response->content_type), "%s", header->value);
	type[strcspn(type, "; \t")] = '\0';
	for (; *type != '\0'; type++) {
		if (*type >= 'A' && *type <= 'Z')
			*type = (char)(*type - 'A' + 'a');
		else if ((unsigned char)*type < 0x21 || (unsigned char)*type > 0x7e)
			*type = '?';
	}
}

static void exchange_ended(struct http_exchange *exchange, CURLcode code)
{
	curl_off_t total_us = 0;

	(void)curl_easy_getinfo(exchange->easy, CURLINFO_TOTAL_TIME_T, &total_us);
	exchange->response.duration_ms = (int64_t)(total_us / 1000);
	/* A connection that ends inside the headers is a whole answer to libcurl. */
	if (code == CURLE_OK && !exchange->headers_complete && exchange->to == NULL)
		code = CURLE_RECV_ERROR;
	if (code == CURLE_OK)
		read_headers(exchange);
	else
		describe_failure(exchange, code);
	exchange_finish(exchange);
}

/* libcurl and libevent ------------------------------------------------------------------------- */

static void collect_soon(struct http_client *client)
{
	static const struct timeval now = {0};

	(void)event_add(client->collect, &now);
}

/* False: nothing has ended. */
static bool collect_one(struct http_client *client)
{
	int left;
	CURLMsg *msg = curl_multi_info_read(client->multi, &left);
	char *private = NULL;

	if (msg == NULL)
		return false;
	if (msg->msg != CURLMSG_DONE)
		return true;
	(void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
	exchange_ended((struct http_exchange *)(void *)private, msg->data.result);
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

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct http_exchange *exchange = context;

	if (buffer_append(&exchange->body, bytes, size * count))
		return size * count;
	exchange->too_large = true;
	return 0;
}

static bool is_status_line(const char *line, size_t len)
{
	static const char start[] = "HTTP/";

	return len >= sizeof(start) - 1 && memcmp(line, start, sizeof(start) - 1) == 0;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
	struct http_exchange *exchange = context;

	/* The empty line; a 1xx answer before the real one has its own. What follows the body is a
	 * trailer, and has none. */
	if (is_status_line(bytes, size * count))
		exchange->headers_complete = false;
	else if (size * count > 0 && (bytes[0] == '\r' || bytes[0] == '\n'))
		exchange->headers_complete = true;
	exchange->header_bytes += size * count;
	if (exchange->header_bytes <= HEADERS_MAX)
		return size * count;
	exchange->too_large = true;
	return 0;
}

/* The beginning of an exchange ----------------------------------------------------------------- */

static bool set_policy(CURL *easy, bool loopback, const char *proxy)
{
	/* An empty proxy and an empty list keep http_proxy and no_proxy of the environment out. */
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, loopback ? "http,https" : "https") ==
		       0 &&
	       curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_PROXY, proxy != NULL && !loopback ? proxy : "") ==
		       0 &&
	       curl_easy_setopt(easy, CURLOPT_NOPROXY, "") == 0 &&
	       curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == 0 &&
	       /* Else libcurl, to end an exchange, waits in our event loop for the thread that
		* looks the name up, as long as the name server is silent. */
	       curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == 0;
}

static bool set_sinks(struct http_exchange *exchange)
{
	CURL *easy = exchange->easy;

	return curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->reason) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_MAXFILESIZE, (long)HTTP_BODY_MAX) == 0;
}

static bool set_headers(struct http_exchange *exchange, bool metadata)
{
	/* "Expect:" takes out the 100-continue round trip that libcurl adds to long bodies. */
	static const char *const lines[] = {"Metadata: true", "Accept: application/json",
					    "Expect:"};

	size_t count = sizeof(lines) / sizeof(lines[0]);

	for (size_t i = metadata ? 0 : 1; i < count; i++) {
		struct curl_slist *longer = curl_slist_append(exchange->headers, lines[i]);

		if (longer == NULL)
			return false;
		exchange->headers = longer;
	}
	return curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, exchange->headers) == 0;
}

static bool set_credentials(struct http_exchange *exchange, const struct http_request *request)
{
	CURL *easy = exchange->easy;

	if (request->userpwd != NULL)
		return buffer_append_span(&exchange->userpwd, buffer_span(request->userpwd)) &&
		       curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) == 0 &&
		       curl_easy_setopt(easy, CURLOPT_USERPWD, buffer_cstr(&exchange->userpwd)) ==
			       0;
	if (request->bearer.len > 0)
		return buffer_append_span(&exchange->bearer, request->bearer) &&
		       curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER) == 0 &&
		       curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER,
					buffer_cstr(&exchange->bearer)) == 0;
	return true;
}

static bool set_method(struct http_exchange *exchange, const struct http_request *request)
{
	CURL *easy = exchange->easy;

	if (exchange->get)
		return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == 0;
	return buffer_append_span(&exchange->form, request->form) &&
	       curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
				(curl_off_t)exchange->form.len) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_POSTFIELDS, buffer_cstr(&exchange->form)) == 0;
}

static bool set_request(struct http_exchange *exchange, const struct http_request *request)
{
	CURL *easy = exchange->easy;

	if (request->ca_file != NULL &&
	    (curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file) != 0 ||
	     curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) != 0))
		return false;
	return set_credentials(exchange, request) && set_method(exchange, request) &&
	       curl_easy_setopt(easy, CURLOPT_URL, request->url) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_USERAGENT, exchange->client->user_agent) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms) == 0;
}

static void on_refuse(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	exchange_finish(context);
}

/* Everything from here on is reported from the loop, never from inside http_post() or http_get().
 */
static void refuse(struct http_exchange *exchange, enum outcome what, const char *text)
{
	static const struct timeval at_once = {0, 0};

	exchange->response.outcome =
		err_set(&exchange->response.err, what, "%s%s%s", exchange->host,
			exchange->host[0] != '\0' ? ": " : "", text);
	exchange->refuse = evtimer_new(exchange->client->base, on_refuse, exchange);
	if (exchange->refuse == NULL || evtimer_add(exchange->refuse, &at_once) != 0)
		abort(); /* out of memory: xalloc's rule */
}

static bool exchange_begin(struct http_exchange *exchange, const struct http_request *request)
{
	bool loopback_http = strncasecmp(request->url, "http:", 5) == 0;

	exchange->easy = curl_easy_init();
	return exchange->easy != NULL &&
	       set_policy(exchange->easy, loopback_http, request->proxy) && set_sinks(exchange) &&
	       set_headers(exchange, request->metadata) && set_request(exchange, request) &&
	       curl_multi_add_handle(exchange->client->multi, exchange->easy) == CURLM_OK;
}

static struct http_exchange *exchange_new(struct http_client *client, const char *url,
					  http_done_fn *done, void *context)
{
	struct http_exchange *exchange = xcalloc(1, sizeof(*exchange));

	exchange->client = client;
	exchange->next = client->exchanges;
	client->exchanges = exchange;
	exchange->done = done;
	exchange->context = context;
	buffer_init_secret(&exchange->form, SIZE_MAX - 1);
	buffer_init_secret(&exchange->userpwd, SIZE_MAX - 1);
	buffer_init_secret(&exchange->bearer, SIZE_MAX - 1);
	buffer_init_secret(&exchange->body, HTTP_BODY_MAX);
	exchange->response.retry_after_s = -1;
	http_url_host(url, exchange->host, sizeof(exchange->host));
	return exchange;
}

static struct http_exchange *start(struct http_client *client, const struct http_request *request,
				   bool get, http_done_fn *done, void *context)
{
	struct http_exchange *exchange = exchange_new(client, request->url, done, context);

	exchange->get = get;
	if (request->metadata ? !http_url_is_metadata(request->url)
			      : !http_url_is_allowed(request->url))
		refuse(exchange, OUTCOME_CONFIG,
		       "not an https URL (http is for loopback only, and a URL holds no password)");
	else if (request->timeout_ms <= 0)
		refuse(exchange, OUTCOME_RETRY, "no time left for the request");
	else if (!exchange_begin(exchange, request))
		refuse(exchange, OUTCOME_RETRY, "out of memory");
	return exchange;
}

struct http_exchange *http_post(struct http_client *client, const struct http_request *request,
				http_done_fn *done, void *context)
{
	return start(client, request, false, done, context);
}

struct http_exchange *http_get(struct http_client *client, const struct http_request *request,
			       http_done_fn *done, void *context)
{
	return start(client, request, true, done, context);
}

static size_t on_upload(char *bytes, size_t size, size_t count, void *context)
{
	struct http_exchange *exchange = context;
	size_t left = exchange->form.len - exchange->sent;
	size_t len = size * count < left ? size * count : left;

	if (len > 0)
		memcpy(bytes, exchange->form.data + exchange->sent, len);
	exchange->sent += len;
	return len;
}

static bool mail_begin(struct http_exchange *exchange, const char *url, const char *to,
		       int timeout_ms)
{
	CURL *easy = exchange->easy = curl_easy_init();

	exchange->to = curl_slist_append(NULL, to);
	return easy != NULL && exchange->to != NULL && set_policy(easy, true, NULL) &&
	       set_sinks(exchange) && curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp") == 0 &&
	       curl_easy_setopt(easy, CURLOPT_URL, url) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, exchange->to) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_upload) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_READDATA, exchange) == 0 &&
	       curl_multi_add_handle(exchange->client->multi, easy) == CURLM_OK;
}

struct http_exchange *http_mail(struct http_client *client, const char *url, const char *to,
				struct span message, int timeout_ms, http_done_fn *done,
				void *context)
{
	struct http_exchange *exchange = exchange_new(client, url, done, context);

	if (!buffer_append_span(&exchange->form, message) ||
	    !mail_begin(exchange, url, to, timeout_ms))
		refuse(exchange, OUTCOME_RETRY, "out of memory");
	return exchange;
}

void http_cancel(struct http_exchange *exchange)
{
	/* From inside its own done it is a request to do what happens next anyway. */
	if (exchange != NULL && !exchange->finished)
		exchange_free(exchange);
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
		exchange_free(client->exchanges);
	(void)curl_multi_cleanup(client->multi);
	event_free(client->timer);
	event_free(client->collect);
	free(client->user_agent);
	free(client);
	curl_global_cleanup();
}
