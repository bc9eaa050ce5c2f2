/* SPDX-License-Identifier: MIT */
/*
 * mailbox-verdict.c - see mailbox-private.h: what became of a message, and what follows from it.
 *
 * Nothing that one message meets keeps the others from being delivered: what the destination does
 * not take now or never takes is set aside with the reason. Only a destination that takes nothing
 * at all ends the run.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "fetch-agent/mailbox-private.h"

#include "common/banned.h"

#define LATER_FIRST_S (5 * 60) /* doubled at each try */
#define LATER_MAX_S   (60 * 60)
#define UNSENT_TRIES  5 /* at least; a server may be out of order for long */

/* Pending ----------------------------------------------------------------------------------------
 */

void pending_add(struct mailbox *mailbox, const struct pending_message *message)
{
	if (mailbox->pending_count == mailbox->pending_size) {
		mailbox->pending_size = mailbox->pending_size == 0 ? 8 : mailbox->pending_size * 2;
		mailbox->pending = xreallocarray(mailbox->pending, mailbox->pending_size,
						 sizeof(*mailbox->pending));
	}
	mailbox->pending[mailbox->pending_count++] = *message;
	message->window->open++;
}

void pending_release(struct pending_message *message)
{
	free(message->sender);
	buffer_release(&message->head);
}

void verdicts_release(struct mailbox *mailbox)
{
	bounces_cancel(mailbox);
	for (size_t i = 0; i < mailbox->pending_count; i++)
		pending_release(&mailbox->pending[i]);
	free(mailbox->pending);
}

/* There are as many as the destination has deliveries under way: few. */
static bool pending_take(struct mailbox *mailbox, uint32_t uid, struct pending_message *out)
{
	for (size_t i = 0; i < mailbox->pending_count; i++) {
		if (mailbox->pending[i].identity.uid == uid) {
			*out = mailbox->pending[i];
			mailbox->pending[i] = mailbox->pending[--mailbox->pending_count];
			out->window->open--;
			return true;
		}
	}
	return false;
}

/* Set aside --------------------------------------------------------------------------------------
 */

bool aside_is_due(const struct mailbox *mailbox, const struct state_aside *entry)
{
	int64_t max_size = mailbox->world.source->selection.max_size_bytes;

	switch (entry->kind) {
	case STATE_ASIDE_LATER: /* or from before the clock was set back */
		return entry->next_s <= mailbox->now_s ||
		       entry->next_s > mailbox->now_s + LATER_MAX_S;
	case STATE_ASIDE_LARGE:
		return max_size == 0 || entry->size_bytes <= max_size;
	default:
		return false;
	}
}

static void aside_put(struct mailbox *mailbox, const struct state_aside *entry)
{
	state_aside_add(&mailbox->group->step.aside, entry);
}

void aside_large(struct mailbox *mailbox, const struct listed *listed)
{
	struct state_aside entry = {
		.uid = listed->uid,
		.kind = STATE_ASIDE_LARGE,
		.first_s = mailbox->now_s,
		.size_bytes = listed->size_bytes,
		.text = "larger than max_size",
	};

	mailbox_log(mailbox, LOG_LEVEL_INFO,
		    "message UID %u has %u bytes, more than max_size: it stays at "
		    "the server",
		    listed->uid, listed->size_bytes);
	aside_put(mailbox, &entry);
}

static void put_refused(struct mailbox *mailbox, uint32_t uid, const char *text)
{
	const struct state_aside *before = state_aside_find(&mailbox->view.aside, uid);
	struct state_aside entry = {
		.uid = uid,
		.kind = STATE_ASIDE_REFUSED,
		.tries = before != NULL ? before->tries + 1 : 1,
		.first_s = before != NULL ? before->first_s : mailbox->now_s,
		.text = text,
	};

	aside_put(mailbox, &entry);
}

void aside_refused(struct mailbox *mailbox, uint32_t uid, const char *text)
{
	const char *name = mailbox->world.source->name;

	mailbox_log(mailbox, LOG_LEVEL_WARNING,
		    "message UID %u cannot be delivered: %s; it stays at the "
		    "server and is passed over; when the reason is gone: mailoauth-fetch retry %s "
		    "%u",
		    uid, text, name, uid);
	put_refused(mailbox, uid, text);
}

void aside_withdraw(struct mailbox *mailbox, uint32_t uid)
{
	state_aside_remove(&mailbox->group->step.aside, uid);
	uid_list_add(&mailbox->group->step.gone, uid);
}

/* Verdicts ---------------------------------------------------------------------------------------
 */

void verdict_delivered(struct mailbox *mailbox, const struct pending_message *message)
{
	struct group *group = mailbox->group;
	uint32_t uid = message->identity.uid;

	uid_list_add(&group->step.delivered, uid);
	group->bytes += message->bytes;
	if (state_aside_find(&mailbox->view.aside, uid) != NULL)
		uid_list_add(&group->step.gone, uid);
	ledger_group_add_identity(&group->step, &message->identity);
}

static void refused(struct mailbox *mailbox, struct pending_message *message,
		    const struct delivery_verdict *verdict)
{
	uint32_t uid = message->identity.uid;
	struct err err = verdict->err;

	mailbox->result.refused++;
	err_prefix(&err, "message UID %u cannot be delivered: ", uid);
	mailbox_note(mailbox, OUTCOME_CONFIG, &err);
	switch (mailbox->world.source->selection.on_refused) {
	case FETCH_REFUSED_MOVE:
		/* Until the server has moved it: its answer may never come. */
		put_refused(mailbox, uid, verdict->err.text);
		tell_refused(mailbox, uid, verdict->err.text);
		break;
	case FETCH_REFUSED_BOUNCE:
		if (bounce_begin(mailbox, message, verdict))
			break;
		__attribute__((fallthrough));
	default:
		aside_refused(mailbox, uid, verdict->err.text);
		break;
	}
}

static int64_t wait_s(int64_t tries)
{
	int64_t wait = LATER_FIRST_S;

	while (tries-- > 1 && wait < LATER_MAX_S)
		wait *= 2;
	return wait < LATER_MAX_S ? wait : LATER_MAX_S;
}

static struct state_aside unsent(const struct mailbox *mailbox, uint32_t uid, const char *text)
{
	const struct state_aside *before = state_aside_find(&mailbox->view.aside, uid);
	int64_t tries = before != NULL ? before->tries + 1 : 1;

	return (struct state_aside){
		.uid = uid,
		.kind = STATE_ASIDE_LATER,
		.tries = tries,
		.first_s = before != NULL ? before->first_s : mailbox->now_s,
		.next_s = mailbox->now_s + wait_s(tries),
		.text = text,
	};
}

void aside_unsent(struct mailbox *mailbox, uint32_t uid, const struct imap_text *said)
{
	struct err why = ERR_INIT, err = ERR_INIT;
	struct state_aside entry;
	char next[CLOCK_TEXT_MAX];

	if (said != NULL)
		(void)err_set(&why, OUTCOME_RETRY, "the server does not send it: %s %.*s",
			      imap_status_name(said->status), (int)said->text.len, said->text.ptr);
	else
		(void)err_set(&why, OUTCOME_RETRY, "the server lists it and does not send it");
	entry = unsent(mailbox, uid, why.text);
	if (entry.tries > 1)
		mailbox_note(mailbox,
			     err_set(&err, OUTCOME_RETRY, "message UID %u: %s", uid, why.text),
			     &err);
	if (mailbox->now_s - entry.first_s >= mailbox->world.source->selection.retry_for_s &&
	    entry.tries >= UNSENT_TRIES) {
		aside_refused(mailbox, uid, why.text);
		return;
	}
	mailbox_log(mailbox, LOG_LEVEL_INFO,
		    "message UID %u did not come: %s; unless it is gone it is asked for again "
		    "after %s",
		    uid, why.text, clock_text(entry.next_s, next, sizeof(next)));
	aside_put(mailbox, &entry);
}

static void later(struct mailbox *mailbox, struct pending_message *message,
		  const struct delivery_verdict *verdict)
{
	const struct err *why = &verdict->err;
	uint32_t uid = message->identity.uid;
	const struct state_aside *before = state_aside_find(&mailbox->view.aside, uid);
	int64_t tries = before != NULL ? before->tries + 1 : 1;
	struct state_aside entry = {
		.uid = uid,
		.kind = STATE_ASIDE_LATER,
		.tries = tries,
		.first_s = before != NULL ? before->first_s : mailbox->now_s,
		.next_s = mailbox->now_s + wait_s(tries),
		.text = why->text,
	};
	char next[CLOCK_TEXT_MAX];
	struct err err = *why;

	if (mailbox->now_s - entry.first_s >= mailbox->world.source->selection.retry_for_s) {
		struct delivery_verdict final = *verdict;

		err_prefix(&final.err, "for too long now, in %" PRId64 " tries: ", tries);
		refused(mailbox, message, &final);
		return;
	}
	mailbox_log(mailbox, LOG_LEVEL_WARNING,
		    "message UID %u is not taken now: %s; again after %s", uid, why->text,
		    clock_text(entry.next_s, next, sizeof(next)));
	mailbox->result.later++;
	err_prefix(&err, "message UID %u: ", uid);
	mailbox_note(mailbox, OUTCOME_RETRY, &err);
	aside_put(mailbox, &entry);
}

static void judge(struct mailbox *mailbox, struct pending_message *message,
		  const struct delivery_verdict *verdict)
{
	switch (verdict->kind) {
	case DELIVERY_DONE:
		verdict_delivered(mailbox, message);
		break;
	case DELIVERY_LATER:
		later(mailbox, message, verdict);
		break;
	case DELIVERY_REFUSED:
		refused(mailbox, message, verdict);
		break;
	case DELIVERY_DOWN: /* the message is as if it had not come */
		mailbox->stuck = true;
		break;
	}
}

void verdict_is_in(struct mailbox *mailbox)
{
	windows_retire(mailbox);
	group_submit_if_full(mailbox);
	if (!mailbox->taking)
		mailbox_go_on(mailbox);
}

void mailbox_verdict(void *ctx, uint32_t uid, const struct delivery_verdict *verdict)
{
	struct mailbox *mailbox = ctx;
	struct pending_message message;

	if (pending_take(mailbox, uid, &message)) {
		judge(mailbox, &message, verdict);
		pending_release(&message);
	}
	if (verdict->kind == DELIVERY_DOWN) {
		mailbox->stuck = true;
		mailbox_fail_delivery(mailbox, verdict->outcome, &verdict->err);
	}
	verdict_is_in(mailbox);
}
