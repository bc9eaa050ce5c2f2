/* SPDX-License-Identifier: MIT */
/*
 * credentials.h - what the program was given: a user name, and in the password field the account's
 * name, a literal token, or nothing.
 *
 * The program answers through callbacks, or wants to be prompted (SASL_INTERACT), each in its own
 * style; the differences end here. The password callback is called once an exchange (Postfix
 * allocates at each call and never frees) and its result is borrowed, not copied.
 */
#ifndef SASL_PLUGIN_CREDENTIALS_H
#define SASL_PLUGIN_CREDENTIALS_H

#include <sasl/sasl.h>
#include <sasl/saslplug.h>

#include "common/buffer.h"
#include "common/outcome.h"

struct credentials {
	struct span user;     /* not empty */
	struct span password; /* empty when the program has none; a secret */
};

/*
 * SASL_OK: *out borrows from the program until the step returns. SASL_INTERACT: *prompt_need is the
 * list of what to ask for. Else a SASL code, and err has the line. prompt_need may be NULL.
 */
int credentials_get(const sasl_client_params_t *params, sasl_interact_t **prompt_need,
		    struct credentials *out, struct err *err);

/* Frees the list that credentials_get() made. */
void credentials_prompts_free(const sasl_utils_t *utils, sasl_interact_t **prompt_need);

#endif
