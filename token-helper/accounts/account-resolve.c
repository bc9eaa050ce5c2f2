/* SPDX-License-Identifier: MIT */
/*
 * account-resolve.c - see account-resolve.h.
 *
 * Every check names the file, the line and what to write instead; none of them stops the next.
 */
#include "token-helper/accounts/account-resolve.h"

#include <ctype.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/nearest.h"
#include "common/url.h"
#include "common/xalloc.h"
#include "token-helper/accounts/calendar.h"
#include "token-helper/accounts/discovery.h"
#include "token-helper/http/http-client.h"

#include "common/banned.h"

#define MIN_VALID_DEFAULT_S 300
#define TIMEOUT_DEFAULT_S   30
#define METADATA_DEFAULT    "http://169.254.169.254/metadata/identity/oauth2/token"
#define REDIRECT_DEFAULT    "http://127.0.0.1"
#define CLAIMS_DEFAULT	    "preferred_username email upn"

void resolve_problem(const struct resolving *at, const char *key, const char *fmt, ...)
{
	struct config_seen *seen = at->reading->seen;
	int line = config_seen_line(seen, at->section, key);
	char text[ERR_TEXT_MAX];
	va_list ap;

	if (line == 0)
		line = config_seen_line(seen, at->section, NULL);
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	config_problem(at->reading->problems, at->reading->file, line, "[account %s] %s",
		       at->section->name, text);
}

/* A secret may come from a command as well, and a key does as well as a secret. */
static bool section_sets(const struct resolving *at, const char *key)
{
	if (strcmp(key, "client_secret_file") == 0 &&
	    (at->section->client_secret_command.count > 0 || at->section->client_key_file != NULL))
		return true;
	return config_seen_line(at->reading->seen, at->section, key) != 0;
}

/* Presets ------------------------------------------------------------------------------------- */

static const struct preset_section *keep_preset(struct config_reading *reading, const char *name,
						const char *path)
{
	reading->presets =
		xgrow(reading->presets, reading->preset_count, sizeof(reading->presets[0]));
	reading->presets[reading->preset_count] = preset_read(name, path, reading->problems);
	return reading->presets[reading->preset_count++];
}

static void report_preset(const struct resolving *at, const char *name)
{
	struct words names = {0};
	const char *nearest;

	preset_list(&at->reading->provider_dirs, &names);
	nearest = nearest_word(&names, name);
	if (nearest != NULL)
		resolve_problem(at, "provider",
				"provider = %s: no such preset; there is one called %s", name,
				nearest);
	else
		resolve_problem(
			at, "provider",
			"provider = %s: no such preset; run: mailoauth providers; for any other "
			"server write provider = custom and its issuer",
			name);
	words_release(&names);
}

static const struct preset_section *get_preset(const struct resolving *at, const char *name)
{
	struct config_reading *reading = at->reading;
	const struct preset_section *preset;
	char *path;

	for (size_t i = 0; i < reading->preset_count; i++) {
		if (strcmp(reading->presets[i]->name, name) == 0)
			return reading->presets[i];
	}
	path = preset_find(&reading->provider_dirs, name);
	if (path == NULL) {
		report_preset(at, name);
		return NULL;
	}
	preset = keep_preset(reading, name, path);
	free(path);
	return preset;
}

/* Values -------------------------------------------------------------------------------------- */

static const char *either(const char *account, const char *preset)
{
	return account != NULL ? account : preset;
}

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

	return either(*mine, *theirs);
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

/* NULL when neither says it. */
static char *resolve_url(const struct resolving *at, const char *key, const char *account,
			 const char *preset)
{
	char *url = filled(at, either(account, preset));

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
	const char *url = either(
		either(at->section->settings.metadata_url, at->preset->settings.metadata_url),
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
		xstrdup(either(mine->device_grant_type, theirs->device_grant_type));
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

static void resolve_urls(const struct resolving *at)
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
	client->resource = filled(at, either(mine->resource, theirs->resource));
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

static bool scope_has(const char *scope, const char *word)
{
	struct words words = {0};
	bool has;

	words_split(scope, &words);
	has = words_contain(&words, word);
	words_release(&words);
	return has;
}

static void scope_add(struct buffer *scope, const char *more)
{
	struct words words = {0};

	words_split(more != NULL ? more : "", &words);
	for (size_t i = 0; i < words.count; i++) {
		if (!scope_has(buffer_cstr(scope), words.word[i]))
			(void)buffer_printf(scope, "%s%s", scope->len > 0 ? " " : "",
					    words.word[i]);
	}
	words_release(&words);
}

/*
 * Where the preset's own scopes give no id_token, the provider has none, and nobody is to blame: a
 * login at a mail server tells then whose token it is.
 */
static void check_identity_is_told(const struct resolving *at, const char *scope)
{
	struct oauth_client *client = &at->config->client;

	if (client->authorize_url == NULL && client->device_url == NULL &&
	    at->config->learns == 0) {
		free(client->identity); /* nobody signs in */
		client->identity = NULL;
	}
	if (client->identity == NULL || scope_has(scope, "openid") || client->userinfo_url != NULL)
		return;
	if (at->section->settings.scope != NULL && at->preset->settings.scope != NULL &&
	    scope_has(at->preset->settings.scope, "openid")) {
		resolve_problem(
			at, "scope",
			"scope lacks openid, so %s would not say who signed in: add it, or say "
			"verify_identity = no",
			at->config->title);
		return;
	}
	(void)buffer_printf(at->warnings,
			    "[account %s] %s does not say who signed in%s: that is known by a "
			    "login as %s at a mail server, which mailoauth authorize tries\n",
			    at->section->name, at->config->title,
			    at->section->settings.scope != NULL ? " (scope lacks openid)" : "",
			    at->config->user);
}

/* The scope of an account is its own, or the preset's for what the account is used for. */
static void resolve_scope(const struct resolving *at)
{
	struct oauth_client *client = &at->config->client;
	struct buffer required = BUFFER_INIT(4096);
	struct buffer scope = BUFFER_INIT(4096);

	for (int i = 0; i < SERVICE_COUNT; i++) {
		if (at->config->use[i])
			scope_add(&required, at->preset->service_scope[i]);
	}
	if (at->section->settings.scope != NULL) {
		scope_add(&scope, at->section->settings.scope);
	} else {
		scope_add(&scope, buffer_cstr(&required));
		scope_add(&scope, at->preset->settings.scope);
		if (required.len > 0)
			client->required_scope = xstrdup(buffer_cstr(&required));
	}
	if (scope.len == 0)
		resolve_problem(at, "scope", "lacks scope, which provider = %s does not know",
				at->preset->name);
	else
		check_identity_is_told(at, buffer_cstr(&scope));
	client->scope = xstrdup(buffer_cstr(&scope));
	buffer_release(&scope);
	buffer_release(&required);
}

static void resolve_client(const struct resolving *at)
{
	const struct provider_settings *mine = &at->section->settings;
	const struct provider_settings *theirs = &at->preset->settings;
	struct oauth_client *client = &at->config->client;
	int64_t timeout_s = mine->timeout_s >= 0 ? mine->timeout_s : theirs->timeout_s;
	const char *identity = either(at->section->authorize_as, at->section->user);

	if (at->section->client_id == NULL && client->grant != GRANT_JWT_BEARER &&
	    client->grant != GRANT_MANAGED_IDENTITY)
		resolve_problem(at, "client_id",
				"lacks client_id: the id of your own registration at %s",
				at->config->title);
	client->client_id = xstrdup(at->section->client_id);
	client->authorize_extra = xstrdup(either(mine->authorize_extra, theirs->authorize_extra));
	client->identity_claims = xstrdup(
		either(either(mine->identity_claims, theirs->identity_claims), CLAIMS_DEFAULT));
	client->login_hint = xstrdup(identity);
	client->identity = at->section->verify_identity && grant_kind_has_person(client->grant)
				   ? xstrdup(identity)
				   : NULL;
	client->ca_file = xstrdup(either(mine->ca_file, theirs->ca_file));
	if (client->ca_file != NULL)
		resolve_reads(at->reading, client->ca_file);
	client->proxy = xstrdup(either(mine->proxy, theirs->proxy));
	client->timeout_ms = (int)(timeout_s >= 0 ? timeout_s : TIMEOUT_DEFAULT_S) * 1000;
}

static void resolve_use(const struct resolving *at)
{
	const struct words *use = &at->section->use;

	if (use->count == 0)
		resolve_problem(at, "use", "lacks use: say use = smtp, use = imap, or both");
	for (size_t i = 0; i < use->count; i++) {
		int service = 0;

		while (service_names[service] != NULL &&
		       strcmp(service_names[service], use->word[i]) != 0)
			service++;
		if (service == SERVICE_COUNT)
			resolve_problem(at, "use", "use = %s: is none of smtp, imap, pop",
					use->word[i]);
		else
			at->config->use[service] = true;
	}
}

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

static void resolve_hosts(const struct resolving *at)
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

/* "user = x@example.test # note": only ";" begins a comment behind a value. */
static void check_user(const struct resolving *at, const char *key, const char *user)
{
	if (user != NULL && strpbrk(user, " \t") != NULL)
		resolve_problem(
			at, key,
			"%s = %s: no mailbox has a blank in its name; a comment behind a value "
			"begins with ;",
			key, user);
}

static void check_users(const struct resolving *at)
{
	check_user(at, "user", at->section->user);
	check_user(at, "authorize_as", at->section->authorize_as);
	for (int i = 0; i < SERVICE_COUNT; i++) {
		char *key = xasprintf("%s_user", service_names[i]);

		check_user(at, key, at->section->service_user[i]);
		free(key);
	}
}

static void resolve_users(const struct resolving *at)
{
	struct account_config *config = at->config;
	struct err err;

	if (at->section->user == NULL)
		resolve_problem(at, "user", "lacks user: the mail address that logs in");
	check_users(at);
	config->user = xstrdup(at->section->user);
	for (int i = 0; i < SERVICE_COUNT; i++)
		config->service_user[i] =
			xstrdup(either(at->section->service_user[i], config->user));
	if (peer_list_resolve(&at->section->allow, &config->allow, &err) != OUTCOME_OK)
		resolve_problem(at, "allow", "allow: %s", err.text);
	words_copy(&config->senders, &at->section->senders);
	words_copy(&config->aliases, &at->section->aliases);
}

static void check_needs(const struct resolving *at)
{
	for (size_t i = 0; i < at->preset->needs.count; i++) {
		const char *key = at->preset->needs.word[i];

		if (!section_sets(at, key))
			resolve_problem(at, key, "lacks %s, which %s requires", key,
					at->config->title);
	}
}

static int64_t either_s(int64_t account_s, int64_t preset_s)
{
	return account_s > 0 ? account_s : preset_s;
}

/* What is known of when something of it ends. */
static void resolve_ends(const struct resolving *at)
{
	const struct provider_settings *mine = &at->section->settings;
	const struct provider_settings *theirs = &at->preset->settings;
	const char *expires = at->section->client_secret_expires;

	at->config->refresh_idle_limit_s =
		either_s(mine->refresh_idle_limit_s, theirs->refresh_idle_limit_s);
	at->config->refresh_lifetime_s =
		either_s(mine->refresh_lifetime_s, theirs->refresh_lifetime_s);
	at->config->revoke_hint = xstrdup(either(mine->revoke_hint, theirs->revoke_hint));
	if (expires != NULL && !calendar_parse_date(expires, &at->config->client_secret_expires_s))
		resolve_problem(
			at, "client_secret_expires",
			"client_secret_expires = %s: is no day: write year-month-day, as in "
			"2027-01-31",
			expires);
}

static void resolve_account(struct resolving *at, struct helper_config *config)
{
	const struct provider_settings *mine = &at->section->settings;
	int64_t min_valid_s;

	if (at->section->provider == NULL) {
		resolve_problem(at, "provider",
				"lacks provider: choose one of those that are listed by: "
				"mailoauth providers");
		return;
	}
	at->preset = get_preset(at, at->section->provider);
	if (at->preset == NULL)
		return;
	if (at->preset->unavailable != NULL) {
		resolve_problem(at, "provider", "provider = %s: %s", at->preset->name,
				at->preset->unavailable);
		return;
	}
	at->config = xcalloc(1, sizeof(*at->config));
	config->accounts =
		xgrow(config->accounts, config->account_count, sizeof(config->accounts[0]));
	config->accounts[config->account_count++] = at->config;
	at->config->name = xstrdup(at->section->name);
	at->config->provider = xstrdup(at->preset->name);
	at->config->tenant =
		xstrdup(either(at->section->settings.tenant, at->preset->settings.tenant));
	at->config->title = xstrdup(either(at->preset->title, at->preset->name));
	at->config->device_note = xstrdup(at->preset->device_note);
	at->config->is_default = at->section->is_default;
	min_valid_s = mine->min_valid_s >= 0 ? mine->min_valid_s : at->preset->settings.min_valid_s;
	at->config->min_valid_s = min_valid_s >= 0 ? min_valid_s : MIN_VALID_DEFAULT_S;
	resolve_ends(at);
	resolve_use(at);
	resolve_users(at);
	resolve_hosts(at);
	resolve_urls(at);
	resolve_client_auth(at);
	resolve_service_account(at);
	resolve_client(at);
	resolve_scope(at);
	check_needs(at);
	config_rules_check(at);
}

/* Across accounts ----------------------------------------------------------------------------- */

static bool claims_name(const struct account_config *config, const char *name)
{
	return strcmp(config->name, name) == 0 || words_contain(&config->aliases, name);
}

static int alias_line(const struct config_reading *reading, const char *account)
{
	for (size_t i = 0; i < reading->account_count; i++) {
		if (strcmp(reading->accounts[i]->name, account) == 0)
			return config_seen_line(reading->seen, reading->accounts[i], "alias");
	}
	return 0;
}

static void check_alias(struct config_reading *reading, const struct helper_config *config,
			const struct account_config *owner, const char *alias)
{
	for (size_t i = 0; i < config->account_count; i++) {
		const struct account_config *other = config->accounts[i];

		if (other != owner && claims_name(other, alias))
			config_problem(reading->problems, reading->file,
				       alias_line(reading, owner->name),
				       "[account %s] alias %s belongs to [account %s] too",
				       owner->name, alias, other->name);
	}
}

static void check_across(struct config_reading *reading, struct helper_config *config)
{
	for (size_t i = 0; i < config->account_count; i++) {
		const struct account_config *account = config->accounts[i];

		for (size_t k = 0; k < account->aliases.count; k++)
			check_alias(reading, config, account, account->aliases.word[k]);
		if (account->allow.uid_count + account->allow.gid_count == 0)
			(void)buffer_printf(
				&config->warnings,
				"[account %s] has no allow: only root gets its tokens\n",
				account->name);
	}
}

void accounts_resolve(struct config_reading *reading, struct helper_config *config)
{
	if (reading->account_count == 0)
		(void)buffer_append_str(&config->warnings,
					"no [account NAME] yet, so nobody gets a token: mailoauth "
					"guide says what to write, mailoauth import FILE --append "
					"takes one over from another program\n");
	for (size_t i = 0; i < reading->account_count; i++) {
		struct resolving at = {.reading = reading,
				       .section = reading->accounts[i],
				       .warnings = &config->warnings};

		resolve_account(&at, config);
	}
	check_across(reading, config);
}
