/* SPDX-License-Identifier: MIT */
/*
 * cli-authorize.h - one authorization, as the tool sees it: the daemon makes state, verifier and
 * URL and redeems the code; here are the listener, the pasted line, the clock and what people read.
 */
#ifndef TOKEN_HELPER_CLI_AUTHORIZE_H
#define TOKEN_HELPER_CLI_AUTHORIZE_H

#include <event2/event.h>
#include <stdbool.h>

#include "common/buffer.h"
#include "token-helper/cli-call.h"
#include "token-helper/cli-listener.h"
#include "token-helper/cli-page.h"

#define AUTHORIZE_SIGNALS 2

/* What authorize-begin answered. Strings borrow from `answer`. */
struct flow {
	struct json_object *answer;
	const char *grant; /* in which way; NULL: an older daemon, by authorization code */
	const char *id;	   /* NULL: nobody has to sign in, and this is the result */
	const char *url;
	const char *redirect; /* as it is registered; NULL: an older daemon */
	const char *redirect_uri;
	const char *user_code; /* this and the next by device code */
	const char *verification_uri;
	const char *verification_uri_complete; /* NULL: none */
	const char *why;		       /* this flow; NULL: nothing to say */
	const char *user;		       /* NULL: anybody may sign in */
	int64_t expires_in_s;
};

struct authorize {
	const struct cli *cli;
	struct flow flow;
	struct event_base *base;
	struct listener *listener; /* NULL: nothing leads here, the URL has to be pasted */
	struct event *input, *deadline, *signals[AUTHORIZE_SIGNALS];
	struct event *poll; /* of a device flow */
	struct buffer line; /* secret: what was typed so far */
	bool over;
	bool given_up; /* over before the daemon was given a redirect: it has to be told */
	int exit;      /* enum cli_exit, or 128 + signal */
};

/* cli-authorize-begin.c: listener, flow, what people read first ------------------------------- */

/* CLI_OK: the flow is open, and the listener with it unless --paste. Else it has been reported. */
enum cli_exit authorize_begin(struct authorize *run);

/* Says who must sign in and where, how the redirect gets here, and starts a browser if there can be
 * one. */
void authorize_invite(const struct authorize *run);

/* Says what --request leaves to the person. */
void authorize_explain_request(const struct authorize *run);

/* Tells the daemon that nobody will finish the flow. */
void authorize_cancel(struct authorize *run);

/* cli-authorize-finish.c: handing a redirect over --------------------------------------------- */

/*
 * Hands redirect (a query or a URL) to the daemon; blocks while the code is exchanged. Says the
 * result on the terminal and, as a page, in html (may be NULL). True: the flow is over and
 * run->exit stands; false: it goes on waiting.
 */
bool authorize_finish(struct authorize *run, struct span redirect, struct buffer *html);

/* Can --host be meant? Else it has been reported. */
enum cli_exit authorize_check_host(const struct cli *cli);

/* cli-authorize-redirect.c: is --redirect one of the account's? Else it has been reported, with
 * those that there are. */
enum cli_exit authorize_check_redirect(const struct cli *cli);

/*
 * cli-authorize-login.c: nobody said who signed in. Tries a login with the new token, tells the
 * daemon what came of it and has its answer, as cli_call() does. login: the words for who signed
 * in, or for why that is not known.
 */
enum cli_exit authorize_login(struct authorize *run, struct json_object *answer,
			      struct buffer *reply, struct span *data_out, struct buffer *login,
			      struct err *err);

/* Says what came of an account that asks by itself. */
void authorize_report_direct(const struct authorize *run);

/* Has the person typed the code? True: the flow is over and run->exit stands. */
bool authorize_poll(struct authorize *run);

#endif
