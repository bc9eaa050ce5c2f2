/* SPDX-License-Identifier: MIT */
/* probe-sasl.c - see probe-sasl.h. */
#include "token-helper/probe/probe-sasl.h"

#include <dlfcn.h>
#include <sasl/sasl.h>
#include <sasl/saslplug.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "token-helper/probe/probe.h"

#include "common/banned.h"

#define OUR_PLUGIN "libmailoauth.so"
#define CALLBACKS  4
#define WORDS_MAX  2048

struct probe_sasl {
	sasl_conn_t *conn;
	char *user;
	sasl_secret_t *password;
	struct buffer words;
	sasl_callback_t callbacks[CALLBACKS];
};

typedef int any_fn(void);

#define CALLBACK(function) ((any_fn *)(void (*)(void))(function))

static int on_log(void *context, int level, const char *message)
{
	struct probe_sasl *sasl = context;

	if (sasl == NULL || level > SASL_LOG_FAIL || message == NULL)
		return SASL_OK;
	buffer_clear(&sasl->words);
	(void)buffer_append_str(&sasl->words, message);
	return SASL_OK;
}

static int on_user(void *context, int id, const char **result, unsigned *len)
{
	const struct probe_sasl *sasl = context;

	(void)id;
	*result = sasl->user;
	if (len != NULL)
		*len = (unsigned)strlen(sasl->user);
	return SASL_OK;
}

static int on_password(sasl_conn_t *conn, void *context, int id, sasl_secret_t **secret)
{
	struct probe_sasl *sasl = context;

	(void)conn;
	(void)id;
	*secret = sasl->password;
	return SASL_OK;
}

/* libsasl2 as a whole ------------------------------------------------------------------------- */

enum outcome probe_init(const char *socket, struct err *err)
{
	static const sasl_callback_t callbacks[] = {
		{SASL_CB_LOG, CALLBACK(on_log), NULL},
		{SASL_CB_LIST_END, NULL, NULL},
	};
	int rc;

	/* The plugin reads it when it is loaded: it is to ask the daemon that we ask. */
	if (setenv("MAILOAUTH_SOCKET", socket, 1) < 0)
		return err_set(err, OUTCOME_NOMEM, "out of memory");
	rc = sasl_client_init(callbacks);
	if (rc != SASL_OK)
		return err_set(err, OUTCOME_CONFIG, "libsasl2 does not start: %s",
			       sasl_errstring(rc, NULL, NULL));
	return OUTCOME_OK;
}

void probe_done(void)
{
	sasl_client_done();
}

/* The mechanism's name is a constant of the plugin's: whose memory it lies in is who gave it. */
static const char *file_of(const char *mechanism)
{
	Dl_info info;

	return dladdr(mechanism, &info) != 0 && info.dli_fname != NULL ? info.dli_fname
								       : "an unknown file";
}

bool probe_sasl_is_ours(const char *file)
{
	const char *slash = strrchr(file, '/');

	return strcmp(slash != NULL ? slash + 1 : file, OUR_PLUGIN) == 0;
}

struct listing {
	const char *mechanism;
	struct buffer *text;
};

static void on_plugin(client_sasl_mechanism_t *mechanism, sasl_info_callback_stage_t stage,
		      void *context)
{
	const struct listing *listing = context;

	if (stage != SASL_INFO_LIST_MECH || mechanism == NULL ||
	    strcmp(mechanism->plug->mech_name, listing->mechanism) != 0)
		return;
	if (listing->text->len > 0)
		(void)buffer_append_str(listing->text, ", ");
	(void)buffer_append_str(listing->text, file_of(mechanism->plug->mech_name));
}

void probe_sasl_files(const char *mechanism, struct buffer *text)
{
	struct listing listing = {mechanism, text};

	(void)sasl_client_plugin_info(NULL, on_plugin, &listing);
}

/* One exchange -------------------------------------------------------------------------------- */

static void set_password(struct probe_sasl *sasl, const char *prefix, struct span text)
{
	size_t prefix_len = strlen(prefix);
	size_t len = prefix_len + text.len;

	sasl->password = xcalloc(1, sizeof(sasl_secret_t) + len + 1);
	sasl->password->len = len;
	memcpy(sasl->password->data, prefix, prefix_len);
	memcpy(sasl->password->data + prefix_len, text.ptr, text.len);
}

static void password_free(sasl_secret_t *password)
{
	if (password != NULL)
		wipe(password->data, password->len);
	free(password);
}

struct probe_sasl *probe_sasl_new(const struct probe_sasl_facts *facts, struct err *err)
{
	struct probe_sasl *sasl = xcalloc(1, sizeof(*sasl));
	/* As Postfix under smtp_sasl_tls_security_options = noanonymous. */
	sasl_security_properties_t demands = {.security_flags = SASL_SEC_NOANONYMOUS};
	int rc;

	buffer_init(&sasl->words, WORDS_MAX);
	sasl->user = xstrdup(facts->user);
	if (facts->token.len > 0)
		set_password(sasl, "Bearer ", facts->token);
	else
		set_password(sasl, "", span_from_str(facts->account));
	sasl->callbacks[0] = (sasl_callback_t){SASL_CB_AUTHNAME, CALLBACK(on_user), sasl};
	sasl->callbacks[1] = (sasl_callback_t){SASL_CB_PASS, CALLBACK(on_password), sasl};
	sasl->callbacks[2] = (sasl_callback_t){SASL_CB_LOG, CALLBACK(on_log), sasl};
	sasl->callbacks[3] = (sasl_callback_t){SASL_CB_LIST_END, NULL, NULL};
	rc = sasl_client_new(facts->service, facts->host, NULL, NULL, sasl->callbacks, 0,
			     &sasl->conn);
	if (rc == SASL_OK)
		rc = sasl_setprop(sasl->conn, SASL_SEC_PROPS, &demands);
	if (rc == SASL_OK)
		return sasl;
	(void)err_set(err, OUTCOME_CONFIG, "libsasl2: %s", sasl_errstring(rc, NULL, NULL));
	probe_sasl_free(sasl);
	return NULL;
}

void probe_sasl_free(struct probe_sasl *sasl)
{
	if (sasl == NULL)
		return;
	if (sasl->conn != NULL)
		sasl_dispose(&sasl->conn);
	buffer_release(&sasl->words);
	password_free(sasl->password);
	free(sasl->user);
	free(sasl);
}

enum outcome probe_sasl_choose(struct probe_sasl *sasl, const char *mechanisms,
			       const char **mechanism_out, const char **file_out, struct err *err)
{
	const char *mechanism = NULL;
	/* Without a place for the first message there is none: nobody is asked for a token. */
	int rc = sasl_client_start(sasl->conn, mechanisms, NULL, NULL, NULL, &mechanism);

	if (rc != SASL_OK && rc != SASL_CONTINUE)
		return err_set(err, OUTCOME_CONFIG,
			       "libsasl2 has no plugin for %s (%s): is " OUR_PLUGIN
			       " where saslpluginviewer -c (or pluginviewer -c) looks?",
			       mechanisms, sasl_errstring(rc, NULL, NULL));
	*mechanism_out = mechanism;
	*file_out = file_of(mechanism);
	return OUTCOME_OK;
}

/* What the plugin's code means for the caller: libmailoauth(8) has the table. */
static enum outcome outcome_of(int rc)
{
	static const struct {
		int rc;
		enum outcome what;
	} codes[] = {
		{SASL_TRYAGAIN, OUTCOME_RETRY},	 {SASL_UNAVAIL, OUTCOME_RETRY},
		{SASL_EXPIRED, OUTCOME_CONSENT}, {SASL_BADAUTH, OUTCOME_CONSENT},
		{SASL_NOAUTHZ, OUTCOME_DENIED},	 {SASL_NOMEM, OUTCOME_NOMEM},
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (codes[i].rc == rc)
			return codes[i].what;
	}
	return OUTCOME_CONFIG;
}

enum outcome probe_sasl_step(struct probe_sasl *sasl, bool first, struct span challenge,
			     struct span *answer_out, struct err *err)
{
	const char *answer = NULL;
	unsigned len = 0;
	sasl_interact_t *prompts = NULL;
	int rc = sasl_client_step(sasl->conn, first ? NULL : challenge.ptr,
				  first ? 0 : (unsigned)challenge.len, &prompts, &answer, &len);

	if (rc != SASL_OK && rc != SASL_CONTINUE)
		return err_set(err, outcome_of(rc), "%s",
			       sasl->words.len > 0 ? buffer_cstr(&sasl->words)
						   : sasl_errdetail(sasl->conn));
	*answer_out = (struct span){answer != NULL ? answer : "", len};
	return OUTCOME_OK;
}

const char *probe_sasl_words(struct probe_sasl *sasl)
{
	return buffer_cstr(&sasl->words);
}
