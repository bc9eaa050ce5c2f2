/* SPDX-License-Identifier: MIT */
/* deliveries.h - the ways for mail out of this machine, and whose token each would use. */
#ifndef TOKEN_HELPER_DOCTOR_DELIVERIES_H
#define TOKEN_HELPER_DOCTOR_DELIVERIES_H

#include "token-helper/doctor/doctor.h"

/*
 * Fills doctor->deliveries: mail of any sender, and of each sender of the accounts and of --sender
 * that goes another way or logs in as somebody else. Reports what cannot be asked. Nothing without
 * Postfix or configuration.
 */
void deliveries_find(struct doctor *doctor);
void deliveries_release(struct doctor *doctor);

/* One way; the caller releases its login. False: reported. */
bool delivery_find(struct doctor *doctor, const char *sender, struct delivery *out);
void delivery_release(struct delivery *delivery);

/*
 * The next delivery from *at on that goes to an account's server, for a service that had none yet:
 * a setting is the same for all of a service. NULL: no more.
 */
const struct delivery *deliveries_next_service(const struct doctor *doctor, size_t *at);

/* "relay@example.test by [host]:587", "all mail by …". Returns text. */
#define DELIVERY_TEXT_MAX 768
const char *delivery_text(const struct delivery *delivery, char *text);

#endif
