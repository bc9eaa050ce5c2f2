/* SPDX-License-Identifier: MIT */
/* nexthop.c - see nexthop.h. */
#include "token-helper/postfix/nexthop.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "token-helper/postfix/postfix-value.h"

#include "common/banned.h"

#define PORT_SMTP 25
#define PORT_MAX  65535

static bool copy(struct span from, char *to, size_t size)
{
	if (from.len >= size)
		return false;
	memcpy(to, from.ptr, from.len);
	to[from.len] = '\0';
	return true;
}

static bool set_port(struct span rest, struct nexthop *out)
{
	if (rest.len == 0)
		return true;
	return rest.ptr[0] == ':' && rest.len > 1 &&
	       copy((struct span){rest.ptr + 1, rest.len - 1}, out->port, sizeof(out->port));
}

bool nexthop_parse(struct span text, struct nexthop *out)
{
	struct span host = span_trim(text);
	const char *end;

	*out = (struct nexthop){0};
	text = host;
	if (text.len == 0)
		return false;
	out->is_bracketed = text.ptr[0] == '[';
	end = out->is_bracketed ? memchr(text.ptr, ']', text.len) : memchr(text.ptr, ':', text.len);
	if (out->is_bracketed && end == NULL)
		return false;
	if (end != NULL) {
		size_t used = (size_t)(end - text.ptr) + (out->is_bracketed ? 1 : 0);

		host = (struct span){text.ptr + out->is_bracketed,
				     (size_t)(end - text.ptr) - out->is_bracketed};
		if (!set_port((struct span){text.ptr + used, text.len - used}, out))
			return false;
	}
	return host.len > 0 && copy(host, out->host, sizeof(out->host));
}

const char *nexthop_text(const struct nexthop *nexthop, char *text)
{
	(void)snprintf(text, NEXTHOP_TEXT_MAX, "%s%s%s%s%s", nexthop->is_bracketed ? "[" : "",
		       nexthop->host, nexthop->is_bracketed ? "]" : "",
		       nexthop->port[0] != '\0' ? ":" : "", nexthop->port);
	return text;
}

unsigned nexthop_port(const struct nexthop *nexthop)
{
	static const struct {
		const char *name;
		unsigned port;
	} names[] = {{"", PORT_SMTP},
		     {"smtp", PORT_SMTP},
		     {"submission", 587},
		     {"submissions", 465},
		     {"smtps", 465}};
	char *end;
	unsigned long number;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, nexthop->port) == 0)
			return names[i].port;
	}
	number = strtoul(nexthop->port, &end, 10);
	return *end == '\0' && number <= PORT_MAX ? (unsigned)number : 0;
}

bool nexthop_is_address(const struct nexthop *nexthop)
{
	const char *host = nexthop->host;
	unsigned char address[sizeof(struct in6_addr)];

	if (strncasecmp(host, "IPv6:", 5) == 0)
		host += 5;
	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

void transport_split(struct span text, struct span *transport_out, struct span *nexthop_out)
{
	const char *colon;

	text = span_trim(text);
	colon = text.len > 0 ? memchr(text.ptr, ':', text.len) : NULL;
	*transport_out = text;
	*nexthop_out = (struct span){"", 0};
	if (colon == NULL)
		return;
	transport_out->len = (size_t)(colon - text.ptr);
	*nexthop_out = (struct span){colon + 1, text.len - transport_out->len - 1};
}
