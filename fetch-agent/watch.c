/* SPDX-License-Identifier: MIT */
/* watch.c - see watch.h. */
#include "fetch-agent/watch.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define COLLECT_MS 200	/* what comes in a burst is fetched in one pass */
#define PAUSE_MS   5000 /* before a server that ends IDLE by itself is asked again */
#define MS	   1000

enum watch_state {
	WATCH_OPENING,	 /* the first folder */
	WATCH_ASKING,	 /* NOTIFY or IDLE is on its way */
	WATCH_NOTIFIED,	 /* no command is under way: news come by themselves */
	WATCH_IDLING,	 /* IDLE is */
	WATCH_LEAVING,	 /* DONE was said */
	WATCH_SUSPENDED, /* for a while */
	WATCH_ENDED,
};

static const char *const state_names[] = {"opening", "asking",	  "notified", "idling",
					  "leaving", "suspended", "ended"};

struct watch {
	struct watch_target target;
	watch_done_fn *done;
	void *ctx;
	enum watch_state state;
	struct event *timer; /* collecting, or time to ask whether the server is there */
	bool collecting;
	bool ending;
	bool by_notify;
	uint32_t exists; /* in the first folder */
};

static void watch_change(struct watch *watch, enum watch_state next)
{
	log_debug("fetch=%s watch: %s -> %s", watch->target.source->name, state_names[watch->state],
		  state_names[next]);
	watch->state = next;
}

static void wait_ms(struct watch *watch, int64_t ms)
{
	struct timeval wait = {.tv_sec = ms / MS, .tv_usec = ms % MS * 1000};

	(void)event_add(watch->timer, &wait);
}

static void finish(struct watch *watch, enum outcome what, const struct err *err)
{
	watch_done_fn *done = watch->done;
	void *ctx = watch->ctx;
	struct err copy = ERR_INIT;

	if (err != NULL)
		copy = *err;
	watch_change(watch, WATCH_ENDED);
	imap_session_set_patience(watch->target.session, (int)watch->target.source->timeout_s);
	event_free(watch->timer);
	free(watch);
	done(ctx, what, &copy);
}

static void finish_said(struct watch *watch, enum outcome what, const char *doing,
			const struct imap_text *result)
{
	struct err err = ERR_INIT;

	(void)err_set(&err, what, "%s: the server said: %s %s%.*s%s%.*s", doing,
		      imap_status_name(result->status), result->code_name.len > 0 ? "[" : "",
		      (int)result->code_name.len, result->code_name.ptr,
		      result->code_name.len > 0 ? "] " : "", (int)result->text.len,
		      result->text.ptr);
	finish(watch, what, &err);
}

/* News -------------------------------------------------------------------------------------------
 */

static bool anything_wanted(const struct watch *watch)
{
	for (size_t i = 0; i < watch->target.count; i++) {
		if (watch->target.folders[i].wanted)
			return true;
	}
	return false;
}

static void want(struct watch *watch, size_t folder)
{
	watch->target.folders[folder].wanted = true;
	if (watch->collecting || (watch->state != WATCH_IDLING && watch->state != WATCH_NOTIFIED))
		return; /* it is looked for when the command that is under way has ended */
	watch->collecting = true;
	wait_ms(watch, COLLECT_MS);
}

static void compare(struct watch *watch, size_t index, uint64_t uidnext)
{
	struct watch_folder *folder = &watch->target.folders[index];

	if (uidnext == 0 || uidnext > UINT32_MAX || uidnext == folder->uidnext)
		return;
	folder->uidnext = (uint32_t)uidnext;
	want(watch, index);
}

static bool is_named(const struct watch_folder *folder, struct span name)
{
	return span_equals(name, folder->name) ||
	       (span_equals_nocase(name, "INBOX") && span_equals_nocase(name, folder->name));
}

static void on_status(struct watch *watch, const struct imap_mailbox *mailbox)
{
	for (size_t i = 0; i < watch->target.count; i++) {
		if (is_named(&watch->target.folders[i], mailbox->utf8))
			compare(watch, i, mailbox->uidnext);
	}
}

static void on_exists(struct watch *watch, uint32_t number)
{
	if (watch->state != WATCH_OPENING && number > watch->exists)
		want(watch, 0);
	watch->exists = number;
}

/* The server stops to tell of anything (RFC 5465 5.8): all is looked at, and it is asked otherwise
 * from now on. */
static void on_overflow(struct watch *watch)
{
	log_info("fetch=%s account=%s the server has too much to tell by NOTIFY: it is watched "
		 "otherwise",
		 watch->target.source->name, watch->target.source->account);
	watch->target.capability->can &= ~(uint32_t)IMAP_CAN_NOTIFY;
	for (size_t i = 0; i < watch->target.count; i++)
		want(watch, i);
}

static void on_response(void *ctx, const struct imap_response *response)
{
	struct watch *watch = ctx;

	if (response->kind == IMAP_EXISTS)
		on_exists(watch, response->number);
	else if (response->kind == IMAP_EXPUNGE && watch->exists > 0)
		watch->exists--;
	else if (response->kind == IMAP_MAILBOX)
		on_status(watch, &response->mailbox);
	else if (response->kind == IMAP_CONDITION && response->text.code == IMAP_CODE_UIDNEXT)
		compare(watch, 0, response->text.number);
	else if (response->kind == IMAP_CONDITION &&
		 response->text.code == IMAP_CODE_NOTIFICATIONOVERFLOW)
		on_overflow(watch);
}

static void on_closed(void *ctx, enum outcome what, const struct err *err)
{
	finish(ctx, what, err);
}

/* Waiting ----------------------------------------------------------------------------------------
 */

static void open_first(struct watch *watch);

static void wait_for_news(struct watch *watch, enum watch_state state)
{
	watch_change(watch, state);
	imap_session_set_patience(watch->target.session, 0);
	if (watch->ending || anything_wanted(watch)) {
		watch->collecting = true;
		wait_ms(watch, watch->ending ? 0 : COLLECT_MS);
	} else {
		wait_ms(watch, watch->target.source->idle_for_s * MS);
	}
}

/* A server that does not answer in time is gone. */
static void leave(struct watch *watch)
{
	watch_change(watch, WATCH_LEAVING);
	imap_session_set_patience(watch->target.session, (int)watch->target.source->timeout_s);
	imap_session_continue(watch->target.session, span_from_str("DONE"));
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct watch *watch = ctx;

	(void)fd;
	(void)what;
	watch->collecting = false;
	if (watch->state == WATCH_IDLING)
		leave(watch);
	else if (watch->ending || anything_wanted(watch))
		finish(watch, OUTCOME_OK, NULL);
	else
		open_first(watch);
}

static void on_continue(void *ctx, struct span raw)
{
	struct watch *watch = ctx;

	(void)raw;
	if (watch->state == WATCH_ASKING)
		wait_for_news(watch, WATCH_IDLING);
}

static void on_idle_over(void *ctx, const struct imap_text *result)
{
	struct watch *watch = ctx;

	if (result == NULL)
		return; /* on_closed() follows */
	watch->collecting = false;
	(void)event_del(watch->timer);
	if (result->status != IMAP_STATUS_OK) {
		finish_said(watch, OUTCOME_RETRY, "IDLE", result);
	} else if (watch->ending || anything_wanted(watch)) {
		finish(watch, OUTCOME_OK, NULL);
	} else if (watch->state == WATCH_LEAVING) {
		open_first(watch);
	} else {
		watch_change(watch, WATCH_SUSPENDED);
		wait_ms(watch, PAUSE_MS);
	}
}

static void idle(struct watch *watch)
{
	struct imap_command command;

	imap_command_init(watch->target.session, &command);
	(void)buffer_append_str(&command.bytes, "IDLE");
	(void)imap_session_converse(watch->target.session, &command, on_continue, on_idle_over,
				    watch);
}

/* RFC 5465 wants no IDLE beside NOTIFY; Dovecot tells of nothing without. */
static void listen_for_news(struct watch *watch)
{
	if ((watch->target.capability->can & IMAP_CAN_IDLE) != 0)
		idle(watch);
	else
		wait_for_news(watch, WATCH_NOTIFIED);
}

static void on_notify(void *ctx, const struct imap_text *result)
{
	struct watch *watch = ctx;

	if (result == NULL)
		return; /* on_closed() follows */
	if (result->status == IMAP_STATUS_OK) {
		*watch->target.notified = true;
		listen_for_news(watch);
		return;
	}
	/* Too many folders for it, or not these events ([BADEVENT]): the next pass asks for IDLE.
	 */
	log_info("fetch=%s account=%s the server refuses NOTIFY: %s %.*s; it is watched otherwise",
		 watch->target.source->name, watch->target.source->account,
		 imap_status_name(result->status), (int)result->text.len, result->text.ptr);
	watch->target.capability->can &= ~(uint32_t)IMAP_CAN_NOTIFY;
	for (size_t i = 0; i < watch->target.count; i++)
		watch->target.folders[i].wanted = true;
	finish(watch, OUTCOME_OK, NULL);
}

/* STATUS: how things stand is said at once, so that nothing is missed before. */
static void notify(struct watch *watch)
{
	struct imap_command command;
	bool good = true;

	imap_command_init(watch->target.session, &command);
	(void)buffer_append_str(&command.bytes,
				"NOTIFY SET STATUS (SELECTED (MessageNew MessageExpunge))");
	for (size_t i = 1; good && i < watch->target.count; i++) {
		(void)buffer_append_str(&command.bytes, i == 1 ? " (MAILBOXES (" : " ");
		good = imap_encode_mailbox(&command.encoder,
					   span_from_str(watch->target.folders[i].name));
	}
	if (watch->target.count > 1)
		(void)buffer_append_str(&command.bytes, ") (MessageNew MessageExpunge))");
	if (good && imap_session_send(watch->target.session, &command, on_notify, watch))
		return;
	buffer_release(&command.bytes);
	watch->target.capability->can &= ~(uint32_t)IMAP_CAN_NOTIFY; /* too many to name */
	watch->by_notify = false;
	idle(watch);
}

/* The watch may be over when it comes. */
static void ignore_result(void *ctx, const struct imap_text *result)
{
	(void)ctx;
	(void)result;
}

/*
 * What was set stays in force. It is not set again: Dovecot 2.3.19 tells of folders that are not
 * selected only until the second NOTIFY of a connection, NONE before it or not. What the server
 * told of during the pass is asked for instead.
 */
static void notify_again(struct watch *watch)
{
	for (size_t i = 1; i < watch->target.count; i++) {
		struct imap_command command;

		imap_command_init(watch->target.session, &command);
		(void)buffer_append_str(&command.bytes, "STATUS ");
		if (imap_encode_mailbox(&command.encoder,
					span_from_str(watch->target.folders[i].name)))
			(void)buffer_append_str(&command.bytes, " (UIDNEXT)");
		(void)imap_session_send(watch->target.session, &command, ignore_result, NULL);
	}
	listen_for_news(watch);
}

static void on_opened(void *ctx, const struct imap_text *result)
{
	struct watch *watch = ctx;

	if (result == NULL)
		return; /* on_closed() follows */
	if (result->status != IMAP_STATUS_OK) {
		finish_said(watch, OUTCOME_CONFIG, "cannot watch the folder", result);
	} else if (watch->ending || anything_wanted(watch)) {
		finish(watch, OUTCOME_OK, NULL);
	} else {
		watch_change(watch, WATCH_ASKING);
		if (watch->by_notify && *watch->target.notified)
			notify_again(watch);
		else if (watch->by_notify)
			notify(watch);
		else
			idle(watch);
	}
}

static void open_first(struct watch *watch)
{
	struct imap_command command;

	watch_change(watch, WATCH_OPENING);
	imap_session_set_patience(watch->target.session, (int)watch->target.source->timeout_s);
	imap_command_init(watch->target.session, &command);
	(void)buffer_append_str(&command.bytes, "EXAMINE ");
	(void)imap_encode_mailbox(&command.encoder, span_from_str(watch->target.folders[0].name));
	(void)imap_session_send(watch->target.session, &command, on_opened, watch);
}

/* Beginning and ending ---------------------------------------------------------------------------
 */

/* Dovecot 2.3.19 takes other names for NOTIFY, and then tells of nothing. */
static bool is_ascii(const char *name)
{
	while (*name != '\0' && (unsigned char)*name < 0x80)
		name++;
	return *name == '\0';
}

static bool covers_by_notify(const struct imap_capability *capability,
			     const struct watch_folder *folders, size_t count)
{
	bool good = count > 1 && (capability->can & IMAP_CAN_NOTIFY) != 0;

	for (size_t i = 1; good && i < count; i++)
		good = is_ascii(folders[i].name);
	return good;
}

size_t watch_covers(const struct imap_capability *capability, const struct watch_folder *folders,
		    size_t count)
{
	if (covers_by_notify(capability, folders, count))
		return count;
	return count > 0 && (capability->can & IMAP_CAN_IDLE) != 0 ? 1 : 0;
}

struct watch *watch_start(const struct watch_target *target, watch_done_fn *done, void *ctx)
{
	struct watch *watch = xcalloc(1, sizeof(*watch));
	struct imap_session_handler handler = {
		.response = on_response, .closed = on_closed, .ctx = watch};

	watch->target = *target;
	watch->done = done;
	watch->ctx = ctx;
	watch->by_notify = covers_by_notify(target->capability, target->folders, target->count);
	watch->timer = evtimer_new(target->base, on_timer, watch);
	if (watch->timer == NULL)
		abort(); /* as xalloc: out of memory */
	imap_session_set_handler(target->session, &handler);
	open_first(watch);
	return watch;
}

void watch_end(struct watch *watch)
{
	watch->ending = true;
	if (watch->state == WATCH_IDLING || watch->state == WATCH_NOTIFIED ||
	    watch->state == WATCH_SUSPENDED)
		wait_ms(watch, 0);
}
