/* SPDX-License-Identifier: MIT */
/*
 * cli-topics.h - short texts on what people stumble over: files, so that a provider's change needs
 * no release. NAME.txt on the shelf "topics" (cli-shelf.h).
 */
#ifndef TOKEN_HELPER_CLI_TOPICS_H
#define TOKEN_HELPER_CLI_TOPICS_H

#include <stdbool.h>
#include <stdio.h>

#include "common/outcome.h"

/*
 * The words name a topic ("scopes", "scopes microsoft", "scope ms365"): prints it. False: they do
 * not.
 */
bool topics_print(FILE *out, const char *config_path, char *const *words, size_t count);

/* All names, with the first line of each. OUTCOME_CONFIG: there are none. */
enum outcome topics_list(FILE *out, const char *config_path, struct err *err);

#endif
