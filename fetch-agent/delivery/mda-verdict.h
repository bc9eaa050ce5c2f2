/* SPDX-License-Identifier: MIT */
/* mda-verdict.h - what the end of a program says of its message. */
#ifndef FETCH_AGENT_DELIVERY_MDA_VERDICT_H
#define FETCH_AGENT_DELIVERY_MDA_VERDICT_H

#include <stdbool.h>

#include "fetch-agent/delivery/delivery.h"
#include "fetch-agent/delivery/spawner.h"

/* how and status as spawner.h gives them. terminated: it took too long, and was told to end. words
 * are its last on stderr, or "". */
void mda_verdict(const struct delivery_config *config, enum spawn_end how, int status,
		 bool terminated, const char *words, struct delivery_verdict *verdict);

#endif
