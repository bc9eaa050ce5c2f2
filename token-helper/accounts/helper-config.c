/* SPDX-License-Identifier: MIT */
/* helper-config.c - see helper-config.h. The sections and their keys; account-resolve.c makes
 * accounts of them. */
#include "token-helper/accounts/helper-config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/url.h"
#include "common/xalloc.h"
#include "token-helper/accounts/account-resolve.h"

#include "common/banned.h"

const char *const service_names[SERVICE_COUNT + 1] = {"smtp", "imap", "pop", NULL};

/* "auto", then enum grant_kind. */
static const char *const grants[] = {"auto",	   "authorization_code", "client_credentials",
				     "jwt_bearer", "managed_identity",	 "device_code",
				     NULL};
/* "auto", then enum client_auth_method. */
static const char *const client_auths[] = {"auto",	"none", "post", "basic", "private_key_jwt",
					   "assertion", NULL};
/* "auto", then enum jwt_algorithm. */
static const char *const assertion_algorithms[] = {"auto", "ps256", "rs256", NULL};

/* clang-format off */
/* What a preset and an account may both say. */
#define SETTINGS_KEYS(section) \
	{.name = "issuer", .type = CONFIG_URL, .offset = offsetof(section, settings.issuer)}, \
	{.name = "authorize_url", .type = CONFIG_URL, .offset = offsetof(section, settings.authorize_url)}, \
	{.name = "token_url", .type = CONFIG_URL, .offset = offsetof(section, settings.token_url)}, \
	{.name = "device_url", .type = CONFIG_URL, .offset = offsetof(section, settings.device_url)}, \
	{.name = "device_grant_type", .type = CONFIG_STRING, .offset = offsetof(section, settings.device_grant_type)}, \
	{.name = "revoke_url", .type = CONFIG_URL, .offset = offsetof(section, settings.revoke_url)}, \
	{.name = "userinfo_url", .type = CONFIG_URL, .offset = offsetof(section, settings.userinfo_url)}, \
	{.name = "redirect", .type = CONFIG_WORDS, .offset = offsetof(section, settings.redirects)}, \
	{.name = "refresh_redirect_uri", .type = CONFIG_BOOLEAN, .offset = offsetof(section, settings.refresh_redirect_uri)}, \
	{.name = "authorize_extra", .type = CONFIG_STRING, .offset = offsetof(section, settings.authorize_extra)}, \
	{.name = "metadata_url", .type = CONFIG_STRING, .offset = offsetof(section, settings.metadata_url)}, \
	{.name = "client_auth", .type = CONFIG_CHOICE, .offset = offsetof(section, settings.client_auth), .choices = client_auths}, \
	{.name = "assertion_algorithm", .type = CONFIG_CHOICE, .offset = offsetof(section, settings.assertion_algorithm), .choices = assertion_algorithms}, \
	{.name = "assertion_audience", .type = CONFIG_STRING, .offset = offsetof(section, settings.assertion_audience)}, \
	{.name = "identity_claims", .type = CONFIG_STRING, .offset = offsetof(section, settings.identity_claims)}, \
	{.name = "tenant", .type = CONFIG_STRING, .offset = offsetof(section, settings.tenant)}, \
	{.name = "auth_host", .type = CONFIG_STRING, .offset = offsetof(section, settings.auth_host)}, \
	{.name = "realm", .type = CONFIG_STRING, .offset = offsetof(section, settings.realm)}, \
	{.name = "resource", .type = CONFIG_STRING, .offset = offsetof(section, settings.resource)}, \
	{.name = "scope", .type = CONFIG_STRING, .offset = offsetof(section, settings.scope)}, \
	{.name = "smtp_host", .type = CONFIG_WORDS, .offset = offsetof(section, settings.hosts[SERVICE_SMTP])}, \
	{.name = "imap_host", .type = CONFIG_WORDS, .offset = offsetof(section, settings.hosts[SERVICE_IMAP])}, \
	{.name = "pop_host", .type = CONFIG_WORDS, .offset = offsetof(section, settings.hosts[SERVICE_POP])}, \
	{.name = "ca_file", .type = CONFIG_PATH, .offset = offsetof(section, settings.ca_file)}, \
	{.name = "proxy", .type = CONFIG_STRING, .offset = offsetof(section, settings.proxy)}, \
	{.name = "min_valid", .type = CONFIG_NUMBER, .offset = offsetof(section, settings.min_valid_s), .max = 3000}, \
	{.name = "timeout", .type = CONFIG_NUMBER, .offset = offsetof(section, settings.timeout_s), .min = 1, .max = 40}, \
	{.name = "refresh_idle_limit", .type = CONFIG_NUMBER, .offset = offsetof(section, settings.refresh_idle_limit_s), .min = 3600, .max = 315360000}, \
	{.name = "refresh_lifetime", .type = CONFIG_NUMBER, .offset = offsetof(section, settings.refresh_lifetime_s), .min = 3600, .max = 315360000}, \
	{.name = "revoke_hint", .type = CONFIG_STRING, .offset = offsetof(section, settings.revoke_hint)}

static const struct config_key preset_keys[] = {
	SETTINGS_KEYS(struct preset_section),
	{.name = "title", .type = CONFIG_STRING, .offset = offsetof(struct preset_section, title)},
	{.name = "verified", .type = CONFIG_STRING, .offset = offsetof(struct preset_section, verified)},
	{.name = "registration", .type = CONFIG_STRING, .offset = offsetof(struct preset_section, registration)},
	{.name = "client_id_pattern", .type = CONFIG_STRING, .offset = offsetof(struct preset_section, client_id_pattern)},
	{.name = "unavailable", .type = CONFIG_STRING, .offset = offsetof(struct preset_section, unavailable)},
	{.name = "grants", .type = CONFIG_WORDS, .offset = offsetof(struct preset_section, grants)},
	{.name = "device_note", .type = CONFIG_STRING, .offset = offsetof(struct preset_section, device_note)},
	{.name = "smtp_scope", .type = CONFIG_STRING, .offset = offsetof(struct preset_section, service_scope[SERVICE_SMTP])},
	{.name = "imap_scope", .type = CONFIG_STRING, .offset = offsetof(struct preset_section, service_scope[SERVICE_IMAP])},
	{.name = "pop_scope", .type = CONFIG_STRING, .offset = offsetof(struct preset_section, service_scope[SERVICE_POP])},
	{.name = "needs", .type = CONFIG_WORDS, .offset = offsetof(struct preset_section, needs)},
	{.name = "oauth_only", .type = CONFIG_BOOLEAN, .offset = offsetof(struct preset_section, oauth_only)},
	{0},
};

static const struct config_key account_keys[] = {
	SETTINGS_KEYS(struct account_section),
	{.name = "provider", .type = CONFIG_STRING, .offset = offsetof(struct account_section, provider)},
	{.name = "grant", .type = CONFIG_CHOICE, .offset = offsetof(struct account_section, grant), .choices = grants},
	{.name = "client_id", .type = CONFIG_STRING, .offset = offsetof(struct account_section, client_id)},
	{.name = "client_secret_file", .type = CONFIG_STRING, .offset = offsetof(struct account_section, client_secret_file)},
	{.name = "client_secret_file_old", .type = CONFIG_STRING, .offset = offsetof(struct account_section, client_secret_file_old)},
	{.name = "client_secret_command", .type = CONFIG_WORDS, .offset = offsetof(struct account_section, client_secret_command)},
	{.name = "client_key_file", .type = CONFIG_STRING, .offset = offsetof(struct account_section, client_key_file)},
	{.name = "client_key_file_old", .type = CONFIG_STRING, .offset = offsetof(struct account_section, client_key_file_old)},
	{.name = "client_certificate_file", .type = CONFIG_PATH, .offset = offsetof(struct account_section, client_certificate_file)},
	{.name = "client_certificate_file_old", .type = CONFIG_PATH, .offset = offsetof(struct account_section, client_certificate_file_old)},
	{.name = "client_assertion_file", .type = CONFIG_STRING, .offset = offsetof(struct account_section, client_assertion_file)},
	{.name = "client_assertion_command", .type = CONFIG_WORDS, .offset = offsetof(struct account_section, client_assertion_command)},
	{.name = "client_secret_expires", .type = CONFIG_STRING, .offset = offsetof(struct account_section, client_secret_expires)},
	{.name = "key_file", .type = CONFIG_STRING, .offset = offsetof(struct account_section, key_file)},
	{.name = "user", .type = CONFIG_STRING, .offset = offsetof(struct account_section, user)},
	{.name = "authorize_as", .type = CONFIG_STRING, .offset = offsetof(struct account_section, authorize_as)},
	{.name = "smtp_user", .type = CONFIG_STRING, .offset = offsetof(struct account_section, service_user[SERVICE_SMTP])},
	{.name = "imap_user", .type = CONFIG_STRING, .offset = offsetof(struct account_section, service_user[SERVICE_IMAP])},
	{.name = "pop_user", .type = CONFIG_STRING, .offset = offsetof(struct account_section, service_user[SERVICE_POP])},
	{.name = "use", .type = CONFIG_WORDS, .offset = offsetof(struct account_section, use)},
	{.name = "allow", .type = CONFIG_WORDS, .offset = offsetof(struct account_section, allow)},
	{.name = "senders", .type = CONFIG_WORDS, .offset = offsetof(struct account_section, senders)},
	{.name = "alias", .type = CONFIG_WORDS, .offset = offsetof(struct account_section, aliases)},
	{.name = "default", .type = CONFIG_BOOLEAN, .offset = offsetof(struct account_section, is_default)},
	{.name = "verify_identity", .type = CONFIG_BOOLEAN, .offset = offsetof(struct account_section, verify_identity)},
	{0},
};

static const struct config_key daemon_keys[] = {
	{.name = "socket", .type = CONFIG_WORDS, .offset = offsetof(struct daemon_section, sockets)},
	{.name = "store", .type = CONFIG_PATH, .offset = offsetof(struct daemon_section, store)},
	{.name = "user", .type = CONFIG_STRING, .offset = offsetof(struct daemon_section, user)},
	{.name = "admin", .type = CONFIG_WORDS, .offset = offsetof(struct daemon_section, admin)},
	{.name = "notify_command", .type = CONFIG_WORDS, .offset = offsetof(struct daemon_section, notify_command)},
	{.name = "notify_mail", .type = CONFIG_STRING, .offset = offsetof(struct daemon_section, notify_mail)},
	{.name = "notify_mail_by", .type = CONFIG_WORDS, .offset = offsetof(struct daemon_section, notify_mail_by)},
	{.name = "confine", .type = CONFIG_BOOLEAN, .offset = offsetof(struct daemon_section, confine)},
	{.name = "metrics", .type = CONFIG_WORDS, .offset = offsetof(struct daemon_section, metrics)},
	{.name = "seal_key_file", .type = CONFIG_WORDS, .offset = offsetof(struct daemon_section, seal_key_file)},
	{0},
};
/* clang-format on */

/* Sections as they are read ---------------------------------------------------------------------
 */

static bool name_is_valid(const char *name)
{
	if (name[0] == '.' || strlen(name) > 64)
		return false;
	for (; *name != '\0'; name++) {
		if (!isalnum((unsigned char)*name) && strchr("._@-", *name) == NULL)
			return false;
	}
	return true;
}

static void *open_daemon(void *context, const char *name, int line)
{
	struct config_reading *reading = context;

	(void)name;
	(void)line;
	return &reading->daemon;
}

static void *open_account(void *context, const char *name, int line)
{
	struct config_reading *reading = context;
	struct account_section *section;

	if (!name_is_valid(name)) {
		config_problem(reading->problems, reading->file, line,
			       "[account %s]: a name is made of letters, digits and . _ @ -", name);
		return NULL;
	}
	section = xcalloc(1, sizeof(*section));
	section->name = xstrdup(name);
	section->verify_identity = true;
	section->settings.min_valid_s = -1;
	section->settings.timeout_s = -1;
	reading->accounts =
		xgrow(reading->accounts, reading->account_count, sizeof(reading->accounts[0]));
	reading->accounts[reading->account_count++] = section;
	return section;
}

struct preset_reading {
	struct preset_section *preset;
	struct config_problems *problems;
};

static void *open_preset(void *context, const char *name, int line)
{
	struct preset_reading *reading = context;

	if (strcmp(reading->preset->name, name) != 0) {
		config_problem(reading->problems, reading->preset->path, line,
			       "[provider %s] must be [provider %s], as the file is named", name,
			       reading->preset->name);
		return NULL;
	}
	return reading->preset;
}

static const struct config_kind main_kinds[] = {
	{.kind = "daemon", .keys = daemon_keys, .open = open_daemon},
	{.kind = "account", .keys = account_keys, .named = true, .open = open_account},
	{.kind = "fetch", .named = true}, /* mailoauth-fetch(8) reads these */
	{0},
};

static const struct config_kind preset_kinds[] = {
	{.kind = "provider", .keys = preset_keys, .named = true, .open = open_preset},
	{0},
};

bool config_read_preset(const char *path, struct preset_section *preset,
			struct config_problems *problems)
{
	struct preset_reading reading = {.preset = preset, .problems = problems};

	return config_read(path, preset_kinds, &reading, NULL, problems);
}

/* Releasing ----------------------------------------------------------------------------------- */

void preset_section_free(struct preset_section *preset)
{
	config_release(preset_keys, preset);
	free(preset->name);
	free(preset->path);
	free(preset);
}

static void account_section_free(struct account_section *section)
{
	config_release(account_keys, section);
	free(section->name);
	free(section);
}

static void reading_release(struct config_reading *reading)
{
	for (size_t i = 0; i < reading->account_count; i++)
		account_section_free(reading->accounts[i]);
	free(reading->accounts);
	for (size_t i = 0; i < reading->preset_count; i++)
		preset_section_free(reading->presets[i]);
	free(reading->presets);
	words_release(&reading->provider_dirs);
	config_release(daemon_keys, &reading->daemon);
	config_seen_free(reading->seen);
}

static void oauth_client_release(struct oauth_client *client)
{
	free(client->issuer);
	free(client->authorize_url);
	free(client->token_url);
	free(client->device_url);
	free(client->device_grant_type);
	free(client->revoke_url);
	free(client->userinfo_url);
	free(client->resource);
	free(client->client_id);
	client_auth_drop(client->auth);
	service_account_free(client->service_account);
	free(client->subject);
	free(client->scope);
	free(client->required_scope);
	free(client->authorize_extra);
	free(client->login_hint);
	words_release(&client->redirects);
	free(client->identity);
	free(client->identity_claims);
	free(client->ca_file);
	free(client->proxy);
}

void account_config_free(struct account_config *config)
{
	if (config == NULL)
		return;
	oauth_client_release(&config->client);
	free(config->name);
	free(config->provider);
	free(config->tenant);
	free(config->title);
	free(config->revoke_hint);
	free(config->device_note);
	free(config->user);
	for (int i = 0; i < SERVICE_COUNT; i++) {
		free(config->service_user[i]);
		words_release(&config->hosts[i]);
	}
	peer_list_release(&config->allow);
	words_release(&config->senders);
	words_release(&config->aliases);
	free(config);
}

void helper_config_free(struct helper_config *config)
{
	if (config == NULL)
		return;
	words_release(&config->sockets);
	free(config->store);
	free(config->user);
	peer_list_release(&config->admin);
	seal_keys_free(config->seal_keys);
	words_release(&config->metrics);
	words_release(&config->files);
	words_release(&config->notify_command);
	words_release(&config->notify_mail_by);
	free(config->notify_mail);
	for (size_t i = 0; i < config->account_count; i++)
		account_config_free(config->accounts[i]);
	free(config->accounts);
	buffer_release(&config->warnings);
	free(config);
}

void resolve_reads(struct config_reading *reading, const char *path)
{
	struct words *files = &reading->files;

	/* Accounts share them more often than not. */
	if (files->count == 0 || strcmp(files->word[files->count - 1], path) != 0)
		words_push(files, span_from_str(path));
}

/* Loading ------------------------------------------------------------------------------------- */

struct helper_config *helper_config_load(const char *path, const char *const *provider_dirs,
					 struct config_problems *problems)
{
	size_t before = problems->count;
	struct config_reading reading = {
		.file = path, .problems = problems, .daemon = {.confine = true}};
	struct helper_config *config = xcalloc(1, sizeof(*config));

	buffer_init(&config->warnings, 16384);
	preset_dirs(path, provider_dirs, &reading.provider_dirs);
	reading.seen = config_seen_new();
	if (access(path, F_OK) != 0 && errno == ENOENT)
		config_problem(problems, path, 0,
			       "there is no such file; to begin one run: install -m 0640 -g "
			       "mailoauth %s %s",
			       CONF_EXAMPLE, path);
	else if (config_read(path, main_kinds, &reading, reading.seen, problems) ||
		 reading.account_count > 0) {
		daemon_resolve(&reading, config);
		accounts_resolve(&reading, config);
	}
	config->files = reading.files;
	reading_release(&reading);
	if (problems->count > before) {
		helper_config_free(config);
		return NULL;
	}
	return config;
}

/* Questions ----------------------------------------------------------------------------------- */

/* "[h]:587", "[h]", "h:587" and "h" name the host h. */
static struct span bare_host(struct span host)
{
	const char *end;

	if (host.len > 0 && host.ptr[0] == '[') {
		end = memchr(host.ptr, ']', host.len);
		if (end != NULL)
			return (struct span){host.ptr + 1, (size_t)(end - host.ptr - 1)};
	}
	end = memchr(host.ptr, ':', host.len);
	if (end != NULL && memchr(end + 1, ':', host.len - (size_t)(end + 1 - host.ptr)) == NULL)
		host.len = (size_t)(end - host.ptr);
	return host;
}

bool account_config_has_host(const struct account_config *config, enum service service,
			     struct span host)
{
	struct span bare = bare_host(host);

	for (int s = 0; s < SERVICE_COUNT; s++) {
		if (!config->use[s] || (service != SERVICE_ANY && (int)service != s))
			continue;
		for (size_t i = 0; i < config->hosts[s].count; i++) {
			if (span_equals_nocase(bare, config->hosts[s].word[i]))
				return true;
		}
	}
	return false;
}

bool account_config_has_sender(const struct account_config *config, struct span address)
{
	const char *at = memchr(address.ptr, '@', address.len);

	if (span_equals_nocase(address, config->user))
		return true;
	for (size_t i = 0; i < config->senders.count; i++) {
		const char *sender = config->senders.word[i];

		if (span_equals_nocase(address, sender))
			return true;
		if (sender[0] == '@' && at != NULL &&
		    span_equals_nocase((struct span){at, address.len - (size_t)(at - address.ptr)},
				       sender))
			return true;
	}
	return false;
}

bool helper_config_user_is_one(const struct helper_config *config,
			       const struct account_config *account)
{
	for (size_t i = 0; i < config->account_count; i++) {
		if (config->accounts[i] != account &&
		    strcmp(config->accounts[i]->user, account->user) == 0)
			return false;
	}
	return true;
}
