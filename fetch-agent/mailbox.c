/* SPDX-License-Identifier: MIT */
/* mailbox.c - see mailbox.h. */
#include "fetch-agent/mailbox.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "fetch-agent/mailbox-private.h"

#include "common/banned.h"

static const char *const state_names[] = {"opening", "renewing",    "searching",
					  "listing", "recognising", "fetching",
					  "closing", "sweeping",    "ended"};

void mailbox_log(const struct mailbox *mailbox, enum log_level level, const char *fmt, ...)
{
	const struct fetch_source *source = mailbox->world.source;
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_line(level, "fetch=%s account=%s folder=%s %s", source->name, source->account,
		 mailbox->folder, text);
}

void mailbox_change(struct mailbox *mailbox, enum mailbox_state next)
{
	mailbox_log(mailbox, LOG_LEVEL_DEBUG, "%s -> %s", state_names[mailbox->state],
		    state_names[next]);
	mailbox->state = next;
}

/* Ending -----------------------------------------------------------------------------------------
 */

static void mailbox_free(struct mailbox *mailbox)
{
	intake_release(mailbox);
	verdicts_release(mailbox);
	tellings_release(mailbox);
	delivery_close(mailbox->delivery);
	ledger_view_release(&mailbox->view);
	uid_list_release(&mailbox->found);
	uid_list_release(&mailbox->recognised);
	group_free(mailbox->group);
	windows_free(mailbox);
	state_sweep_release(&mailbox->sweep);
	free(mailbox->identities);
	free(mailbox->listed);
	event_free(mailbox->end);
	free(mailbox);
}

/* Nothing under way refers to the mailbox any more. */
static void on_end(evutil_socket_t fd, short what, void *ctx)
{
	struct mailbox *mailbox = ctx;
	mailbox_done_fn *done = mailbox->done;
	void *owner = mailbox->ctx;
	bool failed = mailbox->what != OUTCOME_OK;
	enum outcome outcome = failed ? mailbox->what : mailbox->later;
	struct err err = failed ? mailbox->err : mailbox->later_err;
	bool usable = !mailbox->closed && mailbox->commands == 0;
	struct mailbox_result result = mailbox->result;

	(void)fd;
	(void)what;
	result.uidnext = mailbox->uidnext;
	result.only_messages = !failed && (result.refused > 0 || result.later > 0);
	result.at_delivery = failed ? result.at_delivery : result.only_messages;
	/* Single messages that are not taken hold nothing up; but nobody goes round in a circle. */
	result.more =
		!failed && result.more &&
		(result.messages > 0 || (outcome == OUTCOME_OK && !mailbox->ledger.from_the_start));
	mailbox_change(mailbox, MAILBOX_ENDED);
	mailbox_free(mailbox);
	done(owner, outcome, &result, usable, &err);
}

void mailbox_fail(struct mailbox *mailbox, enum outcome what, const struct err *err)
{
	if (mailbox->what != OUTCOME_OK)
		return;
	mailbox->what = what;
	mailbox->err = *err;
	mailbox_go_on(mailbox);
}

void mailbox_fail_delivery(struct mailbox *mailbox, enum outcome what, const struct err *err)
{
	if (mailbox->what == OUTCOME_OK)
		mailbox->result.at_delivery = true;
	mailbox_fail(mailbox, what, err);
}

static enum outcome err_said(const char *doing, const struct imap_text *result, struct err *err)
{
	enum outcome what = result->status == IMAP_STATUS_BAD ? OUTCOME_PROTOCOL : OUTCOME_RETRY;

	if (result->code == IMAP_CODE_NONEXISTENT || result->code == IMAP_CODE_TRYCREATE ||
	    result->code == IMAP_CODE_NOPERM || result->code == IMAP_CODE_CANNOT)
		what = OUTCOME_CONFIG;
	return err_set(err, what, "%s: the server said: %s %s%s%s%.*s", doing,
		       imap_status_name(result->status), result->code_name.len > 0 ? "[" : "",
		       imap_code_name(result->code), result->code_name.len > 0 ? "] " : "",
		       (int)result->text.len, result->text.ptr);
}

void mailbox_fail_said(struct mailbox *mailbox, const char *doing, const struct imap_text *result)
{
	struct err err = ERR_INIT;
	enum outcome what = err_said(doing, result, &err);

	mailbox_fail(mailbox, what, &err);
}

void mailbox_note(struct mailbox *mailbox, enum outcome what, const struct err *err)
{
	if (mailbox->later != OUTCOME_OK)
		return;
	mailbox->later = what;
	mailbox->later_err = *err;
}

void mailbox_note_said(struct mailbox *mailbox, const char *doing, const struct imap_text *result)
{
	struct err err = ERR_INIT;
	enum outcome what = err_said(doing, result, &err);

	mailbox_note(mailbox, what, &err);
}

bool mailbox_hands_over(const struct mailbox *mailbox)
{
	return !mailbox->world.source->delivery.method->staged;
}

bool mailbox_may_compress(const struct mailbox *mailbox)
{
	const struct mailbox_world *world = &mailbox->world;

	return world->source->compress == FETCH_COMPRESS_AUTO &&
	       (world->capability->can & IMAP_CAN_COMPRESS_DEFLATE) != 0 &&
	       !imap_session_is_local(world->session) &&
	       !imap_session_compress_is_asked(world->session);
}

/* The last note: what the server confirmed since the last group, and what is decided with it. */
static void close_ledger(struct mailbox *mailbox)
{
	struct ledger_group *step = &mailbox->group->step;
	bool handed = mailbox_hands_over(mailbox) &&
		      (mailbox->next > 0 || mailbox->view.interrupted.count > 0);
	bool whole = mailbox->what == OUTCOME_OK && !mailbox->stuck && !mailbox->list_is_cut;

	step->nothing_is_handed = handed;
	/* An empty folder may be one that is just being restored. */
	step->is_through = whole && mailbox->view.renewing && mailbox->exists > 0;
	mailbox_change(mailbox, MAILBOX_CLOSING);
	if ((handed || step->is_through || mailbox->result.messages > 0 ||
	     !ledger_group_is_empty(step) ||
	     mailbox->decided_uid > mailbox->ledger.folder.last_uid) &&
	    !mailbox->ledger.broken)
		group_submit(mailbox);
	else
		mailbox_go_on(mailbox);
}

/* What was asked for behind a SELECT that failed: with its answer the session is good for more. */
static bool early_is_due(const struct mailbox *mailbox)
{
	return !mailbox->closed && (mailbox->early_is_open || (mailbox->bodies_are_open &&
							       mailbox->state == MAILBOX_OPENING));
}

/* From here and nowhere else the mailbox moves: fetch more, deliver more, or end. */
void mailbox_go_on(struct mailbox *mailbox)
{
	bool failed = mailbox->what != OUTCOME_OK;

	if (mailbox->state == MAILBOX_FETCHING && !failed)
		fetch_more(mailbox);
	if (mailbox->jobs > 0 || mailbox->pending_count > 0 || mailbox->bouncing != NULL ||
	    (mailbox->commands > 0 && !failed) || early_is_due(mailbox))
		return;
	/* A failed run's whole messages are delivered too; the commands under way are not waited
	 * for: nobody will answer them, or they are of no more interest. */
	if (fetch_is_open(mailbox) && mailbox->group->step.delivered.count > 0)
		group_submit(mailbox);
	else if (mailbox->state == MAILBOX_FETCHING)
		close_ledger(mailbox);
	else if (mailbox->state == MAILBOX_CLOSING && !failed && sweep_is_due(mailbox))
		sweep_begin(mailbox);
	else if (mailbox->state == MAILBOX_CLOSING || failed)
		(void)event_add(mailbox->end, &(struct timeval){0});
}

/* Opening ----------------------------------------------------------------------------------------
 */

static void work_open(void *job)
{
	struct mailbox *mailbox = job;

	mailbox->job_what = ledger_open(&mailbox->ledger, &mailbox->view, &mailbox->job_err);
}

static void work_renew(void *job)
{
	struct mailbox *mailbox = job;

	mailbox->job_what = ledger_renew(&mailbox->ledger, mailbox->uidvalidity, &mailbox->view,
					 &mailbox->job_err);
}

static void select_folder(struct mailbox *mailbox);

static void on_job(void *job)
{
	struct mailbox *mailbox = job;

	mailbox->jobs--;
	if (!mailbox->closed)
		imap_session_resume(mailbox->world.session); /* renew() */
	if (mailbox->job_what != OUTCOME_OK)
		mailbox_fail(mailbox, mailbox->job_what, &mailbox->job_err);
	else if (mailbox->state == MAILBOX_OPENING && mailbox->what == OUTCOME_OK)
		select_folder(mailbox);
	else
		mailbox_opened(mailbox); /* or it has failed meanwhile */
}

void mailbox_submit(struct mailbox *mailbox, worker_fn *work, worker_fn *done)
{
	mailbox->jobs++;
	worker_submit(mailbox->world.worker, work, done, mailbox);
}

/* Nobody can tell whether they were taken: they are handed over again. */
static void warn_of_interrupted(const struct mailbox *mailbox)
{
	const struct uid_list *uids = &mailbox->view.interrupted;

	if (uids->count > 0 && mailbox_hands_over(mailbox))
		mailbox_log(mailbox, LOG_LEVEL_WARNING,
			    "the last run was ended while it handed over "
			    "messages of UID %u to %u: up to %zu of them may come twice",
			    uids->uid[0], uids->uid[uids->count - 1], uids->count);
}

static void warn_of_unpublished(const struct mailbox *mailbox)
{
	const struct uid_list *uids = &mailbox->view.unpublished;

	if (uids->count > 0)
		mailbox_log(mailbox, LOG_LEVEL_WARNING,
			    "the last run was ended while it published messages of UID %u to %u in "
			    "a Maildir that cannot be opened any more: these %zu are fetched "
			    "again, and may come twice",
			    uids->uid[0], uids->uid[uids->count - 1], uids->count);
}

static void warn_of_other_uids(const struct mailbox *mailbox)
{
	const char *former = mailbox->view.former_mailbox;
	uint32_t known = mailbox->ledger.folder.uidvalidity;

	if (former != NULL)
		mailbox_log(mailbox, LOG_LEVEL_WARNING,
			    "this is the mailbox %s, it was %s: it is looked through from its "
			    "start; messages that are known by their headers are not fetched again",
			    mailbox->world.mailbox, former);
	else if (known != 0)
		mailbox_log(mailbox, LOG_LEVEL_WARNING,
			    "UIDVALIDITY was %u and is %u: the server numbers its messages anew; "
			    "those that are known by their headers are not fetched again",
			    known, mailbox->uidvalidity);
}

/* Unless it does so for a moment only, its new messages are never seen; without a new UIDVALIDITY
 * nothing tells them from those that were fetched. */
static void warn_of_counting_back(const struct mailbox *mailbox)
{
	uint32_t last = mailbox->ledger.folder.last_uid;

	if (mailbox->uidnext != 0 && mailbox->uidnext <= last)
		mailbox_log(mailbox, LOG_LEVEL_WARNING,
			    "UIDNEXT is %u, but messages up to UID %u have been "
			    "decided: the server counts backwards, and what it numbers below %u is "
			    "not fetched",
			    mailbox->uidnext, last, last + 1);
}

/* What was asked for early waits meanwhile: nobody can say which messages are wanted. */
static void renew(struct mailbox *mailbox)
{
	mailbox_change(mailbox, MAILBOX_RENEWING);
	imap_session_pause(mailbox->world.session);
	mailbox_submit(mailbox, work_renew, on_job);
}

void mailbox_opened(struct mailbox *mailbox)
{
	uint32_t known = mailbox->ledger.folder.uidvalidity;
	bool other = mailbox->uidvalidity != known || mailbox->view.former_mailbox != NULL;

	if (mailbox->jobs == 0 && mailbox->early == EARLY_GOOD && mailbox->view.renewing)
		mailbox->early = EARLY_VOID; /* it has no headers */
	if (mailbox->jobs > 0 || !mailbox->selected || mailbox->what != OUTCOME_OK ||
	    (mailbox->early == EARLY_VOID &&
	     (mailbox->early_is_open || mailbox->bodies_are_open))) {
		mailbox_go_on(mailbox);
		return;
	}
	warn_of_interrupted(mailbox);
	warn_of_unpublished(mailbox);
	if (other) {
		if (known != 0 && mailbox->early != EARLY_NONE)
			mailbox->early = EARLY_VOID;
		warn_of_other_uids(mailbox);
		renew(mailbox);
		return;
	}
	warn_of_counting_back(mailbox);
	list_begin(mailbox);
}

static void on_selected(void *ctx, const struct imap_text *result)
{
	struct mailbox *mailbox = ctx;
	struct err err = ERR_INIT;

	mailbox->commands--;
	if (result == NULL)
		return; /* on_closed() follows */
	if (result->status == IMAP_STATUS_NO && result->code == IMAP_CODE_NONE) {
		/* What is transient has a code (RFC 5530); what has none does not exist. */
		(void)err_said("cannot open the folder", result, &err);
		mailbox_fail(mailbox, OUTCOME_CONFIG, &err);
	} else if (result->status != IMAP_STATUS_OK) {
		mailbox_fail_said(mailbox, "cannot open the folder", result);
	} else if (mailbox->uidvalidity == 0) {
		(void)err_set(&err, OUTCOME_PROTOCOL, "the server says no UIDVALIDITY");
		mailbox_fail(mailbox, OUTCOME_PROTOCOL, &err);
	} else {
		mailbox->selected = true;
		mailbox_opened(mailbox);
	}
}

static void select_folder(struct mailbox *mailbox)
{
	struct imap_command command;
	struct err err = ERR_INIT;

	imap_command_init(mailbox->world.session, &command);
	/* EXAMINE leaves no trace, not even \Recent. */
	(void)buffer_append_str(&command.bytes,
				mailbox->ledger.tells ||
						mailbox->world.source->selection.on_refused ==
							FETCH_REFUSED_MOVE
					? "SELECT "
					: "EXAMINE ");
	if (imap_encode_mailbox(&command.encoder, span_from_str(mailbox->folder)) &&
	    imap_session_send(mailbox->world.session, &command, on_selected, mailbox)) {
		mailbox->commands++;
		list_early(mailbox);
		return;
	}
	buffer_release(&command.bytes);
	(void)err_set(&err, OUTCOME_CONFIG, "the folder's name cannot be said in IMAP");
	mailbox_fail(mailbox, OUTCOME_CONFIG, &err);
}

/* What the server says ---------------------------------------------------------------------------
 */

/* In the middle of it, every UID that is known names another message from now on, or none. */
static void take_uidvalidity(struct mailbox *mailbox, uint32_t uidvalidity)
{
	struct err err = ERR_INIT;

	if (mailbox->state == MAILBOX_OPENING || uidvalidity == mailbox->uidvalidity) {
		mailbox->uidvalidity = uidvalidity;
		return;
	}
	(void)err_set(&err, OUTCOME_RETRY,
		      "UIDVALIDITY was %u and became %u meanwhile: the folder is looked at anew in "
		      "the next run",
		      mailbox->uidvalidity, uidvalidity);
	mailbox_fail(mailbox, OUTCOME_RETRY, &err);
}

static void on_condition(struct mailbox *mailbox, const struct imap_text *text)
{
	/* A later UIDNEXT is not the one that the list was made by. */
	if (text->code == IMAP_CODE_UIDVALIDITY && text->number <= UINT32_MAX)
		take_uidvalidity(mailbox, (uint32_t)text->number);
	else if (text->code == IMAP_CODE_UIDNEXT && text->number <= UINT32_MAX &&
		 mailbox->state == MAILBOX_OPENING)
		mailbox->uidnext = (uint32_t)text->number;
	else if (text->code == IMAP_CODE_ALERT)
		mailbox_log(mailbox, LOG_LEVEL_WARNING, "the server alerts: %.*s",
			    (int)text->text.len, text->text.ptr);
}

static void on_response(void *ctx, const struct imap_response *response)
{
	struct mailbox *mailbox = ctx;

	if (mailbox->what != OUTCOME_OK)
		return;
	if (response->kind == IMAP_CONDITION)
		on_condition(mailbox, &response->text);
	else if (response->kind == IMAP_EXISTS && mailbox->state == MAILBOX_OPENING)
		mailbox->exists = response->number;
	else if (response->kind == IMAP_FETCH && fetch_is_open(mailbox) &&
		 response->fetch.bodies > 0)
		intake_take(mailbox, &response->fetch);
	else if (response->kind == IMAP_FETCH && mailbox->state == MAILBOX_LISTING)
		list_take(mailbox, &response->fetch);
	else if ((response->kind == IMAP_SEARCH || response->kind == IMAP_ESEARCH) &&
		 mailbox->state == MAILBOX_SEARCHING)
		list_found(mailbox, response->search.set);
	else if ((response->kind == IMAP_SEARCH || response->kind == IMAP_ESEARCH) &&
		 mailbox->state == MAILBOX_SWEEPING)
		sweep_found(mailbox, response->search.set);
}

static void on_closed(void *ctx, enum outcome what, const struct err *err)
{
	struct mailbox *mailbox = ctx;

	mailbox->commands = 0;
	mailbox->early_is_open = false;
	mailbox->closed = true;
	if (mailbox->what != OUTCOME_OK) {
		mailbox_go_on(mailbox);
		return;
	}
	mailbox->result.broken = true;
	mailbox_fail(mailbox, what, err);
}

static void on_room(void *ctx)
{
	struct mailbox *mailbox = ctx;

	if (!mailbox->closed)
		imap_session_resume(mailbox->world.session);
}

static void begin(struct mailbox *mailbox)
{
	const struct mailbox_world *world = &mailbox->world;
	struct delivery_handler handler = {
		.verdict = mailbox_verdict, .room = on_room, .ctx = mailbox};
	struct err err = ERR_INIT;
	enum outcome what = delivery_open(&world->source->delivery, world->delivery, &handler,
					  &mailbox->delivery, &err);

	if (what != OUTCOME_OK) {
		mailbox_fail_delivery(mailbox, what, &err);
		return;
	}
	mailbox->ledger.maildir = delivery_maildir(mailbox->delivery);
	mailbox_submit(mailbox, work_open, on_job);
}

char *mailbox_name(const char *user, const char *host)
{
	char *name = xasprintf("%s at %s", user, host);

	for (char *c = name; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return name;
}

void mailbox_start(const struct mailbox_world *world, const char *folder, mailbox_done_fn *done,
		   void *ctx)
{
	struct mailbox *mailbox = xcalloc(1, sizeof(*mailbox));
	struct imap_session_handler handler = {
		.response = on_response,
		.closed = on_closed,
		.body = {intake_begin, intake_chunk, intake_end, mailbox},
		.ctx = mailbox,
	};
	const struct fetch_source *source = world->source;

	mailbox->world = *world;
	mailbox->folder = folder;
	mailbox->done = done;
	mailbox->ctx = ctx;
	mailbox->now_s = clock_now_s();
	message_head_init(&mailbox->intake.head);
	mailbox->ledger = (struct ledger){
		.state = world->state,
		.source = source->name,
		.mailbox = world->mailbox,
		.folder_name = folder,
		.tells = source->after != FETCH_AFTER_KEEP,
		.removes = source->after == FETCH_AFTER_DELETE || source->after == FETCH_AFTER_MOVE,
		.from_the_start = source->selection.take == FETCH_TAKE_ALL,
	};
	mailbox->group = group_new(mailbox);
	mailbox->list_is_sorted = true;
	mailbox->windows_last = &mailbox->windows;
	mailbox->copies_last = &mailbox->copies;
	mailbox->end = evtimer_new(world->base, on_end, mailbox);
	if (mailbox->end == NULL)
		abort(); /* as xalloc: out of memory */
	imap_session_set_handler(world->session, &handler);
	begin(mailbox);
}
