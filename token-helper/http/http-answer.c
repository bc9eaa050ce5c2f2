/* SPDX-License-Identifier: MIT */
/* http-answer.c - what came of an exchange: its bytes, with their ceilings, and what they or their
 * absence mean. See http-private.h. */
#include "token-helper/http/http-private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"

#include "common/banned.h"

#define HEADERS_MAX	  65536 /* bytes of a response's header lines in total */
#define RETRY_AFTER_MAX_S 3600

/* As it comes --------------------------------------------------------------------------------- */

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

bool http_answer_expect(struct http_exchange *exchange)
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

/* Failures ------------------------------------------------------------------------------------ */

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

/* Headers ------------------------------------------------------------------------------------- */

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

void http_answer_take(struct http_exchange *exchange, CURLcode code)
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
}
