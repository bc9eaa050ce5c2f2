/* SPDX-License-Identifier: MIT */
/*
 * confinement.h - what mailoauthd keeps of the machine once it has started: the table of
 * common/confine.h filled from its configuration.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_CONFINEMENT_H
#define TOKEN_HELPER_ACCOUNTS_CONFINEMENT_H

#include <stdbool.h>

#include "common/outcome.h"
#include "token-helper/accounts/helper-config.h"

/* Starts the runner, with the programs that config names; it reads the file at path itself when it
 * is to run another. Nothing is kept here: the runner has its own copy of us. As common/runner.h.
 */
enum outcome confinement_start_runner(const struct helper_config *config, const char *path,
				      struct err *err);

struct confinement {
	bool files, calls; /* in force */
};

/* The last step of starting; logs one line of what is in force. */
void confinement_enter(const struct helper_config *config, const char *path,
		       struct confinement *confinement_out);

#endif
