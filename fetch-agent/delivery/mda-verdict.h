/* SPDX-License-Identifier: MIT */
/* mda-verdict.h - what the end of a program says of its message. */
#ifndef FETCH_AGENT_DELIVERY_MDA_VERDICT_H
#define FETCH_AGENT_DELIVERY_MDA_VERDICT_H

#include <stdbool.h>

#include "fetch-agent/delivery/delivery.h"
#include "fetch-agent/delivery/spawner.h"

/* How it ended. */
struct mda_end {
	enum spawn_end how; /* with status, as spawner.h gives them */
	int status;
	bool terminated;   /* it took too long, and was told to end */
	bool had_all;	   /* of the message, and saw its end: it may have kept it */
	const char *words; /* its last on stderr, or "" */
};

void mda_verdict(const struct delivery_config *config, const struct mda_end *end,
		 struct delivery_verdict *verdict);

#endif
