/* SPDX-License-Identifier: MIT */
/* config-check.h - `mailoauth config check`: loads the configuration as the daemon would and says
 * all that is wrong. */
#ifndef TOKEN_HELPER_ACCOUNTS_CONFIG_CHECK_H
#define TOKEN_HELPER_ACCOUNTS_CONFIG_CHECK_H

#include <stdio.h>

#include "common/outcome.h"

/* OUTCOME_OK, or OUTCOME_CONFIG. Findings and, when there are none, the effective accounts go to
 * out. */
enum outcome config_check(const char *path, FILE *out);

#endif
