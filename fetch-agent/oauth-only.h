/* SPDX-License-Identifier: MIT */
/*
 * oauth-only.h - hosts that a provider's preset says take no passwords: a password sent there is
 * refused at best, and with some providers locks the account.
 */
#ifndef FETCH_AGENT_OAUTH_ONLY_H
#define FETCH_AGENT_OAUTH_ONLY_H

/*
 * The name of the preset with oauth_only = yes that has host (in any case), or NULL. Presets are
 * looked for in providers/ beside the configuration file and in PROVIDERS_DIR; one that cannot be
 * read is mailoauthd's to complain about. The caller frees.
 */
char *oauth_only_provider(const char *config_path, const char *host);

#endif
