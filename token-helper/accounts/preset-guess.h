/* SPDX-License-Identifier: MIT */
/*
 * preset-guess.h - which preset a token endpoint belongs to: from URLs that another program had in
 * its configuration back to provider = NAME.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_PRESET_GUESS_H
#define TOKEN_HELPER_ACCOUNTS_PRESET_GUESS_H

#include "token-helper/accounts/preset.h"

/*
 * The preset, of those that a configuration file at config_path would find, whose token_url is
 * token_url and which has the grant; where several have, the one whose scopes are in scope (NULL:
 * not known), then the first. *tenant_out: what stands for "{tenant}", to be freed; NULL: nothing
 * does. NULL: there is no such preset. Gives.
 */
struct preset_section *preset_guess(const char *config_path, const char *token_url,
				    const char *grant, const char *scope, char **tenant_out);

#endif
