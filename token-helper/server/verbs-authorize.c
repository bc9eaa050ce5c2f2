/* SPDX-License-Identifier: MIT */
/* verbs-authorize.c - a person signs in, in steps that the tool asks for. See verbs.h. */
#include <json-c/json.h>

#include "token-helper/server/verb-request.h"
#include "token-helper/server/verbs.h"

#include "common/banned.h"

static void on_direct(void *context, enum outcome outcome, const struct account_token *token,
		      const struct err *err)
{
	struct connection *conn = context;
	const struct account *account = connection_job(conn)->account;
	const struct oauth_client *client = &account_config(account)->client;
	struct json_object *object;

	if (outcome != OUTCOME_OK) {
		connection_reply_failure(conn, outcome, err->text);
		return;
	}
	object = json_object_new_object();
	verb_json_string(object, "grant", grant_kind_name(client->grant));
	verb_json_string(object, "account", account_config(account)->name);
	verb_json_string(object, "identity", client->subject);
	verb_json_string(object, "scope",
			 account_grant(account)->scope != NULL ? account_grant(account)->scope
							       : client->scope);
	json_object_object_add(object, "expires", json_object_new_int64(token->expires_s));
	json_object_object_add(object, "refresh_token", json_object_new_boolean(false));
	verb_reply_json(conn, object);
}

/* Which of the two flows with a person: the asker's, else the account's. False, having answered: no
 * such flow. */
static bool choose_flow(struct connection *conn, struct span key, const struct account *account,
			enum grant_kind *kind)
{
	struct buffer value = BUFFER_INIT(VALUE_MAX);
	struct span flow = verb_field(key, "by", &value);
	bool known = true;

	*kind = account_config(account)->client.grant;
	if (span_equals(flow, "code"))
		*kind = GRANT_AUTHORIZATION_CODE;
	else if (span_equals(flow, "device"))
		*kind = GRANT_DEVICE_CODE;
	else
		known = flow.len == 0;
	buffer_release(&value);
	if (!known)
		connection_reply_failure(conn, OUTCOME_PROTOCOL, "by is code or device");
	return known;
}

/* Why this flow and not the other, in words; "" when there is nothing to say. */
static const char *why_flow(const struct account_config *config, enum grant_kind kind)
{
	if (kind != config->client.grant)
		return "as asked for";
	if (kind == GRANT_DEVICE_CODE)
		return "as mailoauth.conf says";
	return config->device_note != NULL ? config->device_note : "";
}

static void reply_begun(struct connection *conn, const struct flow_begun *begun)
{
	const struct account_config *config = account_config(begun->account);
	struct json_object *object = json_object_new_object();

	verb_json_string(object, "grant", grant_kind_name(begun->kind));
	verb_json_string(object, "why", why_flow(config, begun->kind));
	verb_json_string(object, "flow", begun->id);
	verb_json_string(object, "url", begun->url);
	verb_json_string(object, "redirect", begun->redirect);
	verb_json_string(object, "redirect_uri", begun->redirect_uri);
	verb_json_string(object, "user_code", begun->user_code);
	verb_json_string(object, "verification_uri", begun->verification_uri);
	verb_json_string(object, "verification_uri_complete", begun->verification_uri_complete);
	verb_json_string(object, "user", begun->user);
	json_object_object_add(object, "expires_in", json_object_new_int(begun->expires_in_s));
	verb_reply_json(conn, object);
}

static void on_device_begun(void *context, const struct flow_result *result)
{
	struct connection *conn = context;

	if (result->outcome != OUTCOME_OK)
		connection_reply_failure(conn, result->outcome, result->err.text);
	else
		reply_begun(conn, result->begun);
}

static void begin_by_code(struct connection *conn, struct span key, struct flow_wish *wish)
{
	struct buffer redirect = BUFFER_INIT(VALUE_MAX);
	struct flow_begun begun;
	enum outcome outcome;
	struct err err;

	if (verb_field(key, "redirect", &redirect).len > 0)
		wish->redirect = buffer_cstr(&redirect);
	outcome = flow_begin(connection_world(conn)->flows, connection_job(conn)->account, wish,
			     &begun, &err);
	if (outcome != OUTCOME_OK)
		connection_reply_failure(conn, outcome, err.text);
	else
		reply_begun(conn, &begun);
	buffer_release(&redirect);
}

void verb_authorize_begin(struct connection *conn, struct span key)
{
	struct account *account = verb_account(conn, key);
	uint64_t port, elsewhere, replace;
	enum grant_kind kind;

	if (account == NULL || !verb_number(conn, key, "port", 65535, &port) ||
	    !verb_number(conn, key, "elsewhere", 1, &elsewhere) ||
	    !verb_number(conn, key, "replace_identity", 1, &replace))
		return;
	connection_job(conn)->account = account;
	if (!grant_kind_has_person(account_config(account)->client.grant)) {
		connection_wait_account(conn, account_refresh(account, on_direct, conn));
		return;
	}
	if (!choose_flow(conn, key, account, &kind))
		return;
	if (kind == GRANT_DEVICE_CODE)
		connection_wait_flow(conn, flow_begin_device(connection_world(conn)->flows, account,
							     replace != 0, on_device_begun, conn));
	else
		begin_by_code(conn, key,
			      &(struct flow_wish){
				      .port = (uint16_t)port,
				      .elsewhere = elsewhere != 0,
				      .replace_identity = replace != 0,
			      });
}

static void reply_login(struct connection *conn, const struct flow_login *login)
{
	struct json_object *object = json_object_new_object();

	verb_json_string(object, "account", account_config(login->account)->name);
	verb_json_string(object, "flow", login->id);
	json_object_object_add(object, "login", json_object_new_boolean(true));
	verb_reply_json(conn, object);
}

static void on_authorized(void *context, const struct flow_result *result)
{
	struct connection *conn = context;
	struct json_object *object;

	if (result->outcome != OUTCOME_OK) {
		connection_reply_failure(conn, result->outcome, result->err.text);
		return;
	}
	if (result->login != NULL) {
		reply_login(conn, result->login);
		return;
	}
	object = json_object_new_object();
	verb_json_string(object, "account", result->account);
	verb_json_string(object, "identity", result->identity);
	verb_json_string(object, "scope", result->scope);
	json_object_object_add(object, "expires", json_object_new_int64(result->expires_s));
	json_object_object_add(object, "refresh_token",
			       json_object_new_boolean(result->has_refresh_token));
	verb_reply_json(conn, object);
}

void verb_authorize_finish(struct connection *conn, struct span key)
{
	struct buffer flow = BUFFER_INIT(64);
	struct buffer query = BUFFER_INIT_SECRET(HELPER_REQUEST_MAX);
	struct buffer account = BUFFER_INIT(VALUE_MAX);
	struct span id = verb_field(key, "flow", &flow);
	struct span redirect = verb_field(key, "query", &query);
	struct flows *flows = connection_world(conn)->flows;

	if (id.len > 0)
		connection_wait_flow(conn, flow_finish(flows, id, redirect, on_authorized, conn));
	else if (verb_account(conn, key) != NULL)
		connection_wait_flow(conn, flow_finish_account(flows,
							       verb_field(key, "account", &account),
							       redirect, on_authorized, conn));
	buffer_release(&account);
	buffer_release(&flow);
	buffer_release(&query);
}

void verb_authorize_poll(struct connection *conn, struct span key)
{
	struct buffer flow = BUFFER_INIT(64);
	struct span id = verb_field(key, "flow", &flow);
	struct flows *flows = connection_world(conn)->flows;
	struct json_object *object;

	if (!flow_poll(flows, id, on_authorized, conn)) {
		object = json_object_new_object();
		json_object_object_add(object, "pending", json_object_new_boolean(true));
		json_object_object_add(object, "expires_in",
				       json_object_new_int64(flow_expires_in_s(flows, id)));
		verb_reply_json(conn, object);
	}
	buffer_release(&flow);
}

void verb_authorize_token(struct connection *conn, struct span key)
{
	struct buffer flow = BUFFER_INIT(64);
	struct buffer data = BUFFER_INIT_SECRET(HELPER_REPLY_MAX);
	struct span token;
	const struct account *account = flow_login_token(connection_world(conn)->flows,
							 verb_field(key, "flow", &flow), &token);

	if (account == NULL) {
		connection_reply_failure(conn, OUTCOME_CONSENT,
					 "this authorization waits for no login");
	} else if (verb_may_use(conn, account)) {
		(void)fields_append_str(&data, "account", account_config(account)->name);
		(void)fields_append(&data, "token", token);
		connection_reply_ok(conn, buffer_span(&data));
	}
	buffer_release(&data);
	buffer_release(&flow);
}

static bool read_verdict(struct connection *conn, struct span key, enum flow_verdict *verdict)
{
	struct buffer value = BUFFER_INIT(VALUE_MAX);
	struct span word = verb_field(key, "verdict", &value);
	int i = 0;

	while (i < FLOW_VERDICTS && !span_equals(word, flow_verdict_names[i]))
		i++;
	buffer_release(&value);
	*verdict = (enum flow_verdict)i;
	if (i < FLOW_VERDICTS)
		return true;
	connection_reply_failure(conn, OUTCOME_PROTOCOL,
				 "verdict is taken, refused, untried or waived");
	return false;
}

void verb_authorize_settle(struct connection *conn, struct span key)
{
	struct buffer flow = BUFFER_INIT(64);
	struct buffer host = BUFFER_INIT(VALUE_MAX);
	struct buffer user = BUFFER_INIT(VALUE_MAX);
	struct buffer said = BUFFER_INIT(VALUE_MAX);
	struct flow_settlement settlement;

	if (!read_verdict(conn, key, &settlement.verdict))
		return;
	(void)verb_field(key, "host", &host);
	(void)verb_field(key, "user", &user);
	(void)verb_field(key, "said", &said);
	settlement.where = buffer_cstr(&host);
	settlement.user = buffer_cstr(&user);
	settlement.said = buffer_cstr(&said);
	connection_wait_flow(conn, flow_settle(connection_world(conn)->flows,
					       verb_field(key, "flow", &flow), &settlement,
					       on_authorized, conn));
	buffer_release(&said);
	buffer_release(&user);
	buffer_release(&host);
	buffer_release(&flow);
}

void verb_authorize_cancel(struct connection *conn, struct span key)
{
	struct buffer flow = BUFFER_INIT(64);

	flow_cancel(connection_world(conn)->flows, verb_field(key, "flow", &flow));
	connection_reply_ok(conn, (struct span){"", 0});
	buffer_release(&flow);
}
