/* SPDX-License-Identifier: MIT */
/* token-source.c - see token-source.h. */
#include "sasl-plugin/token-source.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/deadline.h"
#include "common/helper-protocol.h"
#include "common/scanner.h"
#include "sasl-plugin/login.h"

#include "common/banned.h"

#define ACCOUNT_MAX  256  /* bytes of an account's name */
#define SELECTOR_MAX 4096 /* bytes of a password that selects an account */
#define SAID_MAX     1000 /* bytes of the server's words in a report */
#define LITERAL	     "Bearer "

void token_init(struct token *token)
{
	*token = (struct token){
		.account = BUFFER_INIT(ACCOUNT_MAX),
		.user = BUFFER_INIT(LOGIN_USER_MAX),
		.bytes = BUFFER_INIT_SECRET(HELPER_TOKEN_MAX),
	};
}

void token_release(struct token *token)
{
	buffer_release(&token->account);
	buffer_release(&token->user);
	buffer_release(&token->bytes);
}

/* The daemon knows three services; what else speaks SASL is left out and means "any". */
static const char *service_name(struct span service)
{
	static const struct {
		const char *sasl;
		const char *ours;
	} services[] = {
		{"smtp", "smtp"}, {"lmtp", "smtp"}, {"submission", "smtp"},
		{"imap", "imap"}, {"pop", "pop"},   {"pop3", "pop"},
	};

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (span_equals_nocase(service, services[i].sasl))
			return services[i].ours;
	}
	return NULL;
}

static void append_server(struct buffer *fields, const struct server *server)
{
	const char *service = service_name(server->service);

	if (service != NULL)
		(void)fields_append_str(fields, "service", service);
	if (server->host.len > 0)
		(void)fields_append(fields, "host", server->host);
	(void)fields_append_str(fields, "mech", server->mechanism);
}

/* The names are checked before they are sent: a request must fit, and an answer that is later
 * refused is of no use. */
static enum outcome names_check(const struct server *server, struct span user, struct span password,
				struct err *err)
{
	if (user.len > LOGIN_USER_MAX)
		return err_set(err, OUTCOME_CONFIG, "the user name is longer than %d bytes",
			       LOGIN_USER_MAX);
	if (server->host.len > LOGIN_HOST_MAX)
		return err_set(err, OUTCOME_CONFIG, "the server's name is longer than %d bytes",
			       LOGIN_HOST_MAX);
	if (password.len > SELECTOR_MAX)
		return err_set(
			err, OUTCOME_CONFIG,
			"the password field is longer than any account's name (%d bytes): leave "
			"it empty, or put the account's name there",
			SELECTOR_MAX);
	return OUTCOME_OK;
}

static enum outcome nomem(struct err *err)
{
	return err_set(err, OUTCOME_NOMEM, "out of memory");
}

/* The verb, then " key=value" for each field. */
static bool append_token_request(struct buffer *request, const struct server *server,
				 struct span user, struct span selector)
{
	(void)buffer_append_str(request, "token");
	append_server(request, server);
	(void)fields_append(request, "user", user);
	(void)fields_append(request, "selector", selector);
	(void)fields_append_int(request, "min_valid", 0);
	return buffer_ok(request);
}

/* One field of a good answer; nomem when it could not be kept. */
static enum outcome keep_field(struct span fields, const char *key, struct buffer *out,
			       struct err *err)
{
	if (fields_get(fields, key, out))
		return OUTCOME_OK;
	if (!buffer_ok(out))
		return nomem(err);
	return err_set(err, OUTCOME_PROTOCOL, "mailoauthd's answer has no usable \"%s\"", key);
}

static enum outcome token_from_fields(struct token *token, struct span fields, struct err *err)
{
	enum outcome what = keep_field(fields, "user", &token->user, err);

	if (what == OUTCOME_OK)
		what = keep_field(fields, "account", &token->account, err);
	if (what == OUTCOME_OK)
		what = keep_field(fields, "token", &token->bytes, err);
	return what;
}

static enum outcome token_from_reply(struct token *token, struct span payload, struct err *err)
{
	struct helper_reply reply;

	if (!helper_reply_parse(payload, &reply))
		return err_set(err, OUTCOME_PROTOCOL,
			       "mailoauthd's answer is not in its protocol: are the plugin and "
			       "mailoauthd of one version?");
	if (reply.status == HELPER_OK)
		return token_from_fields(token, reply.text, err);
	if (reply.text.len == 0)
		return err_set(err, reply.outcome, "mailoauthd has no such account");
	return err_set(err, reply.outcome, "%.*s", (int)reply.text.len, reply.text.ptr);
}

static enum outcome token_from_daemon(struct token *token, const struct helper_client *client,
				      const struct server *server, struct span user,
				      struct span selector, struct err *err)
{
	struct deadline deadline = deadline_in_ms(TOKEN_DEADLINE_MS);
	struct buffer request = BUFFER_INIT_SECRET(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT_SECRET(HELPER_REPLY_MAX);
	enum outcome what = names_check(server, user, selector, err);

	if (what == OUTCOME_OK && !append_token_request(&request, server, user, selector))
		what = nomem(err);
	if (what == OUTCOME_OK)
		what = helper_client_call(client, buffer_span(&request), deadline, &reply, err);
	if (what == OUTCOME_OK)
		what = token_from_reply(token, buffer_span(&reply), err);
	buffer_release(&request);
	buffer_release(&reply);
	return what;
}

static enum outcome token_from_literal(struct token *token, struct span user, struct span bytes,
				       struct err *err)
{
	token->literal = true;
	if (!token_is_valid(bytes))
		return err_set(err, OUTCOME_CONFIG,
			       "what follows \"" LITERAL "\" in the password field is not a token");
	if (user.len > token->user.max)
		return err_set(err, OUTCOME_CONFIG, "the user name is longer than %d bytes",
			       LOGIN_USER_MAX);
	if (!buffer_set(&token->user, user.ptr, user.len) ||
	    !buffer_set(&token->bytes, bytes.ptr, bytes.len))
		return nomem(err);
	return OUTCOME_OK;
}

enum outcome token_get(struct token *token, const struct helper_client *client,
		       const struct server *server, struct span user, struct span password,
		       struct err *err)
{
	struct scanner scan = scanner_over(password);
	enum outcome what;

	if (scan_literal(&scan, LITERAL))
		what = token_from_literal(token, user, (struct span){scan.cur, scanner_left(&scan)},
					  err);
	else
		what = token_from_daemon(token, client, server, user, password, err);
	if (what == OUTCOME_OK)
		token->fingerprint = token_fingerprint(buffer_span(&token->bytes));
	return what;
}

void token_report_rejected(const struct token *token, const struct helper_client *client,
			   const struct server *server, struct span said)
{
	struct deadline deadline =
		deadline_in_ms(token->literal ? REPORT_LITERAL_DEADLINE_MS : REPORT_DEADLINE_MS);
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	char fingerprint[17];

	(void)snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64, token->fingerprint);
	(void)buffer_append_str(&request, "rejected");
	if (token->account.len > 0)
		(void)fields_append(&request, "account", buffer_span(&token->account));
	else
		(void)fields_append(&request, "user", buffer_span(&token->user));
	append_server(&request, server);
	(void)fields_append_str(&request, "fingerprint", fingerprint);
	if (said.len > 0)
		(void)fields_append(
			&request, "said",
			(struct span){said.ptr, said.len < SAID_MAX ? said.len : SAID_MAX});
	/* Best effort: the exchange has failed already, and the server's words go to the log
	 * anyway. */
	if (buffer_ok(&request))
		(void)helper_client_call(client, buffer_span(&request), deadline, &reply, NULL);
	buffer_release(&request);
	buffer_release(&reply);
}
