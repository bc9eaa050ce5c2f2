/* SPDX-License-Identifier: MIT */
/*
 * confinement.h - what mailoauth-fetch keeps of the machine once it has started: the table of
 * common/confine.h filled from its configuration. The spawner, which delivers as other users, is
 * forked before and is not confined so.
 */
#ifndef FETCH_AGENT_CONFINEMENT_H
#define FETCH_AGENT_CONFINEMENT_H

#include "common/outcome.h"
#include "fetch-agent/fetch-config.h"

/* Gives up privileges, and starts the runner for the programs that config names; it reads the file
 * at path itself when it is to run another. Nothing is kept here: the runner has its own copy of
 * us. */
enum outcome confinement_begin(const struct fetch_config *config, const char *path,
			       struct err *err);

/* Before there are threads. What may be written: where config delivers, and beside state_path.
 * True: in force. */
bool confinement_enter_files(const struct fetch_config *config, const char *path,
			     const char *state_path);

/* The last step of starting. daemon: says in the log what is in force. */
void confinement_enter_calls(const struct fetch_config *config, bool files, bool daemon);

/* Warns of what config, read again, delivers to and this process may not write. */
void confinement_compare(const struct fetch_config *config);

#endif
