/* SPDX-License-Identifier: MIT */
/*
 * retry.h - `mailoauth-fetch retry NAME [UID]`: what is set aside is due again.
 */
#ifndef FETCH_AGENT_RETRY_H
#define FETCH_AGENT_RETRY_H

#include "fetch-agent/fetch-config.h"

/*
 * words: the section's name and, unless all that it has set aside is meant, a UID. Works beside a
 * daemon, whose next run takes them. Says on stdout how many. OUTCOME_CONFIG: no such section, no
 * UID, no state.
 */
enum outcome retry_print(const struct fetch_config *config, const char *state_path, char **words,
			 size_t count, struct err *err);

#endif
