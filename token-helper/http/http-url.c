/* SPDX-License-Identifier: MIT */
/*
 * http-url.c - which URLs a secret may be posted to. See http-client.h.
 *
 * Asked of libcurl's own parser, the one that will connect: two parsers can be made to disagree
 * about the host.
 */
#include "token-helper/http/http-client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/banned.h"

#define LOOPBACK_NET  127
#define METADATA_HOST "169.254.169.254"

static bool host_is_loopback(const char *host)
{
	struct in_addr v4;

	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == LOOPBACK_NET;
}

static bool part_is_set(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool set = curl_url_get(url, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return set;
}

static bool url_is_allowed(const char *url, bool metadata)
{
	CURLU *parsed = curl_url();
	char *scheme = NULL;
	char *host = NULL;
	bool allowed = false;

	if (parsed == NULL || url == NULL ||
	    curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		goto out;
	/* A password in a URL ends in logs; there are better places for one. */
	if (part_is_set(parsed, CURLUPART_USER) || part_is_set(parsed, CURLUPART_PASSWORD))
		goto out;
	if (strcmp(scheme, "http") == 0)
		allowed = host_is_loopback(host) || (metadata && strcmp(host, METADATA_HOST) == 0);
	else
		allowed = strcmp(scheme, "https") == 0 && !metadata;
out:
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(parsed);
	return allowed;
}

bool http_url_is_allowed(const char *url)
{
	return url_is_allowed(url, false);
}

bool http_url_is_metadata(const char *url)
{
	return url_is_allowed(url, true);
}

void http_url_host(const char *url, char *host, size_t size)
{
	CURLU *parsed = curl_url();
	char *text = NULL;

	if (size == 0)
		goto out;
	host[0] = '\0';
	if (parsed != NULL && url != NULL &&
	    curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
	    curl_url_get(parsed, CURLUPART_HOST, &text, 0) == CURLUE_OK)
		(void)snprintf(host, size, "%s", text);
out:
	curl_free(text);
	curl_url_cleanup(parsed);
}
