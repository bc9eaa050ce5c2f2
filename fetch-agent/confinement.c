/* SPDX-License-Identifier: MIT */
/* confinement.c - see confinement.h. */
#include "fetch-agent/confinement.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/log.h"
#include "common/runner.h"
#include "common/xalloc.h"

#include "common/banned.h"

/* Programs ------------------------------------------------------------------------------------- */

struct origin {
	const struct fetch_config *config; /* in the runner: as it was at the fork */
	const char *path;
};

static void allow_commands(const struct fetch_config *config, struct runner_list *list)
{
	for (size_t i = 0; i < config->count; i++) {
		if (config->sources[i]->password_command.count > 0)
			runner_allow(list, &config->sources[i]->password_command, 0);
	}
}

/* In the runner. A file that has problems teaches nothing: the main process did not take it either.
 */
static void learn(void *ctx, bool again, struct runner_list *list)
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	const struct origin *origin = ctx;
	struct fetch_config *config;

	if (!again) {
		allow_commands(origin->config, list);
		return;
	}
	config = fetch_config_load(origin->path, &problems);
	if (config != NULL)
		allow_commands(config, list);
	fetch_config_free(config);
	config_problems_release(&problems);
}

/* Who starts it as root, and lets it stay root, wants it at other users' sockets and Maildirs; it
 * keeps being able to pass their modes, and of being root nothing else. */
static uint64_t kept_capabilities(void)
{
	return geteuid() == 0 ? CONFINE_CAPABILITY(CAP_DAC_OVERRIDE) : 0;
}

enum outcome confinement_begin(const struct fetch_config *config, const char *path, struct err *err)
{
	struct origin origin = {config, path};

	if (config->confine) {
		confine_bounding();
		confine_privileges(kept_capabilities());
	}
	return runner_start(learn, &origin, err);
}

/* Files ---------------------------------------------------------------------------------------- */

static void allow_delivery(const struct delivery_config *delivery, struct confine_files *files)
{
	char *directory = delivery_directory(delivery);

	if (directory != NULL)
		confine_files_allow(files, CONFINE_WRITE, directory);
	free(directory);
}

/* The presets; those beside the configuration may be behind a link. */
static void allow_presets(const char *path, struct confine_files *files)
{
	char *copy = xstrdup(path);
	char *beside = xasprintf("%s/providers", dirname(copy));

	confine_files_allow(files, CONFINE_READ, beside);
	confine_files_allow(files, CONFINE_READ, PROVIDERS_DIR);
	free(beside);
	free(copy);
}

bool confinement_enter_files(const struct fetch_config *config, const char *path,
			     const char *state_path)
{
	struct confine_files *files;

	if (!config->confine)
		return false;
	files = confine_files_new();
	confine_files_allow_system(files);
	confine_files_allow_beside(files, CONFINE_READ, path);
	allow_presets(path, files);
	confine_files_allow_beside(files, CONFINE_WRITE, state_path);
	for (size_t i = 0; i < config->count; i++) {
		const struct fetch_source *source = config->sources[i];

		confine_files_allow_beside(files, CONFINE_READ, source->ca_file);
		confine_files_allow_beside(files, CONFINE_READ, source->password_file);
		allow_delivery(&source->delivery, files);
	}
	return confine_files_enforce(files);
}

/* access(2) does not ask Landlock: a file without a name is made. */
static int write_error(const char *directory)
{
	int fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	(void)close(fd);
	return 0;
}

static bool is_closed(const struct delivery_config *delivery)
{
	char *directory = delivery_directory(delivery);
	bool closed = directory != NULL && write_error(directory) == EACCES;

	free(directory);
	return closed;
}

void confinement_compare(const struct fetch_config *config)
{
	for (size_t i = 0; i < config->count; i++) {
		const struct fetch_source *source = config->sources[i];

		if (is_closed(&source->delivery))
			log_warning(
				"[fetch %s]: this process may not write %s: what was not in the "
				"configuration when it started is, after a restart",
				source->name, source->delivery.path);
	}
}

/* System calls --------------------------------------------------------------------------------- */

void confinement_enter_calls(const struct fetch_config *config, bool files, bool daemon)
{
	bool calls = config->confine && confine_calls();

	if (!config->confine)
		log_warning("not confined: [daemon] confine = no");
	else if (daemon)
		log_info("confined: no capabilities, files by %s, system calls by %s",
			 files ? "Landlock" : CONFINE_NO_FILES,
			 calls ? confine_calls_version() : CONFINE_NO_CALLS);
}
