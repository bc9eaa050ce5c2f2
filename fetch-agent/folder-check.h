/* SPDX-License-Identifier: MIT */
/* folder-check.h - for --check: what a folder holds, asked for with STATUS, which touches nothing.
 */
#ifndef FETCH_AGENT_FOLDER_CHECK_H
#define FETCH_AGENT_FOLDER_CHECK_H

#include "fetch-agent/mailbox.h"

/* Prints one line to stdout; done as mailbox_start() calls it. */
void folder_check_start(const struct mailbox_world *world, const char *folder,
			mailbox_done_fn *done, void *ctx);

#endif
