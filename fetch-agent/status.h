/* SPDX-License-Identifier: MIT */
/*
 * status.h - `mailoauth-fetch status`: how each source's last run ended, and what a running daemon
 * does now, for people or as JSON.
 */
#ifndef FETCH_AGENT_STATUS_H
#define FETCH_AGENT_STATUS_H

#include <stdbool.h>

#include "common/outcome.h"
#include "fetch-agent/fetch-config.h"

/*
 * Prints one line, or one object, a source to stdout. Reads beside a run that is under way.
 * worst_out: of the last runs. OUTCOME_CONFIG, OUTCOME_RETRY: the state cannot be read.
 */
enum outcome status_print(const struct fetch_config *config, const char *state_path, bool json,
			  enum outcome *worst_out, struct err *err);

#endif
