/* SPDX-License-Identifier: MIT */
/*
 * jail.h - asking mailoauthd as smtp(8) does: as Postfix's user, from inside its chroot.
 *
 * Really tried, in a process of its own. Nothing but that tells whether permissions, mounts and
 * security modules let the mail through.
 */
#ifndef TOKEN_HELPER_DOCTOR_JAIL_H
#define TOKEN_HELPER_DOCTOR_JAIL_H

#include <stddef.h>

#include "common/deadline.h"
#include "common/outcome.h"

struct jail {
	const char *root;	    /* the chroot; NULL: none */
	const char *user;	    /* Postfix's mail_owner */
	const char *const *sockets; /* as helper_client has them, seen from inside */
};

/* Asks what nobody has. OUTCOME_OK: mailoauthd answered. Else err says why not; OUTCOME_CONFIG
 * also: there is no such user. Only for root. */
enum outcome jail_try(const struct jail *jail, struct deadline deadline, struct err *err);

#endif
