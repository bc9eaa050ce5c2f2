/* SPDX-License-Identifier: MIT */
/*
 * config-rules.c - what is well-formed and wrong all the same: values that a server takes and the
 * mail server then refuses, or that fail only when a person has signed in. See account-resolve.h.
 *
 * Each rule is a row; it looks at the account as it will run, says which key is wrong and what to
 * write instead. Which servers a rule is about shows in the URLs and scopes, never in a preset's
 * name.
 */
#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/url.h"
#include "common/xalloc.h"
#include "token-helper/accounts/account-resolve.h"

#include "common/banned.h"

#define GRAPH	 "https://graph.microsoft.com/"
#define EXCHANGE "https://outlook.office.com/"
#define ENTRA_V2 "/oauth2/v2.0/"
#define GUID_LEN 36

static bool starts_with(const char *text, const char *start)
{
	return strncasecmp(text, start, strlen(start)) == 0;
}

static const char *after_slash(const char *text)
{
	const char *slash = strrchr(text, '/');

	return slash != NULL ? slash + 1 : text;
}

static bool is_entra(const struct resolving *at)
{
	const char *url = at->config->client.token_url;

	return url != NULL && strstr(url, ENTRA_V2) != NULL;
}

/* Words of a scope ---------------------------------------------------------------------------- */

/* The permissions of Exchange Online, each for one service. */
static const char *const exchange_permission[SERVICE_COUNT] = {
	[SERVICE_SMTP] = "SMTP.Send",
	[SERVICE_IMAP] = "IMAP.AccessAsUser.All",
	[SERVICE_POP] = "POP.AccessAsUser.All",
};

/* The permission as this provider wants it: with its own cloud's host. */
static char *permission_for(const struct resolving *at, int service)
{
	const char *wanted = at->preset->service_scope[service];

	if (wanted != NULL && strcasecmp(after_slash(wanted), exchange_permission[service]) == 0)
		return xstrdup(wanted);
	return xasprintf(EXCHANGE "%s", exchange_permission[service]);
}

/* The service whose permission the word names bare or with Graph's host; SERVICE_COUNT: none's. */
static int graph_permission(const char *word)
{
	const char *bare = starts_with(word, GRAPH) ? word + sizeof(GRAPH) - 1 : word;
	int service = 0;

	while (service < SERVICE_COUNT && strcasecmp(bare, exchange_permission[service]) != 0)
		service++;
	return service;
}

/* Microsoft grants it and Exchange refuses the token; nothing but the scope tells why. */
static void rule_graph(const struct resolving *at, const struct words *scope)
{
	for (size_t i = 0; i < scope->count; i++) {
		int service = graph_permission(scope->word[i]);
		char *wanted;

		if (service == SERVICE_COUNT)
			continue;
		wanted = permission_for(at, service);
		resolve_problem(
			at, "scope",
			"scope = %s: gives tokens for Microsoft Graph, which the mail server "
			"refuses: write %s, or leave scope out",
			scope->word[i], wanted);
		free(wanted);
	}
}

/* Words that are wrong wherever they stand, and what is right. */
static const struct word_rule {
	const char *pattern; /* fnmatch(3) */
	const char *except;  /* NULL: nothing */
	const char *why;
} word_rules[] = {
	{GRAPH "Mail.*", NULL,
	 "is for Microsoft Graph's own mail interface, not for SMTP, IMAP and POP: write " EXCHANGE
	 "SMTP.Send, " EXCHANGE "IMAP.AccessAsUser.All, or leave scope out"},
	{"https://www.googleapis.com/auth/gmail.*",
	 "https://www.googleapis.com/auth/gmail.imap_admin",
	 "is for Google's web interface, not for SMTP, IMAP and POP: write "
	 "https://mail.google.com/"},
	{"https://mail.google.com", NULL,
	 "lacks the slash at its end: write https://mail.google.com/"},
	{"*.SendAsApp", "*/*",
	 "is granted to an application and never asked for by name: write "
	 "https://outlook.office365.com/.default"},
	{"*.AccessAsApp", "*/*",
	 "is granted to an application and never asked for by name: write "
	 "https://outlook.office365.com/.default"},
};

static void rule_words(const struct resolving *at, const struct words *scope)
{
	for (size_t i = 0; i < scope->count; i++) {
		for (size_t r = 0; r < sizeof(word_rules) / sizeof(word_rules[0]); r++) {
			const struct word_rule *rule = &word_rules[r];
			const char *word = scope->word[i];

			if (fnmatch(rule->pattern, word, 0) == 0 &&
			    (rule->except == NULL || fnmatch(rule->except, word, 0) != 0))
				resolve_problem(at, "scope", "scope = %s: %s", word, rule->why);
		}
	}
}

static bool has_permission(const struct words *scope, const char *permission)
{
	for (size_t i = 0; i < scope->count; i++) {
		if (strcasecmp(after_slash(scope->word[i]), permission) == 0)
			return true;
	}
	return false;
}

static bool has_any_permission(const struct words *scope)
{
	for (int s = 0; s < SERVICE_COUNT; s++) {
		if (has_permission(scope, exchange_permission[s]))
			return true;
	}
	return false;
}

/* Who may read may not send: each service has a permission of its own. */
static void rule_services(const struct resolving *at, const struct words *scope)
{
	if (!has_any_permission(scope))
		return;
	for (int s = 0; s < SERVICE_COUNT; s++) {
		char *wanted;

		if (!at->config->use[s] || has_permission(scope, exchange_permission[s]))
			continue;
		wanted = permission_for(at, s);
		resolve_problem(
			at, "scope",
			"scope lacks %s: use has %s, which the other permissions do not allow; add "
			"it, or leave scope out",
			wanted, service_names[s]);
		free(wanted);
	}
}

/* Where the preset asks for offline_access, there is no refresh token without. */
static void rule_offline(const struct resolving *at, const struct words *scope)
{
	const char *theirs = at->preset->settings.scope;
	struct words wanted = {0};

	words_split(theirs != NULL ? theirs : "", &wanted);
	if (words_contain(&wanted, "offline_access") && !words_contain(scope, "offline_access") &&
	    !has_permission(scope, ".default"))
		resolve_problem(
			at, "scope",
			"scope lacks offline_access: there would be no refresh token, and mail "
			"would "
			"stop when the first access token ends, in about an hour; add it");
	words_release(&wanted);
}

static bool is_alias_host(const char *host)
{
	return strcmp(host, "outlook.office.com") == 0 ||
	       strcmp(host, "outlook.office365.com") == 0;
}

/* Entra: one token is for one resource. Both of Exchange Online's hosts are the same one. */
static void rule_one_resource(const struct resolving *at, const struct words *scope)
{
	char first[256] = "";
	char host[256];

	for (size_t i = 0; is_entra(at) && i < scope->count; i++) {
		if (!url_host(scope->word[i], host, sizeof(host)) ||
		    graph_permission(scope->word[i]) != SERVICE_COUNT)
			continue;
		if (first[0] == '\0')
			(void)snprintf(first, sizeof(first), "%s", host);
		if (strcmp(first, host) == 0 || (is_alias_host(first) && is_alias_host(host)))
			continue;
		resolve_problem(
			at, "scope",
			"scope is for several resources, %s and %s, and a token is for one "
			"(Microsoft "
			"answers AADSTS28000 or AADSTS700022): keep those of the mail server",
			first, host);
		return;
	}
}

/* Entra: .default and permissions by name exclude each other. */
static void rule_default_alone(const struct resolving *at, const struct words *scope)
{
	if (!is_entra(at) || !has_permission(scope, ".default"))
		return;
	for (size_t i = 0; i < scope->count; i++) {
		if (strstr(scope->word[i], "://") == NULL ||
		    strcmp(after_slash(scope->word[i]), ".default") == 0)
			continue;
		resolve_problem(at, "scope",
				"scope mixes .default with %s, which Microsoft refuses "
				"(AADSTS70011): write "
				"the one or the other",
				scope->word[i]);
		return;
	}
}

typedef void scope_rule_fn(const struct resolving *at, const struct words *scope);

static scope_rule_fn *const scope_rules[] = {
	rule_graph, rule_words, rule_services, rule_offline, rule_one_resource, rule_default_alone,
};

/* URLs ---------------------------------------------------------------------------------------- */

/* One of the two URLs, and what its path must not look like. */
static const struct url_rule {
	const char *key;
	size_t offset;	     /* in struct oauth_client */
	const char *pattern; /* fnmatch(3) */
	const char *why;
} url_rules[] = {
	{"authorize_url", offsetof(struct oauth_client, authorize_url),
	 "https://login*.microsoftonline.*/oauth2/authorize",
	 "is Microsoft's v1 endpoint, which knows no scopes: write /oauth2/v2.0/authorize at its "
	 "end"},
	{"token_url", offsetof(struct oauth_client, token_url),
	 "https://login*.microsoftonline.*/oauth2/token",
	 "is Microsoft's v1 endpoint, which knows no scopes: write /oauth2/v2.0/token at its end"},
	{"authorize_url", offsetof(struct oauth_client, authorize_url), "*/token",
	 "looks like the token endpoint: are authorize_url and token_url swapped?"},
	{"authorize_url", offsetof(struct oauth_client, authorize_url), "*/devicecode",
	 "looks like the endpoint of the device flow: write the one for authorization"},
	{"token_url", offsetof(struct oauth_client, token_url), "*/authorize",
	 "looks like the authorization endpoint: are authorize_url and token_url swapped?"},
	{"token_url", offsetof(struct oauth_client, token_url), "*/auth",
	 "looks like the authorization endpoint: are authorize_url and token_url swapped?"},
	{"token_url", offsetof(struct oauth_client, token_url), "*/.well-known/*",
	 "is the metadata's address: write its issuer under issuer, and leave token_url out"},
	{"issuer", offsetof(struct oauth_client, issuer), "*/.well-known/*",
	 "is the metadata's address: the issuer is what stands before /.well-known/, as the "
	 "metadata itself has it under \"issuer\""},
};

static void check_urls(const struct resolving *at)
{
	for (size_t i = 0; i < sizeof(url_rules) / sizeof(url_rules[0]); i++) {
		const struct url_rule *rule = &url_rules[i];
		const char *url = *(char *const *)(const void *)((const char *)&at->config->client +
								 rule->offset);

		if (url != NULL && fnmatch(rule->pattern, url, 0) == 0)
			resolve_problem(at, rule->key, "%s = %s: %s", rule->key, url, rule->why);
	}
}

/* Other values -------------------------------------------------------------------------------- */

static const char *tenant_of(const struct resolving *at)
{
	const char *mine = at->section->settings.tenant;

	return mine != NULL ? mine : at->preset->settings.tenant;
}

static bool is_shared_tenant(const char *tenant)
{
	return strcasecmp(tenant, "common") == 0 || strcasecmp(tenant, "organizations") == 0 ||
	       strcasecmp(tenant, "consumers") == 0;
}

/* AADSTS9001023: an application alone belongs to one tenant. */
static void rule_tenant(const struct resolving *at)
{
	const char *tenant = tenant_of(at);

	if (tenant != NULL && !grant_kind_has_person(at->config->client.grant) &&
	    is_shared_tenant(tenant))
		resolve_problem(
			at, "tenant",
			"tenant = %s: where nobody signs in it must be your own: write its id or "
			"its "
			"domain",
			tenant);
}

/* Where Google wants access_type=offline, there is no refresh token without. */
static void rule_access_type(const struct resolving *at)
{
	static const char wanted[] = "access_type=offline";
	const char *mine = at->section->settings.authorize_extra;
	const char *theirs = at->preset->settings.authorize_extra;

	if (mine != NULL && theirs != NULL && strstr(theirs, wanted) != NULL &&
	    strstr(mine, wanted) == NULL)
		resolve_problem(at, "authorize_extra",
				"authorize_extra lacks %s: there would be no refresh token; add it",
				wanted);
}

static bool is_guid(struct span text)
{
	static const char *const hyphens = "        -    -    -    -            ";

	if (text.len != GUID_LEN)
		return false;
	for (size_t i = 0; i < GUID_LEN; i++) {
		if (hyphens[i] == '-' ? text.ptr[i] != '-' : !isxdigit((unsigned char)text.ptr[i]))
			return false;
	}
	return true;
}

/* Entra's secrets never look like this, the ids that stand beside them always do. */
void config_rules_secret(const struct resolving *at, const char *key, struct span secret)
{
	if (is_entra(at) && is_guid(secret))
		resolve_problem(
			at, key,
			"%s holds what looks like the ID of a secret, not its value: make a new "
			"secret in the portal and copy the column Value, which is shown once",
			key);
}

/* A warning: the provider may have changed the form of its ids. */
static void rule_client_id(const struct resolving *at)
{
	const char *id = at->section->client_id;
	const char *pattern = at->preset->client_id_pattern;

	if (id != NULL && pattern != NULL && fnmatch(pattern, id, 0) != 0)
		(void)buffer_printf(
			at->warnings,
			"[account %s] client_id = %s: ids of %s look like %s; is it that "
			"of the registration?\n",
			at->section->name, id, at->config->title, pattern);
}

typedef void value_rule_fn(const struct resolving *at);

static value_rule_fn *const value_rules[] = {rule_tenant, rule_access_type, rule_client_id};

void config_rules_check(const struct resolving *at)
{
	struct words scope = {0};

	words_split(at->section->settings.scope != NULL ? at->section->settings.scope : "", &scope);
	for (size_t i = 0; scope.count > 0 && i < sizeof(scope_rules) / sizeof(scope_rules[0]); i++)
		scope_rules[i](at, &scope);
	words_release(&scope);
	check_urls(at);
	for (size_t i = 0; i < sizeof(value_rules) / sizeof(value_rules[0]); i++)
		value_rules[i](at);
}
