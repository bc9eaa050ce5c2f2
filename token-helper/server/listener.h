/* SPDX-License-Identifier: MIT */
/* listener.h - making a listening Unix socket where the configuration says. */
#ifndef TOKEN_HELPER_SERVER_LISTENER_H
#define TOKEN_HELPER_SERVER_LISTENER_H

#include "common/outcome.h"

/*
 * A socket at path, mode 0666: who may have what is decided by credentials, not by the file's mode.
 * A dead socket that stands there is replaced; a living one is OUTCOME_CONFIG ("another daemon"),
 * as is a path that cannot be made; err names it.
 */
enum outcome listener_open(const char *path, int *fd_out, struct err *err);

#endif
