/* SPDX-License-Identifier: MIT */
/* folder-check.c - see folder-check.h. */
#include "fetch-agent/folder-check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/xalloc.h"

#include "common/banned.h"

struct folder_check {
	struct mailbox_world world;
	const char *folder;
	mailbox_done_fn *done;
	void *ctx;
	bool answered;
};

static void finish(struct folder_check *check, enum outcome what, bool usable,
		   const struct err *err)
{
	struct mailbox_result nothing = {.broken = !usable};
	mailbox_done_fn *done = check->done;
	void *ctx = check->ctx;

	free(check);
	done(ctx, what, &nothing, usable, err);
}

static void on_response(void *ctx, const struct imap_response *response)
{
	struct folder_check *check = ctx;

	if (response->kind != IMAP_MAILBOX)
		return;
	check->answered = true;
	(void)printf("fetch=%s account=%s folder=%s messages=%" PRIu64 " unseen=%" PRIu64
		     " uidvalidity=%" PRIu64 " uidnext=%" PRIu64 "\n",
		     check->world.source->name, check->world.source->account, check->folder,
		     response->mailbox.messages, response->mailbox.unseen,
		     response->mailbox.uidvalidity, response->mailbox.uidnext);
	(void)fflush(stdout); /* before the line that sums up */
}

static void on_closed(void *ctx, enum outcome what, const struct err *err)
{
	finish(ctx, what, false, err);
}

static void on_status(void *ctx, const struct imap_text *result)
{
	struct folder_check *check = ctx;
	struct err err = ERR_INIT;

	if (result == NULL)
		return; /* on_closed() follows */
	if (result->status == IMAP_STATUS_OK && check->answered) {
		finish(check, OUTCOME_OK, true, &err);
		return;
	}
	(void)err_set(&err, OUTCOME_CONFIG,
		      "the server said: %s %s%s%s%.*s; to see its folders: folder = *, and --check",
		      imap_status_name(result->status), result->code_name.len > 0 ? "[" : "",
		      imap_code_name(result->code), result->code_name.len > 0 ? "] " : "",
		      (int)result->text.len, result->text.ptr);
	finish(check, OUTCOME_CONFIG, true, &err);
}

void folder_check_start(const struct mailbox_world *world, const char *folder,
			mailbox_done_fn *done, void *ctx)
{
	struct folder_check *check = xcalloc(1, sizeof(*check));
	struct imap_session_handler handler = {
		.response = on_response, .closed = on_closed, .ctx = check};
	struct imap_command command;

	check->world = *world;
	check->folder = folder;
	check->done = done;
	check->ctx = ctx;
	imap_session_set_handler(world->session, &handler);
	imap_command_init(world->session, &command);
	(void)buffer_append_str(&command.bytes, "STATUS ");
	(void)imap_encode_mailbox(&command.encoder, span_from_str(folder));
	(void)buffer_append_str(&command.bytes, " (MESSAGES UNSEEN UIDVALIDITY UIDNEXT)");
	(void)imap_session_send(world->session, &command, on_status, check);
}
