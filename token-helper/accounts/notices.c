/* SPDX-License-Identifier: MIT */
/* notices.c - see notices.h. What was told is a line each in the store's note: ACCOUNT WHAT. */
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
#include "token-helper/accounts/status.h"
#include "token-helper/command/command.h"

#include "common/banned.h"

#define LOOK_FIRST_S 5
#define LOOK_EVERY_S 60
#define AGAIN_S	     3600 /* after the program failed */
#define PATIENCE_MS  60000
#define NOTE_MAX     4194304
#define WHAT_MAX     64
#define LINE_MAX_LEN 160
#define ADVICE_MAX   1024

struct notices {
	struct event_base *base;
	const struct accounts *accounts;
	struct words argv;
	struct event *timer;
	struct command *command; /* running; NULL: none */
	char telling[LINE_MAX_LEN];
	int64_t not_before_s;
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

static void line_of(const struct account *account, const char *what, char *line)
{
	(void)snprintf(line, LINE_MAX_LEN, "%s %s\n", account_config(account)->name, what);
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
		line_of(account, what, line);
		if (what[0] != '\0' && was_told(notices, line))
			(void)buffer_append_str(&kept, line);
	}
	if (kept.len != notices->told.len) {
		buffer_move(&notices->told, &kept);
		save(notices);
	}
	buffer_release(&kept);
}

/* Telling ------------------------------------------------------------------------------------- */

static void look(struct notices *notices);

static void on_told(void *context, struct command_result *result)
{
	struct notices *notices = context;

	notices->command = NULL;
	if (result->outcome != OUTCOME_OK) {
		log_warning("notices: %s; again in an hour", result->err.text);
		notices->not_before_s = clock_now_s() + AGAIN_S;
		return;
	}
	(void)buffer_append_str(&notices->told, notices->telling);
	save(notices);
	look(notices);
}

static void tell(struct notices *notices, const struct account *account, const char *what)
{
	const char *name = account_config(account)->name;
	char advice[ADVICE_MAX];
	struct words argv = {0};

	account_todo(account, advice, sizeof(advice));
	words_copy(&argv, &notices->argv);
	argv.word = xreallocarray(argv.word, argv.count + 3, sizeof(argv.word[0]));
	argv.word[argv.count++] = xstrdup(name);
	argv.word[argv.count++] = xstrdup(what);
	argv.word[argv.count++] = xstrdup(advice);
	line_of(account, what, notices->telling);
	log_info("account=%s notice=%s: %s", name, what, advice);
	notices->command = command_run(notices->base, &argv, 0, PATIENCE_MS, on_told, notices);
	words_release(&argv);
}

static void look(struct notices *notices)
{
	int64_t now_s = clock_now_s();
	char what[WHAT_MAX];
	char line[LINE_MAX_LEN];

	if (notices->command != NULL ||
	    (now_s < notices->not_before_s && notices->not_before_s - now_s <= AGAIN_S))
		return;
	for (size_t i = 0; i < accounts_count(notices->accounts); i++) {
		const struct account *account = accounts_at(notices->accounts, i);

		concern_of(account, now_s, what, sizeof(what));
		line_of(account, what, line);
		if (what[0] == '\0' || was_told(notices, line))
			continue;
		tell(notices, account, what);
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
	look(notices);
	(void)event_add(notices->timer, &every);
}

/* Life ---------------------------------------------------------------------------------------- */

struct notices *notices_new(struct event_base *base, const struct accounts *accounts,
			    const struct words *command)
{
	static const struct timeval first = {.tv_sec = LOOK_FIRST_S};
	struct notices *notices;
	struct err err;

	if (command->count == 0)
		return NULL;
	notices = xcalloc(1, sizeof(*notices));
	notices->base = base;
	notices->accounts = accounts;
	words_copy(&notices->argv, command);
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
	command_cancel(notices->command);
	event_free(notices->timer);
	words_release(&notices->argv);
	buffer_release(&notices->told);
	free(notices);
}
