/* SPDX-License-Identifier: MIT */
/*
 * test-exchange-nomem.c - the plugin without libsasl2, so that every allocation can be made to
 * fail, and libsasl2's own checks are not in the way.
 */
#include <sasl/sasl.h>
#include <sasl/saslplug.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/common/failing-malloc.h"
#include "tests/common/scripted-peer.h"

#include "common/banned.h"

#define REFUSAL "{\"status\":\"401\",\"scope\":\"mail\"}"

int sasl_client_plug_init(const sasl_utils_t *utils, int max_version, int *out_version,
			  sasl_client_plug_t **pluglist, int *plugcount);

static char said[2048]; /* the last thing that went to seterror */

__attribute__((format(printf, 3, 4))) static void on_error(sasl_conn_t *conn, unsigned flags,
							   const char *fmt, ...)
{
	va_list ap;

	(void)conn;
	assert_int_equal(flags, 0);
	/* libsasl's formatter knows little more than this and crashes on the rest. */
	assert_string_equal(fmt, "%s");
	va_start(ap, fmt);
	(void)vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

/* As libsasl's own callback for $USER does: eight bytes through a pointer to four. */
static int on_user(void *context, int id, const char **result, size_t *len)
{
	(void)context;
	(void)id;
	*result = "a@x";
	*len = 3;
	return SASL_OK;
}

static int on_password(sasl_conn_t *conn, void *context, int id, sasl_secret_t **secret)
{
	static union {
		sasl_secret_t secret;
		char room[64];
	} static_secret;

	(void)conn;
	(void)context;
	(void)id;
	static_secret.secret.len = 5;
	memcpy(static_secret.secret.data, "relay", 5);
	*secret = &static_secret.secret;
	return SASL_OK;
}

typedef void any_fn(void);

static int on_get_callback(sasl_conn_t *conn, unsigned long id, sasl_callback_ft *proc,
			   void **context)
{
	(void)conn;
	*context = NULL;
	*proc = (sasl_callback_ft)(id == SASL_CB_PASS ? (any_fn *)on_password : (any_fn *)on_user);
	return SASL_OK;
}

static int prompting_get_callback(sasl_conn_t *conn, unsigned long id, sasl_callback_ft *proc,
				  void **context)
{
	(void)conn;
	(void)id;
	*context = NULL;
	*proc = NULL;
	return SASL_INTERACT;
}

static int on_canon_user(sasl_conn_t *conn, const char *in, unsigned len, unsigned flags,
			 sasl_out_params_t *oparams)
{
	(void)conn;
	assert_int_equal(flags, SASL_CU_AUTHID | SASL_CU_AUTHZID);
	oparams->user = oparams->authid = in;
	oparams->ulen = oparams->alen = len;
	return SASL_OK;
}

static void *plain_malloc(size_t size)
{
	return malloc(size);
}

static const sasl_utils_t utils = {
	.malloc = plain_malloc,
	.free = free,
	.getcallback = on_get_callback,
	.seterror = on_error,
};

static sasl_client_params_t params_for(const sasl_utils_t *which)
{
	return (sasl_client_params_t){
		.service = "smtp",
		.servicelen = 4,
		.serverFQDN = "smtp.example",
		.slen = 12,
		.utils = which,
		.canon_user = on_canon_user,
	};
}

/* A whole life: load, exchange, refusal, unload. The first code that is a failure, else SASL_OK. */
static int live(const sasl_utils_t *which)
{
	sasl_client_params_t params = params_for(which);
	sasl_out_params_t oparams = {0};
	sasl_interact_t *prompts = NULL;
	sasl_client_plug_t *plugs = NULL;
	void *context = NULL;
	const char *out;
	unsigned len;
	int version;
	int count;
	int rc = sasl_client_plug_init(which, SASL_CLIENT_PLUG_VERSION, &version, &plugs, &count);

	if (rc != SASL_OK)
		return rc;
	rc = plugs[0].mech_new(plugs[0].glob_context, &params, &context);
	if (rc == SASL_OK)
		rc = plugs[0].mech_step(context, &params, NULL, 0, &prompts, &out, &len, &oparams);
	if (rc == SASL_INTERACT) {
		prompts[0].result = "a@x";
		prompts[0].len = 3;
		prompts[1].result = "relay";
		prompts[1].len = 5;
		rc = plugs[0].mech_step(context, &params, NULL, 0, &prompts, &out, &len, &oparams);
	}
	if (rc == SASL_CONTINUE) {
		rc = plugs[0].mech_step(context, &params, REFUSAL, strlen(REFUSAL), &prompts, &out,
					&len, &oparams);
		assert_int_equal(oparams.doneflag, 1);
	}
	plugs[0].mech_dispose(context, which);
	free(prompts);
	for (int i = 0; i < count; i++)
		plugs[i].mech_free(plugs[i].glob_context, which);
	return rc;
}

static void sweep_with(const sasl_utils_t *which)
{
	char *framed = peer_netstring("OK account=relay user=a@x expires=0 token=abc");
	struct peer_act act = {PEER_SAY, framed, 0};
	struct scripted_peer peer;
	size_t total;

	peer_start(&peer, &act, 1);
	assert_int_equal(setenv("MAILOAUTH_SOCKET", peer.process.path, 1), 0);
	failing_malloc_arm(0);
	assert_int_equal(live(which), SASL_OK);
	total = failing_malloc_count();
	assert_true(total >= 8);
	for (size_t n = 1; n <= total; n++) {
		int rc;

		failing_malloc_arm(n);
		said[0] = '\0';
		rc = live(which);
		/* Only the report to the daemon may fail in silence. */
		if (rc != SASL_OK)
			assert_int_equal(rc, SASL_NOMEM);
		if (n > 3 && rc != SASL_OK)
			assert_non_null(strstr(said, "memory"));
	}
	failing_malloc_arm(0);
	peer_stop(&peer);
	free(framed);
}

static void every_allocation_fails_once(void **state)
{
	(void)state;
	sweep_with(&utils);
}

static void every_allocation_fails_once_with_prompts(void **state)
{
	sasl_utils_t prompting = utils;

	(void)state;
	prompting.getcallback = prompting_get_callback;
	sweep_with(&prompting);
}

/* A step on a fresh exchange with the parameters given; nobody listens. */
static int first_step(sasl_client_params_t *params, sasl_interact_t **prompts)
{
	sasl_out_params_t oparams = {0};
	sasl_client_plug_t *plugs = NULL;
	void *context = NULL;
	const char *out;
	unsigned len;
	int version;
	int count;
	int rc;

	assert_int_equal(setenv("MAILOAUTH_SOCKET", "/nonexistent/socket", 1), 0);
	assert_int_equal(sasl_client_plug_init(params->utils, 5, &version, &plugs, &count),
			 SASL_OK);
	assert_int_equal(plugs[1].mech_new(plugs[1].glob_context, params, &context), SASL_OK);
	rc = plugs[1].mech_step(context, params, "", 0, prompts, &out, &len, &oparams);
	plugs[1].mech_dispose(context, params->utils);
	for (int i = 0; i < count; i++)
		plugs[i].mech_free(plugs[i].glob_context, params->utils);
	return rc;
}

static void demanded_encryption_must_come_from_outside(void **state)
{
	sasl_client_params_t params = params_for(&utils);

	(void)state;
	params.props.min_ssf = 56;
	assert_int_equal(first_step(&params, NULL), SASL_TOOWEAK);
	params.external_ssf = 56;
	assert_int_equal(first_step(&params, NULL), SASL_UNAVAIL);
	assert_non_null(strstr(said, "/nonexistent/socket"));
}

static void names_too_long_never_leave(void **state)
{
	sasl_client_params_t params = params_for(&utils);
	char *host = calloc(1, 70000);

	(void)state;
	memset(host, 'h', 69999);
	params.serverFQDN = host;
	params.slen = 69999;
	assert_int_equal(first_step(&params, NULL), SASL_CONFIGERR);
	params.serverFQDN = NULL;
	assert_int_equal(first_step(&params, NULL), SASL_UNAVAIL);
	free(host);
}

static void old_libsasl(void **state)
{
	sasl_client_plug_t *plugs = NULL;
	int version;
	int count;

	(void)state;
	assert_int_equal(sasl_client_plug_init(&utils, SASL_CLIENT_PLUG_VERSION - 1, &version,
					       &plugs, &count),
			 SASL_BADVERS);
}

static void step_after_the_last(void **state)
{
	sasl_client_params_t params = params_for(&utils);
	sasl_out_params_t oparams = {0};
	sasl_client_plug_t *plugs = NULL;
	char *framed = peer_netstring("OK account=relay user=a@x expires=0 token=abc");
	struct peer_act act = {PEER_SAY, framed, 0};
	struct scripted_peer peer;
	void *context = NULL;
	const char *out;
	unsigned len;
	int version;
	int count;

	(void)state;
	peer_start(&peer, &act, 1);
	assert_int_equal(setenv("MAILOAUTH_SOCKET", peer.process.path, 1), 0);
	assert_int_equal(sasl_client_plug_init(&utils, 4, &version, &plugs, &count), SASL_OK);
	assert_int_equal(plugs[0].mech_new(plugs[0].glob_context, &params, &context), SASL_OK);
	for (int i = 0; i < 3; i++) {
		static const int codes[] = {SASL_CONTINUE, SASL_OK, SASL_BADPROT};

		assert_int_equal(
			plugs[0].mech_step(context, &params, NULL, 0, NULL, &out, &len, &oparams),
			codes[i]);
	}
	plugs[0].mech_dispose(context, &utils);
	plugs[0].mech_dispose(NULL, &utils);
	for (int i = 0; i < count; i++)
		plugs[i].mech_free(plugs[i].glob_context, &utils);
	peer_stop(&peer);
	free(framed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_fails_once),
		cmocka_unit_test(every_allocation_fails_once_with_prompts),
		cmocka_unit_test(demanded_encryption_must_come_from_outside),
		cmocka_unit_test(names_too_long_never_leave),
		cmocka_unit_test(old_libsasl),
		cmocka_unit_test(step_after_the_last),
	};

	return cmocka_run_group_tests_name("sasl-exchange", tests, NULL, NULL);
}
