/* SPDX-License-Identifier: MIT */
/*
 * sasl-plugins.h - which plugins Cyrus SASL loads, in the order in which it prefers them.
 *
 * libsasl2 itself is asked, in a process of its own that is set up as smtp(8) is: plugins are other
 * people's code, and may crash or print.
 */
#ifndef TOKEN_HELPER_DOCTOR_SASL_PLUGINS_H
#define TOKEN_HELPER_DOCTOR_SASL_PLUGINS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/outcome.h"

#define SASL_PLUGINS_MAX 256

struct sasl_plugin {
	char mechanism[64];
	char name[128];	 /* of its file, between "lib" and the first dot */
	char file[1024]; /* "": not found on the path */
};

struct sasl_plugins {
	struct sasl_plugin list[SASL_PLUGINS_MAX]; /* the one that wins a mechanism comes first */
	size_t count;
	char path[4096]; /* where it looks: directories with colons between */
};

/* path: SASL_PATH for the process; NULL: libsasl2's own. OUTCOME_RETRY: it could not be asked; err
 * says whether a plugin crashed. */
enum outcome sasl_plugins_read(const char *path, struct sasl_plugins *out, struct err *err);

#endif
