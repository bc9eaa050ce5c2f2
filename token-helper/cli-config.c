/* SPDX-License-Identifier: MIT */
/* cli-config.c - `mailoauth config check`: the daemon's own loader, asked without the daemon. */
#include "token-helper/accounts/config-check.h"
#include "token-helper/cli-verbs.h"

#include "common/banned.h"

enum cli_exit cli_config_check(const struct cli *cli)
{
	enum cli_exit exit = cli_exit_of(config_check(cli->config, stdout));

	if (fflush(stdout) != 0)
		return cli_report(CLI_OUTPUT, "standard output cannot be written");
	return exit;
}
