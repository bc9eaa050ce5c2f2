/* SPDX-License-Identifier: MIT */
/* ledger.c - see ledger.h. */
#include "fetch-agent/ledger.h"

#include "common/banned.h"

static enum state_message published_as(const struct ledger *ledger)
{
	return ledger->tells ? STATE_TELLING : STATE_DECIDED;
}

/* What the last run had noted and may not have published. */
static enum outcome settle_interrupted(struct ledger *ledger, struct err *err)
{
	struct state_step step = {.published = published_as(ledger)};
	struct uid_list interrupted = {0};
	enum outcome what =
		state_messages(ledger->state, &ledger->folder, STATE_PUBLISHING, &interrupted, err);

	if (what == OUTCOME_OK)
		what = maildir_publish(ledger->maildir, &ledger->origin, interrupted.uid,
				       interrupted.count, err);
	if (what == OUTCOME_OK && interrupted.count > 0)
		what = state_advance(ledger->state, &ledger->folder, &step, err);
	uid_list_release(&interrupted);
	return what;
}

/* Messages that an earlier run was to tell the server of, under a configuration that says `keep`
 * now, are decided. */
static enum outcome list_open(struct ledger *ledger, struct uid_list *tell, struct uid_list *skip,
			      struct err *err)
{
	enum outcome what =
		state_messages(ledger->state, &ledger->folder, STATE_TELLING, tell, err);

	for (size_t i = 0; i < tell->count; i++)
		uid_list_add(skip, tell->uid[i]);
	if (what == OUTCOME_OK)
		what = state_messages(ledger->state, &ledger->folder, STATE_DECIDED, skip, err);
	uid_list_sort(skip);
	if (what == OUTCOME_OK && !ledger->tells && tell->count > 0) {
		what = state_advance(ledger->state, &ledger->folder,
				     &(struct state_step){.published = STATE_DECIDED, .told = tell},
				     err);
		uid_list_clear(tell);
	}
	return what;
}

enum outcome ledger_open(struct ledger *ledger, struct uid_list *tell, struct uid_list *skip,
			 struct err *err)
{
	enum outcome what = state_folder_get(ledger->state, ledger->source, ledger->folder_name,
					     &ledger->folder, err);

	maildir_origin_set(&ledger->origin, ledger->account, ledger->folder_name,
			   ledger->folder.uidvalidity);
	if (what == OUTCOME_OK)
		what = settle_interrupted(ledger, err);
	if (what == OUTCOME_OK)
		maildir_sweep(ledger->maildir, &ledger->origin);
	if (what == OUTCOME_OK)
		what = list_open(ledger, tell, skip, err);
	ledger->broken = what != OUTCOME_OK;
	return what;
}

static void found(void *context, uint32_t uid)
{
	uid_list_add(context, uid);
}

enum outcome ledger_renew(struct ledger *ledger, uint32_t uidvalidity, struct uid_list *skip,
			  struct err *err)
{
	enum outcome what = state_folder_reset(ledger->state, &ledger->folder, uidvalidity, err);

	uid_list_clear(skip);
	ledger->origin.uidvalidity = uidvalidity;
	ledger->broken = what != OUTCOME_OK;
	if (what == OUTCOME_OK)
		maildir_scan(ledger->maildir, &ledger->origin, found, skip);
	uid_list_sort(skip);
	return what;
}

enum outcome ledger_deliver(struct ledger *ledger, const struct uid_list *group,
			    const struct uid_list *told, uint32_t last_uid, struct err *err)
{
	struct state_step step = {
		.published = published_as(ledger),
		.told = told,
		.publishing = group,
		.last_uid = last_uid,
	};
	enum outcome what = OUTCOME_OK;

	if (ledger->broken)
		return err_set(err, OUTCOME_RETRY, "an earlier delivery failed");
	what = maildir_sync(ledger->maildir, &ledger->origin, group->uid, group->count, err);
	if (what == OUTCOME_OK)
		what = state_advance(ledger->state, &ledger->folder, &step, err);
	if (what == OUTCOME_OK)
		what = maildir_publish(ledger->maildir, &ledger->origin, group->uid, group->count,
				       err);
	ledger->broken = what != OUTCOME_OK;
	return what;
}
