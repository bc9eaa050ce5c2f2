/* SPDX-License-Identifier: MIT */
/* account-save.c - a new grant that could not be saved when it came: tried again, to the last. */
#include "token-helper/accounts/account-private.h"

#include "common/log.h"
#include "token-helper/accounts/commit-queue.h"

#include "common/banned.h"

/* What becomes of a grant that could not be saved before. Until it is saved nothing of it is handed
 * out. */
static void on_saved(void *context, enum outcome outcome, const struct err *err)
{
	struct account *account = context;

	account->commit = NULL;
	account->unsaved = outcome != OUTCOME_OK;
	if (outcome == OUTCOME_OK) {
		log_info("account=%s store=ok: the grant that could not be saved is saved now",
			 account->config->name);
		account_note_success(account);
	} else {
		account_note_trouble(account, OUTCOME_RETRY, "", err, -1);
	}
	account_reschedule(account);
	account_settle(account);
}

void account_save_again(struct account *account)
{
	struct store_slot *slot;
	struct err err;
	enum outcome outcome =
		store_reserve(account->world.store, account->config->name, &slot, &err);

	if (outcome == OUTCOME_OK)
		account->commit = commit_queue_add(account->world.commits, slot, &account->grant,
						   on_saved, account);
	else
		on_saved(account, outcome, &err);
}

/* The last chance of a grant that is nowhere but in memory. */
void account_save_at_the_end(struct account *account)
{
	struct store_slot *slot;
	struct err err;
	enum outcome outcome;

	if (account->commit != NULL && commit_now(account->commit, &err) == OUTCOME_OK)
		account->unsaved = false;
	account->commit = NULL;
	if (!account->unsaved)
		return;
	outcome = store_reserve(account->world.store, account->config->name, &slot, &err);
	if (outcome == OUTCOME_OK)
		outcome = store_commit(slot, &account->grant, &err);
	if (outcome != OUTCOME_OK)
		log_error("account=%s: its new grant could not be saved and is lost: %s; run: "
			  "mailoauth authorize %s",
			  account->config->name, err.text, account->config->name);
}
