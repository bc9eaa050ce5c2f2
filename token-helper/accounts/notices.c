/* SPDX-License-Identifier: MIT */
/* notices.c - see notices.h. What was told is a line each in the store's note: ACCOUNT WHAT, and
 * "mail" behind it when it was told by mail. */
#include "token-helper/accounts/notices.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/accounts/calendar.h"
#include "token-helper/accounts/notice-mail.h"
#include "token-helper/accounts/status.h"
#include "token-helper/command/command.h"
#include "token-helper/http/http-client.h"

#include "common/banned.h"

#define LOOK_FIRST_S 5
#define LOOK_EVERY_S 60
#define AGAIN_S	     3600 /* after the program failed */
#define PATIENCE_MS  60000
#define NOTE_MAX     4194304
#define WHAT_MAX     64
#define LINE_MAX_LEN 160
#define ADVICE_MAX   1024
#define MESSAGE_MAX  16384

/* One way of telling. Each goes its own pace: a mail server that is down does not hold up a
 * program. */
struct channel {
	struct notices *notices;
	const char *mark;		/* after WHAT in the note */
	struct words argv;		/* a program, or an smtp:// URL; empty: not in this way */
	char *to;			/* the mail's; NULL: the program is told by its arguments */
	struct command *command;	/* running; NULL: none */
	struct http_exchange *exchange; /* the same, by SMTP */
	char telling[LINE_MAX_LEN];
	int64_t not_before_s;
};

enum { BY_COMMAND, BY_MAIL, CHANNELS };

struct notices {
	struct event_base *base;
	struct http_client *http;
	const struct accounts *accounts;
	struct event *timer;
	struct channel channels[CHANNELS];
	struct buffer told; /* "ACCOUNT WHAT\n" ... */
};

/* What there is to tell ----------------------------------------------------------------------- */

/* "reauth-required", "blocked", or "client-secret-ends-DATE-MARK"; "" when there is nothing. */
static void concern_of(const struct account *account, int64_t now_s, char *what, size_t size)
{
	const char *state = account_state_name(account, now_s);
	struct calendar calendar;
	enum calendar_entry nearest;

	what[0] = '\0';
	if (strcmp(state, "reauth-required") == 0 || strcmp(state, "blocked") == 0) {
		(void)snprintf(what, size, "%s", state);
		return;
	}
	calendar_of(account, &calendar);
	nearest = calendar_nearest(&calendar, now_s);
	if (nearest != CALENDAR_COUNT)
		(void)snprintf(what, size, "%s-%" PRId64 "-%d", calendar_names[nearest],
			       calendar.at_s[nearest],
			       calendar_mark(calendar.at_s[nearest], now_s));
}

static void line_of(const struct channel *channel, const struct account *account, const char *what,
		    char *line)
{
	(void)snprintf(line, LINE_MAX_LEN, "%s %s%s\n", account_config(account)->name, what,
		       channel->mark);
}

static bool was_told(const struct notices *notices, const char *line)
{
	const char *at = buffer_cstr(&notices->told);

	while ((at = strstr(at, line)) != NULL) {
		if (at == notices->told.data || at[-1] == '\n')
			return true;
		at++;
	}
	return false;
}

static void save(struct notices *notices)
{
	struct err err;

	if (store_write_note(accounts_store(notices->accounts), buffer_span(&notices->told),
			     &err) != OUTCOME_OK)
		log_warning("notices: %s", err.text);
}

/* Of what was told only what still holds is kept: it is told again when it comes back. */
static void forget_what_is_over(struct notices *notices)
{
	struct buffer kept = BUFFER_INIT(NOTE_MAX);
	int64_t now_s = clock_now_s();
	char what[WHAT_MAX];
	char line[LINE_MAX_LEN];

	for (size_t i = 0; i < accounts_count(notices->accounts); i++) {
		const struct account *account = accounts_at(notices->accounts, i);

		concern_of(account, now_s, what, sizeof(what));
		for (int c = 0; c < CHANNELS && what[0] != '\0'; c++) {
			line_of(&notices->channels[c], account, what, line);
			if (was_told(notices, line))
				(void)buffer_append_str(&kept, line);
		}
	}
	if (kept.len != notices->told.len) {
		buffer_move(&notices->told, &kept);
		save(notices);
	}
	buffer_release(&kept);
}

/* Telling ------------------------------------------------------------------------------------- */

static void look(struct channel *channel);

static void told(struct channel *channel, enum outcome outcome, const char *why)
{
	struct notices *notices = channel->notices;

	if (outcome != OUTCOME_OK) {
		log_warning("notices: nobody was told of %.*s: %s; again in an hour",
			    (int)strcspn(channel->telling, "\n"), channel->telling, why);
		channel->not_before_s = clock_now_s() + AGAIN_S;
		return;
	}
	(void)buffer_append_str(&notices->told, channel->telling);
	save(notices);
	look(channel);
}

static void on_command(void *context, struct command_result *result)
{
	struct channel *channel = context;

	channel->command = NULL;
	told(channel, result->outcome, result->err.text);
}

static void on_mail(void *context, struct http_response *response)
{
	struct channel *channel = context;

	channel->exchange = NULL;
	told(channel, response->outcome, response->err.text);
}

static void run(struct channel *channel, const char *name, const char *what, const char *advice)
{
	struct words argv = {0};

	words_copy(&argv, &channel->argv);
	words_push(&argv, span_from_str(name));
	words_push(&argv, span_from_str(what));
	words_push(&argv, span_from_str(advice));
	channel->command =
		command_run(channel->notices->base, &argv, 0, PATIENCE_MS, on_command, channel);
	words_release(&argv);
}

/* By a server, or by a program that takes mail as sendmail(1) does. */
static void mail(struct channel *channel, const char *name, const char *what, const char *advice)
{
	struct notices *notices = channel->notices;
	struct buffer message = BUFFER_INIT(MESSAGE_MAX);
	bool by_program = channel->argv.word[0][0] == '/';
	struct words argv = {0};

	notice_mail(channel->to, name, what, advice, clock_now_s(), by_program ? "\n" : "\r\n",
		    &message);
	if (by_program) {
		words_copy(&argv, &channel->argv);
		words_push(&argv, span_from_str("-i"));
		words_push(&argv, span_from_str(channel->to));
		channel->command = command_feed(notices->base, &argv, buffer_span(&message),
						PATIENCE_MS, on_command, channel);
		words_release(&argv);
	} else {
		channel->exchange = http_mail(notices->http, channel->argv.word[0], channel->to,
					      buffer_span(&message), PATIENCE_MS, on_mail, channel);
	}
	buffer_release(&message);
}

static void tell(struct channel *channel, const struct account *account, const char *what)
{
	const char *name = account_config(account)->name;
	char advice[ADVICE_MAX];

	account_todo(account, advice, sizeof(advice));
	line_of(channel, account, what, channel->telling);
	log_warning("account=%s notice=%s: %s", name, what, advice);
	if (channel->to != NULL)
		mail(channel, name, what, advice);
	else
		run(channel, name, what, advice);
}

static void look(struct channel *channel)
{
	const struct accounts *accounts = channel->notices->accounts;
	int64_t now_s = clock_now_s();
	char what[WHAT_MAX];
	char line[LINE_MAX_LEN];

	if (channel->argv.count == 0 || channel->command != NULL || channel->exchange != NULL ||
	    (now_s < channel->not_before_s && channel->not_before_s - now_s <= AGAIN_S))
		return;
	for (size_t i = 0; i < accounts_count(accounts); i++) {
		const struct account *account = accounts_at(accounts, i);

		concern_of(account, now_s, what, sizeof(what));
		line_of(channel, account, what, line);
		if (what[0] == '\0' || was_told(channel->notices, line))
			continue;
		tell(channel, account, what);
		return;
	}
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	static const struct timeval every = {.tv_sec = LOOK_EVERY_S};
	struct notices *notices = context;

	(void)fd;
	(void)what;
	forget_what_is_over(notices);
	for (int c = 0; c < CHANNELS; c++)
		look(&notices->channels[c]);
	(void)event_add(notices->timer, &every);
}

/* Life ---------------------------------------------------------------------------------------- */

static void channel_init(struct channel *channel, struct notices *notices, const struct words *argv,
			 const char *to, const char *mark)
{
	channel->notices = notices;
	channel->mark = mark;
	channel->to = xstrdup(to);
	words_copy(&channel->argv, argv);
}

static void channel_release(struct channel *channel)
{
	command_cancel(channel->command);
	http_cancel(channel->exchange);
	words_release(&channel->argv);
	free(channel->to);
}

struct notices *notices_new(struct event_base *base, struct http_client *http,
			    const struct accounts *accounts, const struct helper_config *config)
{
	static const struct timeval first = {.tv_sec = LOOK_FIRST_S};
	static const struct words none;
	const char *to = config->notify_mail;
	struct notices *notices;
	struct err err;

	if (config->notify_command.count == 0 && to == NULL)
		return NULL;
	notices = xcalloc(1, sizeof(*notices));
	notices->base = base;
	notices->http = http;
	notices->accounts = accounts;
	channel_init(&notices->channels[BY_COMMAND], notices, &config->notify_command, NULL, "");
	channel_init(&notices->channels[BY_MAIL], notices,
		     to != NULL ? &config->notify_mail_by : &none, to, " mail");
	buffer_init(&notices->told, NOTE_MAX);
	if (store_read_note(accounts_store(accounts), &notices->told, &err) != OUTCOME_OK)
		log_warning("notices: %s", err.text);
	notices->timer = evtimer_new(base, on_timer, notices);
	if (notices->timer == NULL || event_add(notices->timer, &first) != 0)
		fatal("out of memory");
	return notices;
}

void notices_free(struct notices *notices)
{
	if (notices == NULL)
		return;
	for (int c = 0; c < CHANNELS; c++)
		channel_release(&notices->channels[c]);
	event_free(notices->timer);
	buffer_release(&notices->told);
	free(notices);
}
