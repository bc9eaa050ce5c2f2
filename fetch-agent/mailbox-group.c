/* SPDX-License-Identifier: MIT */
/*
 * mailbox-group.c - see mailbox-private.h: groups to the worker. The server hears of a message only
 * when the group that it is in is noted.
 */
#include <stdlib.h>

#include "common/xalloc.h"
#include "fetch-agent/mailbox-private.h"

#include "common/banned.h"

#define GROUP_MESSAGES 256     /* made durable together */
#define GROUP_BYTES    8388608 /* synced while the next ones come */

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
	ledger_group_release(&group->step);
	free(group);
}

static void work_deliver(void *job)
{
	struct group *group = job;

	group->what = ledger_deliver(&group->mailbox->ledger, &group->step, &group->err);
}

static void on_delivered(void *job)
{
	struct group *group = job;
	struct mailbox *mailbox = group->mailbox;

	mailbox->jobs--;
	mailbox->groups--;
	if (group->what != OUTCOME_OK) {
		mailbox_fail_delivery(mailbox, group->what, &group->err);
	} else {
		mailbox->result.messages += group->step.delivered.count;
		mailbox->result.bytes += group->bytes;
		if (mailbox->ledger.tells && mailbox->what == OUTCOME_OK)
			tell_server(mailbox, &group->step.delivered);
	}
	group_free(group);
	group_submit_if_full(mailbox);
	mailbox_go_on(mailbox);
}

static void submit(struct mailbox *mailbox, struct group *group, worker_fn *done)
{
	mailbox->jobs++;
	mailbox->groups++;
	worker_submit(mailbox->world.worker, work_deliver, done, group);
}

void group_submit(struct mailbox *mailbox)
{
	struct group *group = mailbox->group;

	mailbox->group = group_new(mailbox);
	group->step.last_uid = mailbox->decided_uid;
	uid_list_sort(&group->step.delivered);
	submit(mailbox, group, on_delivered);
}

/* What is handed over is noted as soon as the disk is free, so that a crash doubles as little as
 * possible; what is written into a Maildir waits for others, because it is synced together. */
void group_submit_if_full(struct mailbox *mailbox)
{
	const struct group *group = mailbox->group;

	if (mailbox_hands_over(mailbox)
		    ? mailbox->groups == 0 && group->step.delivered.count > 0
		    : group->step.delivered.count >= GROUP_MESSAGES || group->bytes >= GROUP_BYTES)
		group_submit(mailbox);
}

/* Handing over -----------------------------------------------------------------------------------
 */

static void on_handing(void *job)
{
	struct group *group = job;
	struct mailbox *mailbox = group->mailbox;

	mailbox->jobs--;
	mailbox->groups--;
	if (group->what != OUTCOME_OK)
		mailbox_fail_delivery(mailbox, group->what, &group->err);
	else if (mailbox->what == OUTCOME_OK)
		window_ask(group->window);
	group_free(group);
	group_submit_if_full(mailbox);
	mailbox_go_on(mailbox);
}

void group_hand(struct window *window)
{
	struct mailbox *mailbox = window->mailbox;
	struct group *group = group_new(mailbox);

	group->window = window;
	for (size_t i = window->from; i < window->to; i++)
		uid_list_add(&group->step.handing, mailbox->listed[i].uid);
	submit(mailbox, group, on_handing);
}
