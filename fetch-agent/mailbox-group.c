/* SPDX-License-Identifier: MIT */
/*
 * mailbox-group.c - see mailbox-private.h: groups to the worker, and after them `after` to the
 * server. The server hears of a message only when it is published.
 */
#include <stdlib.h>

#include "common/xalloc.h"
#include "fetch-agent/mailbox-private.h"

#include "common/banned.h"

#define SET_MAX 900

/* Groups -----------------------------------------------------------------------------------------
 */

struct group *group_new(struct mailbox *mailbox)
{
	struct group *group = xcalloc(1, sizeof(*group));

	group->mailbox = mailbox;
	return group;
}

void group_free(struct group *group)
{
	if (group == NULL)
		return;
	uid_list_release(&group->uids);
	uid_list_release(&group->told);
	free(group);
}

static void work_deliver(void *job)
{
	struct group *group = job;

	group->what = ledger_deliver(&group->mailbox->ledger, &group->uids, &group->told,
				     group->last_uid, &group->err);
}

static void on_delivered(void *job)
{
	struct group *group = job;
	struct mailbox *mailbox = group->mailbox;

	mailbox->jobs--;
	mailbox->groups--;
	if (group->what != OUTCOME_OK) {
		mailbox_fail(mailbox, group->what, &group->err);
	} else {
		mailbox->result.messages += group->uids.count;
		mailbox->result.bytes += group->bytes;
		if (mailbox->ledger.tells && mailbox->what == OUTCOME_OK)
			tell_server(mailbox, &group->uids);
	}
	group_free(group);
	mailbox_go_on(mailbox);
}

void group_submit(struct mailbox *mailbox)
{
	struct group *group = mailbox->group;

	mailbox->group = group_new(mailbox);
	group->last_uid = mailbox->decided_uid;
	group->told = mailbox->told;
	mailbox->told = (struct uid_list){0};
	uid_list_sort(&group->uids);
	mailbox->jobs++;
	mailbox->groups++;
	worker_submit(mailbox->world.worker, work_deliver, on_delivered, group);
}

/* Telling the server -----------------------------------------------------------------------------
 */

/* Some messages, and the commands that one after the other make `after` true for them. */
struct telling {
	struct mailbox *mailbox;
	struct uid_list uids;
};

static void telling_free(struct telling *telling)
{
	uid_list_release(&telling->uids);
	free(telling);
}

static void on_told(void *ctx, const struct imap_text *result)
{
	struct telling *telling = ctx;
	struct mailbox *mailbox = telling->mailbox;

	mailbox->commands--;
	if (result != NULL && result->status == IMAP_STATUS_OK) {
		mailbox->result.told += telling->uids.count;
		for (size_t i = 0; i < telling->uids.count; i++)
			uid_list_add(&mailbox->told, telling->uids.uid[i]);
	} else if (result != NULL) {
		mailbox_note_said(mailbox, "delivered, but `after` failed", result);
	}
	telling_free(telling);
	if (result != NULL)
		mailbox_go_on(mailbox);
}

/* Answers that do not count: that of the command behind it does. */
static void on_stored(void *ctx, const struct imap_text *result)
{
	struct mailbox *mailbox = ctx;

	mailbox->commands--;
	if (result != NULL && result->status != IMAP_STATUS_OK)
		mailbox_note_said(mailbox, "cannot mark messages as deleted", result);
}

/* verb, the set, tail; then, unless NULL, a mailbox's name. */
static void say(struct telling *telling, const char *verb, const char *tail, const char *folder,
		imap_done_fn *done, void *ctx)
{
	struct mailbox *mailbox = telling->mailbox;
	struct imap_set_builder set;
	struct imap_command command;

	imap_command_init(mailbox->world.session, &command);
	(void)buffer_append_str(&command.bytes, verb);
	imap_set_begin(&set, &command.bytes, SET_MAX);
	for (size_t i = 0; i < telling->uids.count; i++)
		(void)imap_set_add(&set, telling->uids.uid[i]);
	(void)buffer_append_str(&command.bytes, tail);
	if (folder != NULL)
		(void)imap_encode_mailbox(&command.encoder, span_from_str(folder));
	mailbox->commands++;
	(void)imap_session_send(mailbox->world.session, &command, done, ctx);
}

static void tell_delete(struct telling *telling)
{
	struct mailbox *mailbox = telling->mailbox;

	if ((mailbox->world.capability->can & IMAP_CAN_UIDPLUS) == 0) {
		/* EXPUNGE alone would also remove what others have marked. */
		say(telling, "UID STORE ", " +FLAGS.SILENT (\\Deleted)", NULL, on_told, telling);
		return;
	}
	say(telling, "UID STORE ", " +FLAGS.SILENT (\\Deleted)", NULL, on_stored, mailbox);
	say(telling, "UID EXPUNGE ", "", NULL, on_told, telling);
}

static void on_copied(void *ctx, const struct imap_text *result)
{
	struct telling *telling = ctx;

	if (result == NULL || result->status != IMAP_STATUS_OK) {
		on_told(ctx, result);
		return;
	}
	telling->mailbox->commands--;
	tell_delete(telling);
}

static void tell_move(struct telling *telling)
{
	const char *folder = telling->mailbox->world.source->move_to;

	if ((telling->mailbox->world.capability->can & IMAP_CAN_MOVE) != 0)
		say(telling, "UID MOVE ", " ", folder, on_told, telling);
	else
		say(telling, "UID COPY ", " ", folder, on_copied, telling);
}

static void tell_these(struct telling *telling)
{
	switch (telling->mailbox->world.source->after) {
	case FETCH_AFTER_DELETE:
		tell_delete(telling);
		break;
	case FETCH_AFTER_MOVE:
		tell_move(telling);
		break;
	case FETCH_AFTER_SEEN:
		say(telling, "UID STORE ", " +FLAGS.SILENT (\\Seen)", NULL, on_told, telling);
		break;
	default:
		telling_free(telling);
		break;
	}
}

void tell_server(struct mailbox *mailbox, struct uid_list *uids)
{
	struct buffer text = BUFFER_INIT(SET_MAX);
	struct imap_set_builder set;
	size_t next = 0;

	uid_list_sort(uids);
	while (next < uids->count) {
		struct telling *telling = xcalloc(1, sizeof(*telling));

		telling->mailbox = mailbox;
		buffer_clear(&text);
		imap_set_begin(&set, &text, SET_MAX);
		while (next < uids->count && imap_set_add(&set, uids->uid[next]))
			uid_list_add(&telling->uids, uids->uid[next++]);
		tell_these(telling);
	}
	buffer_release(&text);
	uid_list_clear(uids);
}
