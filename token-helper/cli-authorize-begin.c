/* SPDX-License-Identifier: MIT */
/* cli-authorize-begin.c - see cli-authorize.h. */
#include "token-helper/cli-authorize.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/url.h"
#include "token-helper/cli-browser.h"
#include "token-helper/cli-text.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

#define BEGIN_TIMEOUT_MS  90000 /* where nobody has to sign in the token is got at once */
#define CANCEL_TIMEOUT_MS 5000
#define TUNNEL_MAX	  512
#define LEARN_TRIES	  6 /* 3 s in all: a metadata document comes in one, or not now */
#define LEARN_PAUSE_MS	  500

static bool flow_read(struct flow *flow, struct span data)
{
	const char *why = "";

	flow->answer = json_read(data, HELPER_REPLY_MAX, &why);
	if (flow->answer == NULL)
		return false;
	flow->grant = cli_json_string(flow->answer, "grant");
	flow->id = cli_json_string(flow->answer, "flow");
	flow->url = cli_json_string(flow->answer, "url");
	flow->redirect = cli_json_string(flow->answer, "redirect");
	flow->redirect_uri = cli_json_string(flow->answer, "redirect_uri");
	flow->user_code = cli_json_string(flow->answer, "user_code");
	flow->verification_uri = cli_json_string(flow->answer, "verification_uri");
	flow->verification_uri_complete =
		cli_json_string(flow->answer, "verification_uri_complete");
	flow->why = cli_json_string(flow->answer, "why");
	flow->user = cli_json_string(flow->answer, "user");
	(void)json_get_int(flow->answer, "expires_in", &flow->expires_in_s);
	if (flow->id == NULL)
		return flow->grant != NULL;
	/* The URL goes to a terminal and into an argument list: only URL bytes, never an option. */
	if (flow->user_code != NULL)
		return flow->verification_uri != NULL && url_is_safe(flow->verification_uri) &&
		       (flow->verification_uri_complete == NULL ||
			url_is_safe(flow->verification_uri_complete));
	return flow->redirect_uri != NULL && flow->url != NULL && url_is_safe(flow->url);
}

static void request_begin(const struct authorize *run, struct buffer *request)
{
	cli_request(request, "authorize-begin");
	cli_field_str(request, "account", run->cli->account);
	cli_field_u64(request, "port", run->listener != NULL ? listener_port(run->listener) : 0);
	if (run->cli->replace_identity)
		cli_field_u64(request, "replace_identity", 1);
	if (run->cli->flow != NULL)
		cli_field_str(request, "by", run->cli->flow);
	else if (run->cli->request || run->cli->paste || run->cli->redirect != NULL)
		cli_field_str(request, "by", "code");
	if (run->cli->redirect != NULL)
		cli_field_str(request, "redirect", run->cli->redirect);
	if (run->cli->request)
		cli_field_u64(request, "elsewhere", 1);
}

/* Until the daemon has learned an issuer's endpoints it answers "retry": nobody should have to type
 * the command twice for that. */
static enum cli_exit call_patiently(const struct authorize *run, const struct buffer *request,
				    struct buffer *reply, struct span *data, struct err *err)
{
	enum cli_exit exit = cli_call(run->cli, request, BEGIN_TIMEOUT_MS, reply, data, err);

	for (int i = 0; exit == CLI_RETRY && i < LEARN_TRIES; i++) {
		const struct timespec pause = {.tv_nsec = LEARN_PAUSE_MS * 1000000L};

		(void)nanosleep(&pause, NULL);
		buffer_clear(reply);
		exit = cli_call(run->cli, request, BEGIN_TIMEOUT_MS, reply, data, err);
	}
	return exit;
}

static enum cli_exit ask_begin(struct authorize *run)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct err err = ERR_INIT;
	struct span data;
	enum cli_exit exit;

	request_begin(run, &request);
	exit = call_patiently(run, &request, &reply, &data, &err);
	if (exit == CLI_OK && !flow_read(&run->flow, data)) {
		(void)err_set(&err, OUTCOME_PROTOCOL,
			      "mailoauthd's answer to authorize-begin cannot be read");
		exit = CLI_PROTOCOL;
	}
	if (exit != CLI_OK)
		(void)cli_report(exit, err.text);
	buffer_release(&reply);
	buffer_release(&request);
	return exit;
}

void authorize_cancel(struct authorize *run)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct span data;

	if (run->flow.id == NULL)
		return;
	cli_request(&request, "authorize-cancel");
	cli_field_str(&request, "flow", run->flow.id);
	/* Nobody cares when it fails: the flow ends by itself. */
	(void)cli_call(run->cli, &request, CANCEL_TIMEOUT_MS, &reply, &data, NULL);
	buffer_release(&reply);
	buffer_release(&request);
}

static enum cli_exit listen_at(struct authorize *run, uint16_t port)
{
	struct err err = ERR_INIT;
	enum outcome what = listener_new(run->base, port, &run->listener, &err);

	if (what == OUTCOME_OK)
		return CLI_OK;
	/* The port is ours to name: without --port it can be any free one, and --paste needs none.
	 */
	err_prefix(&err, "%s: ", run->cli->account);
	(void)err_set(&err, what, "%s; run: mailoauth authorize %s%s%s --paste", err.text,
		      run->cli->account, run->cli->redirect != NULL ? " --redirect " : "",
		      run->cli->redirect != NULL ? run->cli->redirect : "");
	return cli_report(cli_exit_of(what), err.text);
}

static enum cli_exit open_listener(struct authorize *run)
{
	if (run->cli->paste || run->cli->request)
		return CLI_OK;
	return listen_at(run, (uint16_t)run->cli->port);
}

/* A redirect that is registered with its port is known only now. */
static enum cli_exit move_listener(struct authorize *run)
{
	const char *uri = run->flow.redirect_uri;
	uint16_t port = uri != NULL ? listener_port_of(uri) : 0;
	enum cli_exit exit;

	if (run->listener == NULL || run->cli->port != 0 || port == 0 ||
	    port == listener_port(run->listener))
		return CLI_OK;
	listener_free(run->listener);
	run->listener = NULL;
	exit = listen_at(run, port);
	if (exit != CLI_OK)
		authorize_cancel(run);
	return exit;
}

static void print_tunnel(uint16_t port)
{
	struct buffer line = BUFFER_INIT(TUNNEL_MAX);

	browser_append_tunnel(&line, port);
	(void)printf("If your browser runs on another machine, type there first:\n\n%s\n\n",
		     buffer_cstr(&line));
	buffer_release(&line);
}

/* Which flow, and why. */
static void print_flow(const struct flow *flow)
{
	(void)fputs(flow->user_code != NULL ? "Flow: device code" : "Flow: authorization code",
		    stdout);
	if (flow->why != NULL) {
		(void)fputs(" (", stdout);
		text_print(stdout, flow->why);
		(void)putchar(')');
	}
	(void)fputs(".\n", stdout);
}

static void print_head(const struct authorize *run)
{
	(void)fputs("Authorizing ", stdout);
	text_print(stdout, run->cli->account);
	(void)fputs(". ", stdout);
	print_flow(&run->flow);
	(void)fputs("Sign in as ", stdout);
	text_print(stdout, run->flow.user != NULL ? run->flow.user : "the mailbox's user");
}

/* The code is for the page that we name, and for no other: who is talked into typing it elsewhere
 * gives the mailbox away. */
static void print_device(const struct authorize *run)
{
	char span[TEXT_SPAN_MAX];

	print_head(run);
	(void)printf(" on any machine, at:\n\n%s\n\nand type this code there:\n\n",
		     run->flow.verification_uri);
	text_print(stdout, run->flow.user_code);
	(void)fputs("\n\n", stdout);
	if (run->flow.verification_uri_complete != NULL)
		(void)printf("or open this, which has the code in it:\n\n%s\n\n",
			     run->flow.verification_uri_complete);
	(void)printf("Waiting; the code is good for %s. Ctrl-C cancels.\n",
		     text_duration(run->flow.expires_in_s, span, sizeof(span)));
	(void)fflush(stdout);
}

/* What the provider compares with what is registered there. */
static void print_redirect(const struct flow *flow)
{
	(void)fputs("Redirect URI: ", stdout);
	text_print(stdout, flow->redirect_uri);
	if (flow->redirect != NULL && strcmp(flow->redirect, flow->redirect_uri) != 0) {
		(void)fputs(" (to be registered as ", stdout);
		text_print(stdout, flow->redirect);
		(void)putchar(')');
	}
	(void)putchar('\n');
}

void authorize_explain_request(const struct authorize *run)
{
	char span[TEXT_SPAN_MAX];

	print_head(run);
	(void)printf(" on any machine, at:\n\n%s\n\n", run->flow.url);
	print_redirect(&run->flow);
	(void)printf("The browser then shows a page that may be an error. Copy its whole URL; "
		     "within %s run here:\n\n  mailoauth authorize ",
		     text_duration(run->flow.expires_in_s, span, sizeof(span)));
	text_print(stdout, run->cli->account);
	(void)fputs(" --response\n\nand paste it. The URL is worthless to anybody else: what "
		    "redeems it stays in mailoauthd.\n",
		    stdout);
	(void)fflush(stdout);
}

static void print_invitation(const struct authorize *run)
{
	print_head(run);
	(void)printf(" at:\n\n%s\n\n", run->flow.url);
	print_redirect(&run->flow);
	if (run->listener != NULL && browser_is_elsewhere())
		print_tunnel(listener_port(run->listener));
	if (run->listener != NULL)
		(void)puts("If the browser then shows an error page, paste its whole URL here and "
			   "press Enter.");
	else
		(void)puts(
			"The browser then shows a page that may be an error. Paste its whole URL "
			"here and press Enter.");
	(void)fflush(stdout);
}

static void start_browser(const struct authorize *run)
{
	if (run->cli->no_browser || !browser_has_display())
		return;
	(void)puts(browser_open(run->flow.url)
			   ? "A browser was started."
			   : "No browser could be started: open the URL by hand.");
	(void)fflush(stdout);
}

enum cli_exit authorize_begin(struct authorize *run)
{
	enum cli_exit exit = open_listener(run);

	if (exit == CLI_OK)
		exit = ask_begin(run);
	if (exit == CLI_OK)
		exit = move_listener(run);
	return exit;
}

void authorize_invite(const struct authorize *run)
{
	if (run->flow.user_code != NULL) {
		print_device(run);
		return;
	}
	print_invitation(run);
	start_browser(run);
}
