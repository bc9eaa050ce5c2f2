/* SPDX-License-Identifier: MIT */
/* verbs-admin.c - what the tool asks of accounts and of the daemon. See verbs.h. */
#include <json-c/json.h>
#include <string.h>
#include <unistd.h>

#include "token-helper/accounts/status.h"
#include "token-helper/server/verb-request.h"
#include "token-helper/server/verbs.h"

#include "common/banned.h"

void verb_status(struct connection *conn, struct span key)
{
	struct buffer json = BUFFER_INIT(HELPER_REPLY_MAX - 16);
	struct buffer name = BUFFER_INIT(VALUE_MAX);
	struct buffer after = BUFFER_INIT(VALUE_MAX);
	struct account *account = NULL;

	(void)verb_field(key, "after", &after);
	if (verb_field(key, "account", &name).len > 0) {
		if (status_append_orphan(connection_world(conn)->accounts, buffer_span(&name),
					 &json)) {
			connection_reply_ok(conn, buffer_span(&json));
			goto out;
		}
		account = verb_account(conn, key);
		if (account == NULL)
			goto out;
	}
	if (status_append(connection_world(conn)->accounts, account, buffer_cstr(&after),
			  HELPER_REPLY_MAX - 16, &json))
		connection_reply_ok(conn, buffer_span(&json));
	else
		connection_reply_failure(conn, OUTCOME_CONFIG,
					 "the account is too much for one answer");
out:
	buffer_release(&after);
	buffer_release(&json);
	buffer_release(&name);
}

static void on_refreshed(void *context, enum outcome outcome, const struct account_token *token,
			 const struct err *err)
{
	struct connection *conn = context;
	const struct verb_job *job = connection_job(conn);
	struct json_object *object;

	if (outcome != OUTCOME_OK) {
		connection_reply_failure(conn, outcome, err->text);
		return;
	}
	object = json_object_new_object();
	verb_json_string(object, "account", account_config(job->account)->name);
	json_object_object_add(object, "expires", json_object_new_int64(token->expires_s));
	json_object_object_add(object, "expires_before",
			       json_object_new_int64(job->expires_before_s));
	verb_reply_json(conn, object);
}

void verb_refresh(struct connection *conn, struct span key)
{
	struct verb_job *job = connection_job(conn);

	job->account = verb_account(conn, key);
	if (job->account == NULL)
		return;
	job->expires_before_s = account_expires_s(job->account);
	connection_wait_account(conn, account_refresh(job->account, on_refreshed, conn));
}

static void on_forgotten(void *context, const struct forget_result *result)
{
	struct connection *conn = context;
	struct json_object *object;

	if (result->outcome != OUTCOME_OK) {
		connection_reply_failure(conn, result->outcome, result->err.text);
		return;
	}
	object = json_object_new_object();
	json_object_object_add(object, "revoked", json_object_new_boolean(result->revoked));
	json_object_object_add(object, "deleted", json_object_new_boolean(result->deleted));
	verb_json_string(object, "text", result->err.text[0] != '\0' ? result->err.text : NULL);
	verb_reply_json(conn, object);
}

void verb_forget(struct connection *conn, struct span key)
{
	struct buffer name = BUFFER_INIT(VALUE_MAX);
	struct span account = verb_field(key, "account", &name);

	if (account.len == 0 || strlen(buffer_cstr(&name)) != account.len)
		connection_reply_failure(conn, OUTCOME_PROTOCOL, "account is no account's name");
	else
		connection_wait_forget(conn, forget_begin(connection_world(conn)->accounts,
							  buffer_cstr(&name), on_forgotten, conn));
	buffer_release(&name);
}

void verb_reload(struct connection *conn, struct span key)
{
	const struct server_world *world = connection_world(conn);
	struct err err;
	enum outcome outcome = world->reload(world->reload_context, &err);

	(void)key;
	if (outcome == OUTCOME_OK)
		connection_reply_ok(conn, (struct span){"", 0});
	else
		connection_reply_failure(conn, outcome, err.text);
}

void verb_ping(struct connection *conn, struct span key)
{
	struct buffer data = BUFFER_INIT(256);
	const struct confinement *confinement = connection_world(conn)->confinement;

	(void)key;
	(void)fields_append_str(&data, "version", PACKAGE_VERSION);
	(void)fields_append_int(&data, "pid", (int64_t)getpid());
	(void)fields_append_int(&data, "accounts",
				(int64_t)accounts_count(connection_world(conn)->accounts));
	(void)fields_append_int(&data, "files_confined", confinement->files);
	(void)fields_append_int(&data, "calls_confined", confinement->calls);
	connection_reply_ok(conn, buffer_span(&data));
	buffer_release(&data);
}
