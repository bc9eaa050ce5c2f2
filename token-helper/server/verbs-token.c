/* SPDX-License-Identifier: MIT */
/* verbs-token.c - what mail programs ask: for a token, and what became of it. See verbs.h. */
#include <string.h>

#include "common/log.h"
#include "token-helper/server/verb-request.h"
#include "token-helper/server/verbs.h"

#include "common/banned.h"

static enum outcome read_service(struct span key, enum service *service, struct err *err)
{
	struct buffer value = BUFFER_INIT(VALUE_MAX);
	struct span word = verb_field(key, "service", &value);
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

/* Postfix does not log a table's reason. */
static void log_login(const char *text)
{
	if (verb_may_log())
		log_warning("login: %s", text);
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
		.selector = verb_field(key, "selector", &selector),
		.user = verb_field(key, "user", &user),
		.host = verb_field(key, "host", &host),
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

void verb_token(struct connection *conn, struct span key)
{
	struct verb_job *job = connection_job(conn);
	uint64_t min_valid_s;
	struct err err;
	enum outcome outcome;

	if (!verb_number(conn, key, "min_valid", 86400, &min_valid_s))
		return;
	outcome = select_account(conn, key, &job->account, &job->service, &err);
	if (outcome != OUTCOME_OK) {
		log_debug("token: %s", err.text);
		connection_reply_failure(conn, outcome, err.text);
		return;
	}
	if (!verb_may_use(conn, job->account))
		return;
	connection_wait_account(
		conn, account_get_token(job->account, (int64_t)min_valid_s, on_token, conn));
}

/* rejected ------------------------------------------------------------------------------------ */

static bool read_fingerprint(struct span key, uint64_t *fingerprint)
{
	struct buffer value = BUFFER_INIT(16);
	struct span digits = verb_field(key, "fingerprint", &value);
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
		accounts_find(connection_world(conn)->accounts, verb_field(key, "account", &name));
	if (*account_out == NULL)
		outcome = select_account(conn, key, account_out, &service, err);
	buffer_release(&name);
	return outcome;
}

void verb_rejected(struct connection *conn, struct span key)
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
	} else if (verb_may_use(conn, account)) {
		(void)verb_field(key, "host", &host);
		(void)verb_field(key, "said", &said);
		account_report_rejected(account, fingerprint, buffer_cstr(&host),
					buffer_cstr(&said));
		connection_reply_ok(conn, (struct span){"", 0});
	}
	buffer_release(&host);
	buffer_release(&said);
}

/* accepted ------------------------------------------------------------------------------------ */

void verb_accepted(struct connection *conn, struct span key)
{
	struct buffer host = BUFFER_INIT(VALUE_MAX);
	struct account *account;
	struct err err;
	enum outcome outcome = account_of_verdict(conn, key, &account, &err);

	if (outcome != OUTCOME_OK) {
		connection_reply_failure(conn, outcome, err.text);
	} else if (verb_may_use(conn, account)) {
		(void)verb_field(key, "host", &host);
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

void verb_login(struct connection *conn, struct span key)
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
	} else if (verb_may_use(conn, job->account)) {
		connection_wait_account(conn,
					account_get_token(job->account, 0, on_login_token, conn));
	}
}
