/* SPDX-License-Identifier: MIT */
/*
 * getmail-destination.h - the [destination] of a getmailrc as `deliver`, and what goes with it.
 */
#ifndef FETCH_AGENT_IMPORT_GETMAIL_DESTINATION_H
#define FETCH_AGENT_IMPORT_GETMAIL_DESTINATION_H

#include "fetch-agent/import/getmail-file.h"

/* What cannot be carried over is noted, and `deliver` not set. */
void getmail_read_destination(struct getmail_file *file, struct import_source *source);

#endif
