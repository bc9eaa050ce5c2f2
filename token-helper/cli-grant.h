/* SPDX-License-Identifier: MIT */
/* cli-grant.h - a grant on its way into the store, through the daemon (verb restore). */
#ifndef TOKEN_HELPER_CLI_GRANT_H
#define TOKEN_HELPER_CLI_GRANT_H

#include "common/buffer.h"
#include "token-helper/cli-call.h"

/*
 * grant: as store.h encodes it. from: "import"; NULL: a backup. result: "restored" or "unchanged"
 * is appended. A failure is reported here.
 */
enum cli_exit cli_grant_put(const struct cli *cli, const char *account, struct span grant,
			    const char *from, struct buffer *result);

#endif
