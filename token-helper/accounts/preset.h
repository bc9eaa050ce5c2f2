/* SPDX-License-Identifier: MIT */
/*
 * preset.h - a provider as data: where its file is found, and what stands in it.
 *
 * [provider NAME] in NAME.conf. Of two files of one name the first counts, as a whole: providers/
 * beside the configuration file comes before what is installed. Nothing in the program depends on
 * a provider's name.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_PRESET_H
#define TOKEN_HELPER_ACCOUNTS_PRESET_H

#include "token-helper/accounts/helper-config.h"

/* What a preset and an account may both say. */
struct provider_settings {
	char *issuer, *authorize_url, *token_url, *authorize_extra;
	struct words redirects;
	char *device_url, *device_grant_type, *revoke_url, *userinfo_url;
	int client_auth;	 /* 0: not said; then enum client_auth_method + 1 */
	int assertion_algorithm; /* 0: not said; then enum jwt_algorithm + 1 */
	char *assertion_audience, *metadata_url;
	char *identity_claims, *scope, *ca_file, *proxy;
	char *tenant, *auth_host, *realm; /* for "{tenant}", "{auth_host}", "{realm}" in values */
	char *resource;
	bool refresh_redirect_uri;
	struct words hosts[SERVICE_COUNT];
	int64_t min_valid_s, timeout_s;			  /* -1: not said */
	int64_t refresh_idle_limit_s, refresh_lifetime_s; /* 0: not said */
	char *revoke_hint;				  /* how a grant is ended by hand */
};

struct preset_section {
	struct provider_settings settings;
	char *name, *title;
	char *path;	    /* the file that it comes from */
	char *verified;	    /* when somebody last looked whether it is true, year-month */
	char *registration; /* how a client is registered there, for people */
	char *unavailable; /* why there is no OAuth for mail, and what to do instead; NULL: there is
			    */
	char *device_note; /* why the device flow is not the one to take; NULL: nothing is known */
	char *service_scope[SERVICE_COUNT];
	struct words grants;	 /* how tokens can be had, the one to take first */
	struct words needs;	 /* keys that an account must set */
	bool oauth_only;	 /* mailoauth-fetch(8) sends these hosts no password */
	char *client_id_pattern; /* fnmatch(3): what client ids look like there; NULL: unknown */
};

/* Where presets are looked for, in this order: providers/ beside config_path, then installed
 * (NULL-terminated; NULL: PROVIDERS_DIR). *dirs is filled anew. */
void preset_dirs(const char *config_path, const char *const *installed, struct words *dirs);

/* The names of all that are there, sorted, each once. *names is filled anew. */
void preset_list(const struct words *dirs, struct words *names);

/* The file that counts; NULL: there is none. Gives. */
char *preset_find(const struct words *dirs, const char *name);

/* The next one of that name, which counts no more; NULL: there is none. Gives. */
char *preset_find_hidden(const struct words *dirs, const char *name);

/* Never NULL; what is wrong in the file is in *problems. Gives. */
struct preset_section *preset_read(const char *name, const char *path,
				   struct config_problems *problems);
void preset_section_free(struct preset_section *preset);

/* Has it the grant ("authorization_code", ...)? */
bool preset_has_grant(const struct preset_section *preset, const char *grant);

#endif
