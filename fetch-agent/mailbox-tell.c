/* SPDX-License-Identifier: MIT */
/* mailbox-tell.c - see mailbox-private.h: `after` and `on_refused`, as commands to the server. */
#include <stdlib.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "fetch-agent/mailbox-private.h"

#include "common/banned.h"

/* Without MOVE, a message that is copied and not yet deleted when the connection ends is copied
 * again: so many at most, in one COPY at a time. */
#define COPY_MAX 32

/* Some messages, and the commands that one after the other do with them what was said. */
struct telling {
	struct mailbox *mailbox;
	struct telling *next;
	struct telling *next_copy;
	struct uid_list uids;
	enum fetch_after after;
	const char *move_to;
	char *refused; /* NULL: they were delivered; else why this one was not */
};

static void telling_free(struct telling *telling)
{
	struct telling **at = &telling->mailbox->tellings;

	while (*at != telling)
		at = &(*at)->next;
	*at = telling->next;
	uid_list_release(&telling->uids);
	free(telling->refused);
	free(telling);
}

/* Done -------------------------------------------------------------------------------------------
 */

static void told(struct telling *telling)
{
	struct mailbox *mailbox = telling->mailbox;

	uid_list_add_all(&mailbox->group->step.told, &telling->uids);
	if (telling->refused == NULL) {
		mailbox->result.told += telling->uids.count;
		return;
	}
	aside_withdraw(mailbox, telling->uids.uid[0]);
	mailbox_log(mailbox, LOG_LEVEL_WARNING,
		    "message UID %u cannot be delivered: %s; it was moved to %s",
		    telling->uids.uid[0], telling->refused, telling->move_to);
}

static void not_told(struct telling *telling, const struct imap_text *result)
{
	if (telling->refused == NULL) {
		mailbox_note_said(telling->mailbox, "delivered, but `after` failed", result);
		return;
	}
	mailbox_note_said(telling->mailbox, "refused, but on_refused failed", result);
	aside_refused(telling->mailbox, telling->uids.uid[0], telling->refused);
}

static void copy_next(struct mailbox *mailbox);

static void on_told(void *ctx, const struct imap_text *result)
{
	struct telling *telling = ctx;
	struct mailbox *mailbox = telling->mailbox;
	bool copied = mailbox->copies == telling;

	mailbox->commands--;
	if (copied)
		mailbox->copies = telling->next_copy;
	if (result != NULL && result->status == IMAP_STATUS_OK)
		told(telling);
	else if (result != NULL)
		not_told(telling, result);
	telling_free(telling);
	if (copied && result != NULL && mailbox->what == OUTCOME_OK)
		copy_next(mailbox);
	if (result != NULL)
		mailbox_go_on(mailbox);
}

/* Saying -----------------------------------------------------------------------------------------
 */

/* verb, the set, tail; then, unless NULL, a mailbox's name. */
static void say(struct telling *telling, const char *verb, const char *tail, const char *folder,
		imap_done_fn *done, void *ctx)
{
	struct mailbox *mailbox = telling->mailbox;
	struct imap_set_builder set;
	struct imap_command command;

	imap_command_init(mailbox->world.session, &command);
	(void)buffer_append_str(&command.bytes, verb);
	imap_set_begin(&set, &command.bytes, MAILBOX_SET_MAX);
	for (size_t i = 0; i < telling->uids.count; i++)
		(void)imap_set_add(&set, telling->uids.uid[i]);
	(void)buffer_append_str(&command.bytes, tail);
	if (folder != NULL)
		(void)imap_encode_mailbox(&command.encoder, span_from_str(folder));
	mailbox->commands++;
	(void)imap_session_send(mailbox->world.session, &command, done, ctx);
}

/* Not sent together: Dovecot was seen to mark three messages and then to expunge none of them, in
 * one of some hundred runs. */
static void on_stored(void *ctx, const struct imap_text *result)
{
	struct telling *telling = ctx;

	if (result == NULL || result->status != IMAP_STATUS_OK) {
		on_told(ctx, result);
		return;
	}
	telling->mailbox->commands--;
	say(telling, "UID EXPUNGE ", "", NULL, on_told, telling);
}

static void tell_delete(struct telling *telling)
{
	struct mailbox *mailbox = telling->mailbox;

	if ((mailbox->world.capability->can & IMAP_CAN_UIDPLUS) == 0) {
		/* EXPUNGE alone would also remove what others have marked. */
		say(telling, "UID STORE ", " +FLAGS.SILENT (\\Deleted)", NULL, on_told, telling);
		return;
	}
	say(telling, "UID STORE ", " +FLAGS.SILENT (\\Deleted)", NULL, on_stored, telling);
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

static void copy_next(struct mailbox *mailbox)
{
	struct telling *telling = mailbox->copies;

	if (telling != NULL)
		say(telling, "UID COPY ", " ", telling->move_to, on_copied, telling);
	else
		mailbox->copies_last = &mailbox->copies;
}

static bool can_move(const struct mailbox *mailbox)
{
	return (mailbox->world.capability->can & IMAP_CAN_MOVE) != 0;
}

static void tell_move(struct telling *telling)
{
	struct mailbox *mailbox = telling->mailbox;
	bool idle = mailbox->copies == NULL;

	if (can_move(mailbox)) {
		say(telling, "UID MOVE ", " ", telling->move_to, on_told, telling);
		return;
	}
	*mailbox->copies_last = telling;
	mailbox->copies_last = &telling->next_copy;
	if (idle)
		copy_next(mailbox);
}

static void tell_these(struct telling *telling)
{
	switch (telling->after) {
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

static struct telling *telling_begin(struct mailbox *mailbox, enum fetch_after after)
{
	struct telling *telling = xcalloc(1, sizeof(*telling));

	telling->mailbox = mailbox;
	telling->after = after;
	telling->next = mailbox->tellings;
	mailbox->tellings = telling;
	return telling;
}

/* As many of uids, from *next on, as one command can name. */
static struct telling *telling_new(struct mailbox *mailbox, const struct uid_list *uids,
				   size_t *next)
{
	const struct fetch_source *source = mailbox->world.source;
	struct telling *telling = telling_begin(mailbox, (enum fetch_after)source->after);
	struct buffer text = BUFFER_INIT(MAILBOX_SET_MAX);
	struct imap_set_builder set;
	size_t most =
		telling->after == FETCH_AFTER_MOVE && !can_move(mailbox) ? COPY_MAX : uids->count;

	telling->move_to = source->move_to;
	imap_set_begin(&set, &text, MAILBOX_SET_MAX);
	while (*next < uids->count && telling->uids.count < most &&
	       imap_set_add(&set, uids->uid[*next]))
		uid_list_add(&telling->uids, uids->uid[(*next)++]);
	buffer_release(&text);
	return telling;
}

void tell_server(struct mailbox *mailbox, struct uid_list *uids)
{
	size_t next = 0;

	uid_list_sort(uids);
	while (next < uids->count)
		tell_these(telling_new(mailbox, uids, &next));
	uid_list_clear(uids);
}

void tell_again(struct mailbox *mailbox, struct uid_list *uids)
{
	const struct fetch_source *source = mailbox->world.source;

	if (uids->count > 0 && source->after == FETCH_AFTER_MOVE && !can_move(mailbox))
		mailbox_log(mailbox, LOG_LEVEL_WARNING,
			    "the last run was ended before messages of UID %u to %u were moved, "
			    "and the server has no MOVE: up to %d of them may be in %s twice",
			    uids->uid[0], uids->uid[uids->count - 1],
			    uids->count < COPY_MAX ? (int)uids->count : COPY_MAX, source->move_to);
	tell_server(mailbox, uids);
}

/* Their commands are of no more interest, or will have no answer. */
void tellings_release(struct mailbox *mailbox)
{
	while (mailbox->tellings != NULL)
		telling_free(mailbox->tellings);
}

void tell_refused(struct mailbox *mailbox, uint32_t uid, const char *text)
{
	struct telling *telling = telling_begin(mailbox, FETCH_AFTER_MOVE);

	telling->move_to = mailbox->world.source->selection.refused_to;
	telling->refused = xstrdup(text);
	uid_list_add(&telling->uids, uid);
	tell_these(telling);
}
