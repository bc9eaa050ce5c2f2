/* SPDX-License-Identifier: MIT */
/*
 * exchange.h - one authentication, from libsasl's point of view: three functions for its plug-in
 * table.
 *
 * Step 1 gets a token and answers SASL_CONTINUE; step 2 takes whatever the program has by then and
 * answers SASL_OK, even to a refusal: only so does the mail program go on to read the server's own
 * words.
 */
#ifndef SASL_PLUGIN_EXCHANGE_H
#define SASL_PLUGIN_EXCHANGE_H

#include <sasl/sasl.h>
#include <sasl/saslplug.h>

#include "common/helper-client.h"
#include "sasl-plugin/mechanism.h"

/* What a plug-in table's glob_context points to. Borrows. */
struct exchange_kind {
	const struct mechanism *mechanism;
	const struct helper_client *client;
};

int exchange_new(void *glob_context, sasl_client_params_t *params, void **conn_context);
int exchange_step(void *conn_context, sasl_client_params_t *params, const char *serverin,
		  unsigned serverinlen, sasl_interact_t **prompt_need, const char **clientout,
		  unsigned *clientoutlen, sasl_out_params_t *oparams);
void exchange_dispose(void *conn_context, const sasl_utils_t *utils);

#endif
