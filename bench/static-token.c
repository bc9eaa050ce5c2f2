/* SPDX-License-Identifier: MIT */
/*
 * static-token.c - the least that a bearer-token plugin can be: the password is the token.
 *
 * The peer that auth-exchange measures us against: what libsasl2 itself costs, and one message. Not
 * installed, and its mechanism has a name that no server offers.
 */
#include <sasl/sasl.h>
#include <sasl/saslplug.h>

#include <stdlib.h>
#include <string.h>

#include "common/banned.h"

int sasl_client_plug_init(const sasl_utils_t *utils, int max_version, int *out_version,
			  sasl_client_plug_t **pluglist, int *plugcount);

struct exchange {
	char *message;
};

typedef void any_fn(void);

static int exchange_new(void *glob_context, sasl_client_params_t *params, void **conn_context)
{
	(void)glob_context;
	(void)params;
	*conn_context = calloc(1, sizeof(struct exchange));
	return *conn_context != NULL ? SASL_OK : SASL_NOMEM;
}

static void exchange_dispose(void *conn_context, const sasl_utils_t *utils)
{
	struct exchange *exchange = conn_context;

	(void)utils;
	if (exchange != NULL)
		free(exchange->message);
	free(exchange);
}

static int credentials(sasl_client_params_t *params, const char **user, sasl_secret_t **token)
{
	const sasl_utils_t *utils = params->utils;
	sasl_callback_ft proc = NULL;
	void *context = NULL;
	int rc = utils->getcallback(utils->conn, SASL_CB_AUTHNAME, &proc, &context);

	if (rc == SASL_OK)
		rc = ((sasl_getsimple_t *)(any_fn *)proc)(context, SASL_CB_AUTHNAME, user, NULL);
	if (rc == SASL_OK)
		rc = utils->getcallback(utils->conn, SASL_CB_PASS, &proc, &context);
	if (rc == SASL_OK)
		rc = ((sasl_getsecret_t *)(any_fn *)proc)(utils->conn, context, SASL_CB_PASS,
							  token);
	return rc;
}

static int exchange_step(void *conn_context, sasl_client_params_t *params, const char *serverin,
			 unsigned serverinlen, sasl_interact_t **prompt_need,
			 const char **clientout, unsigned *clientoutlen, sasl_out_params_t *oparams)
{
	static const char head[] = "user=";
	static const char middle[] = "\001auth=Bearer ";
	struct exchange *exchange = conn_context;
	sasl_secret_t *token = NULL;
	const char *user = NULL;
	size_t user_len;
	char *at;
	int rc = credentials(params, &user, &token);

	(void)serverin;
	(void)serverinlen;
	(void)prompt_need;
	if (rc != SASL_OK)
		return rc;
	user_len = strlen(user);
	rc = params->canon_user(params->utils->conn, user, (unsigned)user_len,
				SASL_CU_AUTHID | SASL_CU_AUTHZID, oparams);
	if (rc != SASL_OK)
		return rc;
	exchange->message = malloc(sizeof(head) + user_len + sizeof(middle) + token->len);
	if (exchange->message == NULL)
		return SASL_NOMEM;
	at = mempcpy(exchange->message, head, sizeof(head) - 1);
	at = mempcpy(at, user, user_len);
	at = mempcpy(at, middle, sizeof(middle) - 1);
	at = mempcpy(at, token->data, token->len);
	at = mempcpy(at, "\001\001", 2);
	*clientout = exchange->message;
	*clientoutlen = (unsigned)(at - exchange->message);
	return SASL_CONTINUE;
}

static sasl_client_plug_t plugs[] = {{
	.mech_name = "STATIC-TOKEN",
	.security_flags = SASL_SEC_NOANONYMOUS | SASL_SEC_PASS_CREDENTIALS,
	.features = SASL_FEAT_WANT_CLIENT_FIRST | SASL_FEAT_ALLOWS_PROXY,
	.mech_new = exchange_new,
	.mech_step = exchange_step,
	.mech_dispose = exchange_dispose,
}};

int sasl_client_plug_init(const sasl_utils_t *utils, int max_version, int *out_version,
			  sasl_client_plug_t **pluglist, int *plugcount)
{
	(void)utils;
	(void)max_version;
	*out_version = SASL_CLIENT_PLUG_VERSION;
	*pluglist = plugs;
	*plugcount = 1;
	return SASL_OK;
}
