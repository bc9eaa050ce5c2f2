/* SPDX-License-Identifier: MIT */
/* source-run.c - see source-run.h. */
#include "fetch-agent/source-run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/deadline.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "fetch-agent/folder-check.h"
#include "fetch-agent/folder-list.h"
#include "fetch-agent/login.h"
#include "fetch-agent/mailbox.h"
#include "fetch-agent/net/tls.h"

#include "common/banned.h"

#define MS 1000

struct source_run {
	struct run_world world;
	const struct fetch_source *source;
	struct fetch_source own; /* source, with what the server made of its names */
	struct folder_choice choice;
	run_done_fn *done;
	void *ctx;
	SSL_CTX *tls;
	struct tls_pins pins; /* the source's */
	struct maildir *maildir;
	struct imap_session *session;
	struct imap_capability capability;
	size_t folder; /* index of the next */
	struct mailbox_result sum;
	struct run_result result;
	struct err err; /* of the first failure */
	int64_t began_s;
	int64_t began_ms; /* monotonic */
	struct err noted;
	enum outcome note_what;
};

/* Ending -----------------------------------------------------------------------------------------
 */

static void run_free(struct source_run *run)
{
	imap_session_free(run->session);
	maildir_close(run->maildir);
	SSL_CTX_free(run->tls);
	folder_choice_release(&run->choice);
	free(run);
}

static void work_note(void *job)
{
	struct source_run *run = job;
	struct state_run row = {
		.began_s = run->began_s,
		.ended_s = clock_now_s(),
		.last_message_s = run->sum.messages > 0 ? clock_now_s() : 0,
		.messages = (int64_t)run->sum.messages,
		.bytes = (int64_t)run->sum.bytes,
		.left = (int64_t)run->sum.left,
		.outcome = outcome_name(run->result.what),
		.text = run->err.text,
	};

	run->note_what = state_run_set(run->world.state, run->source->name, &row, &run->noted);
}

static void over(void *job)
{
	struct source_run *run = job;
	run_done_fn *done = run->done;
	void *ctx = run->ctx;
	struct run_result result = run->result;

	if (run->note_what != OUTCOME_OK)
		log_warning("fetch=%s %s", run->source->name, run->noted.text);
	run_free(run);
	done(ctx, &result);
}

static void log_summary(const struct source_run *run)
{
	int64_t spent_ms = deadline_in_ms(0).at_ms - run->began_ms;
	const struct fetch_source *source = run->source;
	char left[48] = "", told[64] = "";

	if (run->sum.left > 0)
		(void)snprintf(left, sizeof(left), ", %" PRIu64 " left", run->sum.left);
	if (source->after != FETCH_AFTER_KEEP && run->sum.told > 0)
		(void)snprintf(told, sizeof(told), ", after=%s %" PRIu64,
			       fetch_after_name(source->after), run->sum.told);
	log_line(log_level_of(run->result.what),
		 "fetch=%s account=%s %s: %s%s%" PRIu64 " messages, %" PRIu64
		 " bytes%s%s in %" PRId64 ".%03d s",
		 source->name, source->account, outcome_name(run->result.what), run->err.text,
		 run->result.what != OUTCOME_OK ? "; " : "", run->sum.messages, run->sum.bytes,
		 told, left, spent_ms / MS, (int)(spent_ms % MS));
}

static void finish(struct source_run *run)
{
	run->result.messages = run->sum.messages;
	log_summary(run);
	if (run->world.check)
		over(run);
	else
		worker_submit(run->world.worker, work_note, over, run);
}

static enum run_stage stage_of(enum outcome what, enum run_stage stage)
{
	if (what == OUTCOME_PROTOCOL)
		return RUN_STAGE_PROTOCOL;
	if (what == OUTCOME_CONSENT || what == OUTCOME_DENIED)
		return RUN_STAGE_AUTHENTICATE;
	return what == OUTCOME_CONFIG ? RUN_STAGE_CONFIG : stage;
}

static void note_failure(struct source_run *run, enum outcome what, enum run_stage stage,
			 const struct err *err)
{
	if (what == OUTCOME_OK || run->result.what != OUTCOME_OK)
		return;
	run->result.what = what;
	run->result.stage = stage_of(what, stage);
	run->err = *err;
}

/* Folders ----------------------------------------------------------------------------------------
 */

/* The server need not close the connection after its answer: it is not waited for. */
static void on_farewell(void *ctx, const struct imap_text *result)
{
	struct source_run *run = ctx;

	if (result == NULL)
		return; /* on_logged_out() follows */
	imap_session_free(run->session);
	run->session = NULL;
	finish(run);
}

static void ignore_response(void *ctx, const struct imap_response *response)
{
	(void)ctx;
	(void)response;
}

static void on_logged_out(void *ctx, enum outcome what, const struct err *err)
{
	(void)what;
	(void)err;
	finish(ctx);
}

static void log_out(struct source_run *run)
{
	struct imap_session_handler handler = {
		.response = ignore_response, .closed = on_logged_out, .ctx = run};

	imap_session_set_handler(run->session, &handler);
	imap_session_say(run->session, "LOGOUT", on_farewell, run);
}

static void next_folder(struct source_run *run);

static void on_folder(void *ctx, enum outcome what, const struct mailbox_result *result,
		      bool usable, const struct err *err)
{
	struct source_run *run = ctx;
	const char *folder = run->choice.folders.word[run->folder++];
	struct err failure = *err;

	run->sum.messages += result->messages;
	run->sum.bytes += result->bytes;
	run->sum.told += result->told;
	run->sum.left += result->left;
	err_prefix(&failure, "folder=%s: ", folder);
	note_failure(run, what, usable ? RUN_STAGE_DELIVER : RUN_STAGE_CONNECT, &failure);
	if (usable) {
		next_folder(run);
		return;
	}
	imap_session_free(run->session);
	run->session = NULL;
	finish(run);
}

static void next_folder(struct source_run *run)
{
	struct mailbox_world world = {
		.base = run->world.base,
		.worker = run->world.worker,
		.state = run->world.state,
		.maildir = run->maildir,
		.source = &run->own,
		.session = run->session,
		.capability = &run->capability,
	};

	if (run->folder == run->choice.folders.count)
		log_out(run);
	else if (run->world.check)
		folder_check_start(&world, run->choice.folders.word[run->folder], on_folder, run);
	else
		mailbox_start(&world, run->choice.folders.word[run->folder], on_folder, run);
}

static void folders_known(struct source_run *run)
{
	run->own = *run->source;
	run->own.move_to = run->choice.move_to;
	next_folder(run);
}

static void on_listed(void *ctx, enum outcome what, struct folder_choice *choice, bool usable,
		      const struct err *err)
{
	struct source_run *run = ctx;

	if (what == OUTCOME_OK) {
		run->choice = *choice;
		*choice = (struct folder_choice){0};
		folders_known(run);
		return;
	}
	note_failure(run, what, RUN_STAGE_CONNECT, err);
	if (usable) {
		log_out(run);
		return;
	}
	imap_session_free(run->session);
	run->session = NULL;
	finish(run);
}

static void find_folders(struct source_run *run)
{
	if (folder_list_is_needed(run->source)) {
		folder_list_start(run->session, &run->capability, run->source, on_listed, run);
		return;
	}
	folder_choice_plain(&run->choice, run->source);
	folders_known(run);
}

/* Beginning --------------------------------------------------------------------------------------
 */

static void on_login(void *ctx, enum outcome what, struct imap_session *session,
		     const struct imap_capability *capability, const struct err *err)
{
	struct source_run *run = ctx;

	if (what != OUTCOME_OK) {
		note_failure(run, what, RUN_STAGE_CONNECT, err);
		finish(run);
		return;
	}
	run->session = session;
	run->capability = *capability;
	find_folders(run);
}

static enum outcome prepare(struct source_run *run, struct err *err)
{
	run->tls = tls_context_new(run->source->ca_file, err);
	if (run->tls == NULL)
		return OUTCOME_CONFIG;
	run->pins = run->source->pins;
	if (run->pins.count > 0)
		tls_context_pin(run->tls, &run->pins);
	if (run->world.check)
		return OUTCOME_OK;
	return maildir_open(run->source->delivery.path, &run->maildir, err);
}

void source_run_start(const struct run_world *world, const struct fetch_source *source,
		      run_done_fn *done, void *ctx)
{
	struct source_run *run = xcalloc(1, sizeof(*run));
	struct login_target target;
	struct err err = ERR_INIT;
	enum outcome what;

	run->world = *world;
	run->source = source;
	run->done = done;
	run->ctx = ctx;
	run->began_s = clock_now_s();
	run->began_ms = deadline_in_ms(0).at_ms;
	what = prepare(run, &err);
	if (what != OUTCOME_OK) {
		note_failure(run, what, RUN_STAGE_CONFIG, &err);
		finish(run);
		return;
	}
	target = (struct login_target){
		.base = world->base,
		.dns = world->dns,
		.tls = run->tls,
		.helper_socket = world->helper_socket,
		.source = source,
	};
	(void)login_start(&target, on_login, run);
}
