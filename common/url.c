/* SPDX-License-Identifier: MIT */
/* url.c - see url.h. */
#include "common/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/banned.h"

/* Where the authority starts, or NULL when the scheme is another. */
static const char *after_scheme(const char *url, const char *scheme)
{
	size_t len = strlen(scheme);

	return strncasecmp(url, scheme, len) == 0 ? url + len : NULL;
}

static bool has_only_url_bytes(const char *url)
{
	for (; *url != '\0'; url++) {
		if ((unsigned char)*url <= 0x20 || (unsigned char)*url >= 0x7f || *url == '\\')
			return false;
	}
	return true;
}

static bool copy_host(const char *authority, char *host, size_t size)
{
	size_t whole = strcspn(authority, "/?#");
	size_t len = authority[0] == '[' ? strcspn(authority, "]") + 1 : strcspn(authority, ":/?#");
	bool ends = len < whole ? authority[len] == ':' : len == whole;

	host[0] = '\0';
	if (len == 0 || !ends || len >= size || memchr(authority, '@', whole) != NULL)
		return false;
	for (size_t i = 0; i < len; i++)
		host[i] = (char)tolower((unsigned char)authority[i]);
	host[len] = '\0';
	return true;
}

bool url_host(const char *url, char *host, size_t size)
{
	const char *authority = strstr(url, "://");

	host[0] = '\0';
	return authority != NULL && copy_host(authority + 3, host, size);
}

bool url_has_port(const char *url)
{
	const char *authority = strstr(url, "://");
	char host[256];

	return authority != NULL && copy_host(authority + 3, host, sizeof(host)) &&
	       authority[3 + strlen(host)] == ':';
}

static bool host_is_loopback(const char *host)
{
	struct in_addr addr;

	if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, host, &addr) == 1 && (ntohl(addr.s_addr) >> 24) == 127;
}

bool url_is_loopback_http(const char *url)
{
	const char *authority = after_scheme(url, "http://");
	char host[256];

	return authority != NULL && has_only_url_bytes(url) &&
	       copy_host(authority, host, sizeof(host)) && host_is_loopback(host);
}

bool url_is_safe(const char *url)
{
	const char *authority = after_scheme(url, "https://");
	char host[256];

	if (authority == NULL)
		return url_is_loopback_http(url);
	return has_only_url_bytes(url) && copy_host(authority, host, sizeof(host));
}
