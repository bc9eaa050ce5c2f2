/* SPDX-License-Identifier: MIT */
/* endpoints.c - see endpoints.h. */
#include "token-helper/accounts/endpoints.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "common/url.h"
#include "common/xalloc.h"

#include "common/banned.h"

struct endpoints {
	struct endpoint **list; /* by name and proxy */
	size_t count;
};

struct endpoints *endpoints_new(void)
{
	return xcalloc(1, sizeof(struct endpoints));
}

static void endpoint_free(struct endpoint *endpoint)
{
	if (endpoint->timer != NULL)
		event_free(endpoint->timer);
	free(endpoint->name);
	free(endpoint->proxy);
	free(endpoint->via);
	free(endpoint->said);
	free(endpoint->said_to);
	free(endpoint);
}

void endpoints_free(struct endpoints *endpoints)
{
	if (endpoints == NULL)
		return;
	for (size_t i = 0; i < endpoints->count; i++)
		endpoint_free(endpoints->list[i]);
	free(endpoints->list);
	free(endpoints);
}

/* Gives; NULL: there is no host in it. */
static char *name_of(const char *url)
{
	bool is_http = strncasecmp(url, "http://", 7) == 0;
	const char *port = is_http ? ":80" : ":443";
	char host[256];

	if (!url_host(url, host, sizeof(host)))
		return NULL;
	if (url_has_port(url))
		port = strstr(url, "://") + 3 + strlen(host);
	return xasprintf("%s://%s%.*s", is_http ? "http" : "https", host, (int)strcspn(port, "/?#"),
			 port);
}

/* "host:port" of a proxy, whatever stands before and behind it. Gives. */
static char *via_of(const char *proxy)
{
	const char *scheme = strstr(proxy, "://");
	const char *authority = scheme != NULL ? scheme + 3 : proxy;
	size_t len = strcspn(authority, "/?#");
	const char *user_end = memrchr(authority, '@', len);
	const char *host = user_end != NULL ? user_end + 1 : authority;

	return xasprintf("%.*s", (int)(len - (size_t)(host - authority)), host);
}

static int compare(const struct endpoint *endpoint, const char *name, const char *proxy)
{
	int order = strcmp(endpoint->name, name);

	return order != 0 ? order : strcmp(endpoint->proxy, proxy);
}

/* Where it is, or belongs. */
static size_t place_of(const struct endpoints *endpoints, const char *name, const char *proxy)
{
	size_t low = 0;
	size_t high = endpoints->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(endpoints->list[middle], name, proxy) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct endpoint *insert(struct endpoints *endpoints, size_t place, const char *name,
			       const char *proxy)
{
	struct endpoint *endpoint = xcalloc(1, sizeof(*endpoint));

	endpoint->name = xstrdup(name);
	endpoint->proxy = xstrdup(proxy);
	endpoint->via = via_of(proxy);
	TAILQ_INIT(&endpoint->queue);
	endpoints->list =
		xreallocarray(endpoints->list, endpoints->count + 1, sizeof(endpoints->list[0]));
	memmove(&endpoints->list[place + 1], &endpoints->list[place],
		(endpoints->count - place) * sizeof(endpoints->list[0]));
	endpoints->list[place] = endpoint;
	endpoints->count++;
	return endpoint;
}

struct endpoint *endpoints_find(struct endpoints *endpoints, const char *token_url,
				const char *proxy)
{
	const char *by = proxy != NULL ? proxy : "";
	char *name = name_of(token_url);
	struct endpoint *found;
	size_t place;

	if (name == NULL)
		return NULL;
	place = place_of(endpoints, name, by);
	if (place < endpoints->count && compare(endpoints->list[place], name, by) == 0)
		found = endpoints->list[place];
	else
		found = insert(endpoints, place, name, by);
	free(name);
	return found;
}

void endpoint_join(struct endpoint *endpoint)
{
	if (endpoint != NULL)
		endpoint->accounts++;
}

void endpoint_leave(struct endpoint *endpoint)
{
	if (endpoint == NULL || --endpoint->accounts > 0)
		return;
	if (endpoint->outage.is_down)
		log_info("endpoint=%s: no account refreshes there any more; whether it is still "
			 "down is not asked",
			 endpoint->name);
	endpoint->outage = (struct outage){.asking = endpoint->outage.asking};
}

size_t endpoints_count(const struct endpoints *endpoints)
{
	return endpoints->count;
}

const struct endpoint *endpoints_at(const struct endpoints *endpoints, size_t index)
{
	return endpoints->list[index];
}
