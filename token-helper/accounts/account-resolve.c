/* SPDX-License-Identifier: MIT */
/*
 * account-resolve.c - see account-resolve.h.
 *
 * Every check names the file, the line and what to write instead; none of them stops the next.
 */
#include "token-helper/accounts/account-resolve.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/nearest.h"
#include "common/xalloc.h"
#include "token-helper/accounts/calendar.h"

#include "common/banned.h"

#define MIN_VALID_DEFAULT_S 300
#define TIMEOUT_DEFAULT_S   30
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

const char *resolve_either(const char *account, const char *preset)
{
	return account != NULL ? account : preset;
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

/* The rest of an account ---------------------------------------------------------------------- */

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
	const char *identity = resolve_either(at->section->authorize_as, at->section->user);

	if (at->section->client_id == NULL && client->grant != GRANT_JWT_BEARER &&
	    client->grant != GRANT_MANAGED_IDENTITY)
		resolve_problem(at, "client_id",
				"lacks client_id: the id of your own registration at %s",
				at->config->title);
	client->client_id = xstrdup(at->section->client_id);
	client->authorize_extra =
		xstrdup(resolve_either(mine->authorize_extra, theirs->authorize_extra));
	client->identity_claims = xstrdup(resolve_either(
		resolve_either(mine->identity_claims, theirs->identity_claims), CLAIMS_DEFAULT));
	client->login_hint = xstrdup(identity);
	client->identity = at->section->verify_identity && grant_kind_has_person(client->grant)
				   ? xstrdup(identity)
				   : NULL;
	client->ca_file = xstrdup(resolve_either(mine->ca_file, theirs->ca_file));
	if (client->ca_file != NULL)
		resolve_reads(at->reading, client->ca_file);
	client->proxy = xstrdup(resolve_either(mine->proxy, theirs->proxy));
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
			xstrdup(resolve_either(at->section->service_user[i], config->user));
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
	at->config->revoke_hint = xstrdup(resolve_either(mine->revoke_hint, theirs->revoke_hint));
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
		xstrdup(resolve_either(at->section->settings.tenant, at->preset->settings.tenant));
	at->config->title = xstrdup(resolve_either(at->preset->title, at->preset->name));
	at->config->device_note = xstrdup(at->preset->device_note);
	at->config->is_default = at->section->is_default;
	min_valid_s = mine->min_valid_s >= 0 ? mine->min_valid_s : at->preset->settings.min_valid_s;
	at->config->min_valid_s = min_valid_s >= 0 ? min_valid_s : MIN_VALID_DEFAULT_S;
	resolve_ends(at);
	resolve_use(at);
	resolve_users(at);
	resolve_hosts(at);
	resolve_grant_and_urls(at);
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
