/* SPDX-License-Identifier: MIT */
/* mailbox-fetch.c - see mailbox-private.h: the list of what is new, and its messages in windows. */
#include <stdlib.h>

#include "common/xalloc.h"
#include "fetch-agent/mailbox-private.h"

#include "common/banned.h"

#define WINDOW_BYTES	524288	/* of one FETCH, by the sizes that the server gave */
#define WINDOW_MESSAGES 200	/* of one FETCH */
#define FLIGHT_BYTES	4194304 /* asked for and not answered */
#define SET_MAX		900 /* bytes of a set: servers take lines of 8,000, older ones of 1,000 */
#define GROUP_MESSAGES	256 /* made durable together */
#define GROUP_BYTES	33554432
#define GROUPS_MAX	3 /* in the worker; more are not fetched ahead of the disk */

/* The list ---------------------------------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
	uint32_t x = ((const struct listed *)a)->uid, y = ((const struct listed *)b)->uid;

	return (x > y) - (x < y);
}

void list_take(struct mailbox *mailbox, const struct imap_fetch *fetch)
{
	uint64_t size = fetch->size <= UINT32_MAX ? fetch->size : UINT32_MAX;

	/* "N:*" names the last message even if its UID is below N. */
	if (fetch->uid <= mailbox->ledger.folder.last_uid || (fetch->has & IMAP_FETCH_SIZE) == 0 ||
	    uid_list_has(&mailbox->skip, fetch->uid))
		return;
	if (mailbox->listed_count == mailbox->listed_size) {
		mailbox->listed_size = mailbox->listed_size == 0 ? 64 : mailbox->listed_size * 2;
		mailbox->listed = xreallocarray(mailbox->listed, mailbox->listed_size,
						sizeof(*mailbox->listed));
	}
	mailbox->listed[mailbox->listed_count++] =
		(struct listed){fetch->uid, (uint32_t)size, false};
}

/* A server may list a message twice. */
static void list_sort(struct mailbox *mailbox)
{
	struct listed *list = mailbox->listed;
	size_t kept = 0;

	if (mailbox->listed_count > 1)
		qsort(list, mailbox->listed_count, sizeof(*list), compare);
	for (size_t i = 0; i < mailbox->listed_count; i++) {
		if (kept == 0 || list[kept - 1].uid != list[i].uid)
			list[kept++] = list[i];
	}
	mailbox->listed_count = kept;
}

static void list_done(struct mailbox *mailbox)
{
	uint64_t most = (uint64_t)mailbox->world.source->max_messages;
	uint32_t newest = mailbox->uidnext > 0 ? mailbox->uidnext - 1 : 0;

	list_sort(mailbox);
	if (most > 0 && mailbox->listed_count > most) {
		mailbox->result.left = mailbox->listed_count - most;
		mailbox->listed_count = most;
		newest = 0;
	}
	if (mailbox->listed_count > 0 && mailbox->listed[mailbox->listed_count - 1].uid > newest)
		newest = mailbox->listed[mailbox->listed_count - 1].uid;
	mailbox->after_list_uid = newest;
	mailbox_change(mailbox, MAILBOX_FETCHING);
	mailbox_go_on(mailbox);
}

static void on_listed(void *ctx, const struct imap_text *result)
{
	struct mailbox *mailbox = ctx;

	mailbox->commands--;
	if (result == NULL || mailbox->what != OUTCOME_OK)
		return; /* on_closed() follows, or has been */
	if (result->status == IMAP_STATUS_OK)
		list_done(mailbox);
	else
		mailbox_fail_said(mailbox, "cannot list the messages", result);
}

void list_begin(struct mailbox *mailbox)
{
	uint32_t last = mailbox->ledger.folder.last_uid;
	struct imap_command command;

	tell_server(mailbox, &mailbox->tell);
	if (mailbox->exists == 0 || last == UINT32_MAX ||
	    (mailbox->uidnext != 0 && mailbox->uidnext <= last + 1)) {
		list_done(mailbox);
		return;
	}
	mailbox_change(mailbox, MAILBOX_LISTING);
	imap_command_init(mailbox->world.session, &command);
	(void)buffer_printf(&command.bytes, "UID FETCH %u:* (UID RFC822.SIZE)", last + 1);
	mailbox->commands++;
	(void)imap_session_send(mailbox->world.session, &command, on_listed, mailbox);
}

/* Windows ----------------------------------------------------------------------------------------
 */

void windows_free(struct mailbox *mailbox)
{
	struct window *window;

	while ((window = mailbox->windows) != NULL) {
		mailbox->windows = window->next;
		free(window);
	}
}

/* Answers may come in another order; decided is what has none missing before it. */
static void windows_retire(struct mailbox *mailbox)
{
	struct window *window;

	while ((window = mailbox->windows) != NULL && window->answered) {
		if (!mailbox->stuck)
			mailbox->decided_uid = window->last_uid;
		mailbox->windows = window->next;
		if (mailbox->windows == NULL)
			mailbox->windows_last = &mailbox->windows;
		free(window);
	}
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
	/* NO: some of the messages came perhaps; the others are tried again in the next run. */
	if (result->status == IMAP_STATUS_NO) {
		mailbox->stuck = true;
		mailbox_note_said(mailbox, "cannot fetch some messages", result);
	}
	window->answered = true;
	mailbox->window_bytes -= window->bytes;
	windows_retire(mailbox);
	mailbox_go_on(mailbox);
}

/* As many of the next messages as make one FETCH. */
static bool window_fill(struct mailbox *mailbox, struct imap_command *command,
			struct window *window)
{
	struct imap_set_builder set;
	size_t messages = 0;

	(void)buffer_append_str(&command->bytes, "UID FETCH ");
	imap_set_begin(&set, &command->bytes, SET_MAX);
	while (mailbox->next < mailbox->listed_count && messages < WINDOW_MESSAGES &&
	       window->bytes < WINDOW_BYTES) {
		const struct listed *message = &mailbox->listed[mailbox->next];

		if (!imap_set_add(&set, message->uid))
			break;
		window->bytes += message->size_bytes;
		window->last_uid = message->uid;
		mailbox->next++;
		messages++;
	}
	(void)buffer_append_str(&command->bytes, " (UID BODY.PEEK[])");
	return messages > 0;
}

static void window_send(struct mailbox *mailbox)
{
	struct window *window = xcalloc(1, sizeof(*window));
	struct imap_command command;

	window->mailbox = mailbox;
	imap_command_init(mailbox->world.session, &command);
	if (!window_fill(mailbox, &command, window))
		abort(); /* a single UID always fits */
	*mailbox->windows_last = window;
	mailbox->windows_last = &window->next;
	mailbox->window_bytes += window->bytes;
	mailbox->commands++;
	(void)imap_session_send(mailbox->world.session, &command, on_window, window);
}

void fetch_more(struct mailbox *mailbox)
{
	while (mailbox->next < mailbox->listed_count && mailbox->groups < GROUPS_MAX &&
	       (mailbox->windows == NULL || mailbox->window_bytes < FLIGHT_BYTES))
		window_send(mailbox);
	if (mailbox->next == mailbox->listed_count && mailbox->windows == NULL && !mailbox->stuck &&
	    mailbox->after_list_uid > mailbox->decided_uid)
		mailbox->decided_uid = mailbox->after_list_uid;
}

/* Messages ---------------------------------------------------------------------------------------
 */

/* NIL is no message: it stays undecided, so that a later run asks again. */
static void no_body(struct mailbox *mailbox, const struct imap_body *body)
{
	mailbox->stuck = true;
	if (mailbox->later == OUTCOME_OK)
		mailbox->later = err_set(&mailbox->later_err, OUTCOME_RETRY,
					 "the server has no text for message UID %u", body->uid);
}

void body_begin(void *ctx, const struct imap_body *body)
{
	struct mailbox *mailbox = ctx;
	struct err err = ERR_INIT;
	enum outcome what;

	maildir_message_drop(mailbox->world.maildir, &mailbox->ledger.origin, &mailbox->message);
	mailbox->message_whole = false;
	if (mailbox->what != OUTCOME_OK || mailbox->state != MAILBOX_FETCHING || body->partial ||
	    body->section.len > 0)
		return;
	if (body->nil) {
		no_body(mailbox, body);
		return;
	}
	what = maildir_message_begin(
		mailbox->world.maildir, &mailbox->ledger.origin, body->uid, body->seq,
		mailbox->world.source->line_ends == FETCH_LINE_ENDS_LF, &mailbox->message, &err);
	if (what != OUTCOME_OK)
		mailbox_fail(mailbox, what, &err);
}

void body_chunk(void *ctx, struct span bytes)
{
	struct mailbox *mailbox = ctx;
	struct err err = ERR_INIT;
	enum outcome what;

	if (mailbox->message.fd < 0)
		return;
	what = maildir_message_write(mailbox->world.maildir, &mailbox->message, bytes, &err);
	if (what == OUTCOME_OK)
		return;
	maildir_message_drop(mailbox->world.maildir, &mailbox->ledger.origin, &mailbox->message);
	mailbox_fail(mailbox, what, &err);
}

void body_end(void *ctx)
{
	struct mailbox *mailbox = ctx;

	mailbox->message_whole = mailbox->message.fd >= 0;
}

/* The message with this UID, if it is one that was asked for and has not come yet. */
static struct listed *wanted(struct mailbox *mailbox, uint32_t uid)
{
	struct listed key = {.uid = uid};
	struct listed *found = mailbox->next == 0 ? NULL
						  : bsearch(&key, mailbox->listed, mailbox->next,
							    sizeof(key), compare);

	return found != NULL && !found->taken ? found : NULL;
}

void fetch_take(struct mailbox *mailbox, const struct imap_fetch *fetch)
{
	struct maildir_message *message = &mailbox->message;
	uint32_t uid = fetch->uid != 0 ? fetch->uid : message->uid;
	struct listed *listed = wanted(mailbox, uid);
	struct err err = ERR_INIT;
	enum outcome what;

	if (fetch->bodies == 0)
		return;
	if (!mailbox->message_whole || listed == NULL) {
		maildir_message_drop(mailbox->world.maildir, &mailbox->ledger.origin, message);
		return;
	}
	mailbox->message_whole = false;
	what = maildir_message_end(mailbox->world.maildir, &mailbox->ledger.origin, message, uid,
				   &err);
	if (what != OUTCOME_OK) {
		mailbox_fail(mailbox, what, &err);
		return;
	}
	listed->taken = true;
	uid_list_add(&mailbox->group->uids, uid);
	mailbox->group->bytes += message->bytes;
	if (mailbox->group->uids.count >= GROUP_MESSAGES || mailbox->group->bytes >= GROUP_BYTES)
		group_submit(mailbox);
}
