/* SPDX-License-Identifier: MIT */
/* folder-list.c - see folder-list.h. */
#include "fetch-agent/folder-list.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "fetch-agent/folder-select.h"

#include "common/banned.h"

struct folder_list {
	struct imap_session *session;
	const struct fetch_source *source;
	folder_list_done_fn *done;
	void *ctx;
	struct folder_listing listing;
	size_t commands;
	enum outcome what;
	struct err err;
};

/* Without asking
 * -----------------------------------------------------------------------------------
 */

void folder_choice_release(struct folder_choice *choice)
{
	words_release(&choice->folders);
	free(choice->move_to);
	choice->move_to = NULL;
}

static bool moves_to_a_use(const struct fetch_source *source)
{
	return source->move_to != NULL && !folder_word_is_name(source->move_to);
}

bool folder_list_is_needed(const struct fetch_source *source)
{
	for (size_t i = 0; i < source->folders.count; i++) {
		if (!folder_word_is_name(source->folders.word[i]))
			return true;
	}
	return moves_to_a_use(source);
}

void folder_choice_plain(struct folder_choice *choice, const struct fetch_source *source)
{
	words_copy(&choice->folders, &source->folders);
	choice->move_to = xstrdup(source->move_to);
}

/* With LIST
 * ----------------------------------------------------------------------------------------
 */

static void finish(struct folder_list *list, bool usable, struct folder_choice *choice)
{
	folder_list_done_fn *done = list->done;
	void *ctx = list->ctx;
	enum outcome what = list->what;
	struct err err = list->err;

	folder_listing_release(&list->listing);
	free(list);
	done(ctx, what, choice, usable, &err);
	folder_choice_release(choice);
}

static void choose_target(struct folder_list *list, struct folder_choice *choice)
{
	const struct fetch_source *source = list->source;
	struct buffer uses = BUFFER_INIT(FOLDER_WARNING_MAX);
	const char *target = source->move_to;

	if (moves_to_a_use(source))
		target = folder_special(&list->listing, source->move_to);
	choice->move_to = xstrdup(target);
	if (source->move_to == NULL || target != NULL)
		return;
	folder_specials_describe(&list->listing, &uses);
	list->what =
		err_set(&list->err, OUTCOME_CONFIG,
			"after = move:%s: the server has no such folder; it has %s",
			source->move_to, uses.len > 0 ? buffer_cstr(&uses) : "no special uses");
	buffer_release(&uses);
}

static void log_choice(const struct folder_list *list, const struct folder_choice *choice,
		       const struct words *warnings)
{
	const struct fetch_source *source = list->source;

	for (size_t i = 0; i < warnings->count; i++)
		log_warning("fetch=%s account=%s %s", source->name, source->account,
			    warnings->word[i]);
	if (list->listing.overflow)
		log_warning("fetch=%s account=%s the server has more folders than are looked at "
			    "(%zu)",
			    source->name, source->account, list->listing.count);
	for (size_t i = 0; i < list->listing.count; i++) {
		if (!words_contain(&choice->folders, list->listing.folders[i].name))
			log_debug("fetch=%s account=%s folder=%s is left out", source->name,
				  source->account, list->listing.folders[i].name);
	}
}

static void choose(struct folder_list *list)
{
	struct folder_choice choice = {0};
	struct words warnings = {0};

	choose_target(list, &choice);
	folder_select(&list->listing, &list->source->folders, list->source->subscribed,
		      choice.move_to, &choice.folders, &warnings);
	log_choice(list, &choice, &warnings);
	words_release(&warnings);
	if (list->what == OUTCOME_OK && choice.folders.count == 0)
		list->what =
			err_set(&list->err, OUTCOME_CONFIG,
				"folder = %s: the server has no such folder", list->source->folder);
	else if (list->what == OUTCOME_OK && choice.move_to != NULL &&
		 words_contain(&choice.folders, choice.move_to))
		list->what = err_set(&list->err, OUTCOME_CONFIG,
				     "after = move:%s is a folder that messages are fetched from",
				     choice.move_to);
	finish(list, true, &choice);
}

static void on_response(void *ctx, const struct imap_response *response)
{
	struct folder_list *list = ctx;

	if (response->kind == IMAP_LIST)
		folder_listing_add(&list->listing, &response->list);
}

static void on_closed(void *ctx, enum outcome what, const struct err *err)
{
	struct folder_list *list = ctx;
	struct folder_choice none = {0};

	list->what = what;
	list->err = *err;
	finish(list, false, &none);
}

static void on_listed(void *ctx, const struct imap_text *result)
{
	struct folder_list *list = ctx;

	if (result == NULL)
		return; /* on_closed() follows */
	if (result->status != IMAP_STATUS_OK && list->what == OUTCOME_OK)
		list->what = err_set(
			&list->err,
			result->status == IMAP_STATUS_BAD ? OUTCOME_PROTOCOL : OUTCOME_RETRY,
			"cannot list the folders: the server said: %s %.*s",
			imap_status_name(result->status), (int)result->text.len, result->text.ptr);
	if (--list->commands > 0)
		return;
	if (list->what == OUTCOME_OK) {
		choose(list);
	} else {
		struct folder_choice none = {0};

		finish(list, true, &none);
	}
}

static void ask(struct folder_list *list, const char *command)
{
	list->commands++;
	imap_session_say(list->session, command, on_listed, list);
}

void folder_list_start(struct imap_session *session, const struct imap_capability *capability,
		       const struct fetch_source *source, folder_list_done_fn *done, void *ctx)
{
	struct folder_list *list = xcalloc(1, sizeof(*list));
	struct imap_session_handler handler = {
		.response = on_response, .closed = on_closed, .ctx = list};
	bool extended = (capability->can & IMAP_CAN_LIST_EXTENDED) != 0;
	bool marks = (capability->can & IMAP_CAN_SPECIAL_USE) != 0;

	list->session = session;
	list->source = source;
	list->done = done;
	list->ctx = ctx;
	imap_session_set_handler(session, &handler);
	if (extended && marks)
		ask(list, "LIST \"\" \"*\" RETURN (SUBSCRIBED SPECIAL-USE)");
	else if (extended)
		ask(list, "LIST \"\" \"*\" RETURN (SUBSCRIBED)");
	else
		ask(list, "LIST \"\" \"*\"");
	if (!extended && source->subscribed)
		ask(list, "LSUB \"\" \"*\"");
}
