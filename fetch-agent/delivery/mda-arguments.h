/* SPDX-License-Identifier: MIT */
/* mda-arguments.h - what stands behind "mda:": a command line that no shell reads. */
#ifndef FETCH_AGENT_DELIVERY_MDA_ARGUMENTS_H
#define FETCH_AGENT_DELIVERY_MDA_ARGUMENTS_H

#include <stdbool.h>

#include "common/config.h"

/* Appends the words of text: parted by blanks; '', "" and \ quote as in a shell, and nothing else
 * is as there. False: a quote is not closed, or too many. */
bool mda_arguments_split(const char *text, struct words *args);

/* The placeholders in them are ours. */
bool mda_arguments_good(const struct words *args);

#endif
