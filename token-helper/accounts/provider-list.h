/* SPDX-License-Identifier: MIT */
/* provider-list.h - `mailoauth providers`: the presets as they count here, without the daemon. */
#ifndef TOKEN_HELPER_ACCOUNTS_PROVIDER_LIST_H
#define TOKEN_HELPER_ACCOUNTS_PROVIDER_LIST_H

#include <stdbool.h>
#include <stdio.h>

#include "common/outcome.h"

/*
 * Prints all presets that a configuration file at config_path would find, or all about the one
 * called name. OUTCOME_CONFIG, with err: there is no such preset, or the files printed have
 * problems (err has the first).
 */
enum outcome provider_list(const char *config_path, const char *name, bool json, FILE *out,
			   struct err *err);

#endif
