/* SPDX-License-Identifier: MIT */
/*
 * account-resolve.c - see account-resolve.h.
 *
 * Every check names the file, the line and what to write instead; none of them stops the next.
 */
#include "token-helper/accounts/account-resolve.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <strings.h>
#include <unistd.h>

#include "common/url.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define CLIENT_SECRET_MAX   4096
#define MIN_VALID_DEFAULT_S 300
#define TIMEOUT_DEFAULT_S   30
#define REDIRECT_DEFAULT    "http://127.0.0.1"
#define CLAIMS_DEFAULT	    "preferred_username email upn"

/* One account on its way. */
struct resolving {
	struct config_reading *reading;
	const struct account_section *section;
	const struct preset_section *preset;
	struct account_config *config;
	struct buffer *warnings;
};

static void problem(const struct resolving *at, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void problem(const struct resolving *at, const char *key, const char *fmt, ...)
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

/* Presets ------------------------------------------------------------------------------------- */

static bool preset_name_is_plain(const char *name)
{
	for (const char *p = name; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_')
			return false;
	}
	return true;
}

/* providers/ beside the configuration file: /etc/mailoauth/providers for the one that is installed,
 * and a place of its own for any other. */
static char *preset_beside_config(const struct config_reading *reading, const char *name)
{
	const char *slash = strrchr(reading->file, '/');
	int dir_len = slash != NULL ? (int)(slash - reading->file) : 1;

	return xasprintf("%.*s/providers/%s.conf", dir_len, slash != NULL ? reading->file : ".",
			 name);
}

static char *find_preset_file(const struct config_reading *reading, const char *name)
{
	char *beside = preset_beside_config(reading, name);

	if (access(beside, F_OK) == 0)
		return beside;
	free(beside);
	for (size_t i = 0; reading->provider_dirs[i] != NULL; i++) {
		char *path = xasprintf("%s/%s.conf", reading->provider_dirs[i], name);

		if (access(path, F_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

static const struct preset_section *read_preset(struct config_reading *reading, const char *name,
						const char *path)
{
	struct preset_section *preset = xcalloc(1, sizeof(*preset));

	preset->name = xstrdup(name);
	preset->settings.min_valid_s = -1;
	preset->settings.timeout_s = -1;
	(void)config_read_preset(reading, path, preset);
	reading->presets = xreallocarray(reading->presets, reading->preset_count + 1,
					 sizeof(reading->presets[0]));
	reading->presets[reading->preset_count++] = preset;
	return preset;
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
	path = preset_name_is_plain(name) ? find_preset_file(reading, name) : NULL;
	if (path == NULL) {
		problem(at, "provider",
			"provider = %s: no such preset in %s (microsoft, google and custom come "
			"with mailoauth)",
			name, PROVIDERS_DIR);
		return NULL;
	}
	preset = read_preset(reading, name, path);
	free(path);
	return preset;
}

/* Values -------------------------------------------------------------------------------------- */

static const char *either(const char *account, const char *preset)
{
	return account != NULL ? account : preset;
}

/* A copy with "{tenant}" replaced; NULL gives NULL. */
static char *with_tenant(const char *text, const char *tenant)
{
	static const char mark[] = "{tenant}";
	const char *hit = text != NULL ? strstr(text, mark) : NULL;

	if (hit == NULL || tenant == NULL)
		return xstrdup(text);
	return xasprintf("%.*s%s%s", (int)(hit - text), text, tenant, hit + strlen(mark));
}

static char *resolve_url(const struct resolving *at, const char *key, const char *account,
			 const char *preset, const char *tenant)
{
	char *url = with_tenant(either(account, preset), tenant);

	if (url == NULL)
		problem(at, key, "lacks %s, which provider = %s does not know", key,
			at->preset->name);
	else if (!url_is_safe(url))
		problem(at, key, "%s = %s: is no usable URL", key, url);
	return url;
}

static bool tenant_is_plain(const char *tenant)
{
	for (; *tenant != '\0'; tenant++) {
		if (!isalnum((unsigned char)*tenant) && *tenant != '.' && *tenant != '-')
			return false;
	}
	return true;
}

static void resolve_urls(const struct resolving *at)
{
	const struct provider_settings *mine = &at->section->settings;
	const struct provider_settings *theirs = &at->preset->settings;
	const char *tenant = either(mine->tenant, theirs->tenant);
	struct oauth_client *client = &at->config->client;

	if (tenant != NULL && !tenant_is_plain(tenant))
		problem(at, "tenant", "tenant = %s: is neither a tenant id nor a domain", tenant);
	client->issuer = resolve_url(at, "issuer", mine->issuer, theirs->issuer, tenant);
	client->authorize_url = resolve_url(at, "authorize_url", mine->authorize_url,
					    theirs->authorize_url, tenant);
	client->token_url =
		resolve_url(at, "token_url", mine->token_url, theirs->token_url, tenant);
	client->redirect =
		xstrdup(either(either(mine->redirect, theirs->redirect), REDIRECT_DEFAULT));
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

/* A permission of the preset's, named without its resource or with Graph's. Microsoft grants it and
 * Exchange refuses the token; nothing but the scope tells why. */
static bool is_for_graph(const char *word, const char *wanted)
{
	static const char graph[] = "https://graph.microsoft.com/";
	const char *slash = strrchr(wanted, '/');

	if (slash == NULL || slash[1] == '\0')
		return false;
	if (strncasecmp(word, graph, sizeof(graph) - 1) == 0)
		word += sizeof(graph) - 1;
	return strcasecmp(word, slash + 1) == 0;
}

static void check_resource(const struct resolving *at)
{
	struct words scope = {0};

	words_split(at->section->settings.scope, &scope);
	for (size_t i = 0; i < scope.count; i++) {
		for (int s = 0; s < SERVICE_COUNT; s++) {
			const char *wanted = at->preset->service_scope[s];

			if (wanted != NULL && is_for_graph(scope.word[i], wanted))
				problem(at, "scope",
					"scope = %s: gives tokens for Microsoft Graph, which the "
					"mail server refuses: write %s, or leave scope out",
					scope.word[i], wanted);
		}
	}
	words_release(&scope);
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
		check_resource(at);
	} else {
		scope_add(&scope, buffer_cstr(&required));
		scope_add(&scope, at->preset->settings.scope);
		if (required.len > 0)
			client->required_scope = xstrdup(buffer_cstr(&required));
	}
	if (scope.len == 0)
		problem(at, "scope", "lacks scope, which provider = %s does not know",
			at->preset->name);
	else if (at->section->verify_identity && !scope_has(buffer_cstr(&scope), "openid"))
		problem(at, "scope",
			"scope lacks openid, so it could not be verified who signed in: add it, or "
			"say verify_identity = no");
	client->scope = xstrdup(buffer_cstr(&scope));
	buffer_release(&scope);
	buffer_release(&required);
}

/* Would the daemon's user read the file? Only root can ask this for another. */
static bool user_reads(const struct passwd *pw, const struct stat *st)
{
	gid_t groups[256];
	int count = sizeof(groups) / sizeof(groups[0]);

	if (pw->pw_uid == 0)
		return true;
	if (st->st_uid == pw->pw_uid)
		return (st->st_mode & S_IRUSR) != 0;
	if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &count) < 0)
		return true; /* more groups than we look at: not for us to say */
	for (int i = 0; i < count; i++) {
		if (groups[i] == st->st_gid)
			return (st->st_mode & S_IRGRP) != 0;
	}
	return (st->st_mode & S_IROTH) != 0;
}

/* Root reads what the daemon will not: it is said before the first reload says it. */
static void check_daemon_reads(const struct resolving *at, const char *path)
{
	const char *user = either(at->reading->daemon.user, SERVICE_USER);
	const struct passwd *pw = geteuid() == 0 ? getpwnam(user) : NULL;
	struct stat st;

	if (pw != NULL && stat(path, &st) == 0 && !user_reads(pw, &st))
		(void)buffer_printf(at->warnings,
				    "[account %s] client_secret_file: the user %s cannot read it: "
				    "chgrp %s %s && chmod 0640 %s\n",
				    at->section->name, user, user, path, path);
}

static void read_secret(const struct resolving *at, const char *path, struct buffer *secret)
{
	struct err err;

	if (config_read_secret(path, secret, &err) == OUTCOME_OK)
		check_daemon_reads(at, path);
	else
		problem(at, "client_secret_file",
			"client_secret_file: %s; put the secret there with: install -m 0640 -o "
			"root "
			"-g %s /dev/stdin %s",
			err.text, either(at->reading->daemon.user, SERVICE_USER), path);
}

static void resolve_secret(const struct resolving *at)
{
	struct oauth_client *client = &at->config->client;
	int auth = at->section->settings.client_auth != 0 ? at->section->settings.client_auth
							  : at->preset->settings.client_auth;

	buffer_init_secret(&client->secret, CLIENT_SECRET_MAX);
	if (at->section->client_secret_file != NULL)
		read_secret(at, at->section->client_secret_file, &client->secret);
	if (auth == 0 || at->section->client_secret_file == NULL)
		client->auth = at->section->client_secret_file != NULL ? OAUTH_CLIENT_AUTH_POST
								       : OAUTH_CLIENT_AUTH_NONE;
	else
		client->auth = (enum oauth_client_auth)(auth - 1);
	if (at->section->settings.client_auth > 1 && at->section->client_secret_file == NULL)
		problem(at, "client_auth", "client_auth needs client_secret_file");
	if (client->auth == OAUTH_CLIENT_AUTH_NONE && at->section->client_secret_file != NULL)
		problem(at, "client_auth",
			"client_auth = none and client_secret_file exclude each other");
}

static void resolve_client(const struct resolving *at)
{
	const struct provider_settings *mine = &at->section->settings;
	const struct provider_settings *theirs = &at->preset->settings;
	struct oauth_client *client = &at->config->client;
	int64_t timeout_s = mine->timeout_s >= 0 ? mine->timeout_s : theirs->timeout_s;
	const char *identity = either(at->section->authorize_as, at->section->user);

	if (at->section->client_id == NULL)
		problem(at, "client_id", "lacks client_id: the id of your own registration at %s",
			at->config->title);
	client->client_id = xstrdup(at->section->client_id);
	client->authorize_extra = xstrdup(either(mine->authorize_extra, theirs->authorize_extra));
	client->identity_claims = xstrdup(
		either(either(mine->identity_claims, theirs->identity_claims), CLAIMS_DEFAULT));
	client->login_hint = xstrdup(identity);
	client->identity = at->section->verify_identity ? xstrdup(identity) : NULL;
	client->ca_file = xstrdup(either(mine->ca_file, theirs->ca_file));
	client->proxy = xstrdup(either(mine->proxy, theirs->proxy));
	client->timeout_ms = (int)(timeout_s >= 0 ? timeout_s : TIMEOUT_DEFAULT_S) * 1000;
}

static void resolve_use(const struct resolving *at)
{
	const struct words *use = &at->section->use;

	if (use->count == 0)
		problem(at, "use", "lacks use: say use = smtp, use = imap, or both");
	for (size_t i = 0; i < use->count; i++) {
		int service = 0;

		while (service_names[service] != NULL &&
		       strcmp(service_names[service], use->word[i]) != 0)
			service++;
		if (service == SERVICE_COUNT)
			problem(at, "use", "use = %s: is none of smtp, imap, pop", use->word[i]);
		else
			at->config->use[service] = true;
	}
}

static void resolve_hosts(const struct resolving *at)
{
	for (int i = 0; i < SERVICE_COUNT; i++) {
		const struct words *mine = &at->section->settings.hosts[i];
		const struct words *theirs = &at->preset->settings.hosts[i];

		words_copy(&at->config->hosts[i], mine->count > 0 ? mine : theirs);
		if (at->config->use[i] && at->config->hosts[i].count == 0)
			problem(at, "use",
				"lacks %s_host: the name of the server that the token may be sent "
				"to",
				service_names[i]);
	}
}

static void resolve_users(const struct resolving *at)
{
	struct account_config *config = at->config;
	struct err err;

	if (at->section->user == NULL)
		problem(at, "user", "lacks user: the mail address that logs in");
	config->user = xstrdup(at->section->user);
	for (int i = 0; i < SERVICE_COUNT; i++)
		config->service_user[i] =
			xstrdup(either(at->section->service_user[i], config->user));
	if (peer_list_resolve(&at->section->allow, &config->allow, &err) != OUTCOME_OK)
		problem(at, "allow", "allow: %s", err.text);
	words_copy(&config->senders, &at->section->senders);
	words_copy(&config->aliases, &at->section->aliases);
}

static bool section_sets(const struct resolving *at, const char *key)
{
	return config_seen_line(at->reading->seen, at->section, key) != 0;
}

static void check_needs(const struct resolving *at)
{
	for (size_t i = 0; i < at->preset->needs.count; i++) {
		const char *key = at->preset->needs.word[i];

		if (!section_sets(at, key))
			problem(at, key, "lacks %s, which %s requires", key, at->config->title);
	}
}

static void resolve_account(struct resolving *at, struct helper_config *config)
{
	const struct provider_settings *mine = &at->section->settings;
	int64_t min_valid_s;

	if (at->section->provider == NULL) {
		problem(at, "provider", "lacks provider: microsoft, google or custom");
		return;
	}
	at->preset = get_preset(at, at->section->provider);
	if (at->preset == NULL)
		return;
	at->config = xcalloc(1, sizeof(*at->config));
	config->accounts = xreallocarray(config->accounts, config->account_count + 1,
					 sizeof(config->accounts[0]));
	config->accounts[config->account_count++] = at->config;
	at->config->name = xstrdup(at->section->name);
	at->config->provider = xstrdup(at->preset->name);
	at->config->title = xstrdup(either(at->preset->title, at->preset->name));
	at->config->is_default = at->section->is_default;
	min_valid_s = mine->min_valid_s >= 0 ? mine->min_valid_s : at->preset->settings.min_valid_s;
	at->config->min_valid_s = min_valid_s >= 0 ? min_valid_s : MIN_VALID_DEFAULT_S;
	resolve_use(at);
	resolve_users(at);
	resolve_hosts(at);
	resolve_urls(at);
	resolve_scope(at);
	resolve_secret(at);
	resolve_client(at);
	check_needs(at);
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
		config_problem(reading->problems, reading->file, 0,
			       "has no [account NAME] section: see mailoauth.conf(5)");
	for (size_t i = 0; i < reading->account_count; i++) {
		struct resolving at = {.reading = reading,
				       .section = reading->accounts[i],
				       .warnings = &config->warnings};

		resolve_account(&at, config);
	}
	check_across(reading, config);
}
