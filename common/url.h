/* SPDX-License-Identifier: MIT */
/*
 * url.h - which URLs we let a secret near.
 *
 * Host half. Not a URL parser (libcurl has one): the few questions that configuration and redirects
 * ask.
 */
#ifndef COMMON_URL_H
#define COMMON_URL_H

#include <stdbool.h>
#include <stddef.h>

/* https://HOST…, or http:// to loopback (127.0.0.0/8, [::1], localhost); no user info, no space or
 * control character. */
bool url_is_safe(const char *url);

/* The same, http on loopback only: what RFC 8252 7.3 lets a native client redirect to. */
bool url_is_loopback_http(const char *url);

/* Does a port stand after the host? */
bool url_has_port(const char *url);

/* The host into host (size bytes, NUL-terminated, brackets kept, lower case); false, and "", when
 * there is none. */
bool url_host(const char *url, char *host, size_t size);

#endif
