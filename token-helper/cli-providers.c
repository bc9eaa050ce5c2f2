/* SPDX-License-Identifier: MIT */
/* cli-providers.c - `mailoauth providers`: which presets there are, asked without the daemon. */
#include "token-helper/accounts/provider-list.h"
#include "token-helper/cli-verbs.h"

#include "common/banned.h"

enum cli_exit cli_providers(const struct cli *cli)
{
	struct err err = ERR_INIT;
	enum outcome outcome = provider_list(cli->config, cli->account, cli->json, stdout, &err);

	if (outcome != OUTCOME_OK)
		return cli_report(cli_exit_of(outcome), err.text);
	return CLI_OK;
}
