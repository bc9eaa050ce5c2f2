/* SPDX-License-Identifier: MIT */
/*
 * cli-authorize.c - the verb authorize: waits for the redirect, the pasted line, the clock or a
 * signal, whichever is first.
 */
#include "token-helper/cli-authorize.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "token-helper/cli-paste.h"
#include "token-helper/cli-text.h"
#include "token-helper/cli-verbs.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

#define LINE_MAX_BYTES 16384
#define TTY_LINE_BYTES 4095 /* a terminal cuts longer lines, silently: N_TTY_BUF_SIZE - 1 */
#define POLL_EVERY_S   1    /* the daemon, which asks the server at the server's pace */
#define PAGE_TIMEOUT_S 5    /* for a browser that does not fetch its page */

static void stop(struct authorize *run, int exit)
{
	run->over = true;
	run->given_up = true;
	run->exit = exit;
	(void)event_base_loopbreak(run->base);
}

/* The browser ------------------------------------------------------------------------------- */

static bool on_redirect(void *arg, struct span query, struct buffer *html)
{
	struct authorize *run = arg;
	const struct timeval soon = {.tv_sec = PAGE_TIMEOUT_S};
	bool over = authorize_finish(run, query, html);

	/* Asking the daemon took its time; without this the timers of what follows, here and in the
	 * listener, would be due at once. */
	(void)event_base_update_cache_time(run->base);
	if (over)
		(void)event_base_loopexit(run->base, &soon);
	return over;
}

static void on_page_sent(void *arg)
{
	struct authorize *run = arg;

	(void)event_base_loopbreak(run->base);
}

/* The pasted line ----------------------------------------------------------------------------- */

static void take_line(struct authorize *run, struct span line)
{
	struct span redirect;

	switch (paste_parse(line, &redirect)) {
	case PASTE_EMPTY:
		return;
	case PASTE_REDIRECT:
		if (authorize_finish(run, redirect, NULL))
			(void)event_base_loopbreak(run->base);
		return;
	case PASTE_SIGN_IN_URL:
		(void)fputs("mailoauth: that is the URL to sign in at. Open it in a browser, sign "
			    "in, and paste the URL where you end up.\n",
			    stderr);
		return;
	case PASTE_OTHER:
		(void)fputs("mailoauth: that line has no code= in it. Paste the whole URL from the "
			    "browser's address line.\n",
			    stderr);
		return;
	}
}

static void take_typed(struct authorize *run, struct span line)
{
	if (line.len >= TTY_LINE_BYTES - 1 && isatty(STDIN_FILENO))
		(void)fprintf(
			stderr,
			"mailoauth: the terminal cut the line at %d bytes. Put the URL into a "
			"file and run: mailoauth authorize %s --paste < FILE\n",
			TTY_LINE_BYTES, run->cli->account);
	else
		take_line(run, line);
}

/* Lines that are complete; at the end of the input also one that is not. */
static void take_lines(struct authorize *run, bool at_end)
{
	while (!run->over && run->line.len > 0) {
		struct span line = buffer_span(&run->line);
		const char *newline = memchr(line.ptr, '\n', line.len);

		if (newline == NULL && !at_end)
			return;
		if (newline != NULL)
			line.len = (size_t)(newline - line.ptr);
		take_typed(run, line);
		buffer_consume(&run->line, line.len + (newline != NULL));
	}
}

static void input_ended(struct authorize *run)
{
	struct err err;

	(void)event_del(run->input);
	take_lines(run, true);
	if (run->over || run->listener != NULL)
		return;
	(void)err_set(&err, OUTCOME_CONSENT,
		      "%s: the input ended before the browser's URL was pasted; run: mailoauth "
		      "authorize %s",
		      run->cli->account, run->cli->account);
	stop(run, (int)cli_report(CLI_CONSENT, err.text));
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	struct authorize *run = arg;
	char chunk[1024];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	(void)what;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		input_ended(run);
		return;
	}
	if (!buffer_append(&run->line, chunk, (size_t)n)) {
		buffer_clear(&run->line);
		(void)fputs("mailoauth: that line is too long to be a redirect's URL\n", stderr);
	}
	wipe(chunk, (size_t)n);
	take_lines(run, false);
}

/* The clock and signals ----------------------------------------------------------------------- */

/* How long the code is good for still, in a line that is written over: on a terminal only. */
static void show_time_left(const struct authorize *run)
{
	struct timeval due, now;
	char span[TEXT_SPAN_MAX];

	if (!isatty(STDOUT_FILENO) || !event_pending(run->deadline, EV_TIMEOUT, &due))
		return;
	(void)evutil_gettimeofday(&now, NULL);
	(void)printf("\r  %s left \033[K",
		     text_duration((int64_t)(due.tv_sec - now.tv_sec), span, sizeof(span)));
	(void)fflush(stdout);
}

static void end_time_left(void)
{
	if (isatty(STDOUT_FILENO))
		(void)fputs("\r\033[K", stdout);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct authorize *run = arg;

	(void)fd;
	(void)what;
	if (run->over)
		return;
	end_time_left();
	if (run->flow.redirect_uri == NULL) {
		(void)fprintf(stderr,
			      "mailoauth: %s: nothing came in time; run: mailoauth authorize %s\n",
			      run->cli->account, run->cli->account);
		stop(run, CLI_CONSENT);
		return;
	}
	(void)fprintf(
		stderr,
		"mailoauth: %s: no sign-in arrived in time. The usual causes:\n"
		"  - the registered redirect URI differs from this one in host, port or path:\n"
		"    %s\n"
		"  - the browser runs on another machine and could not reach this one:\n"
		"    use the ssh -L line, or paste the URL of its error page here\n"
		"  - nobody signed in at the URL above\n"
		"run: mailoauth authorize %s\n",
		run->cli->account, run->flow.redirect_uri, run->cli->account);
	stop(run, CLI_CONSENT);
}

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
	struct authorize *run = arg;

	(void)what;
	if (run->over)
		return;
	(void)fprintf(stderr,
		      "\nmailoauth: cancelled, nothing was stored; run: mailoauth authorize %s\n",
		      run->cli->account);
	stop(run, 128 + (int)signal_number);
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct authorize *run = arg;

	(void)fd;
	(void)what;
	end_time_left();
	if (authorize_poll(run))
		(void)event_base_loopbreak(run->base);
	else
		show_time_left(run);
}

/* The run ------------------------------------------------------------------------------------- */

/* Without epoll: standard input may be a file or /dev/null, which epoll refuses. */
static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config != NULL && event_config_require_features(config, EV_FEATURE_FDS) == 0)
		base = event_base_new_with_config(config);
	if (config != NULL)
		event_config_free(config);
	return base;
}

static int64_t patience_s(const struct authorize *run)
{
	int64_t limit = run->flow.expires_in_s;
	int64_t asked = (int64_t)run->cli->timeout_s;

	return limit > 0 && limit < asked ? limit : asked;
}

static bool watch_daemon(struct authorize *run)
{
	const struct timeval every = {.tv_sec = POLL_EVERY_S};

	run->poll = event_new(run->base, -1, EV_PERSIST, on_poll, run);
	return run->poll != NULL && event_add(run->poll, &every) == 0;
}

static bool watch_input(struct authorize *run)
{
	run->input = event_new(run->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, run);
	return run->input != NULL && event_add(run->input, NULL) == 0;
}

static bool watch(struct authorize *run)
{
	const int signals[AUTHORIZE_SIGNALS] = {SIGINT, SIGTERM};
	const struct timeval patience = {.tv_sec = (time_t)patience_s(run)};

	for (int i = 0; i < AUTHORIZE_SIGNALS; i++) {
		run->signals[i] = evsignal_new(run->base, signals[i], on_signal, run);
		if (run->signals[i] == NULL || event_add(run->signals[i], NULL) != 0)
			return false;
	}
	run->deadline = evtimer_new(run->base, on_deadline, run);
	if (run->deadline == NULL || event_add(run->deadline, &patience) != 0)
		return false;
	return run->flow.user_code != NULL ? watch_daemon(run) : watch_input(run);
}

/* The account's redirect may lead elsewhere: to a fixed port, or to a page on the web. Then only
 * pasting is left. */
static void expect_redirect(struct authorize *run)
{
	if (run->listener == NULL)
		return;
	if (listener_expect(run->listener, run->flow.redirect_uri, on_redirect, on_page_sent, run))
		return;
	(void)fputs("mailoauth: the account's redirect does not lead here but to ", stderr);
	text_print(stderr, run->flow.redirect_uri);
	(void)fputs(run->cli->port != 0 && listener_port_of(run->flow.redirect_uri) != 0
			    ? ": leave --port away\n"
			    : "\n",
		    stderr);
	listener_free(run->listener);
	run->listener = NULL;
}

static void invite_response(const struct authorize *run)
{
	if (!isatty(STDIN_FILENO))
		return;
	(void)fputs("Paste the URL where the browser ended after the sign-in for ", stdout);
	text_print(stdout, run->cli->account);
	(void)puts(", and press Enter:");
	(void)fflush(stdout);
}

static int wait_for_sign_in(struct authorize *run)
{
	if (run->flow.redirect_uri != NULL)
		expect_redirect(run);
	if (!watch(run)) {
		authorize_cancel(run);
		return (int)cli_report(CLI_RETRY, "cannot wait for the sign-in");
	}
	if (run->cli->response)
		invite_response(run);
	else
		authorize_invite(run);
	(void)event_base_dispatch(run->base);
	if (run->given_up)
		authorize_cancel(run);
	return run->exit;
}

static void authorize_release(struct authorize *run)
{
	listener_free(run->listener);
	for (int i = 0; i < AUTHORIZE_SIGNALS; i++) {
		if (run->signals[i] != NULL)
			event_free(run->signals[i]);
	}
	if (run->deadline != NULL)
		event_free(run->deadline);
	if (run->input != NULL)
		event_free(run->input);
	if (run->poll != NULL)
		event_free(run->poll);
	if (run->base != NULL)
		event_base_free(run->base);
	json_release(run->flow.answer);
	buffer_release(&run->line);
}

enum cli_exit cli_authorize(const struct cli *cli)
{
	struct authorize run = {
		.cli = cli,
		.base = base_new(),
		.line = BUFFER_INIT_SECRET(LINE_MAX_BYTES),
		.exit = CLI_PROTOCOL,
	};
	enum cli_exit exit;

	/* A browser that hangs up must not end us. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (run.base == NULL)
		return cli_report(CLI_RETRY, "cannot make an event loop");
	exit = authorize_check_host(cli);
	if (exit == CLI_OK)
		exit = authorize_check_redirect(cli);
	if (exit == CLI_OK && !cli->response)
		exit = authorize_begin(&run);
	if (exit == CLI_OK && run.flow.id == NULL && !cli->response)
		authorize_report_direct(&run);
	else if (exit == CLI_OK && cli->request)
		authorize_explain_request(&run);
	else if (exit == CLI_OK)
		exit = (enum cli_exit)wait_for_sign_in(&run);
	authorize_release(&run);
	return exit;
}
