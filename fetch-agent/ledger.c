/* SPDX-License-Identifier: MIT */
/* ledger.c - see ledger.h. */
#include "fetch-agent/ledger.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/xalloc.h"

#include "common/banned.h"

/* Groups and views -------------------------------------------------------------------------------
 */

void ledger_view_release(struct ledger_view *view)
{
	uid_list_release(&view->tell);
	uid_list_release(&view->skip);
	uid_list_release(&view->interrupted);
	uid_list_release(&view->unpublished);
	state_aside_release(&view->aside);
	free(view->former_mailbox);
}

void ledger_group_add_identity(struct ledger_group *group, const struct state_identity *identity)
{
	/* Doubled at powers of two: the count says the size. */
	if ((group->identity_count & (group->identity_count - 1)) == 0)
		group->identities =
			xreallocarray(group->identities,
				      group->identity_count == 0 ? 1 : group->identity_count * 2,
				      sizeof(*group->identities));
	group->identities[group->identity_count++] = *identity;
}

void ledger_group_release(struct ledger_group *group)
{
	uid_list_release(&group->delivered);
	uid_list_release(&group->handing);
	uid_list_release(&group->told);
	uid_list_release(&group->decided);
	uid_list_release(&group->gone);
	state_aside_release(&group->aside);
	free(group->identities);
}

bool ledger_group_is_empty(const struct ledger_group *group)
{
	return group->delivered.count == 0 && group->handing.count == 0 && group->told.count == 0 &&
	       group->decided.count == 0 && group->gone.count == 0 && group->aside.count == 0;
}

/* Opening ----------------------------------------------------------------------------------------
 */

static enum state_message published_as(const struct ledger *ledger)
{
	return ledger->tells ? STATE_TELLING : STATE_DECIDED;
}

/* Where it had noted them: `deliver` may have been another then. False: that is not there, or can
 * not be opened. */
static bool publish_elsewhere(const struct ledger *ledger, const char *path,
			      const struct uid_list *uids)
{
	struct maildir *maildir;
	struct stat there;
	bool done;

	if (path == NULL || stat(path, &there) != 0 ||
	    maildir_open(path, &maildir, NULL) != OUTCOME_OK)
		return false;
	done = maildir_publish(maildir, &ledger->origin, uids->uid, uids->count, NULL) ==
	       OUTCOME_OK;
	if (done)
		maildir_sweep(maildir, &ledger->origin);
	maildir_close(maildir);
	return done;
}

/* They are fetched anew, because nobody can tell whether they were published. */
static void aside_unpublished(const struct uid_list *uids, struct state_aside_list *aside)
{
	for (size_t i = 0; i < uids->count; i++)
		state_aside_add(aside,
				&(struct state_aside){
					.uid = uids->uid[i],
					.kind = STATE_ASIDE_LATER,
					.text = "the Maildir that it was to be published in is "
						"gone"});
}

static enum outcome settle_these(struct ledger *ledger, struct uid_list *uids,
				 struct ledger_view *view, struct err *err)
{
	struct state_aside_list aside = {0};
	struct state_step step = {.published = published_as(ledger), .aside = &aside};
	char *path = NULL;
	enum outcome what = state_maildir_get(ledger->state, &ledger->folder, &path, err);
	bool here = ledger->maildir != NULL && path != NULL &&
		    strcmp(path, maildir_path(ledger->maildir)) == 0;

	if (what == OUTCOME_OK && here) {
		what = maildir_publish(ledger->maildir, &ledger->origin, uids->uid, uids->count,
				       err);
	} else if (what == OUTCOME_OK && !publish_elsewhere(ledger, path, uids)) {
		aside_unpublished(uids, &aside);
		uid_list_add_all(&view->unpublished, uids);
	}
	if (what == OUTCOME_OK)
		what = state_advance(ledger->state, &ledger->folder, &step, err);
	state_aside_release(&aside);
	free(path);
	return what;
}

/* What the last run had noted and may not have published. */
static enum outcome settle_publishing(struct ledger *ledger, struct ledger_view *view,
				      struct err *err)
{
	struct uid_list uids = {0};
	enum outcome what =
		state_messages(ledger->state, &ledger->folder, STATE_PUBLISHING, &uids, err);

	if (what == OUTCOME_OK && uids.count > 0)
		what = settle_these(ledger, &uids, view, err);
	uid_list_release(&uids);
	return what;
}

/* Messages that an earlier run was to tell the server of, under a configuration that says `keep`
 * now, are decided. */
static enum outcome list_open(struct ledger *ledger, struct ledger_view *view, struct err *err)
{
	enum outcome what =
		state_messages(ledger->state, &ledger->folder, STATE_TELLING, &view->tell, err);

	uid_list_add_all(&view->skip, &view->tell);
	if (what == OUTCOME_OK)
		what = state_messages(ledger->state, &ledger->folder, STATE_DECIDED, &view->skip,
				      err);
	if (what == OUTCOME_OK)
		what = state_messages(ledger->state, &ledger->folder, STATE_HANDING,
				      &view->interrupted, err);
	uid_list_sort(&view->skip);
	if (what == OUTCOME_OK && !ledger->tells && view->tell.count > 0) {
		what = state_advance(
			ledger->state, &ledger->folder,
			&(struct state_step){.published = STATE_DECIDED, .told = &view->tell}, err);
		uid_list_clear(&view->tell);
	}
	return what;
}

/* A folder that is to be read from its start has nothing decided, and nothing set aside for good.
 */
static enum outcome rewind_folder(struct ledger *ledger, struct err *err)
{
	return ledger->from_the_start ? state_folder_rewind(ledger->state, &ledger->folder, err)
				      : OUTCOME_OK;
}

/* Until the ledger is renewed, messages are those of whose they were. */
static enum outcome find_whose(struct ledger *ledger, struct ledger_view *view, struct err *err)
{
	char *known = NULL;
	enum outcome what = state_mailbox_get(ledger->state, &ledger->folder, &known, err);

	if (what == OUTCOME_OK && known == NULL && ledger->folder.uidvalidity != 0)
		what = state_mailbox_set(ledger->state, &ledger->folder, ledger->mailbox, err);
	maildir_origin_set(&ledger->origin, ledger->source, known != NULL ? known : ledger->mailbox,
			   ledger->folder_name, ledger->folder.uidvalidity);
	if (known != NULL && strcmp(known, ledger->mailbox) != 0)
		view->former_mailbox = known;
	else
		free(known);
	return what;
}

enum outcome ledger_open(struct ledger *ledger, struct ledger_view *view, struct err *err)
{
	enum outcome what = state_folder_get(ledger->state, ledger->source, ledger->folder_name,
					     &ledger->folder, err);

	if (what == OUTCOME_OK)
		what = find_whose(ledger, view, err);
	if (what == OUTCOME_OK)
		what = settle_publishing(ledger, view, err);
	if (what == OUTCOME_OK && ledger->maildir != NULL)
		maildir_sweep(ledger->maildir, &ledger->origin);
	if (what == OUTCOME_OK)
		what = rewind_folder(ledger, err);
	if (what == OUTCOME_OK)
		what = list_open(ledger, view, err);
	if (what == OUTCOME_OK)
		what = state_aside_all(ledger->state, &ledger->folder, &view->aside, err);
	if (what == OUTCOME_OK)
		what = state_former_any(ledger->state, &ledger->folder, &view->renewing, err);
	if (what == OUTCOME_OK)
		what = state_census(ledger->state, &ledger->folder, clock_now_s(), &view->census,
				    err);
	ledger->broken = what != OUTCOME_OK;
	return what;
}

static void found(void *context, uint32_t uid)
{
	uid_list_add(context, uid);
}

/* What the Maildir has comes first: once the new UIDVALIDITY is noted, nobody looks there again. */
enum outcome ledger_renew(struct ledger *ledger, uint32_t uidvalidity, struct ledger_view *view,
			  struct err *err)
{
	enum outcome what = OUTCOME_OK;

	ledger_view_release(view);
	*view = (struct ledger_view){0};
	maildir_origin_set(&ledger->origin, ledger->source, ledger->mailbox, ledger->folder_name,
			   uidvalidity);
	if (ledger->maildir != NULL)
		what = maildir_scan(ledger->maildir, &ledger->origin, found, &view->skip, err);
	uid_list_sort(&view->skip);
	if (what == OUTCOME_OK)
		what = state_folder_reset(ledger->state, &ledger->folder, uidvalidity,
					  ledger->mailbox, err);
	if (what == OUTCOME_OK)
		what = state_former_any(ledger->state, &ledger->folder, &view->renewing, err);
	ledger->broken = what != OUTCOME_OK;
	return what;
}

/* Delivering -------------------------------------------------------------------------------------
 */

static struct state_step step_of(const struct ledger *ledger, const struct ledger_group *group)
{
	return (struct state_step){
		.published = published_as(ledger),
		.publishing = ledger->maildir != NULL ? &group->delivered : NULL,
		.maildir = ledger->maildir != NULL ? maildir_path(ledger->maildir) : NULL,
		.delivered = ledger->maildir == NULL ? &group->delivered : NULL,
		.handing = &group->handing,
		.told = &group->told,
		.decided = &group->decided,
		.gone = &group->gone,
		.aside = &group->aside,
		.identities = group->identities,
		.identity_count = group->identity_count,
		.forget_told = ledger->removes,
		.forget_handing = group->nothing_is_handed,
		.forget_former = group->is_through,
		.last_uid = group->last_uid,
	};
}

enum outcome ledger_deliver(struct ledger *ledger, const struct ledger_group *group,
			    struct err *err)
{
	struct state_step step = step_of(ledger, group);
	const struct uid_list *uids = &group->delivered;
	enum outcome what = OUTCOME_OK;

	if (ledger->broken)
		return err_set(err, OUTCOME_RETRY, "an earlier delivery failed");
	if (ledger->maildir != NULL)
		what = maildir_sync(ledger->maildir, &ledger->origin, uids->uid, uids->count, err);
	if (what == OUTCOME_OK)
		what = state_advance(ledger->state, &ledger->folder, &step, err);
	if (what == OUTCOME_OK && ledger->maildir != NULL)
		what = maildir_publish(ledger->maildir, &ledger->origin, uids->uid, uids->count,
				       err);
	ledger->broken = what != OUTCOME_OK;
	return what;
}

enum outcome ledger_sweep(struct ledger *ledger, struct state_sweep *sweep, struct err *err)
{
	return state_sweep_next(ledger->state, &ledger->folder, sweep, clock_now_s(), err);
}

enum outcome ledger_recognise(struct ledger *ledger, const struct state_identity *identities,
			      size_t count, struct uid_list *known, struct err *err)
{
	return state_recognise(ledger->state, &ledger->folder, identities, count, known, err);
}
