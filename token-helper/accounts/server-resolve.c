/* SPDX-License-Identifier: MIT */
/*
 * server-resolve.c - the servers of an account, and the way to ask them: URLs, redirects, hosts and
 * the grant, of its own or its preset's with the braces filled. See account-resolve.h.
 */
#include "token-helper/accounts/account-resolve.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/url.h"
#include "common/xalloc.h"
#include "token-helper/accounts/discovery.h"
#include "token-helper/http/http-client.h"

#include "common/banned.h"

#define METADATA_DEFAULT "http://169.254.169.254/metadata/identity/oauth2/token"
#define REDIRECT_DEFAULT "http://127.0.0.1"

/* Braces --------------------------------------------------------------------------------------- */

static bool is_made_of(const char *text, const char *marks)
{
	for (; *text != '\0'; text++) {
		if (!isalnum((unsigned char)*text) && strchr(marks, *text) == NULL)
			return false;
	}
	return true;
}

/* What stands in braces in a preset's URLs and hosts. */
static const struct placeholder {
	const char *mark;
	const char *key;
	size_t offset;	   /* in struct provider_settings */
	const char *marks; /* beside letters and digits: nothing that would end a part of a URL */
	const char *what;
} placeholders[] = {
	{"{tenant}", "tenant", offsetof(struct provider_settings, tenant), ".-",
	 "neither a tenant id nor a domain"},
	{"{auth_host}", "auth_host", offsetof(struct provider_settings, auth_host), ".-:[]",
	 "neither a host nor host:port"},
	{"{realm}", "realm", offsetof(struct provider_settings, realm), ".-_~%",
	 "no part of a URL's path"},
};

#define PLACEHOLDERS (sizeof(placeholders) / sizeof(placeholders[0]))

static const char *placeholder_value(const struct resolving *at, const struct placeholder *one)
{
	const char *const *mine =
		(const void *)((const char *)&at->section->settings + one->offset);
	const char *const *theirs =
		(const void *)((const char *)&at->preset->settings + one->offset);

	return resolve_either(*mine, *theirs);
}

/* A copy of text with its placeholders replaced; NULL gives NULL. One without a value stays: that
 * it is missing is said by check_placeholders(). */
static char *filled(const struct resolving *at, const char *text)
{
	char *copy = xstrdup(text);

	for (size_t i = 0; copy != NULL && i < PLACEHOLDERS; i++) {
		const char *value = placeholder_value(at, &placeholders[i]);
		const char *mark = placeholders[i].mark;
		char *hit;

		while (value != NULL && strstr(value, mark) == NULL &&
		       (hit = strstr(copy, mark)) != NULL) {
			char *longer = xasprintf("%.*s%s%s", (int)(hit - copy), copy, value,
						 hit + strlen(mark));

			free(copy);
			copy = longer;
		}
	}
	return copy;
}

static void check_placeholders(const struct resolving *at)
{
	for (size_t i = 0; i < PLACEHOLDERS; i++) {
		const struct placeholder *one = &placeholders[i];
		const char *value = placeholder_value(at, one);
		const char *token_url = at->config->client.token_url;

		if (value != NULL && !is_made_of(value, one->marks))
			resolve_problem(at, one->key, "%s = %s: is %s", one->key, value, one->what);
		else if (value == NULL && token_url != NULL &&
			 strstr(token_url, one->mark) != NULL &&
			 !words_contain(&at->preset->needs, one->key))
			resolve_problem(at, one->key, "lacks %s, which stands in token_url",
					one->key);
	}
}

/* URLs ----------------------------------------------------------------------------------------- */

/* NULL when neither says it. */
static char *resolve_url(const struct resolving *at, const char *key, const char *account,
			 const char *preset)
{
	char *url = filled(at, resolve_either(account, preset));

	if (url != NULL && !url_is_safe(url))
		resolve_problem(at, key, "%s = %s: is no usable URL", key, url);
	return url;
}

/* The issuer's metadata tells the rest, if there is one issuer for all. */
static bool can_learn(const struct resolving *at)
{
	const char *issuer = at->config->client.issuer;

	return issuer != NULL && strstr(issuer, "{tenantid}") == NULL;
}

static char *require_url(const struct resolving *at, const char *key, const char *account,
			 const char *preset)
{
	char *url = resolve_url(at, key, account, preset);

	if (url == NULL && !can_learn(at))
		resolve_problem(at, key, "lacks %s, which provider = %s does not know", key,
				at->preset->name);
	return url;
}

/* The machine's own service has no https. */
static char *resolve_metadata_url(const struct resolving *at)
{
	const char *url = resolve_either(resolve_either(at->section->settings.metadata_url,
							at->preset->settings.metadata_url),
					 METADATA_DEFAULT);

	if (!http_url_is_metadata(url))
		resolve_problem(
			at, "metadata_url",
			"metadata_url = %s: is neither http://169.254.169.254/ nor on loopback",
			url);
	return xstrdup(url);
}

static bool kind_of_name(const char *name, enum grant_kind *kind)
{
	for (int i = 0; i < GRANT_KIND_COUNT; i++) {
		if (strcmp(grant_kind_name((enum grant_kind)i), name) == 0) {
			*kind = (enum grant_kind)i;
			return true;
		}
	}
	return false;
}

/* The account's, or the first of the preset's. */
static enum grant_kind resolve_grant(const struct resolving *at)
{
	const struct words *theirs = &at->preset->grants;
	enum grant_kind usual = GRANT_AUTHORIZATION_CODE;
	enum grant_kind kind;
	const char *why = NULL;

	if (theirs->count > 0)
		(void)kind_of_name(theirs->word[0], &usual);
	if (at->section->grant == 0)
		return usual;
	kind = (enum grant_kind)(at->section->grant - 1);
	/* The machine in Azure asks another server than the preset's. */
	if (theirs->count == 0 || kind == GRANT_MANAGED_IDENTITY ||
	    preset_has_grant(at->preset, grant_kind_name(kind)))
		return kind;
	if (kind == GRANT_DEVICE_CODE)
		why = at->preset->device_note;
	resolve_problem(at, "grant",
			"grant = %s: not with provider = %s%s%s; run: mailoauth providers %s",
			grant_kind_name(kind), at->preset->name, why != NULL ? ": " : "",
			why != NULL ? why : "", at->preset->name);
	return usual;
}

/* Where the person goes, and what is known of people there. */
static void resolve_person_urls(const struct resolving *at)
{
	const struct provider_settings *mine = &at->section->settings;
	const struct provider_settings *theirs = &at->preset->settings;
	struct oauth_client *client = &at->config->client;
	bool by_device = client->grant == GRANT_DEVICE_CODE;

	client->authorize_url = (by_device ? resolve_url : require_url)(
		at, "authorize_url", mine->authorize_url, theirs->authorize_url);
	client->device_url = (by_device ? require_url : resolve_url)(
		at, "device_url", mine->device_url, theirs->device_url);
	client->device_grant_type =
		xstrdup(resolve_either(mine->device_grant_type, theirs->device_grant_type));
	client->revoke_url = resolve_url(at, "revoke_url", mine->revoke_url, theirs->revoke_url);
	client->userinfo_url =
		resolve_url(at, "userinfo_url", mine->userinfo_url, theirs->userinfo_url);
}

static void check_redirect(const struct resolving *at, const char *redirect)
{
	if (!url_is_safe(redirect))
		resolve_problem(
			at, "redirect",
			"redirect = %s: is neither https:// nor http:// on loopback, which a "
			"redirect must be; several are separated by blanks",
			redirect);
	else if (strchr(redirect, '#') != NULL)
		resolve_problem(at, "redirect",
				"redirect = %s: has a fragment (#), which no redirect may have",
				redirect);
}

/* The account's, all of them, or the preset's. */
static void resolve_redirects(const struct resolving *at)
{
	const struct words *mine = &at->section->settings.redirects;
	const struct words *theirs = &at->preset->settings.redirects;
	struct words *redirects = &at->config->client.redirects;

	words_copy(redirects, mine->count > 0 ? mine : theirs);
	if (redirects->count == 0)
		words_split(REDIRECT_DEFAULT, redirects);
	for (size_t i = 0; i < redirects->count; i++) {
		const struct words before = {.word = redirects->word, .count = i};

		check_redirect(at, redirects->word[i]);
		if (words_contain(&before, redirects->word[i]))
			resolve_problem(at, "redirect", "redirect = %s: stands there twice",
					redirects->word[i]);
	}
}

void resolve_grant_and_urls(const struct resolving *at)
{
	const struct provider_settings *mine = &at->section->settings;
	const struct provider_settings *theirs = &at->preset->settings;
	struct oauth_client *client = &at->config->client;
	bool lacks;

	client->grant = resolve_grant(at);
	client->issuer = (grant_kind_has_person(client->grant) ? require_url : resolve_url)(
		at, "issuer", mine->issuer, theirs->issuer);
	if (client->grant == GRANT_MANAGED_IDENTITY)
		client->token_url = resolve_metadata_url(at);
	else
		client->token_url =
			require_url(at, "token_url", mine->token_url, theirs->token_url);
	client->resource = filled(at, resolve_either(mine->resource, theirs->resource));
	if (grant_kind_has_person(client->grant))
		resolve_person_urls(at);
	resolve_redirects(at);
	client->refresh_redirect_uri = mine->refresh_redirect_uri || theirs->refresh_redirect_uri;
	lacks = client->token_url == NULL ||
		(client->grant == GRANT_AUTHORIZATION_CODE && client->authorize_url == NULL) ||
		(client->grant == GRANT_DEVICE_CODE && client->device_url == NULL);
	if (lacks)
		at->config->learns = can_learn(at) ? discovery_lacking(client) : 0;
	check_placeholders(at);
}

/* Hosts ---------------------------------------------------------------------------------------- */

/* auth_host is as it stands in a URL, [::1]:8443; a mail server has ports of its own. */
static void keep_name_alone(char *host)
{
	bool is_bracketed = host[0] == '[';
	char *end = strchr(host, is_bracketed ? ']' : ':');

	if (end != NULL && (is_bracketed || strchr(end + 1, ':') == NULL))
		*end = '\0';
	if (is_bracketed)
		memmove(host, host + 1, strlen(host));
}

static void fill_hosts(const struct resolving *at, struct words *hosts)
{
	for (size_t i = 0; i < hosts->count; i++) {
		char *word = hosts->word[i];

		hosts->word[i] = filled(at, word);
		if (strchr(word, '{') != NULL)
			keep_name_alone(hosts->word[i]);
		free(word);
	}
}

/* A port or Postfix's brackets would match no server that asks; an IPv6 address has more than one
 * colon. */
static void check_host(const struct resolving *at, const char *service, const char *host)
{
	const char *colon = strchr(host, ':');

	if (host[0] == '[' || (colon != NULL && colon == strrchr(host, ':')))
		resolve_problem(at, "use",
				"%s_host: %s: write the server's name alone, without a port",
				service, host);
}

void resolve_hosts(const struct resolving *at)
{
	for (int i = 0; i < SERVICE_COUNT; i++) {
		const struct words *mine = &at->section->settings.hosts[i];
		const struct words *theirs = &at->preset->settings.hosts[i];

		words_copy(&at->config->hosts[i], mine->count > 0 ? mine : theirs);
		fill_hosts(at, &at->config->hosts[i]);
		for (size_t j = 0; j < mine->count; j++)
			check_host(at, service_names[i], mine->word[j]);
		if (at->config->use[i] && at->config->hosts[i].count == 0)
			resolve_problem(
				at, "use",
				"lacks %s_host: the name of the server that the token may be sent "
				"to",
				service_names[i]);
	}
}
