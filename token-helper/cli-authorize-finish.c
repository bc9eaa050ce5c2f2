/* SPDX-License-Identifier: MIT */
/* cli-authorize-finish.c - see cli-authorize.h. */
#include "token-helper/cli-authorize.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/diagnosis.h"
#include "token-helper/cli-text.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

#define POLL_TIMEOUT_MS	  10000
#define LOGIN_TEXT_MAX	  4096
#define FINISH_TIMEOUT_MS 90000 /* the daemon's own limit for a token endpoint is below */

static void say(const char *name, const char *value)
{
	(void)printf("  %-19s", name);
	text_print(stdout, value);
	(void)putchar('\n');
}

static void print_done(const struct authorized *done)
{
	(void)printf("\nAuthorized: ");
	text_print(stdout, done->account);
	(void)putchar('\n');
	say("signed in as",
	    done->identity != NULL ? done->identity : "not verified: the provider does not say");
	say("scopes", done->scope != NULL ? done->scope : "not said by the provider");
	say("access token until", done->until != NULL ? done->until : "unknown");
	say("refresh token",
	    done->refresh_token ? "stored; renewed from now on without you" : "none");
	(void)fflush(stdout);
	if (done->refresh_token)
		return;
	(void)fprintf(stderr,
		      "mailoauth: warning: without a refresh token this ends when the access token "
		      "does. Have the\nprovider give one: scope offline_access (Microsoft and most "
		      "others), or authorize parameters\naccess_type=offline and prompt=consent "
		      "(Google); then run: mailoauth authorize %s\n",
		      done->account);
}

static void read_done(const struct authorize *run, struct json_object *answer, char *until,
		      size_t until_size, struct authorized *done)
{
	int64_t expires = 0;

	*done = (struct authorized){.account = run->cli->account};
	done->identity = cli_json_string(answer, "identity");
	done->scope = cli_json_string(answer, "scope");
	done->refresh_token = cli_json_is_true(answer, "refresh_token");
	if (json_get_int(answer, "expires", &expires) && expires > 0)
		done->until = text_when(expires, until, until_size);
}

void authorize_report_direct(const struct authorize *run)
{
	char until[CLOCK_TEXT_MAX];
	struct authorized done;

	read_done(run, run->flow.answer, until, sizeof(until), &done);
	(void)printf("Works: ");
	text_print(stdout, run->cli->account);
	(void)putchar('\n');
	say("grant", run->flow.grant);
	if (done.identity != NULL)
		say("mailbox", done.identity);
	say("scopes", done.scope != NULL ? done.scope : "not said by the provider");
	say("access token until", done.until != NULL ? done.until : "unknown");
	(void)puts("Nobody has to sign in: mailoauthd asks again by itself.");
}

/* login: who it is as a login told, or why that is not known; empty: the provider said it. */
static void succeeded(struct authorize *run, struct json_object *answer, const struct buffer *login,
		      struct buffer *html)
{
	char until[CLOCK_TEXT_MAX];
	struct authorized done;

	run->exit = CLI_OK;
	read_done(run, answer, until, sizeof(until), &done);
	if (login->len > 0)
		done.identity = buffer_cstr(login);
	print_done(&done);
	if (html != NULL)
		page_success(html, &done);
}

static void unreadable(struct authorize *run, struct buffer *html)
{
	run->exit = (int)cli_report(CLI_PROTOCOL, "mailoauthd's answer cannot be read; run: "
						  "mailoauth status");
	if (html != NULL)
		page_failure(html, &(struct unauthorized){
					   .account = run->cli->account,
					   .why = "mailoauthd's answer cannot be read",
				   });
}

/* A forged or mangled redirect must not be able to end the flow; see PROTOCOL.md on
 * authorize-finish. */
static bool flow_stays_open(enum cli_exit exit)
{
	return exit == CLI_DENIED || exit == CLI_PROTOCOL;
}

/* Where the daemon's line does not say it already. */
static void explain(struct unauthorized *failure)
{
	const struct diagnosis *row = diagnosis_find(DIAGNOSIS_OAUTH, span_from_str(failure->why));

	if (row == NULL || strstr(failure->why, row->meaning) != NULL)
		return;
	failure->meaning = row->meaning;
	failure->remedy = row->remedy;
	(void)fprintf(stderr, "mailoauth: it means: %s\n", row->meaning);
	if (row->remedy != NULL)
		(void)fprintf(stderr, "mailoauth: to do: %s\n", row->remedy);
}

static void refused(struct authorize *run, enum cli_exit exit, const char *why, struct buffer *html)
{
	struct unauthorized failure = {
		.account = run->cli->account, .why = why, .waiting = flow_stays_open(exit)};

	if (failure.waiting) {
		(void)fputs("mailoauth: not accepted: ", stderr);
		text_print(stderr, why);
		(void)fputs("\nStill waiting for the sign-in.\n", stderr);
	} else {
		run->over = true;
		run->exit = (int)cli_report(exit, why);
		explain(&failure);
	}
	if (html != NULL)
		page_failure(html, &failure);
}

static void refused(struct authorize *run, enum cli_exit exit, const char *why,
		    struct buffer *html);

/* The daemon's good answer: it is over, or a login has to tell whose token it is. */
static void finished(struct authorize *run, struct span data, struct buffer *html)
{
	const char *why = "";
	struct json_object *answer = json_read(data, HELPER_REPLY_MAX, &why);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct buffer login = BUFFER_INIT(LOGIN_TEXT_MAX);
	struct err err = ERR_INIT;
	enum cli_exit exit = CLI_OK;

	run->over = true;
	if (answer != NULL && cli_json_is_true(answer, "login")) {
		exit = authorize_login(run, answer, &reply, &data, &login, &err);
		json_release(answer);
		answer = exit == CLI_OK ? json_read(data, HELPER_REPLY_MAX, &why) : NULL;
	}
	if (exit != CLI_OK)
		refused(run, exit, err.text, html);
	else if (answer == NULL)
		unreadable(run, html);
	else
		succeeded(run, answer, &login, html);
	json_release(answer);
	buffer_release(&login);
	buffer_release(&reply);
}

/* While the call blocks, the event loop sees no signal: let them do what they do by default. */
static void signals_arm(struct authorize *run, bool on)
{
	for (int i = 0; i < AUTHORIZE_SIGNALS; i++) {
		if (run->signals[i] == NULL)
			continue;
		if (on)
			(void)event_add(run->signals[i], NULL);
		else
			(void)event_del(run->signals[i]);
	}
}

bool authorize_finish(struct authorize *run, struct span redirect, struct buffer *html)
{
	/* The percent-encoding's copy of the code; its ceiling is checked by cli_call(). */
	struct buffer request = BUFFER_INIT_SECRET(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct err err = ERR_INIT;
	struct span data;
	enum cli_exit exit;

	(void)puts("Got the answer of the sign-in page, exchanging the code…");
	(void)fflush(stdout);
	cli_request(&request, "authorize-finish");
	if (run->flow.id != NULL)
		cli_field_str(&request, "flow", run->flow.id);
	else
		cli_field_str(&request, "account", run->cli->account);
	cli_field(&request, "query", redirect);
	signals_arm(run, false);
	exit = cli_call(run->cli, &request, FINISH_TIMEOUT_MS, &reply, &data, &err);
	if (exit == CLI_OK)
		finished(run, data, html);
	else
		refused(run, exit, err.text, html);
	signals_arm(run, true);
	buffer_release(&reply);
	buffer_release(&request);
	return run->over;
}

static bool is_pending(struct span data)
{
	const char *why = "";
	struct json_object *answer = json_read(data, HELPER_REPLY_MAX, &why);
	bool pending = answer != NULL && cli_json_is_true(answer, "pending");

	json_release(answer);
	return pending;
}

bool authorize_poll(struct authorize *run)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct err err = ERR_INIT;
	struct span data;
	enum cli_exit exit;

	cli_request(&request, "authorize-poll");
	cli_field_str(&request, "flow", run->flow.id);
	exit = cli_call(run->cli, &request, POLL_TIMEOUT_MS, &reply, &data, &err);
	if (exit == CLI_OK && !is_pending(data)) {
		signals_arm(run, false);
		finished(run, data, NULL);
		signals_arm(run, true);
	} else if (exit != CLI_OK) {
		run->over = true;
		run->exit = (int)cli_report(exit, err.text);
	}
	buffer_release(&reply);
	buffer_release(&request);
	return run->over;
}
