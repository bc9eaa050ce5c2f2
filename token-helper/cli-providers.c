/* SPDX-License-Identifier: MIT */
/* cli-providers.c - `mailoauth providers`: which presets there are, asked without the daemon. */
#include "common/nearest.h"
#include "token-helper/accounts/preset.h"
#include "token-helper/accounts/provider-list.h"
#include "token-helper/cli-verbs.h"

#include "common/banned.h"

static enum cli_exit unknown(const struct words *names, const char *name)
{
	const char *nearest = nearest_word(names, name);
	struct err err = ERR_INIT;

	(void)err_set(&err, OUTCOME_CONFIG, "there is no provider %s; run: mailoauth providers%s%s",
		      name, nearest != NULL ? " " : "", nearest != NULL ? nearest : "");
	return cli_report(CLI_USAGE, err.text);
}

/* A name of nobody's, where there are others. */
static bool is_unknown(const struct cli *cli, struct words *names)
{
	struct words dirs = {0};

	preset_dirs(cli->config, NULL, &dirs);
	preset_list(&dirs, names);
	words_release(&dirs);
	return cli->account != NULL && names->count > 0 && !words_contain(names, cli->account);
}

enum cli_exit cli_providers(const struct cli *cli)
{
	struct words names = {0};
	struct err err = ERR_INIT;
	enum cli_exit exit = is_unknown(cli, &names) ? unknown(&names, cli->account) : CLI_OK;
	enum outcome outcome;

	words_release(&names);
	if (exit != CLI_OK)
		return exit;
	outcome = provider_list(cli->config, cli->account, cli->json, stdout, &err);
	if (outcome != OUTCOME_OK)
		return cli_report(cli_exit_of(outcome), err.text);
	return CLI_OK;
}
