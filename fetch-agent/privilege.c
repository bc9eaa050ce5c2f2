/* SPDX-License-Identifier: MIT */
/* privilege.c - see privilege.h. */
#include "fetch-agent/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/xalloc.h"

#include "common/banned.h"

static enum outcome start_spawner(const struct fetch_config *config, struct spawner **spawner_out,
				  struct err *err)
{
	const struct delivery_config **configs = xcalloc(config->count + 1, sizeof(*configs));
	enum outcome what = OUTCOME_OK;
	size_t count = 0;

	for (size_t i = 0; i < config->count; i++) {
		if (config->sources[i]->delivery.method->spawned)
			configs[count++] = &config->sources[i]->delivery;
	}
	*spawner_out = NULL;
	if (count > 0)
		what = spawner_start(configs, count, spawner_out, err);
	free(configs);
	return what;
}

static bool has_mda_user(const struct fetch_config *config)
{
	for (size_t i = 0; i < config->count; i++) {
		if (config->sources[i]->delivery.mda_user != NULL)
			return true;
	}
	return false;
}

static enum outcome become(const char *name, struct err *err)
{
	const struct passwd *user = getpwnam(name);

	if (user == NULL)
		return err_set(err, OUTCOME_CONFIG, "--user %s: there is no such user", name);
	if (user->pw_uid == geteuid())
		return OUTCOME_OK;
	if (initgroups(user->pw_name, user->pw_gid) != 0 ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
		return err_set(err, OUTCOME_CONFIG, "--user %s: cannot become it: %s", name,
			       strerror(errno));
	return OUTCOME_OK;
}

enum outcome privilege_settle(const struct fetch_config *config, const char *user,
			      struct spawner **spawner_out, struct err *err)
{
	enum outcome what = start_spawner(config, spawner_out, err);

	if (what != OUTCOME_OK)
		return what;
	if (config->confine)
		confine_bounding(); /* while we may */
	if (user == NULL && geteuid() == 0 && has_mda_user(config) &&
	    getpwnam(PRIVILEGE_USER) != NULL)
		user = PRIVILEGE_USER;
	if (user != NULL)
		what = become(user, err);
	if (what != OUTCOME_OK) {
		spawner_stop(*spawner_out);
		*spawner_out = NULL;
	}
	return what;
}
