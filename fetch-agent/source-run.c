/* SPDX-License-Identifier: MIT */
/* source-run.c - see source-run.h. */
#include "fetch-agent/source-run.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/deadline.h"
#include "common/diagnosis.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "fetch-agent/auth/token.h"
#include "fetch-agent/folder-check.h"
#include "fetch-agent/folder-list.h"
#include "fetch-agent/login.h"
#include "fetch-agent/mailbox.h"
#include "fetch-agent/net/tls.h"
#include "fetch-agent/watch.h"

#include "common/banned.h"

#define ACCEPTED_WAIT_S 10

enum run_state {
	RUN_LOGGING_IN,
	RUN_FETCHING,
	RUN_NOTING,
	RUN_WATCHING,
	RUN_LOGGING_OUT,
	RUN_ENDED,
};

static const char *const state_names[] = {"logging in", "fetching",    "noting",
					  "watching",	"logging out", "ended"};

struct source_run {
	struct run_world world;
	const struct fetch_source *source;
	const char *only;	 /* of its folders; NULL: all */
	struct fetch_source own; /* source, with what the server made of its names */
	struct folder_choice choice;
	struct run_handler handler;
	enum run_state state;
	SSL_CTX *tls;
	struct tls_pins pins; /* the source's */
	struct delivery_world delivery;
	struct login *login;
	struct token_ask *accepting; /* mailoauthd is told so */
	char *user;		     /* who is logged in */
	char *mailbox;		     /* mailbox_name() */
	struct imap_session *session;
	struct imap_capability capability;
	struct watch_folder *folders;
	size_t folder_count;
	size_t folder; /* index of the next, or of the one under way */
	bool in_folder;
	bool notified; /* NOTIFY is in force, for these folders */
	bool look_up;  /* the folders, before the next pass */
	struct watch *watch;
	struct event *again; /* a pass whatever happens; at first: the beginning */
	bool stopping;
	struct run_result result; /* of this pass */
	int64_t began_s;
	int64_t began_ms; /* monotonic */
	struct err noted;
	enum outcome note_what;
};

static void run_change(struct source_run *run, enum run_state next)
{
	log_debug("fetch=%s run: %s -> %s", run->source->name, state_names[run->state],
		  state_names[next]);
	run->state = next;
}

/* Ending -----------------------------------------------------------------------------------------
 */

static void run_free(struct source_run *run)
{
	event_free(run->again);
	token_cancel(run->accepting);
	imap_session_free(run->session);
	SSL_CTX_free(run->tls);
	free(run->user);
	free(run->mailbox);
	free(run->folders);
	folder_choice_release(&run->choice);
	free(run);
}

static void work_note(void *job)
{
	struct source_run *run = job;
	struct state_run row = {
		.began_s = run->began_s,
		.ended_s = clock_now_s(),
		.last_message_s = run->result.messages > 0 ? clock_now_s() : 0,
		.messages = (int64_t)run->result.messages,
		.bytes = (int64_t)run->result.bytes,
		.left = (int64_t)run->result.left,
		.outcome = outcome_name(run->result.what),
		.text = run->result.err.text,
	};

	run->note_what = state_run_set(run->world.state, run->source->name, &row, &run->noted);
}

static void over(struct source_run *run)
{
	struct run_handler handler = run->handler;
	struct run_result result = run->result;

	run_change(run, RUN_ENDED);
	run_free(run);
	handler.over(handler.ctx, &result);
}

static void log_out(struct source_run *run);
static void watch_begin(struct source_run *run);

static void on_noted(void *job)
{
	struct source_run *run = job;

	if (run->note_what != OUTCOME_OK)
		log_warning("fetch=%s account=%s %s", run->source->name, run->source->account,
			    run->noted.text);
	if (run->session == NULL)
		over(run);
	else if (run->world.stays && run->result.watch_able && !run->stopping)
		watch_begin(run);
	else
		log_out(run);
}

static void on_lost(void *ctx, enum outcome what, const struct err *err)
{
	struct source_run *run = ctx;

	(void)what;
	(void)err;
	imap_session_free(run->session);
	run->session = NULL;
	run->result.lost = true;
}

static void ignore_response(void *ctx, const struct imap_response *response)
{
	(void)ctx;
	(void)response;
}

static enum run_stage stage_of(enum outcome what, enum run_stage stage)
{
	if (what == OUTCOME_PROTOCOL)
		return RUN_STAGE_PROTOCOL;
	if (what == OUTCOME_CONSENT || what == OUTCOME_DENIED)
		return RUN_STAGE_AUTHENTICATE;
	return what == OUTCOME_CONFIG ? RUN_STAGE_CONFIG : stage;
}

/* A server that answers BAD because it is busy has not broken the protocol; one that for that
 * reason does not open a folder needs no administrator. */
static enum outcome judged(enum outcome what, const struct err *err)
{
	const struct diagnosis *diagnosis =
		diagnosis_find(DIAGNOSIS_IMAP, span_from_str(err->text));

	if (diagnosis == NULL ||
	    (what != OUTCOME_PROTOCOL && what != OUTCOME_RETRY && what != OUTCOME_CONFIG))
		return what;
	return diagnosis->outcome;
}

/* err names its folder, if one is concerned. */
static void note_failure(struct source_run *run, enum outcome what, unsigned where,
			 enum run_stage stage, const struct err *err)
{
	if (what == OUTCOME_OK || run->result.what != OUTCOME_OK)
		return;
	run->result.what = where == DIAGNOSIS_IMAP ? judged(what, err) : what;
	run->result.where = where;
	run->result.stage = stage_of(run->result.what, stage);
	run->result.err = *err;
}

/* The pass is over; without a session the run is too. */
static void pass_end(struct source_run *run)
{
	struct imap_session_handler handler = {
		.response = ignore_response, .closed = on_lost, .ctx = run};
	struct err err = ERR_INIT;

	if (run->session != NULL)
		imap_session_set_handler(run->session, &handler);
	run->result.spent_ms = deadline_in_ms(0).at_ms - run->began_ms;
	if (run->world.check) {
		enum outcome what = delivery_check(&run->source->delivery, &err);

		note_failure(run, what, DIAGNOSIS_DELIVERY, RUN_STAGE_CONFIG, &err);
		on_noted(run);
		return;
	}
	run_change(run, RUN_NOTING);
	worker_submit(run->world.worker, work_note, on_noted, run);
}

static void lose_session(struct source_run *run)
{
	imap_session_free(run->session);
	run->session = NULL;
}

static void on_left(void *ctx)
{
	struct source_run *run = ctx;

	lose_session(run);
	over(run);
}

static void on_logged_out(void *ctx, enum outcome what, const struct err *err)
{
	(void)what;
	(void)err;
	over(ctx);
}

static void log_out(struct source_run *run)
{
	struct imap_session_handler handler = {
		.response = ignore_response, .closed = on_logged_out, .ctx = run};

	run_change(run, RUN_LOGGING_OUT);
	imap_session_set_handler(run->session, &handler);
	imap_session_log_out(run->session, on_left, run);
}

/* Watching ---------------------------------------------------------------------------------------
 */

static void pass_clear(struct source_run *run);
static void next_folder(struct source_run *run);
static void find_folders(struct source_run *run);

static void want_all(struct source_run *run)
{
	for (size_t i = 0; i < run->folder_count; i++)
		run->folders[i].wanted = true;
}

static void on_watch(void *ctx, enum outcome what, const struct err *err)
{
	struct source_run *run = ctx;
	struct err failure = *err;

	run->watch = NULL;
	(void)event_del(run->again);
	if (what != OUTCOME_OK) {
		lose_session(run);
		run->result = (struct run_result){.watched = true};
		err_prefix(&failure, "folder=%s: ", run->folders[0].name);
		note_failure(run, what, DIAGNOSIS_IMAP, RUN_STAGE_CONNECT, &failure);
		over(run);
	} else if (run->stopping) {
		log_out(run);
	} else {
		run->handler.woke(run->handler.ctx);
		pass_clear(run);
		run_change(run, RUN_FETCHING);
		if (run->look_up)
			find_folders(run);
		else
			next_folder(run);
	}
}

static void watch_begin(struct source_run *run)
{
	struct watch_target target = {
		.base = run->world.base,
		.source = run->source,
		.session = run->session,
		.capability = &run->capability,
		.notified = &run->notified,
		.folders = run->folders,
		.count = run->folder_count,
	};
	int64_t again_ms = run->handler.passed(run->handler.ctx, &run->result);
	struct timeval wait = {.tv_sec = again_ms / 1000, .tv_usec = again_ms % 1000 * 1000};

	if (again_ms == RUN_LOG_OUT) {
		log_out(run);
		return;
	}
	run_change(run, RUN_WATCHING);
	if (again_ms > 0)
		(void)event_add(run->again, &wait);
	run->watch = watch_start(&target, on_watch, run);
}

void source_run_now(struct source_run *run)
{
	if (run->state != RUN_WATCHING)
		return;
	want_all(run);
	watch_end(run->watch);
}

/* Folders ----------------------------------------------------------------------------------------
 */

static void count(struct run_result *sum, const struct mailbox_result *result)
{
	sum->messages += result->messages;
	sum->bytes += result->bytes;
	sum->told += result->told;
	sum->left += result->left;
	sum->later += result->later;
	sum->refused += result->refused;
	sum->known += result->known;
}

/* The first failure is told, but what concerns more than single messages before what does not. */
static void note_folder(struct source_run *run, enum outcome what,
			const struct mailbox_result *result, const struct err *err)
{
	if (run->result.only_messages && what != OUTCOME_OK && !result->only_messages) {
		run->result.what = OUTCOME_OK;
		run->result.only_messages = false;
	}
	if (run->result.what != OUTCOME_OK || what == OUTCOME_OK)
		return;
	note_failure(run, what, result->at_delivery ? DIAGNOSIS_DELIVERY : DIAGNOSIS_IMAP,
		     result->broken ? RUN_STAGE_CONNECT : RUN_STAGE_DELIVER, err);
	run->result.only_messages = result->only_messages;
	if (result->only_messages)
		run->result.stage = RUN_STAGE_DELIVER;
}

static void on_folder(void *ctx, enum outcome what, const struct mailbox_result *result,
		      bool usable, const struct err *err)
{
	struct source_run *run = ctx;
	struct watch_folder *folder = &run->folders[run->folder++];
	struct err failure = *err;

	run->in_folder = false;
	if (result->uidnext != 0)
		folder->uidnext = result->uidnext;
	count(&run->result, result);
	err_prefix(&failure, "folder=%s: ", folder->name);
	note_folder(run, what, result, &failure);
	if (result->more && usable) { /* once more */
		run->folder--;
		folder->wanted = true;
	}
	if (usable) {
		next_folder(run);
		return;
	}
	lose_session(run);
	pass_end(run);
}

static bool is_due(const struct source_run *run, const struct watch_folder *folder)
{
	return folder->wanted && run->handler.mine(run->handler.ctx, folder->name);
}

static void next_folder(struct source_run *run)
{
	struct mailbox_world world = {
		.base = run->world.base,
		.worker = run->world.worker,
		.state = run->world.state,
		.delivery = &run->delivery,
		.source = &run->own,
		.user = run->user,
		.mailbox = run->mailbox,
		.session = run->session,
		.capability = &run->capability,
		.progress = run->world.progress,
	};
	struct watch_folder *folder;

	while (run->folder < run->folder_count && !is_due(run, &run->folders[run->folder]))
		run->folders[run->folder++].wanted = false;
	if (run->folder == run->folder_count || run->stopping) {
		pass_end(run);
		return;
	}
	folder = &run->folders[run->folder];
	folder->wanted = false;
	run->in_folder = true;
	if (run->world.check)
		folder_check_start(&world, folder->name, on_folder, run);
	else
		mailbox_start(&world, folder->name, on_folder, run);
}

/* Beginning --------------------------------------------------------------------------------------
 */

static void fail(struct source_run *run, enum outcome what, enum run_stage stage,
		 const struct err *err)
{
	struct err failure = *err;

	if (run->only != NULL)
		err_prefix(&failure, "folder=%s: ", run->only);
	note_failure(run, what, DIAGNOSIS_IMAP, stage, &failure);
	pass_end(run);
}

static void pass_clear(struct source_run *run)
{
	size_t covers = watch_covers(&run->capability, run->folders, run->folder_count);

	run->result = (struct run_result){
		.watch_able = run->source->watch == FETCH_WATCH_IDLE && covers > 0,
		.covers = covers,
	};
	run->began_s = clock_now_s();
	run->began_ms = deadline_in_ms(0).at_ms;
	run->folder = 0;
}

/* What was known of the folder when the folders were looked up before. */
static uint32_t known_uidnext(const struct source_run *run, const char *name)
{
	for (size_t i = 0; i < run->folder_count; i++) {
		if (strcmp(run->folders[i].name, name) == 0)
			return run->folders[i].uidnext;
	}
	return 0;
}

static bool same_folders(const struct source_run *run, const struct folder_choice *choice)
{
	bool same = choice->folders.count == run->choice.folders.count;

	for (size_t i = 0; same && i < choice->folders.count; i++)
		same = strcmp(choice->folders.word[i], run->choice.folders.word[i]) == 0;
	return same;
}

/* Takes choice's contents. */
static void folders_set(struct source_run *run, struct folder_choice *choice)
{
	size_t count = 0;
	struct watch_folder *folders = xcalloc(choice->folders.count, sizeof(*folders));

	for (size_t i = 0; i < choice->folders.count; i++) {
		const char *name = choice->folders.word[i];

		if (run->only == NULL || strcmp(name, run->only) == 0)
			folders[count++] = (struct watch_folder){
				.name = name, .uidnext = known_uidnext(run, name), .wanted = true};
	}
	free(run->folders);
	folder_choice_release(&run->choice);
	run->folders = folders;
	run->folder_count = count;
	run->choice = *choice;
	*choice = (struct folder_choice){0};
	run->own = *run->source;
	run->own.move_to = run->choice.move_to;
}

/* What NOTIFY was told cannot be changed (watch.c): another connection names other folders. */
static void folders_known(struct source_run *run, struct folder_choice *choice)
{
	bool changed = run->notified && !same_folders(run, choice);

	folders_set(run, choice);
	run->look_up = false;
	pass_clear(run);
	run->result.lost = changed;
	if (changed)
		log_out(run);
	else
		next_folder(run);
}

static void on_listed(void *ctx, enum outcome what, struct folder_choice *choice, bool usable,
		      const struct err *err)
{
	struct source_run *run = ctx;

	if (what == OUTCOME_OK) {
		folders_known(run, choice);
		return;
	}
	if (!usable)
		lose_session(run);
	fail(run, what, RUN_STAGE_CONNECT, err);
}

static void find_folders(struct source_run *run)
{
	struct folder_choice choice = {0};

	if (folder_list_is_needed(run->source)) {
		folder_list_start(run->session, &run->capability, run->source, on_listed, run);
		return;
	}
	folder_choice_plain(&choice, run->source);
	folders_known(run, &choice);
}

static void nobody_waits(void *ctx, const struct imap_text *result)
{
	(void)ctx;
	(void)result;
}

static void on_accepted_noted(void *ctx, enum outcome what, struct token *token,
			      const struct err *err)
{
	struct source_run *run = ctx;

	(void)token;
	run->accepting = NULL;
	if (what != OUTCOME_OK)
		log_debug("fetch=%s account=%s %s", run->source->name, run->source->account,
			  err->text);
}

/* For `mailoauth status`, beside the fetching: nothing waits for it or hangs on it. */
static void note_accepted(struct source_run *run, const char *host)
{
	struct token_place place = {
		.base = run->world.base,
		.socket = run->world.helper_socket,
		.account = run->source->account,
		.host = host,
	};

	run->accepting = token_accepted(&place, deadline_in_ms(ACCEPTED_WAIT_S * 1000),
					on_accepted_noted, run);
}

static void on_login(void *ctx, enum outcome what, const struct login_result *result,
		     const struct err *err)
{
	struct source_run *run = ctx;

	run->login = NULL;
	if (what != OUTCOME_OK) {
		fail(run, what, RUN_STAGE_CONNECT, err);
		return;
	}
	run->session = result->session;
	run->capability = *result->capability;
	run->user = xstrdup(result->user);
	run->mailbox = mailbox_name(result->user, result->host);
	run_change(run, RUN_FETCHING);
	if (run->source->user == NULL)
		note_accepted(run, result->host);
	if (run->source->compress == FETCH_COMPRESS_YES &&
	    (run->capability.can & IMAP_CAN_COMPRESS_DEFLATE) != 0)
		(void)imap_session_compress(run->session, nobody_waits, NULL);
	find_folders(run);
}

/* Pins make a context the section's own. */
static SSL_CTX *context_for(struct source_run *run, struct err *err)
{
	SSL_CTX *context;

	run->pins = run->source->pins;
	if (run->pins.count == 0)
		return tls_contexts_get(run->world.tls, run->source->ca_file, err);
	context = tls_context_new(run->source->ca_file, err);
	if (context != NULL)
		tls_context_pin(context, &run->pins);
	return context;
}

static void begin(struct source_run *run)
{
	struct login_target target = {
		.base = run->world.base,
		.dns = run->world.dns,
		.helper_socket = run->world.helper_socket,
		.source = run->source,
	};
	struct err err = ERR_INIT;

	pass_clear(run);
	run->tls = context_for(run, &err);
	if (run->tls == NULL) {
		fail(run, OUTCOME_CONFIG, RUN_STAGE_CONFIG, &err);
		return;
	}
	target.tls = run->tls;
	run->login = login_start(&target, on_login, run);
}

static void on_again(evutil_socket_t fd, short what, void *ctx)
{
	struct source_run *run = ctx;

	(void)fd;
	(void)what;
	if (run->state != RUN_WATCHING) {
		begin(run);
		return;
	}
	run->look_up = folder_list_is_needed(run->source);
	source_run_now(run);
}

struct source_run *source_run_start(const struct run_world *world,
				    const struct fetch_source *source, const char *only,
				    const struct run_handler *handler)
{
	struct source_run *run = xcalloc(1, sizeof(*run));

	run->world = *world;
	run->delivery = (struct delivery_world){world->base, world->dns, world->spawner};
	run->source = source;
	run->only = only;
	run->handler = *handler;
	run->again = evtimer_new(world->base, on_again, run);
	if (run->again == NULL)
		abort(); /* as xalloc: out of memory */
	event_active(run->again, 0, 0);
	return run;
}

const char *source_run_folder(const struct source_run *run, size_t index)
{
	return index < run->folder_count ? run->folders[index].name : NULL;
}

bool source_run_is_in(const struct source_run *run, const char *folder)
{
	return run->in_folder && strcmp(run->folders[run->folder].name, folder) == 0;
}

void source_run_stop(struct source_run *run, bool cut)
{
	struct err err = ERR_INIT;

	run->stopping = true;
	(void)err_set(&err, OUTCOME_RETRY, "stopped");
	if (run->state == RUN_WATCHING) {
		watch_end(run->watch);
	} else if (run->state == RUN_LOGGING_IN) {
		login_cancel(run->login);
		run->login = NULL;
		run->result.cancelled = true;
		over(run);
	} else if (cut && run->session != NULL && run->state != RUN_NOTING) {
		imap_session_break(run->session, OUTCOME_RETRY, &err);
	}
}
