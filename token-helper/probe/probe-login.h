/* SPDX-License-Identifier: MIT */
/* probe-login.h - the SASL exchange over any of the dialogues. */
#ifndef TOKEN_HELPER_PROBE_PROBE_LOGIN_H
#define TOKEN_HELPER_PROBE_PROBE_LOGIN_H

#include "token-helper/probe/probe-dialogue.h"
#include "token-helper/probe/probe-sasl.h"

/* What to say of the login, step by step. */
typedef void login_step_fn(void *arg, const char *name, bool ok, const char *text);

/*
 * Chooses plugin and mechanism, gets the first message from the plugin and has it out with the
 * server. *class_out says what a failure is of; untouched when all is well. Challenges, and what
 * the plugin says, go to `step`.
 */
enum outcome login_run(const struct dialogue *dialogue, struct talk *talk, login_step_fn *step,
		       void *arg, enum probe_class *class_out, struct err *err);

#endif
