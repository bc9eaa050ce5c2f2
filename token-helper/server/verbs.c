/* SPDX-License-Identifier: MIT */
/* verbs.c - see verbs.h. */
#include "token-helper/server/verbs.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "token-helper/accounts/status.h"
#include "token-helper/server/backup.h"

#include "common/banned.h"

/* No value is longer than its request: "too long" must not be mistaken for "absent", which means
 * any service or any host. */
#define VALUE_MAX HELPER_REQUEST_MAX

typedef void verb_fn(struct connection *conn, struct span key);

/* Fields -------------------------------------------------------------------------------------- */

/* The value of a field; an absent one is "". The buffer lives as long as the caller's. */
static struct span field(struct span key, const char *name, struct buffer *value)
{
	if (!fields_get(key, name, value))
		buffer_clear(value);
	return buffer_span(value);
}

/* Absent is 0. False, having answered, when it is no number from 0 to max. */
static bool read_number(struct connection *conn, struct span key, const char *name, uint64_t max,
			uint64_t *number)
{
	struct buffer value = BUFFER_INIT(VALUE_MAX);
	bool absent = field(key, name, &value).len == 0;
	struct err err;

	buffer_release(&value);
	*number = 0;
	if (absent || fields_get_u64(key, name, max, number))
		return true;
	(void)err_set(&err, OUTCOME_PROTOCOL, "%s is not a number from 0 to %" PRIu64, name, max);
	connection_reply_failure(conn, OUTCOME_PROTOCOL, err.text);
	return false;
}

static enum outcome read_service(struct span key, enum service *service, struct err *err)
{
	struct buffer value = BUFFER_INIT(VALUE_MAX);
	struct span word = field(key, "service", &value);
	enum outcome outcome = OUTCOME_OK;
	int s = 0;

	while (s < SERVICE_COUNT && !span_equals(word, service_names[s]))
		s++;
	*service = (enum service)s;
	/* lmtp(8) is smtp(8), and says so to SASL. */
	if (span_equals(word, "lmtp"))
		*service = SERVICE_SMTP;
	else if (s == SERVICE_COUNT && word.len > 0)
		outcome = err_set(err, OUTCOME_CONFIG,
				  "there are tokens for smtp, imap and pop, not for \"%s\"",
				  buffer_cstr(&value));
	buffer_release(&value);
	return outcome;
}

/* Access -------------------------------------------------------------------------------------- */

/* At most one line a second, so that a stranger cannot fill the disk with refusals. */
static bool may_log(void)
{
	static int64_t last_s; /* the only state of this file; it limits a log */
	int64_t now_s = clock_now_s();
	bool may = now_s != last_s;

	last_s = now_s;
	return may;
}

/* The uid without its name: looking that up may block. */
static void log_denied(const struct peer *peer, const char *what)
{
	if (may_log())
		log_warning("denied: %s to pid %ld, uid %lu", what, (long)peer->pid,
			    (unsigned long)peer->uid);
}

/* Postfix does not log a table's reason. */
static void log_login(const char *text)
{
	if (may_log())
		log_warning("login: %s", text);
}

static bool may_use(struct connection *conn, const struct account *account)
{
	const struct peer *peer = connection_peer(conn);
	struct err err;

	if (account_allows(account, peer))
		return true;
	(void)err_set(&err, OUTCOME_DENIED,
		      "account %s: uid %lu may not use it: add the user to allow in its section of "
		      "mailoauth.conf",
		      account_config(account)->name, (unsigned long)peer->uid);
	log_denied(peer, err.text);
	connection_reply_failure(conn, OUTCOME_DENIED, err.text);
	return false;
}

/* Whom a verb is for. */
enum audience {
	FOR_ALLOWED, /* it asks the account */
	FOR_ADMINS,
	FOR_OWNER, /* root and the daemon's user: it hands out what the store holds */
};

static bool is_in(struct connection *conn, enum audience audience)
{
	const struct peer *peer = connection_peer(conn);

	if (audience == FOR_ALLOWED || peer->uid == 0 || peer->uid == geteuid())
		return true;
	return audience == FOR_ADMINS && peer_list_has(connection_world(conn)->admin, peer);
}

static void refuse(struct connection *conn, const char *verb, enum audience audience)
{
	unsigned long uid = (unsigned long)connection_peer(conn)->uid;
	struct err err;

	if (audience == FOR_OWNER)
		(void)err_set(&err, OUTCOME_DENIED,
			      "%s is for root (sudo) and the daemon's own user; you are uid %lu",
			      verb, uid);
	else
		(void)err_set(&err, OUTCOME_DENIED,
			      "%s is for root (sudo) and for who is named by admin in [daemon] of "
			      "mailoauth.conf; you are uid %lu",
			      verb, uid);
	log_denied(connection_peer(conn), verb);
	connection_reply_failure(conn, OUTCOME_DENIED, err.text);
}

static struct account *named_account(struct connection *conn, struct span key)
{
	struct buffer name = BUFFER_INIT(VALUE_MAX);
	struct account *account =
		accounts_find(connection_world(conn)->accounts, field(key, "account", &name));
	struct err err;

	if (account == NULL) {
		(void)err_set(&err, OUTCOME_CONFIG,
			      "there is no account \"%s\"; run: mailoauth status",
			      buffer_cstr(&name));
		connection_reply_failure(conn, OUTCOME_CONFIG, err.text);
	}
	buffer_release(&name);
	return account;
}

/* token --------------------------------------------------------------------------------------- */

/* For a program that knows its account and not the server. */
static void append_hosts(struct buffer *data, const struct words *hosts)
{
	struct buffer text = BUFFER_INIT(HELPER_REPLY_MAX);

	for (size_t i = 0; i < hosts->count; i++)
		(void)buffer_printf(&text, "%s%s", i > 0 ? " " : "", hosts->word[i]);
	(void)fields_append(data, "hosts", buffer_span(&text));
	buffer_release(&text);
}

static void on_token(void *context, enum outcome outcome, const struct account_token *token,
		     const struct err *err)
{
	struct connection *conn = context;
	const struct verb_job *job = connection_job(conn);
	const struct account_config *config;
	struct buffer data = BUFFER_INIT_SECRET(HELPER_REPLY_MAX);

	if (outcome != OUTCOME_OK) {
		connection_reply_failure(conn, outcome, err->text);
		return;
	}
	config = account_config(job->account);
	(void)fields_append_str(&data, "account", config->name);
	(void)fields_append_str(&data, "user",
				job->service != SERVICE_ANY ? config->service_user[job->service]
							    : config->user);
	(void)fields_append_int(&data, "expires", token->expires_s);
	if (job->service != SERVICE_ANY)
		append_hosts(&data, &config->hosts[job->service]);
	(void)fields_append(&data, "token", token->token);
	connection_reply_ok(conn, buffer_span(&data));
	buffer_release(&data);
}

static enum outcome select_account(struct connection *conn, struct span key,
				   struct account **account_out, enum service *service,
				   struct err *err)
{
	struct buffer selector = BUFFER_INIT_SECRET(HELPER_REQUEST_MAX);
	struct buffer user = BUFFER_INIT(VALUE_MAX);
	struct buffer host = BUFFER_INIT(VALUE_MAX);
	struct account_wanted wanted = {
		.selector = field(key, "selector", &selector),
		.user = field(key, "user", &user),
		.host = field(key, "host", &host),
	};
	enum outcome outcome = read_service(key, service, err);

	wanted.service = *service;
	if (outcome == OUTCOME_OK)
		outcome = accounts_select(connection_world(conn)->accounts, &wanted, account_out,
					  err);
	buffer_release(&selector);
	buffer_release(&user);
	buffer_release(&host);
	return outcome;
}

static void verb_token(struct connection *conn, struct span key)
{
	struct verb_job *job = connection_job(conn);
	uint64_t min_valid_s;
	struct err err;
	enum outcome outcome;

	if (!read_number(conn, key, "min_valid", 86400, &min_valid_s))
		return;
	outcome = select_account(conn, key, &job->account, &job->service, &err);
	if (outcome != OUTCOME_OK) {
		log_debug("token: %s", err.text);
		connection_reply_failure(conn, outcome, err.text);
		return;
	}
	if (!may_use(conn, job->account))
		return;
	connection_wait_account(
		conn, account_get_token(job->account, (int64_t)min_valid_s, on_token, conn));
}

/* rejected ------------------------------------------------------------------------------------ */

static bool read_fingerprint(struct span key, uint64_t *fingerprint)
{
	struct buffer value = BUFFER_INIT(16);
	struct span digits = field(key, "fingerprint", &value);
	bool valid = digits.len == 16;
	uint64_t number = 0;

	for (size_t i = 0; valid && i < digits.len; i++) {
		const char *hex = "0123456789abcdef";
		const char *hit = memchr(hex, digits.ptr[i], 16);

		valid = hit != NULL;
		if (valid)
			number = number << 4 | (uint64_t)(hit - hex);
	}
	buffer_release(&value);
	*fingerprint = number;
	return valid;
}

static enum outcome account_of_verdict(struct connection *conn, struct span key,
				       struct account **account_out, struct err *err)
{
	struct buffer name = BUFFER_INIT(VALUE_MAX);
	enum service service;
	enum outcome outcome = OUTCOME_OK;

	*account_out =
		accounts_find(connection_world(conn)->accounts, field(key, "account", &name));
	if (*account_out == NULL)
		outcome = select_account(conn, key, account_out, &service, err);
	buffer_release(&name);
	return outcome;
}

static void verb_rejected(struct connection *conn, struct span key)
{
	struct buffer host = BUFFER_INIT(VALUE_MAX);
	struct buffer said = BUFFER_INIT(VALUE_MAX);
	struct account *account;
	uint64_t fingerprint;
	struct err err;
	enum outcome outcome = account_of_verdict(conn, key, &account, &err);

	if (outcome != OUTCOME_OK) {
		connection_reply_failure(conn, outcome, err.text);
	} else if (!read_fingerprint(key, &fingerprint)) {
		connection_reply_failure(conn, OUTCOME_PROTOCOL,
					 "fingerprint must be 16 hexadecimal digits");
	} else if (may_use(conn, account)) {
		(void)field(key, "host", &host);
		(void)field(key, "said", &said);
		account_report_rejected(account, fingerprint, buffer_cstr(&host),
					buffer_cstr(&said));
		connection_reply_ok(conn, (struct span){"", 0});
	}
	buffer_release(&host);
	buffer_release(&said);
}

/* accepted ------------------------------------------------------------------------------------ */

static void verb_accepted(struct connection *conn, struct span key)
{
	struct buffer host = BUFFER_INIT(VALUE_MAX);
	struct account *account;
	struct err err;
	enum outcome outcome = account_of_verdict(conn, key, &account, &err);

	if (outcome != OUTCOME_OK) {
		connection_reply_failure(conn, outcome, err.text);
	} else if (may_use(conn, account)) {
		(void)field(key, "host", &host);
		account_report_accepted(account, buffer_cstr(&host));
		connection_reply_ok(conn, (struct span){"", 0});
	}
	buffer_release(&host);
}

/* login --------------------------------------------------------------------------------------- */

static void on_login_token(void *context, enum outcome outcome, const struct account_token *token,
			   const struct err *err)
{
	struct connection *conn = context;
	const struct account_config *config;
	struct buffer data = BUFFER_INIT_SECRET(HELPER_REPLY_MAX);

	if (outcome != OUTCOME_OK) {
		log_login(err->text);
		connection_reply_failure(conn, outcome, err->text);
		return;
	}
	config = account_config(connection_job(conn)->account);
	(void)buffer_printf(&data, "%s:Bearer ", config->service_user[SERVICE_SMTP]);
	(void)buffer_append_span(&data, token->token);
	connection_reply_ok(conn, buffer_span(&data));
	buffer_release(&data);
}

static void verb_login(struct connection *conn, struct span key)
{
	struct verb_job *job = connection_job(conn);
	struct err err;
	enum outcome outcome =
		accounts_login(connection_world(conn)->accounts, key, &job->account, &err);

	if (outcome != OUTCOME_OK) {
		log_login(err.text);
		connection_reply_failure(conn, outcome, err.text);
	} else if (job->account == NULL) {
		connection_reply_notfound(conn);
	} else if (may_use(conn, job->account)) {
		connection_wait_account(conn,
					account_get_token(job->account, 0, on_login_token, conn));
	}
}

/* The tool's verbs ---------------------------------------------------------------------------- */

static void reply_json(struct connection *conn, struct json_object *object)
{
	connection_reply_ok(
		conn, span_from_str(json_object_to_json_string_ext(
			      object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));
	json_object_put(object);
}

static void add_string(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, value != NULL ? json_object_new_string(value) : NULL);
}

static void verb_status(struct connection *conn, struct span key)
{
	struct buffer json = BUFFER_INIT(HELPER_REPLY_MAX - 16);
	struct buffer name = BUFFER_INIT(VALUE_MAX);
	struct buffer after = BUFFER_INIT(VALUE_MAX);
	struct account *account = NULL;

	(void)field(key, "after", &after);
	if (field(key, "account", &name).len > 0) {
		if (status_append_orphan(connection_world(conn)->accounts, buffer_span(&name),
					 &json)) {
			connection_reply_ok(conn, buffer_span(&json));
			goto out;
		}
		account = named_account(conn, key);
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
	add_string(object, "account", account_config(job->account)->name);
	json_object_object_add(object, "expires", json_object_new_int64(token->expires_s));
	json_object_object_add(object, "expires_before",
			       json_object_new_int64(job->expires_before_s));
	reply_json(conn, object);
}

static void verb_refresh(struct connection *conn, struct span key)
{
	struct verb_job *job = connection_job(conn);

	job->account = named_account(conn, key);
	if (job->account == NULL)
		return;
	job->expires_before_s = account_expires_s(job->account);
	connection_wait_account(conn, account_refresh(job->account, on_refreshed, conn));
}

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
	add_string(object, "grant", grant_kind_name(client->grant));
	add_string(object, "account", account_config(account)->name);
	add_string(object, "identity", client->subject);
	add_string(object, "scope",
		   account_grant(account)->scope != NULL ? account_grant(account)->scope
							 : client->scope);
	json_object_object_add(object, "expires", json_object_new_int64(token->expires_s));
	json_object_object_add(object, "refresh_token", json_object_new_boolean(false));
	reply_json(conn, object);
}

/* Which of the two flows with a person: the asker's, else the account's. False, having answered: no
 * such flow. */
static bool choose_flow(struct connection *conn, struct span key, const struct account *account,
			enum grant_kind *kind)
{
	struct buffer value = BUFFER_INIT(VALUE_MAX);
	struct span flow = field(key, "by", &value);
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

	add_string(object, "grant", grant_kind_name(begun->kind));
	add_string(object, "why", why_flow(config, begun->kind));
	add_string(object, "flow", begun->id);
	add_string(object, "url", begun->url);
	add_string(object, "redirect", begun->redirect);
	add_string(object, "redirect_uri", begun->redirect_uri);
	add_string(object, "user_code", begun->user_code);
	add_string(object, "verification_uri", begun->verification_uri);
	add_string(object, "verification_uri_complete", begun->verification_uri_complete);
	add_string(object, "user", begun->user);
	json_object_object_add(object, "expires_in", json_object_new_int(begun->expires_in_s));
	reply_json(conn, object);
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

	if (field(key, "redirect", &redirect).len > 0)
		wish->redirect = buffer_cstr(&redirect);
	outcome = flow_begin(connection_world(conn)->flows, connection_job(conn)->account, wish,
			     &begun, &err);
	if (outcome != OUTCOME_OK)
		connection_reply_failure(conn, outcome, err.text);
	else
		reply_begun(conn, &begun);
	buffer_release(&redirect);
}

static void verb_authorize_begin(struct connection *conn, struct span key)
{
	struct account *account = named_account(conn, key);
	uint64_t port, elsewhere, replace;
	enum grant_kind kind;

	if (account == NULL || !read_number(conn, key, "port", 65535, &port) ||
	    !read_number(conn, key, "elsewhere", 1, &elsewhere) ||
	    !read_number(conn, key, "replace_identity", 1, &replace))
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

	add_string(object, "account", account_config(login->account)->name);
	add_string(object, "flow", login->id);
	json_object_object_add(object, "login", json_object_new_boolean(true));
	reply_json(conn, object);
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
	add_string(object, "account", result->account);
	add_string(object, "identity", result->identity);
	add_string(object, "scope", result->scope);
	json_object_object_add(object, "expires", json_object_new_int64(result->expires_s));
	json_object_object_add(object, "refresh_token",
			       json_object_new_boolean(result->has_refresh_token));
	reply_json(conn, object);
}

static void verb_authorize_finish(struct connection *conn, struct span key)
{
	struct buffer flow = BUFFER_INIT(64);
	struct buffer query = BUFFER_INIT_SECRET(HELPER_REQUEST_MAX);
	struct buffer account = BUFFER_INIT(VALUE_MAX);
	struct span id = field(key, "flow", &flow);
	struct span redirect = field(key, "query", &query);
	struct flows *flows = connection_world(conn)->flows;

	if (id.len > 0)
		connection_wait_flow(conn, flow_finish(flows, id, redirect, on_authorized, conn));
	else if (named_account(conn, key) != NULL)
		connection_wait_flow(conn,
				     flow_finish_account(flows, field(key, "account", &account),
							 redirect, on_authorized, conn));
	buffer_release(&account);
	buffer_release(&flow);
	buffer_release(&query);
}

static void verb_authorize_poll(struct connection *conn, struct span key)
{
	struct buffer flow = BUFFER_INIT(64);
	struct span id = field(key, "flow", &flow);
	struct flows *flows = connection_world(conn)->flows;
	struct json_object *object;

	if (!flow_poll(flows, id, on_authorized, conn)) {
		object = json_object_new_object();
		json_object_object_add(object, "pending", json_object_new_boolean(true));
		json_object_object_add(object, "expires_in",
				       json_object_new_int64(flow_expires_in_s(flows, id)));
		reply_json(conn, object);
	}
	buffer_release(&flow);
}

static void verb_authorize_token(struct connection *conn, struct span key)
{
	struct buffer flow = BUFFER_INIT(64);
	struct buffer data = BUFFER_INIT_SECRET(HELPER_REPLY_MAX);
	struct span token;
	const struct account *account =
		flow_login_token(connection_world(conn)->flows, field(key, "flow", &flow), &token);

	if (account == NULL) {
		connection_reply_failure(conn, OUTCOME_CONSENT,
					 "this authorization waits for no login");
	} else if (may_use(conn, account)) {
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
	struct span word = field(key, "verdict", &value);
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

static void verb_authorize_settle(struct connection *conn, struct span key)
{
	struct buffer flow = BUFFER_INIT(64);
	struct buffer host = BUFFER_INIT(VALUE_MAX);
	struct buffer user = BUFFER_INIT(VALUE_MAX);
	struct buffer said = BUFFER_INIT(VALUE_MAX);
	struct flow_settlement settlement;

	if (!read_verdict(conn, key, &settlement.verdict))
		return;
	(void)field(key, "host", &host);
	(void)field(key, "user", &user);
	(void)field(key, "said", &said);
	settlement.where = buffer_cstr(&host);
	settlement.user = buffer_cstr(&user);
	settlement.said = buffer_cstr(&said);
	connection_wait_flow(conn,
			     flow_settle(connection_world(conn)->flows, field(key, "flow", &flow),
					 &settlement, on_authorized, conn));
	buffer_release(&said);
	buffer_release(&user);
	buffer_release(&host);
	buffer_release(&flow);
}

static void verb_authorize_cancel(struct connection *conn, struct span key)
{
	struct buffer flow = BUFFER_INIT(64);

	flow_cancel(connection_world(conn)->flows, field(key, "flow", &flow));
	connection_reply_ok(conn, (struct span){"", 0});
	buffer_release(&flow);
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
	add_string(object, "text", result->err.text[0] != '\0' ? result->err.text : NULL);
	reply_json(conn, object);
}

static void verb_forget(struct connection *conn, struct span key)
{
	struct buffer name = BUFFER_INIT(VALUE_MAX);
	struct span account = field(key, "account", &name);

	if (account.len == 0 || strlen(buffer_cstr(&name)) != account.len)
		connection_reply_failure(conn, OUTCOME_PROTOCOL, "account is no account's name");
	else
		connection_wait_forget(conn, forget_begin(connection_world(conn)->accounts,
							  buffer_cstr(&name), on_forgotten, conn));
	buffer_release(&name);
}

static void verb_reload(struct connection *conn, struct span key)
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

static void verb_ping(struct connection *conn, struct span key)
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

/* The table ----------------------------------------------------------------------------------- */

static const struct verb {
	const char *name;
	enum audience audience;
	bool plain_key; /* not fields */
	verb_fn *run;
} verbs[] = {
	{"token", FOR_ALLOWED, false, verb_token},
	{"rejected", FOR_ALLOWED, false, verb_rejected},
	{"accepted", FOR_ALLOWED, false, verb_accepted},
	{"login", FOR_ALLOWED, true, verb_login},
	{"status", FOR_ADMINS, false, verb_status},
	{"refresh", FOR_ADMINS, false, verb_refresh},
	{"authorize-begin", FOR_ADMINS, false, verb_authorize_begin},
	{"authorize-finish", FOR_ADMINS, false, verb_authorize_finish},
	{"authorize-poll", FOR_ADMINS, false, verb_authorize_poll},
	{"authorize-token", FOR_ADMINS, false, verb_authorize_token},
	{"authorize-settle", FOR_ADMINS, false, verb_authorize_settle},
	{"authorize-cancel", FOR_ADMINS, false, verb_authorize_cancel},
	{"reload", FOR_ADMINS, false, verb_reload},
	{"ping", FOR_ADMINS, false, verb_ping},
	{"forget", FOR_ADMINS, false, verb_forget},
	{"backup-list", FOR_OWNER, false, verb_backup_list},
	{"backup", FOR_OWNER, false, verb_backup},
	{"restore", FOR_OWNER, false, verb_restore},
};

static const struct verb *find_verb(struct span name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (span_equals(name, verbs[i].name))
			return &verbs[i];
	}
	return NULL;
}

void verb_run(struct connection *conn, const struct helper_request *request)
{
	const struct verb *verb = find_verb(request->verb);

	*connection_job(conn) = (struct verb_job){.service = SERVICE_ANY};
	if (verb == NULL) {
		connection_reply_failure(conn, OUTCOME_PROTOCOL, "there is no such verb");
	} else if (!verb->plain_key && !fields_valid(request->key)) {
		connection_reply_failure(conn, OUTCOME_PROTOCOL,
					 "the fields are malformed: key=value, percent-encoded");
	} else if (!is_in(conn, verb->audience)) {
		refuse(conn, verb->name, verb->audience);
	} else {
		verb->run(conn, request->key);
	}
}
