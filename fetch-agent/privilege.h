/* SPDX-License-Identifier: MIT */
/*
 * privilege.h - who we are: root only as long as it takes to fork the spawner.
 *
 * Before anything is read from the network. Afterwards what runs MDAs as their users is a process
 * that hears of nothing but sections' numbers and addresses (delivery/spawner.h).
 */
#ifndef FETCH_AGENT_PRIVILEGE_H
#define FETCH_AGENT_PRIVILEGE_H

#include "fetch-agent/delivery/spawner.h"
#include "fetch-agent/fetch-config.h"

#define PRIVILEGE_USER "mailoauth-fetch"

/*
 * Forks the spawner, if any section has an MDA (else *spawner_out is NULL), and becomes user, if we
 * are root. user NULL: PRIVILEGE_USER if there is one and a section has mda_user, else who we are.
 * OUTCOME_CONFIG: err says which user cannot be become.
 */
enum outcome privilege_settle(const struct fetch_config *config, const char *user,
			      struct spawner **spawner_out, struct err *err);

#endif
