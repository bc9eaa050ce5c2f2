/* SPDX-License-Identifier: MIT */
/*
 * http-private.h - between http-client.c (libcurl in the event loop), http-exchange.c (a request,
 * and its end) and http-answer.c (what came).
 */
#ifndef TOKEN_HELPER_HTTP_HTTP_PRIVATE_H
#define TOKEN_HELPER_HTTP_HTTP_PRIVATE_H

#include <curl/curl.h>
#include <event2/event.h>

#include "token-helper/http/http-client.h"

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

/* http-exchange.c: tells who waits, then frees it. */
void http_exchange_finish(struct http_exchange *exchange);
void http_exchange_free(struct http_exchange *exchange);

/* http-answer.c: has libcurl give the answer to the exchange. False: out of memory. */
bool http_answer_expect(struct http_exchange *exchange);

/* It has ended: fills exchange->response. */
void http_answer_take(struct http_exchange *exchange, CURLcode code);

#endif
