/* SPDX-License-Identifier: MIT */
/* sasl-login.c - see sasl-login.h. */
#include "fetch-agent/auth/sasl-login.h"

#include <sasl/sasl.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define LITERAL	  "Bearer "
#define CALLBACKS 4
#define LAYER_MAX 0 /* TLS is below us: no security layer */

struct sasl_login {
	sasl_conn_t *conn;
	char *mechanisms;
	char *user;
	sasl_secret_t *password;
	size_t password_size;
	sasl_callback_t callbacks[CALLBACKS];
	bool complete;
};

typedef int any_fn(void);

#define CALLBACK(function) ((any_fn *)(void (*)(void))(function))

static int on_log(void *context, int level, const char *message)
{
	(void)context;
	if (level <= SASL_LOG_FAIL)
		log_debug("SASL: %s", message);
	return SASL_OK;
}

static int on_user(void *context, int id, const char **result, unsigned *len)
{
	const struct sasl_login *login = context;

	(void)id;
	*result = login->user;
	if (len != NULL)
		*len = (unsigned)strlen(login->user);
	return SASL_OK;
}

static int on_password(sasl_conn_t *conn, void *context, int id, sasl_secret_t **secret)
{
	struct sasl_login *login = context;

	(void)conn;
	(void)id;
	*secret = login->password;
	return SASL_OK;
}

bool sasl_login_knows(const char *wanted)
{
	const char **known = sasl_global_listmech();

	for (; known != NULL && *known != NULL; known++) {
		if (strcmp(*known, wanted) == 0)
			return true;
	}
	return false;
}

enum outcome sasl_login_init(struct err *err)
{
	static const sasl_callback_t callbacks[] = {
		{SASL_CB_LOG, CALLBACK(on_log), NULL},
		{SASL_CB_LIST_END, NULL, NULL},
	};
	int rc = sasl_client_init(callbacks);

	if (rc != SASL_OK)
		return err_set(err, OUTCOME_CONFIG, "libsasl2 does not start: %s",
			       sasl_errstring(rc, NULL, NULL));
	if (!sasl_login_knows("XOAUTH2") && !sasl_login_knows("OAUTHBEARER"))
		return err_set(
			err, OUTCOME_CONFIG,
			"libsasl2 has no XOAUTH2: is libmailoauth.so installed where it looks "
			"(saslpluginviewer -c, or pluginviewer -c)?");
	return OUTCOME_OK;
}

void sasl_login_done(void)
{
	sasl_client_done();
}

static void set_password(struct sasl_login *login, const struct sasl_login_facts *facts)
{
	size_t before = facts->is_token ? sizeof(LITERAL) - 1 : 0;
	size_t len = before + facts->secret.len;

	login->password_size = sizeof(sasl_secret_t) + len + 1;
	login->password = xcalloc(1, login->password_size);
	login->password->len = len;
	memcpy(login->password->data, LITERAL, before);
	memcpy(login->password->data + before, facts->secret.ptr, facts->secret.len);
}

struct sasl_login *sasl_login_new(const struct sasl_login_facts *facts, struct err *err)
{
	struct sasl_login *login = xcalloc(1, sizeof(*login));
	sasl_security_properties_t demands = {.maxbufsize = LAYER_MAX,
					      .security_flags = SASL_SEC_NOANONYMOUS};
	int rc;

	login->mechanisms = xstrdup(facts->mechanisms);
	login->user = xspandup(facts->user);
	set_password(login, facts);
	login->callbacks[0] = (sasl_callback_t){SASL_CB_AUTHNAME, CALLBACK(on_user), login};
	login->callbacks[1] = (sasl_callback_t){SASL_CB_PASS, CALLBACK(on_password), login};
	login->callbacks[2] = (sasl_callback_t){SASL_CB_LOG, CALLBACK(on_log), login};
	login->callbacks[3] = (sasl_callback_t){SASL_CB_LIST_END, NULL, NULL};
	rc = sasl_client_new("imap", facts->host, NULL, facts->remote, login->callbacks, 0,
			     &login->conn);
	if (rc == SASL_OK)
		rc = sasl_setprop(login->conn, SASL_SEC_PROPS, &demands);
	if (rc == SASL_OK)
		return login;
	(void)err_set(err, OUTCOME_CONFIG, "SASL: %s", sasl_errstring(rc, NULL, NULL));
	sasl_login_free(login);
	return NULL;
}

void sasl_login_free(struct sasl_login *login)
{
	if (login == NULL)
		return;
	if (login->conn != NULL)
		sasl_dispose(&login->conn);
	wipe(login->password, login->password_size);
	free(login->password);
	free(login->user);
	free(login->mechanisms);
	free(login);
}

static enum outcome fail(struct sasl_login *login, int rc, struct err *err)
{
	return err_set(err, rc == SASL_NOMECH ? OUTCOME_PROTOCOL : OUTCOME_CONFIG, "SASL: %s",
		       rc == SASL_NOMECH ? "no mechanism that both sides have"
					 : sasl_errdetail(login->conn));
}

enum outcome sasl_login_start(struct sasl_login *login, const char **mechanism_out,
			      struct span *message_out, struct err *err)
{
	const char *message = NULL, *mechanism = NULL;
	unsigned len = 0;
	int rc =
		sasl_client_start(login->conn, login->mechanisms, NULL, &message, &len, &mechanism);

	if (rc != SASL_OK && rc != SASL_CONTINUE)
		return fail(login, rc, err);
	login->complete = rc == SASL_OK;
	*mechanism_out = mechanism;
	*message_out = (struct span){message != NULL ? message : "", len};
	return OUTCOME_OK;
}

enum outcome sasl_login_step(struct sasl_login *login, struct span challenge,
			     struct span *answer_out, struct err *err)
{
	const char *answer = NULL;
	unsigned len = 0;
	int rc = sasl_client_step(login->conn, challenge.ptr, (unsigned)challenge.len, NULL,
				  &answer, &len);

	if (rc != SASL_OK && rc != SASL_CONTINUE)
		return fail(login, rc, err);
	login->complete = rc == SASL_OK;
	*answer_out = (struct span){answer != NULL ? answer : "", len};
	return OUTCOME_OK;
}

bool sasl_login_is_complete(const struct sasl_login *login)
{
	return login->complete;
}
