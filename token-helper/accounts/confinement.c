/* SPDX-License-Identifier: MIT */
/* confinement.c - see confinement.h. */
#include "token-helper/accounts/confinement.h"

#include <stdlib.h>
#include <string.h>

#include "common/confine.h"
#include "common/log.h"
#include "common/runner.h"
#include "token-helper/accounts/preset.h"
#include "token-helper/oauth/client-auth.h"

#include "common/banned.h"

#define METRICS_FILE "file:"
/* Behind its arguments: account, what, advice; or -i and the recipient (accounts/notices.c). */
#define NOTICE_ARGUMENTS 3

/* Programs ------------------------------------------------------------------------------------ */

struct source {
	const struct helper_config *config; /* in the runner: as it was at the fork */
	const char *path;
};

static void allow_of_account(const struct account_config *account, struct runner_list *list)
{
	const struct client_auth *auth = account->client.auth;

	for (size_t i = 0; auth != NULL && i < auth->count; i++) {
		if (auth->credentials[i].command.count > 0)
			runner_allow(list, &auth->credentials[i].command, 0);
	}
}

static void allow_of(const struct helper_config *config, struct runner_list *list)
{
	if (config->notify_command.count > 0)
		runner_allow(list, &config->notify_command, NOTICE_ARGUMENTS);
	if (config->notify_mail_by.count > 0 && config->notify_mail_by.word[0][0] == '/')
		runner_allow(list, &config->notify_mail_by, NOTICE_ARGUMENTS);
	for (size_t i = 0; i < config->account_count; i++)
		allow_of_account(config->accounts[i], list);
}

/* In the runner. A file that has problems teaches nothing: mailoauthd did not take it either. */
static void learn(void *context, bool again, struct runner_list *list)
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	const struct source *source = context;
	struct helper_config *config;

	if (!again) {
		allow_of(source->config, list);
		return;
	}
	config = helper_config_load(source->path, NULL, &problems);
	if (config != NULL)
		allow_of(config, list);
	helper_config_free(config);
	config_problems_release(&problems);
}

enum outcome confinement_start_runner(const struct helper_config *config, const char *path,
				      struct err *err)
{
	struct source source = {config, path};

	return runner_start(learn, &source, err);
}

/* Files --------------------------------------------------------------------------------------- */

static void allow_files(const struct helper_config *config, struct confine_files *files)
{
	for (size_t i = 0; i < config->files.count; i++)
		confine_files_allow_beside(files, CONFINE_READ, config->files.word[i]);
	for (size_t i = 0; i < config->metrics.count; i++) {
		const char *place = config->metrics.word[i];

		if (strncmp(place, METRICS_FILE, strlen(METRICS_FILE)) == 0)
			confine_files_allow_beside(files, CONFINE_WRITE,
						   place + strlen(METRICS_FILE));
	}
}

/* What is read again on SIGHUP has to stay readable, too. */
static bool enter_files(const struct helper_config *config, const char *path)
{
	struct confine_files *files = confine_files_new();
	struct words presets = {0};
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");

	confine_files_allow_system(files);
	confine_files_allow_beside(files, CONFINE_READ, path);
	/* The one beside the configuration may be a link. */
	preset_dirs(path, NULL, &presets);
	for (size_t i = 0; i < presets.count; i++)
		confine_files_allow(files, CONFINE_READ, presets.word[i]);
	words_release(&presets);
	if (credentials != NULL)
		confine_files_allow(files, CONFINE_READ, credentials);
	confine_files_allow(files, CONFINE_WRITE, config->store);
	allow_files(config, files);
	return confine_files_enforce(files);
}

void confinement_enter(const struct helper_config *config, const char *path,
		       struct confinement *confinement_out)
{
	if (!config->confine) {
		log_warning("not confined: [daemon] confine = no");
		return;
	}
	confinement_out->files = enter_files(config, path);
	confinement_out->calls = confine_calls();
	log_info("confined: no capabilities, files by %s, system calls by %s",
		 confinement_out->files ? "Landlock" : CONFINE_NO_FILES,
		 confinement_out->calls ? confine_calls_version() : CONFINE_NO_CALLS);
}
