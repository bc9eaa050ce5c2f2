/* SPDX-License-Identifier: MIT */
/*
 * http-client.h - POST to and GET from an authorization server, asynchronously: libcurl's multi
 * interface on libevent. And a message to a mail server, which libcurl can do too.
 *
 * The only place that knows libcurl. https only, but for loopback addresses (tests, local servers);
 * redirects are never followed (a 307 would send the refresh token on); one total deadline; bodies
 * have a ceiling; certificates are always verified. The callback is never called from inside
 * http_post(), http_get() or http_cancel(). It may ask and cancel, but not free the client. The
 * process ignores SIGPIPE: libcurl is told to leave signals alone.
 */
#ifndef TOKEN_HELPER_HTTP_HTTP_CLIENT_H
#define TOKEN_HELPER_HTTP_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/outcome.h"

#define HTTP_BODY_MAX 262144 /* bytes of a response's body */

struct event_base;
struct http_client;
struct http_exchange;

struct http_request {
	const char *url;  /* borrowed until the call returns, like all here */
	struct span form; /* application/x-www-form-urlencoded body; copied, and wiped afterwards */
	struct span bearer; /* access token for http_get(); copied, and wiped afterwards; empty:
			       none */
	bool metadata;	    /* http_get(): with the header "Metadata: true" and past any proxy, for
			       Azure's metadata service, which is the one address beside loopback for
			       http */
	const struct buffer *userpwd; /* "id:secret" for HTTP Basic, each part already form-encoded;
					 NULL: none */
	const char *ca_file;	      /* NULL: the system's, its bundle if it has one */
	const char *proxy; /* NULL: libcurl's defaults without the environment, that is none */
	int timeout_ms;	   /* total */
};

struct http_response {
	enum outcome outcome;  /* OK: status and body are an answer, of whatever status. RETRY: none
				  came, or not in time.  CONFIG: certificate not trusted, scheme
				  refused, bad URL. PROTOCOL: body past the ceiling */
	struct err err;	       /* when not OK: host and reason, no URL query, no body */
	int status;	       /* HTTP status when OK */
	int64_t retry_after_s; /* -1: none; seconds or HTTP-date, capped at 3600, never negative
				  otherwise */
	bool is_dated;	       /* it had a Date header that says a time (RFC 9110 6.6.1) */
	int64_t clock_ahead_s; /* by how much this machine's clock is ahead of it when it is dated;
				  negative: behind */
	int64_t duration_ms;
	char content_type[64]; /* lower case, without parameters; "" */
	struct buffer *body;   /* secret; borrowed for the callback's duration; may be moved out */
};

typedef void http_done_fn(void *context, struct http_response *response);

struct http_client *http_client_new(struct event_base *base, const char *user_agent);
void http_client_free(struct http_client *client); /* cancels what runs; NULL is fine */
struct event_base *http_client_base(const struct http_client *client); /* borrows */

/* Never NULL; a bad request is reported to done (later, from the loop). */
struct http_exchange *http_post(struct http_client *client, const struct http_request *request,
				http_done_fn *done, void *context);
/* The same without a body: form is not looked at. */
struct http_exchange *http_get(struct http_client *client, const struct http_request *request,
			       http_done_fn *done, void *context);
/*
 * Hands a message (CRLF, borrowed for the call) to the mail server at url, smtp://HOST[:PORT], from
 * the null sender, without TLS: nothing secret may be in it. done as above; status is the server's.
 */
struct http_exchange *http_mail(struct http_client *client, const char *url, const char *to,
				struct span message, int timeout_ms, http_done_fn *done,
				void *context);
void http_cancel(struct http_exchange *exchange); /* done is not called; NULL is fine */

/* True for https, and for http to 127.0.0.0/8, [::1] or "localhost". */
bool http_url_is_allowed(const char *url);

/* True for http to loopback as above or to 169.254.169.254, where Azure's metadata service is. */
bool http_url_is_metadata(const char *url);

/* The host of an absolute URL into host (size bytes), "" when there is none. For log lines. */
void http_url_host(const char *url, char *host, size_t size);

/* form-urlencoding, WHATWG/RFC 6749 appendix B: appends "&name=value", or "name=value" to an empty
 * buffer. */
bool form_append(struct buffer *form, const char *name, struct span value);
bool form_encode(struct buffer *out, struct span value);

#endif
