/* SPDX-License-Identifier: MIT */
/* mailbox-fetch.c - see mailbox-private.h: what is listed is asked for, in windows. */
#include <stdlib.h>

#include "common/diagnosis.h"
#include "common/xalloc.h"
#include "fetch-agent/mailbox-private.h"

#include "common/banned.h"

#define EARLY_MESSAGES	512	 /* asked for before their sizes are known */
#define WINDOW_BYTES	524288	 /* of one FETCH, by the sizes that the server gave */
#define WINDOW_MESSAGES 200	 /* of one FETCH */
#define FLIGHT_BYTES	16777216 /* asked for and not answered: 640 Mbit/s over 200 ms */
#define GROUPS_MAX	3	 /* in the worker; more are not fetched ahead of the disk */
#define ALONE_MAX	200	 /* messages asked for one by one in a run, after a NO to several */

void windows_free(struct mailbox *mailbox)
{
	struct window *window;

	while ((window = mailbox->windows) != NULL) {
		mailbox->windows = window->next;
		free(window);
	}
}

/* Answers and verdicts may come in another order; decided is what has none missing before it. */
void windows_retire(struct mailbox *mailbox)
{
	struct window *window;

	while ((window = mailbox->windows) != NULL && window->answered && window->open == 0) {
		if (!mailbox->stuck && window->to > window->from)
			mailbox->decided_uid = mailbox->listed[window->to - 1].uid;
		mailbox->windows = window->next;
		if (mailbox->windows == NULL)
			mailbox->windows_last = &mailbox->windows;
		free(window);
	}
}

/* Deleted meanwhile, most likely; if not, what is decided behind it must not bury it. said: the
 * server's refusal; NULL: it said nothing of them. */
static void put_off_unsent(const struct window *window, const struct imap_text *said)
{
	struct mailbox *mailbox = window->mailbox;

	for (size_t i = window->from; !mailbox->stuck && i < window->to; i++) {
		if (!mailbox->listed[i].taken)
			aside_unsent(mailbox, mailbox->listed[i].uid, said);
	}
}

static size_t untaken_from(const struct window *window, size_t at)
{
	while (at < window->to && window->mailbox->listed[at].taken)
		at++;
	return at;
}

static struct window *window_new(struct mailbox *mailbox, struct window **at)
{
	struct window *window = xcalloc(1, sizeof(*window));

	window->mailbox = mailbox;
	window->next = *at;
	*at = window;
	if (window->next == NULL)
		mailbox->windows_last = &window->next;
	return window;
}

/* Of what is listed from `from` to before `end`, as much as makes one FETCH of at most `most`
 * messages; and over what has come. */
static struct window *window_insert(struct mailbox *mailbox, struct window **at, size_t from,
				    size_t end, size_t most)
{
	struct window *window = window_new(mailbox, at);
	struct buffer text = BUFFER_INIT(MAILBOX_SET_MAX);
	struct imap_set_builder set;
	size_t count = 0;

	window->from = from;
	window->to = end;
	imap_set_begin(&set, &text, MAILBOX_SET_MAX);
	while ((from = untaken_from(window, from)) < end && count++ < most &&
	       window->bytes < WINDOW_BYTES && imap_set_add(&set, mailbox->listed[from].uid))
		window->bytes += mailbox->listed[from++].size_bytes;
	buffer_release(&text);
	window->to = from;
	mailbox->window_bytes += window->bytes;
	return window;
}

/* What has not come of it is asked for again, `most` messages at a time. A window reaches to the
 * next of them, over what has come. */
static void ask_again(struct window *window, size_t most)
{
	struct mailbox *mailbox = window->mailbox;
	struct window **at = &window->next;
	size_t from = untaken_from(window, window->from), end = window->to;

	window->to = from;
	while (from < end) {
		struct window *again = window_insert(mailbox, at, from, end, most);

		mailbox->asked_alone += most == 1 ? 1 : 0;
		at = &again->next;
		window_ask(again);
		from = again->to;
	}
}

/* It has enough of us, or is too busy: that is no matter of one message. */
static bool is_about_all(const struct imap_text *result)
{
	const struct diagnosis *diagnosis = diagnosis_find(DIAGNOSIS_IMAP, result->text);

	return result->code == IMAP_CODE_UNAVAILABLE || result->code == IMAP_CODE_INUSE ||
	       result->code == IMAP_CODE_LIMIT || result->code == IMAP_CODE_THROTTLED ||
	       result->code == IMAP_CODE_OVERQUOTA ||
	       (diagnosis != NULL && diagnosis->outcome == OUTCOME_RETRY);
}

/* Some of the messages came perhaps. */
static void refused_window(struct window *window, const struct imap_text *result)
{
	struct mailbox *mailbox = window->mailbox;
	size_t first = untaken_from(window, window->from);
	bool several = untaken_from(window, first + 1) < window->to;

	/* One of them is to blame, most likely. */
	if (several && !is_about_all(result) && mailbox->asked_alone < ALONE_MAX) {
		ask_again(window, 1);
		return;
	}
	mailbox->stuck = mailbox->stuck || several || is_about_all(result);
	mailbox_note_said(mailbox, "cannot fetch some messages", result);
	put_off_unsent(window, result);
}

static void on_window(void *ctx, const struct imap_text *result)
{
	struct window *window = ctx;
	struct mailbox *mailbox = window->mailbox;

	mailbox->commands--;
	if (result == NULL || mailbox->what != OUTCOME_OK)
		return; /* on_closed() follows, or has been */
	if (result->status == IMAP_STATUS_BAD) {
		mailbox_fail_said(mailbox, "cannot fetch", result);
		return;
	}
	if (result->status == IMAP_STATUS_NO)
		refused_window(window, result);
	else
		put_off_unsent(window, NULL);
	window->answered = true;
	mailbox->window_bytes -= window->bytes;
	windows_retire(mailbox);
	mailbox_go_on(mailbox);
}

/* Adds messages to set, from the window's `from` on. False: not all of them fit. */
static bool window_spell(const struct window *window, struct buffer *out)
{
	struct imap_set_builder set;

	imap_set_begin(&set, out, MAILBOX_SET_MAX);
	for (size_t i = untaken_from(window, window->from); i < window->to;
	     i = untaken_from(window, i + 1)) {
		if (!imap_set_add(&set, window->mailbox->listed[i].uid))
			return false;
	}
	return true;
}

/* The date is part of a message's identity. */
#define ITEMS " (UID INTERNALDATE BODY.PEEK[])"

void window_ask(struct window *window)
{
	struct mailbox *mailbox = window->mailbox;
	struct imap_command command;

	imap_command_init(mailbox->world.session, &command);
	(void)buffer_append_str(&command.bytes, "UID FETCH ");
	if (!window_spell(window, &command.bytes))
		abort(); /* it was cut to fit */
	(void)buffer_append_str(&command.bytes, ITEMS);
	mailbox->commands++;
	(void)imap_session_send(mailbox->world.session, &command, on_window, window);
}

/* Before the list ------------------------------------------------------------------------------
 */

/* What of it has not come, whatever the server said to that, is asked for as it would have been
 * without. Both are known: what is listed, and what has come. */
static void early_is_over(struct mailbox *mailbox)
{
	struct window *window = mailbox->early_window;

	mailbox->early_window = NULL;
	ask_again(window, WINDOW_MESSAGES);
	window->answered = true;
	mailbox->window_bytes -= window->bytes;
	windows_retire(mailbox);
}

static void on_early_bodies(void *ctx, const struct imap_text *result)
{
	struct mailbox *mailbox = ctx;

	mailbox->commands--;
	mailbox->bodies_are_open = false;
	if (result == NULL)
		return; /* on_closed() follows */
	if (mailbox->state == MAILBOX_OPENING || mailbox->state == MAILBOX_RENEWING) {
		mailbox_opened(mailbox);
		return;
	}
	if (mailbox->state == MAILBOX_FETCHING && mailbox->what == OUTCOME_OK &&
	    mailbox->early_window != NULL)
		early_is_over(mailbox);
	mailbox_go_on(mailbox);
}

/* Is whatever the server has above the last UID wanted? */
static bool wants_all_new(const struct mailbox *mailbox)
{
	return mailbox->world.source->selection.max_size_bytes == 0 &&
	       mailbox->view.aside.count == 0 && mailbox->view.skip.count == 0;
}

/* Mostly little is new, and then it is here a round trip earlier. Not where something has to be
 * noted before a message may come. */
void fetch_early(struct mailbox *mailbox)
{
	uint64_t most = (uint64_t)mailbox->world.source->selection.max_messages;
	uint32_t last = mailbox->ledger.folder.last_uid;
	uint32_t count = most > 0 && most < EARLY_MESSAGES ? (uint32_t)most : EARLY_MESSAGES;
	struct imap_command command;

	if (mailbox_hands_over(mailbox) || !wants_all_new(mailbox) ||
	    mailbox_may_compress(mailbox) || last > UINT32_MAX - count)
		return;
	mailbox->bodies_to = last + count;
	mailbox->bodies_are_open = true;
	mailbox->early_window = window_new(mailbox, mailbox->windows_last);
	imap_command_init(mailbox->world.session, &command);
	(void)buffer_printf(&command.bytes, "UID FETCH %u:%u" ITEMS, last + 1, mailbox->bodies_to);
	mailbox->commands++;
	(void)imap_session_send(mailbox->world.session, &command, on_early_bodies, mailbox);
}

void fetch_forget_early(struct mailbox *mailbox)
{
	windows_free(mailbox);
	mailbox->windows_last = &mailbox->windows;
	mailbox->early_window = NULL;
}

/* What was asked for are the first that are listed. */
void fetch_claim_early(struct mailbox *mailbox)
{
	struct window *window = mailbox->early_window;

	if (window == NULL)
		return;
	while (mailbox->next < mailbox->listed_count &&
	       mailbox->listed[mailbox->next].uid <= mailbox->bodies_to)
		window->bytes += mailbox->listed[mailbox->next++].size_bytes;
	window->to = mailbox->next;
	mailbox->window_bytes += window->bytes;
	if (!mailbox->bodies_are_open)
		early_is_over(mailbox);
}

bool fetch_is_open(const struct mailbox *mailbox)
{
	return mailbox->state == MAILBOX_FETCHING ||
	       (mailbox->state == MAILBOX_LISTING && mailbox->early_window != NULL);
}

struct window *fetch_awaited(const struct mailbox *mailbox, uint32_t uid)
{
	size_t index;
	struct window *window = mailbox->windows;

	/* A list that is not in order is of no use before it is whole. */
	if (!fetch_is_open(mailbox) || !mailbox->list_is_sorted)
		return NULL;
	index = list_index(mailbox, uid);
	if (index == mailbox->listed_count || mailbox->listed[index].taken)
		return NULL;
	if (mailbox->state == MAILBOX_LISTING)
		return uid <= mailbox->bodies_to ? mailbox->early_window : NULL;
	while (window != NULL && (index < window->from || index >= window->to))
		window = window->next;
	return window;
}

/* The list is here ------------------------------------------------------------------------------
 */

void fetch_more(struct mailbox *mailbox)
{
	while (mailbox->next < mailbox->listed_count && mailbox->groups < GROUPS_MAX &&
	       (mailbox->windows == NULL || mailbox->window_bytes < FLIGHT_BYTES)) {
		struct window *window = window_insert(mailbox, mailbox->windows_last, mailbox->next,
						      mailbox->listed_count, WINDOW_MESSAGES);

		mailbox->next = window->to;
		if (mailbox_hands_over(mailbox))
			group_hand(window);
		else
			window_ask(window);
	}
	if (mailbox->next == mailbox->listed_count && mailbox->windows == NULL && !mailbox->stuck &&
	    mailbox->after_list_uid > mailbox->decided_uid)
		mailbox->decided_uid = mailbox->after_list_uid;
}
