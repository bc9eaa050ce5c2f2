/* SPDX-License-Identifier: MIT */
/*
 * cli-authorize-login.c - nobody said who signed in, so the new token is tried at the account's
 * mail servers before it is stored. See cli-authorize.h.
 *
 * A server that says no is believed: the token is another's, and nothing is stored. One that says
 * nothing (not reached, switched off, busy) proves nothing either way.
 */
#include <json.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "token-helper/cli-authorize.h"
#include "token-helper/cli-test-target.h"
#include "token-helper/cli-text.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

#define TOKEN_TIMEOUT_MS  10000
#define SETTLE_TIMEOUT_MS 90000
#define LOGIN_TIMEOUT_S	  30 /* at each server */
#define SAID_MAX	  900

enum verdict { TAKEN, REFUSED, UNTRIED, WAIVED };

struct attempt {
	const struct cli *cli;
	const char *flow;
	struct json_object *account; /* as status has it */
	struct buffer token;	     /* secret */
	struct buffer host;	     /* --host */
	uint64_t port;
	enum verdict verdict;
	struct buffer where, user, said; /* of the server that decided, or of the first */
};

enum cli_exit authorize_check_host(const struct cli *cli)
{
	struct buffer host = BUFFER_INIT(256);
	uint64_t port = 0;
	bool good = cli->host == NULL || target_read_host(cli->host, &host, &port);

	buffer_release(&host);
	if (!good)
		return cli_report(CLI_USAGE, "--host wants HOST or HOST:PORT");
	if (cli->host != NULL && cli->service == NULL)
		return cli_report(
			CLI_USAGE,
			"--host goes with --service: which of smtp, imap and pop is there?");
	return CLI_OK;
}

/* What the probe came to. False: the next server may know more. */
static bool decides(enum probe_class class, enum verdict *verdict)
{
	*verdict = UNTRIED;
	if (class == PROBE_WORKS)
		*verdict = TAKEN;
	else if (class == PROBE_LOGIN || class == PROBE_RIGHTS)
		*verdict = REFUSED;
	return *verdict != UNTRIED;
}

static void note(struct attempt *attempt, const char *where, const char *user, const char *said)
{
	buffer_clear(&attempt->where);
	buffer_clear(&attempt->user);
	buffer_clear(&attempt->said);
	(void)buffer_append_str(&attempt->where, where);
	(void)buffer_append_str(&attempt->user, user);
	(void)buffer_append(&attempt->said, said, strnlen(said, SAID_MAX));
}

static void on_step(void *arg, const struct probe_step *step)
{
	(void)arg;
	(void)step;
}

static bool try_at(struct attempt *attempt, struct probe_target *target)
{
	const struct probe_watch watch = {.step = on_step};
	struct probe_result result;
	enum verdict verdict;
	bool decided;

	target->token = buffer_span(&attempt->token);
	target->by_token = true;
	target->timeout_s = LOGIN_TIMEOUT_S;
	(void)fputs("Nobody said who signed in: trying a login as ", stdout);
	text_print(stdout, target->user);
	(void)fputs(" at ", stdout);
	text_print(stdout, target->host);
	(void)puts("…");
	(void)fflush(stdout);
	probe_run(target, &watch, &result);
	decided = decides(result.class, &verdict);
	if (decided || attempt->where.len == 0)
		note(attempt, target->host, target->user, result.err.text);
	attempt->verdict = verdict;
	buffer_release(&result.said);
	return decided;
}

/* The token goes to the account's own servers only. */
static bool is_host_of(struct json_object *service, const char *host)
{
	struct json_object *hosts = json_member_array(service, "hosts");

	for (size_t i = 0; hosts != NULL && i < json_object_array_length(hosts); i++) {
		const char *one = json_object_get_string(json_object_array_get_idx(hosts, i));

		if (one != NULL && strcasecmp(one, host) == 0)
			return true;
	}
	return false;
}

/* First where the mailbox is, then where it sends. True: one of them has decided. */
static bool try_service(struct attempt *attempt, const char *name)
{
	struct json_object *list = json_member_array(attempt->account, "services");
	const char *only = attempt->cli->service;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *service = json_object_array_get_idx(list, i);
		struct probe_target target =
			target_of_service(attempt->cli, service, &attempt->host, attempt->port);

		if (target.service == NULL || strcmp(target.service, name) != 0 ||
		    target.user == NULL || target.host == NULL ||
		    (only != NULL && strcmp(only, name) != 0) || !is_host_of(service, target.host))
			continue;
		return try_at(attempt, &target);
	}
	return false;
}

static void try_all(struct attempt *attempt)
{
	static const char *const order[] = {"imap", "pop", "smtp"};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (try_service(attempt, order[i]))
			return;
	}
	if (attempt->where.len == 0)
		note(attempt, "-", "-", "there is no such server of the account's");
}

static enum cli_exit ask_token(struct attempt *attempt, struct err *err)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT_SECRET(HELPER_REPLY_MAX);
	struct span data;
	enum cli_exit exit;

	cli_request(&request, "authorize-token");
	cli_field_str(&request, "flow", attempt->flow);
	exit = cli_call(attempt->cli, &request, TOKEN_TIMEOUT_MS, &reply, &data, err);
	if (exit == CLI_OK && !fields_get(data, "token", &attempt->token)) {
		(void)err_set(err, OUTCOME_PROTOCOL, "mailoauthd's answer has no token");
		exit = CLI_PROTOCOL;
	}
	buffer_release(&reply);
	buffer_release(&request);
	return exit;
}

/* Whatever stands in the way of trying makes it UNTRIED. */
static void try(struct attempt *attempt)
{
	struct json_object *status = NULL;
	struct err err = ERR_INIT;
	enum cli_exit exit = target_account(attempt->cli, &status, &attempt->account, &err);

	attempt->verdict = UNTRIED;
	if (exit == CLI_OK)
		exit = ask_token(attempt, &err);
	if (exit == CLI_OK && probe_init(attempt->cli->socket, &err) != OUTCOME_OK)
		exit = CLI_CONFIG;
	if (exit != CLI_OK) {
		note(attempt, "-", "-", err.text);
	} else {
		try_all(attempt);
		probe_done();
	}
	json_release(status);
}

/* Who it is, or why that is not known. */
static void describe(const struct attempt *attempt, struct buffer *login)
{
	const char *where = buffer_cstr(&attempt->where);

	if (attempt->verdict == TAKEN) {
		(void)buffer_printf(login, "%s (the provider does not say; %s took the login)",
				    buffer_cstr(&attempt->user), where);
		return;
	}
	(void)buffer_append_str(login, "not verified: the provider does not say");
	if (attempt->verdict == WAIVED)
		return;
	(void)fputs("mailoauth: warning: it is not known who signed in: the provider does not say, "
		    "and no mail server\ncould be asked (",
		    stderr);
	if (strncmp(buffer_cstr(&attempt->said), where, strlen(where)) != 0) {
		text_print(stderr, where);
		(void)fputs(": ", stderr);
	}
	text_print(stderr, buffer_cstr(&attempt->said));
	(void)fputs("). When one can, run: mailoauth test ", stderr);
	text_print(stderr, attempt->cli->account);
	(void)fputc('\n', stderr);
}

static enum cli_exit settle(const struct attempt *attempt, struct buffer *reply,
			    struct span *data_out, struct err *err)
{
	static const char *const words[] = {"taken", "refused", "untried", "waived"};
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	enum cli_exit exit;

	cli_request(&request, "authorize-settle");
	cli_field_str(&request, "flow", attempt->flow);
	cli_field_str(&request, "verdict", words[attempt->verdict]);
	cli_field(&request, "host", buffer_span(&attempt->where));
	cli_field(&request, "user", buffer_span(&attempt->user));
	cli_field(&request, "said", buffer_span(&attempt->said));
	exit = cli_call(attempt->cli, &request, SETTLE_TIMEOUT_MS, reply, data_out, err);
	buffer_release(&request);
	/* It is over: not as after a forged redirect, which the flow outlives. */
	return exit == CLI_DENIED || exit == CLI_PROTOCOL ? CLI_UNREACHABLE : exit;
}

enum cli_exit authorize_login(struct authorize *run, struct json_object *answer,
			      struct buffer *reply, struct span *data_out, struct buffer *login,
			      struct err *err)
{
	struct attempt attempt = {
		.cli = run->cli,
		.flow = cli_json_string(answer, "flow"),
		.token = BUFFER_INIT_SECRET(HELPER_TOKEN_MAX),
		.host = BUFFER_INIT(256),
		.where = BUFFER_INIT(512),
		.user = BUFFER_INIT(1024),
		.said = BUFFER_INIT(SAID_MAX + 1),
		.verdict = WAIVED,
	};
	enum cli_exit exit;

	if (run->cli->host != NULL)
		(void)target_read_host(run->cli->host, &attempt.host, &attempt.port);
	if (run->cli->unverified)
		note(&attempt, "-", "-", "--unverified");
	else
		try(&attempt);
	exit = settle(&attempt, reply, data_out, err);
	if (exit == CLI_OK)
		describe(&attempt, login);
	buffer_release(&attempt.said);
	buffer_release(&attempt.user);
	buffer_release(&attempt.where);
	buffer_release(&attempt.host);
	buffer_release(&attempt.token);
	return exit;
}
