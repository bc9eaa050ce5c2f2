/* SPDX-License-Identifier: MIT */
/*
 * http-exchange.c - a request on its way, and its end: see http-client.h and http-private.h.
 *
 * Every exchange has a connection of its own: on a reused one libcurl may send a POST twice when
 * the server closes it, and a one-time refresh token that arrives twice is taken for theft. What we
 * copy is wiped; the send buffer inside libcurl is beyond our reach.
 */
#include "token-helper/http/http-private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/xalloc.h"

#include "common/banned.h"

#define TRUST_KEPT_S 60L /* as libcurl has read it; what is renewed on disk counts after that */

/* Its end ------------------------------------------------------------------------------------- */

void http_exchange_free(struct http_exchange *exchange)
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

void http_exchange_finish(struct http_exchange *exchange)
{
	exchange->finished = true;
	exchange->response.body = &exchange->body;
	exchange->done(exchange->context, &exchange->response);
	http_exchange_free(exchange);
}

static void on_refuse(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	http_exchange_finish(context);
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

/* What libcurl is told ------------------------------------------------------------------------ */

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

/* What is in a file alone libcurl keeps; a directory beside it, as Debian has it, makes it read all
 * of the file for each connection, tens of milliseconds in which nobody is answered. */
static bool set_trust(CURL *easy, const char *ca_file)
{
	const char *bundle = curl_version_info(CURLVERSION_NOW)->cainfo;
	bool has_bundle = bundle != NULL && access(bundle, R_OK) == 0;

	/* Not of every TLS library: then it is read each time. */
	(void)curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, TRUST_KEPT_S);
	if (ca_file != NULL && curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) != 0)
		return false;
	return (ca_file == NULL && !has_bundle) ||
	       curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == 0;
}

static bool set_request(struct http_exchange *exchange, const struct http_request *request)
{
	CURL *easy = exchange->easy;

	return set_trust(easy, request->ca_file) && set_credentials(exchange, request) &&
	       set_method(exchange, request) &&
	       curl_easy_setopt(easy, CURLOPT_URL, request->url) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_USERAGENT, exchange->client->user_agent) == 0 &&
	       curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms) == 0;
}

/* Its beginning ------------------------------------------------------------------------------- */

static bool exchange_begin(struct http_exchange *exchange, const struct http_request *request)
{
	bool loopback_http = strncasecmp(request->url, "http:", 5) == 0;

	exchange->easy = curl_easy_init();
	return exchange->easy != NULL &&
	       set_policy(exchange->easy, loopback_http, request->proxy) &&
	       http_answer_expect(exchange) && set_headers(exchange, request->metadata) &&
	       set_request(exchange, request) &&
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
	       http_answer_expect(exchange) &&
	       curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp") == 0 &&
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
		http_exchange_free(exchange);
}
