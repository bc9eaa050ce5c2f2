/* SPDX-License-Identifier: MIT */
/* delivery-mda.h - the MDA method's pure parts, for the configuration's checks and for the tests.
 */
#ifndef FETCH_AGENT_DELIVERY_DELIVERY_MDA_H
#define FETCH_AGENT_DELIVERY_DELIVERY_MDA_H

#include "common/config.h"
#include "fetch-agent/delivery/delivery.h"

/* Appends the words of text: parted by blanks; '', "" and \ quote as in a shell, and nothing else
 * is as there. False: a quote is not closed, or too many. */
bool mda_arguments_split(const char *text, struct words *args);

/* What a program that ended so says of its message; words are its last on stderr, or "". */
void mda_verdict_of_exit(const char *program, int wait_status, const char *words,
			 struct delivery_verdict *verdict);

#endif
