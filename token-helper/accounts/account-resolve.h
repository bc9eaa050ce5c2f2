/* SPDX-License-Identifier: MIT */
/*
 * account-resolve.h - from sections as written to accounts as run: private to helper-config.c,
 * those that resolve a part of an account.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_ACCOUNT_RESOLVE_H
#define TOKEN_HELPER_ACCOUNTS_ACCOUNT_RESOLVE_H

#include "token-helper/accounts/helper-config.h"
#include "token-helper/accounts/preset.h"

struct account_section {
	struct provider_settings settings;
	char *name, *provider, *client_id, *user, *authorize_as;
	char *client_secret_file, *client_secret_file_old;
	char *client_key_file, *client_key_file_old;
	char *client_certificate_file, *client_certificate_file_old;
	char *client_assertion_file, *key_file;
	struct words client_secret_command, client_assertion_command;
	char *client_secret_expires;
	char *service_user[SERVICE_COUNT];
	struct words use, allow, senders, aliases;
	int grant; /* 0: not said; then enum grant_kind + 1 */
	bool is_default, verify_identity;
};

struct daemon_section {
	struct words sockets, admin, seal_key_file, metrics, notify_command, notify_mail_by;
	char *notify_mail;
	char *store, *user;
	bool confine;
};

struct config_reading {
	const char *file;
	struct config_problems *problems;
	struct config_seen *seen;
	struct words provider_dirs;
	struct daemon_section daemon;
	struct account_section **accounts;
	size_t account_count;
	struct preset_section **presets; /* those that accounts named, read once */
	size_t preset_count;
	struct preset_section *preset; /* being read */
	struct words files;	       /* as helper_config's */
};

/* One account on its way. */
struct resolving {
	struct config_reading *reading;
	const struct account_section *section;
	const struct preset_section *preset;
	struct account_config *config;
	struct buffer *warnings;
};

/* Reports what is wrong with key of the account, at its line. */
void resolve_problem(const struct resolving *at, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* helper-config.c: path is of a file that is read with the configuration. */
void resolve_reads(struct config_reading *reading, const char *path);

/* What the account says, or else its preset. */
const char *resolve_either(const char *account, const char *preset);

/* server-resolve.c: fills config->hosts, which wants config->use; config->client's grant, redirects
 * and URLs, and what of them is to be learnt from the issuer. */
void resolve_hosts(const struct resolving *at);
void resolve_grant_and_urls(const struct resolving *at);

/* client-resolve.c: fills config->client.auth, and service_account where the grant needs one. */
void resolve_client_auth(const struct resolving *at);
void resolve_service_account(const struct resolving *at);

/* config-rules.c: reports what is well-formed and wrong all the same, of an account that is
 * resolved; and of a secret, which was read from what key names. */
void config_rules_check(const struct resolving *at);
void config_rules_secret(const struct resolving *at, const char *key, struct span secret);

/* Fills preset from the file; false when it had problems. */
bool config_read_preset(const char *path, struct preset_section *preset,
			struct config_problems *problems);

/* Fills what the daemon itself runs with, reporting what is wrong. */
void daemon_resolve(struct config_reading *reading, struct helper_config *config);

/* Fills config->accounts from reading->accounts, reporting what is wrong or missing. */
void accounts_resolve(struct config_reading *reading, struct helper_config *config);

#endif
