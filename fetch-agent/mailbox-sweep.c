/* SPDX-License-Identifier: MIT */
/*
 * mailbox-sweep.c - see mailbox-private.h: identities of messages that others have removed from the
 * server.
 *
 * Nobody tells of these, and a server names only what it has. When more identities are known than
 * it has messages, it is asked for those; what it does not name is noted as gone, and forgotten
 * long after (state.h). An answer that is wrong once costs nothing: before anything is forgotten
 * the server is asked again.
 */
#include "fetch-agent/mailbox-private.h"

#include "common/banned.h"

#define SWEEP_FROM 256 /* fewer that are gone do not matter */

bool sweep_is_due(const struct mailbox *mailbox)
{
	const struct state_census *census = &mailbox->view.census;

	return !mailbox->is_swept && !mailbox->view.renewing &&
	       (census->overdue || census->present > (int64_t)mailbox->exists + SWEEP_FROM);
}

static void work_sweep(void *job)
{
	struct mailbox *mailbox = job;

	mailbox->job_what = ledger_sweep(&mailbox->ledger, &mailbox->sweep, &mailbox->job_err);
}

static void sweep_end(struct mailbox *mailbox)
{
	mailbox->is_swept = true;
	mailbox_change(mailbox, MAILBOX_CLOSING);
	mailbox_go_on(mailbox);
}

static void on_batch(void *job);

static void on_answered(void *ctx, const struct imap_text *result)
{
	struct mailbox *mailbox = ctx;

	mailbox->commands--;
	if (result == NULL || mailbox->what != OUTCOME_OK)
		return; /* on_closed() follows, or has been */
	if (result->status != IMAP_STATUS_OK) {
		mailbox_log(mailbox, LOG_LEVEL_DEBUG, "what is gone stays unknown: %.*s",
			    (int)result->text.len, result->text.ptr);
		sweep_end(mailbox);
		return;
	}
	mailbox_submit(mailbox, work_sweep, on_batch);
}

static void batch_ask(struct mailbox *mailbox)
{
	const struct uid_list *uids = &mailbox->sweep.uids;
	bool esearch = (mailbox->world.capability->can & IMAP_CAN_ESEARCH) != 0;
	struct imap_command command;

	imap_command_init(mailbox->world.session, &command);
	(void)buffer_printf(&command.bytes, "UID SEARCH %sUID %u:%u",
			    esearch ? "RETURN (ALL) " : "", uids->uid[0],
			    uids->uid[uids->count - 1]);
	mailbox->commands++;
	(void)imap_session_send(mailbox->world.session, &command, on_answered, mailbox);
}

static void on_batch(void *job)
{
	struct mailbox *mailbox = job;

	mailbox->jobs--;
	if (mailbox->what != OUTCOME_OK)
		mailbox_go_on(mailbox);
	else if (mailbox->job_what != OUTCOME_OK)
		mailbox_fail(mailbox, mailbox->job_what, &mailbox->job_err);
	else if (mailbox->sweep.uids.count == 0)
		sweep_end(mailbox);
	else
		batch_ask(mailbox);
}

void sweep_begin(struct mailbox *mailbox)
{
	mailbox_change(mailbox, MAILBOX_SWEEPING);
	mailbox_submit(mailbox, work_sweep, on_batch);
}

void sweep_found(struct mailbox *mailbox, struct imap_set set)
{
	uint32_t first, last;

	/* While the worker has the sweep, nothing was asked. */
	while (mailbox->jobs == 0 && imap_set_next(&set, &first, &last))
		state_sweep_mark(&mailbox->sweep, first, last);
}
