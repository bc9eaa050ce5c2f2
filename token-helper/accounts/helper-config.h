/* SPDX-License-Identifier: MIT */
/*
 * helper-config.h - mailoauth.conf and the providers' presets, resolved and checked: what the
 * daemon runs on and `mailoauth config check` reports.
 *
 * A preset is data, see preset.h. An account may set every key that describes the provider, and
 * then wins. "{tenant}", "{auth_host}" and "{realm}" in URLs and hosts are replaced by the keys of
 * those names.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_HELPER_CONFIG_H
#define TOKEN_HELPER_ACCOUNTS_HELPER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/peer.h"
#include "token-helper/oauth/client.h"
#include "token-helper/store/seal.h"

enum service {
	SERVICE_SMTP,
	SERVICE_IMAP,
	SERVICE_POP,
	SERVICE_COUNT,
	SERVICE_ANY = SERVICE_COUNT,
};

extern const char *const service_names[SERVICE_COUNT + 1]; /* "smtp", "imap", "pop", NULL */

struct account_config {
	char *name;
	char *provider;	   /* the preset's name */
	char *tenant;	   /* what stands for {tenant}; NULL: nothing does */
	char *title;	   /* the preset's name for people */
	char *device_note; /* why the device flow is not the one to take; NULL: not known */
	struct oauth_client client;
	unsigned learns; /* URLs that the issuer's metadata has to tell (discovery.h); 0: none */
	char *user;
	char *service_user[SERVICE_COUNT]; /* SASL user; never NULL */
	bool use[SERVICE_COUNT];
	struct words hosts[SERVICE_COUNT]; /* where a token may go */
	struct peer_list allow;
	struct words senders; /* lower case; "@domain" means all of it */
	struct words aliases;
	bool is_default;
	int64_t min_valid_s;
	int64_t client_secret_expires_s; /* wall clock; 0: not known */
	int64_t refresh_idle_limit_s;	 /* a refresh token that is not used for so long is dead; 0:
					    none */
	int64_t refresh_lifetime_s; /* nor does one live longer since the consent; 0: for ever */
	char *revoke_hint;	    /* how a grant is ended by hand; NULL: not known */
};

struct helper_config {
	struct words sockets;
	char *store;
	char *user;
	struct peer_list admin;
	struct seal_keys *seal_keys; /* NULL: grants are not sealed; moved out by the daemon */
	struct words metrics;	     /* where Prometheus reads: HOST:PORT, unix:PATH, file:PATH */
	struct words notify_command; /* argv; empty: nobody is told */
	char *notify_mail;	     /* an address; NULL: no mail is sent */
	struct words notify_mail_by; /* smtp://HOST[:PORT], or argv */
	bool confine;		     /* give up what is not needed, once started */
	struct words
		files; /* what else is read: secrets, keys, certificates; some more than once */
	bool seal_keys_unseen; /* one is a credential that this process was not given */
	struct account_config **accounts;
	size_t account_count;
	struct buffer warnings; /* lines; what is odd but no error */
};

/*
 * provider_dirs: where presets are looked for after "providers" beside path, NULL-terminated; NULL:
 * PROVIDERS_DIR. NULL when there was any problem: then *problems has them all. The caller frees. */
struct helper_config *helper_config_load(const char *path, const char *const *provider_dirs,
					 struct config_problems *problems);
void helper_config_free(struct helper_config *config);
void account_config_free(struct account_config *config);

/* Does one of the account's hosts for the service (SERVICE_ANY: for any) equal host (ASCII case
 * ignored, "[h]:port", "[h]", "h:port" and "h" alike)? */
bool account_config_has_host(const struct account_config *config, enum service service,
			     struct span host);

/* Is address (or its @domain) one of the senders, or the account's user? */
bool account_config_has_sender(const struct account_config *config, struct span address);

/* No other account has the same user; else only its name tells it from them. */
bool helper_config_user_is_one(const struct helper_config *config,
			       const struct account_config *account);

#endif
