/* SPDX-License-Identifier: MIT */
/*
 * mailbox-bounce.c - see mailbox-private.h: a message that is refused for good is given back to its
 * sender. When the report is the mail system's, the message counts as delivered; when it is not,
 * or may not be written, the message is set aside.
 */
#include <stdlib.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "fetch-agent/delivery/bounce.h"
#include "fetch-agent/mailbox-private.h"

#include "common/banned.h"

struct bouncing {
	struct bouncing *next;
	struct mailbox *mailbox;
	struct pending_message message;
	struct bounce *bounce;
	char *text; /* why the message is refused */
};

static void bouncing_free(struct bouncing *bouncing)
{
	struct bouncing **at = &bouncing->mailbox->bouncing;

	while (*at != bouncing)
		at = &(*at)->next;
	*at = bouncing->next;
	bounce_cancel(bouncing->bounce);
	pending_release(&bouncing->message);
	free(bouncing->text);
	free(bouncing);
}

static void on_bounced(void *ctx, const struct delivery_verdict *verdict)
{
	struct bouncing *bouncing = ctx;
	struct mailbox *mailbox = bouncing->mailbox;
	uint32_t uid = bouncing->message.identity.uid;

	bouncing->bounce = NULL;
	if (verdict->kind == DELIVERY_DONE) {
		mailbox_log(mailbox, LOG_LEVEL_WARNING,
			    "message UID %u cannot be delivered: %s; its sender "
			    "%s is told",
			    uid, bouncing->text, bouncing->message.sender);
		verdict_delivered(mailbox, &bouncing->message);
	} else {
		mailbox_log(mailbox, LOG_LEVEL_WARNING,
			    "the sender of message UID %u cannot be told: %s", uid,
			    verdict->err.text);
		aside_refused(mailbox, uid, bouncing->text);
	}
	bouncing->message.window->open--;
	bouncing_free(bouncing);
	verdict_is_in(mailbox);
}

/* The destination need not have said who it is that does not get it. */
static struct bounce_facts facts_of(const struct pending_message *message,
				    const struct delivery_verdict *verdict,
				    struct delivery_refusal *any)
{
	return (struct bounce_facts){
		.sender = message->sender,
		.refusals = verdict->refusal_count > 0 ? verdict->refusals : any,
		.refusal_count = verdict->refusal_count > 0 ? verdict->refusal_count : 1,
		.head = buffer_span(&message->head),
	};
}

bool bounce_begin(struct mailbox *mailbox, struct pending_message *message,
		  const struct delivery_verdict *verdict)
{
	const char *why = bounce_forbidden(message->sender, buffer_span(&message->head));
	struct delivery_refusal any = {
		.recipient = mailbox->world.user, .status = "", .words = verdict->err.text};
	struct bounce_facts facts = facts_of(message, verdict, &any);
	struct bouncing *bouncing;

	if (why != NULL) {
		mailbox_log(mailbox, LOG_LEVEL_INFO, "the sender of message UID %u is not told: %s",
			    message->identity.uid, why);
		return false;
	}
	bouncing = xcalloc(1, sizeof(*bouncing));
	bouncing->mailbox = mailbox;
	bouncing->text = xstrdup(verdict->err.text);
	bouncing->next = mailbox->bouncing;
	mailbox->bouncing = bouncing;
	bouncing->bounce = bounce_send(&mailbox->world.source->selection.via,
				       mailbox->world.delivery, &facts, on_bounced, bouncing);
	bouncing->message = *message;
	*message = (struct pending_message){0};
	bouncing->message.window->open++;
	return true;
}

void bounces_cancel(struct mailbox *mailbox)
{
	while (mailbox->bouncing != NULL)
		bouncing_free(mailbox->bouncing);
}
