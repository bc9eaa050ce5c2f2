/* SPDX-License-Identifier: MIT */
/*
 * cli-test.c - the verb test: a login at the account's mail servers, step by step.
 *
 * What the account is comes from the daemon, and the login is made by the installed plugin: what is
 * tested is what the mail programs use. The token is asked for here too, for what it says of
 * itself; it is shown to nobody.
 */
#include <json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "token-helper/cli-test-report.h"
#include "token-helper/cli-test-target.h"
#include "token-helper/cli-test-token.h"
#include "token-helper/cli-text.h"
#include "token-helper/cli-verbs.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

#define STATUS_TIMEOUT_MS 10000
#define TOKEN_TIMEOUT_MS  90000
#define HOST_MAX	  255
#define TEXT_MAX	  4096

struct test {
	const struct cli *cli;
	struct report report;
	enum report_stage stage; /* of our own steps */
	struct json_object *account;
	struct buffer host; /* of --host */
	uint64_t port;
};

static const enum cli_exit exit_of[] = {
	[PROBE_WORKS] = CLI_OK,		 [PROBE_TOKEN] = CLI_CONSENT,
	[PROBE_LOGIN] = CLI_REFUSED,	 [PROBE_RIGHTS] = CLI_RIGHTS,
	[PROBE_DISABLED] = CLI_DISABLED, [PROBE_CONNECTION] = CLI_CONNECTION,
	[PROBE_CONFIG] = CLI_CONFIG,	 [PROBE_LATER] = CLI_RETRY,
	[PROBE_PROTOCOL] = CLI_PROTOCOL,
};

/* What the account is ------------------------------------------------------------------------- */

/* Who sends: the user where that is an address, else the first whole address of senders. */
static const char *sender_of(const struct test *test, const char *user)
{
	struct json_object *senders = json_member_array(test->account, "senders");

	if (strchr(user, '@') != NULL)
		return user;
	for (size_t i = 0; senders != NULL && i < json_object_array_length(senders); i++) {
		const char *sender = json_object_get_string(json_object_array_get_idx(senders, i));

		if (sender != NULL && sender[0] != '@' && strchr(sender, '@') != NULL)
			return sender;
	}
	return user;
}

static struct probe_target target_of(const struct test *test, struct json_object *service)
{
	struct probe_target target = target_of_service(test->cli, service, &test->host, test->port);

	target.identity = cli_json_string(test->account, "identity");
	if (target.user != NULL)
		target.send_from = sender_of(test, target.user);
	target.send_to = test->cli->send_to;
	return target;
}

/* What the daemon has ------------------------------------------------------------------------- */

static void tell(struct test *test, enum report_stage stage, const char *name, bool ok,
		 const char *text)
{
	const struct probe_step step = {.name = name, .ok = ok, .text = text};

	report_step(&test->report, stage, &step);
}

static const char *when_of(struct json_object *object, const char *key, char *text, size_t size)
{
	int64_t at_s = 0;

	(void)json_get_int(object, key, &at_s);
	return at_s > 0 ? text_when(at_s, text, size) : "?";
}

static void tell_authorization(struct test *test)
{
	struct json_object *account = test->account;
	const char *identity = cli_json_string(account, "identity");
	const char *grant = cli_json_string(account, "grant");
	struct buffer text = BUFFER_INIT(TEXT_MAX);
	char when[CLOCK_TEXT_MAX];
	int64_t at_s = 0;

	(void)buffer_append_str(&text, grant != NULL ? grant : "?");
	if (json_get_int(account, "authorized", &at_s) && at_s > 0)
		(void)buffer_printf(&text, ", %s, signed in as %s",
				    text_when(at_s, when, sizeof(when)),
				    identity != NULL ? identity : "somebody (not verified)");
	tell(test, REPORT_AUTHORIZATION, "authorized", true, buffer_cstr(&text));
	buffer_release(&text);
}

static void tell_grant(struct test *test)
{
	struct json_object *last = json_member_object(test->account, "last_refresh");
	const char *outcome = last != NULL ? cli_json_string(last, "outcome") : NULL;
	const char *error = last != NULL ? cli_json_string(last, "error") : NULL;
	struct buffer text = BUFFER_INIT(TEXT_MAX);
	char when[CLOCK_TEXT_MAX];
	bool ok = outcome == NULL || strcmp(outcome, "ok") == 0;

	if (cli_json_is_true(test->account, "refresh_token"))
		(void)buffer_printf(&text, "refresh token since %s",
				    when_of(test->account, "refresh_obtained", when, sizeof(when)));
	else
		(void)buffer_append_str(&text, "no refresh token");
	if (outcome != NULL)
		(void)buffer_printf(&text, "; the token endpoint said %s at %s",
				    error != NULL ? error : outcome,
				    when_of(last, "at", when, sizeof(when)));
	tell(test, REPORT_GRANT, "grant", ok, buffer_cstr(&text));
	buffer_release(&text);
}

static void tell_token(struct test *test, uint64_t expires, struct json_object *claims)
{
	struct buffer text = BUFFER_INIT(TEXT_MAX);
	char when[CLOCK_TEXT_MAX];

	if (claims != NULL)
		token_describe(claims, &text);
	else
		(void)buffer_append_str(&text, "opaque: only the provider can read it");
	(void)buffer_printf(&text, "; until %s",
			    expires > 0 ? text_when((int64_t)expires, when, sizeof(when))
					: "a time that the provider does not say");
	tell(test, REPORT_TOKEN, "token", true, buffer_cstr(&text));
	buffer_release(&text);
}

/* reply keeps the token. */
static enum cli_exit ask_token(struct test *test, const struct probe_target *target,
			       struct buffer *reply, struct span *data_out, struct err *err)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	enum cli_exit exit;

	cli_request(&request, "token");
	cli_field_str(&request, "selector", target->account);
	cli_field_str(&request, "service", target->service);
	cli_field_str(&request, "host", target->host);
	exit = cli_call(test->cli, &request, TOKEN_TIMEOUT_MS, reply, data_out, err);
	buffer_release(&request);
	return exit;
}

/* One service --------------------------------------------------------------------------------- */

static void on_step(void *arg, const struct probe_step *step)
{
	struct test *test = arg;

	report_step(&test->report,
		    step->stage == PROBE_CONNECTING ? REPORT_CONNECTION : REPORT_LOGIN, step);
}

static void on_line(void *arg, enum probe_stage stage, bool from_client, struct span line)
{
	struct test *test = arg;

	report_line(&test->report, stage == PROBE_CONNECTING ? REPORT_CONNECTION : REPORT_LOGIN,
		    from_client, line);
}

/* A failure of one service, said for people. */
static void complain(const struct test *test, const struct probe_target *target, enum cli_exit exit,
		     const struct probe_result *result)
{
	const char *text = result->err.text;
	struct err line = ERR_INIT;
	size_t len = strlen(text);

	if (exit == CLI_OK || test->cli->json)
		return;
	/* A server's full stop would stand before our semicolon. */
	while (len > 0 && text[len - 1] == '.')
		len--;
	(void)err_set(&line, OUTCOME_CONFIG, "%s: %s at %s: %.*s%s%s", target->account,
		      target->service, target->host, (int)len, text,
		      result->remedy != NULL ? "; " : "",
		      result->remedy != NULL ? result->remedy : "");
	(void)cli_report(exit, line.text);
}

static enum cli_exit probe(struct test *test, struct probe_target *target, struct span fields,
			   struct probe_result *result)
{
	const struct probe_watch watch = {
		.step = on_step, .line = test->cli->trace ? on_line : NULL, .arg = test};
	struct buffer token = BUFFER_INIT_SECRET(HELPER_TOKEN_MAX);
	struct json_object *claims = NULL;
	const char *owner = NULL;
	uint64_t expires = 0;

	(void)fields_get(fields, "token", &token);
	(void)fields_get_u64(fields, "expires", INT64_MAX, &expires);
	claims = token_claims(buffer_span(&token));
	if (claims != NULL)
		owner = token_owner(claims);
	tell_token(test, expires, claims);
	if (owner != NULL)
		target->identity = owner;
	target->token = buffer_span(&token);
	probe_run(target, &watch, result);
	json_release(claims);
	buffer_release(&token);
	return exit_of[result->class];
}

/* For `mailoauth status`: nothing hangs on whether it is noted. */
static void note_accepted(const struct test *test, const struct probe_target *target)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct span data;

	cli_request(&request, "accepted");
	cli_field_str(&request, "account", target->account);
	cli_field_str(&request, "service", target->service);
	cli_field_str(&request, "host", target->host);
	(void)cli_call(test->cli, &request, STATUS_TIMEOUT_MS, &reply, &data, NULL);
	buffer_release(&reply);
	buffer_release(&request);
}

static enum probe_class class_of(enum cli_exit exit)
{
	for (size_t i = 0; i < sizeof(exit_of) / sizeof(exit_of[0]); i++) {
		if (exit_of[i] == exit)
			return (enum probe_class)i;
	}
	return PROBE_CONFIG;
}

static bool is_never_authorized(const struct test *test)
{
	const char *state = cli_json_string(test->account, "state");

	return state != NULL && strcmp(state, "never-authorized") == 0;
}

/* Said once, of whichever service comes first: it is the same for all of them. */
static enum cli_exit report_no_grant(struct test *test, const struct probe_target *target)
{
	struct probe_result result = {.class = PROBE_TOKEN};
	struct err next = ERR_INIT;

	(void)err_set(&result.err, OUTCOME_CONSENT, "nobody has signed in yet");
	(void)err_set(&next, OUTCOME_CONSENT,
		      "without a token there is nothing to test; run: mailoauth authorize %s",
		      target->account);
	report_begin(&test->report, target);
	tell(test, REPORT_GRANT, "grant", false, result.err.text);
	report_end(&test->report, CLI_CONSENT, &result);
	return test->cli->json ? CLI_CONSENT : cli_report(CLI_CONSENT, next.text);
}

static enum cli_exit test_service(struct test *test, struct probe_target *target)
{
	struct probe_result result = {.said = BUFFER_INIT(1)};
	struct buffer reply = BUFFER_INIT_SECRET(HELPER_REPLY_MAX);
	struct span fields;
	enum cli_exit exit;

	report_begin(&test->report, target);
	tell_authorization(test);
	tell_grant(test);
	exit = ask_token(test, target, &reply, &fields, &result.err);
	if (exit == CLI_OK) {
		exit = probe(test, target, fields, &result);
		if (exit == CLI_OK)
			note_accepted(test, target);
	} else {
		result.class = class_of(exit);
		tell(test, REPORT_TOKEN, "token", false, result.err.text);
	}
	report_end(&test->report, exit, &result);
	complain(test, target, exit, &result);
	buffer_release(&result.said);
	buffer_release(&reply);
	return exit;
}

/* Of several failures the first is the exit status. */
static enum cli_exit test_services(struct test *test, struct err *err)
{
	struct json_object *list = json_member_array(test->account, "services");
	enum cli_exit exit = CLI_OK;
	size_t tested = 0;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct probe_target target = target_of(test, json_object_array_get_idx(list, i));
		enum cli_exit one;

		if (target.service == NULL || target.user == NULL || target.host == NULL ||
		    (test->cli->service != NULL && strcmp(test->cli->service, target.service) != 0))
			continue;
		if (is_never_authorized(test))
			return report_no_grant(test, &target);
		tested++;
		one = test_service(test, &target);
		exit = exit == CLI_OK ? one : exit;
	}
	if (tested > 0)
		return exit;
	(void)err_set(err, OUTCOME_CONFIG, "%s: the account is not for %s: see use in its section",
		      test->cli->account,
		      test->cli->service != NULL ? test->cli->service : "any service");
	return cli_report(CLI_CONFIG, err->text);
}

/* What cannot be meant. */
static enum cli_exit check(struct test *test, struct err *err)
{
	const struct cli *cli = test->cli;

	if (cli->host != NULL && !target_read_host(cli->host, &test->host, &test->port)) {
		(void)err_set(err, OUTCOME_CONFIG, "--host wants HOST or HOST:PORT, not \"%s\"",
			      cli->host);
		return CLI_USAGE;
	}
	if (cli->host != NULL && cli->service == NULL) {
		(void)err_set(err, OUTCOME_CONFIG,
			      "--host goes with a service; run: mailoauth test %s smtp --host %s",
			      cli->account, cli->host);
		return CLI_USAGE;
	}
	if (cli->send_to != NULL && cli->service != NULL && strcmp(cli->service, "smtp") != 0) {
		(void)err_set(err, OUTCOME_CONFIG, "--send-to is for smtp, not for %s",
			      cli->service);
		return CLI_USAGE;
	}
	return CLI_OK;
}

enum cli_exit cli_test(const struct cli *cli)
{
	struct test test = {.cli = cli, .host = BUFFER_INIT(HOST_MAX)};
	struct json_object *status = NULL;
	struct err err = ERR_INIT;
	enum cli_exit exit = check(&test, &err);

	/* A server that hangs up must not end us without a word. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (exit == CLI_OK)
		exit = target_account(cli, &status, &test.account, &err);
	if (exit == CLI_OK && probe_init(cli->socket, &err) != OUTCOME_OK)
		exit = CLI_CONFIG;
	if (exit != CLI_OK) {
		(void)cli_report(exit, err.text);
	} else {
		report_open(&test.report, cli);
		exit = test_services(&test, &err);
		report_close(&test.report, exit);
		probe_done();
	}
	json_release(status);
	buffer_release(&test.host);
	return exit;
}
