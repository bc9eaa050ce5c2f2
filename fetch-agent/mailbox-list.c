/* SPDX-License-Identifier: MIT */
/*
 * mailbox-list.c - see mailbox-private.h: which messages there are to fetch.
 *
 * UIDs above the last that is decided, those that were set aside and are due, less what is known to
 * need nothing. The first are asked for behind SELECT, in the same round trip, and behind that
 * where it can be the first messages themselves (mailbox-fetch.c); should the UIDs turn out to be
 * others than those that are known, these answers are void. Where the section selects (unseen,
 * since a date), the server searches first. Under a new UIDVALIDITY the headers are fetched too,
 * and messages whose identity is known are decided without being fetched again.
 */
#include <stdlib.h>
#include <time.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "fetch-agent/mailbox-private.h"

#include "common/banned.h"

/* Listed at once; the rest when that is through. Memory must not grow with the mailbox. */
#define LIST_MAX 65536

/* Less is fetched before the answer to COMPRESS would have come, or soon after. */
#define COMPRESS_FROM_BYTES 262144

#define DATE_MAX 32

static int compare(const void *a, const void *b)
{
	uint32_t x = ((const struct listed *)a)->uid, y = ((const struct listed *)b)->uid;

	return (x > y) - (x < y);
}

size_t list_index(const struct mailbox *mailbox, uint32_t uid)
{
	struct listed key = {.uid = uid};
	const struct listed *found = mailbox->listed_count == 0
					     ? NULL
					     : bsearch(&key, mailbox->listed, mailbox->listed_count,
						       sizeof(key), compare);

	return found != NULL ? (size_t)(found - mailbox->listed) : mailbox->listed_count;
}

/* What the server says ---------------------------------------------------------------------------
 */

/* "N:*" names the last message even if its UID is below N. */
static bool is_wanted(const struct mailbox *mailbox, uint32_t uid)
{
	const struct state_aside *aside = state_aside_find(&mailbox->view.aside, uid);

	if (aside != NULL)
		return aside_is_due(mailbox, aside);
	return uid > mailbox->known_uid && !uid_list_has(&mailbox->view.skip, uid);
}

static void list_add(struct mailbox *mailbox, uint32_t uid, uint32_t size_bytes)
{
	if (mailbox->listed_count == mailbox->listed_size) {
		mailbox->listed_size = mailbox->listed_size == 0 ? 64 : mailbox->listed_size * 2;
		mailbox->listed = xreallocarray(mailbox->listed, mailbox->listed_size,
						sizeof(*mailbox->listed));
	}
	mailbox->list_is_sorted =
		mailbox->list_is_sorted && (mailbox->listed_count == 0 ||
					    mailbox->listed[mailbox->listed_count - 1].uid < uid);
	mailbox->listed[mailbox->listed_count++] = (struct listed){uid, size_bytes, false};
}

/* A server may list a message twice, and say its size once. */
static void list_sort(struct mailbox *mailbox)
{
	struct listed *list = mailbox->listed;
	size_t kept = 0;

	if (mailbox->list_is_sorted)
		return;
	qsort(list, mailbox->listed_count, sizeof(*list), compare);
	for (size_t i = 0; i < mailbox->listed_count; i++) {
		if (kept == 0 || list[kept - 1].uid != list[i].uid) {
			list[kept++] = list[i];
			continue;
		}
		if (list[kept - 1].size_bytes < list[i].size_bytes)
			list[kept - 1].size_bytes = list[i].size_bytes;
		list[kept - 1].taken = list[kept - 1].taken || list[i].taken;
	}
	mailbox->listed_count = kept;
	mailbox->list_is_sorted = true;
}

static void identity_add(struct mailbox *mailbox, const struct imap_fetch *fetch,
			 uint32_t size_bytes)
{
	struct state_identity identity;

	if (mailbox->identity_count >= LIST_MAX)
		return; /* the same ones many times; what is not recognised is fetched */
	intake_identity(mailbox, fetch->uid, size_bytes, fetch->internaldate, &identity);
	if (mailbox->identity_count == mailbox->identity_size) {
		mailbox->identity_size =
			mailbox->identity_size == 0 ? 64 : mailbox->identity_size * 2;
		mailbox->identities = xreallocarray(mailbox->identities, mailbox->identity_size,
						    sizeof(*mailbox->identities));
	}
	mailbox->identities[mailbox->identity_count++] = identity;
}

/* Too many for one run: those with the smallest UIDs are kept, because all up to the last that is
 * listed will count as decided. Servers need not list in order. */
static void list_cut(struct mailbox *mailbox)
{
	size_t kept = 0;

	list_sort(mailbox);
	if (mailbox->listed_count < LIST_MAX)
		return; /* it was the same message many times */
	mailbox->list_is_cut = true;
	mailbox->listed_count = LIST_MAX / 2;
	mailbox->list_ceiling = mailbox->listed[LIST_MAX / 2 - 1].uid;
	for (size_t i = 0; i < mailbox->identity_count; i++) {
		if (mailbox->identities[i].uid <= mailbox->list_ceiling)
			mailbox->identities[kept++] = mailbox->identities[i];
	}
	mailbox->identity_count = kept;
}

static bool is_above_ceiling(const struct mailbox *mailbox, uint32_t uid)
{
	return mailbox->list_ceiling != 0 && uid > mailbox->list_ceiling;
}

/* A message whose size the server does not say is as good as any other. */
void list_take(struct mailbox *mailbox, const struct imap_fetch *fetch)
{
	uint32_t size = fetch->size <= UINT32_MAX ? (uint32_t)fetch->size : UINT32_MAX;

	if (fetch->uid == 0 || !is_wanted(mailbox, fetch->uid))
		return;
	if (mailbox->listed_count >= LIST_MAX)
		list_cut(mailbox);
	if (is_above_ceiling(mailbox, fetch->uid))
		return;
	list_add(mailbox, fetch->uid, size);
	if (mailbox->view.renewing && fetch->bodies > 0 && mailbox->intake.whole)
		identity_add(mailbox, fetch, size);
}

/* See list_cut(). */
static void found_cut(struct mailbox *mailbox)
{
	uid_list_sort(&mailbox->found);
	if (mailbox->found.count < LIST_MAX)
		return; /* it was the same messages many times */
	mailbox->found.count = LIST_MAX / 2;
	mailbox->list_ceiling = mailbox->found.uid[LIST_MAX / 2 - 1];
	mailbox->list_is_cut = true;
}

/* What was not searched for may be named all the same, by the thousand millions. */
void list_found(struct mailbox *mailbox, struct imap_set set)
{
	uint32_t first, last, known = mailbox->known_uid;

	while (imap_set_next(&set, &first, &last)) {
		for (uint64_t uid = first > known ? first : (uint64_t)known + 1;
		     uid <= last && !is_above_ceiling(mailbox, (uint32_t)uid); uid++) {
			if (mailbox->found.count >= LIST_MAX)
				found_cut(mailbox);
			if (is_wanted(mailbox, (uint32_t)uid) &&
			    !is_above_ceiling(mailbox, (uint32_t)uid))
				uid_list_add(&mailbox->found, (uint32_t)uid);
		}
	}
}

/* The list is whole ------------------------------------------------------------------------------
 */

/* Keeps what keep says, in order. */
static void list_filter(struct mailbox *mailbox,
			bool (*keep)(struct mailbox *mailbox, const struct listed *listed))
{
	size_t kept = 0;

	for (size_t i = 0; i < mailbox->listed_count; i++) {
		if (keep(mailbox, &mailbox->listed[i]))
			mailbox->listed[kept++] = mailbox->listed[i];
	}
	mailbox->listed_count = kept;
}

static bool keep_small(struct mailbox *mailbox, const struct listed *listed)
{
	int64_t max_size = mailbox->world.source->selection.max_size_bytes;

	if (max_size == 0 || listed->size_bytes <= max_size)
		return true;
	aside_large(mailbox, listed);
	return false;
}

static bool keep_unknown(struct mailbox *mailbox, const struct listed *listed)
{
	if (!uid_list_has(&mailbox->recognised, listed->uid))
		return true;
	mailbox->result.known++;
	return false;
}

/* What was to be tried again and is not at the server any more. */
static void forget_gone(struct mailbox *mailbox)
{
	const struct state_aside_list *aside = &mailbox->view.aside;

	for (size_t i = 0; !mailbox->list_is_cut && i < aside->count; i++) {
		if (aside_is_due(mailbox, &aside->entry[i]) &&
		    list_index(mailbox, aside->entry[i].uid) == mailbox->listed_count)
			uid_list_add(&mailbox->group->step.gone, aside->entry[i].uid);
	}
}

static void count_progress(struct mailbox *mailbox)
{
	struct mailbox_progress *progress = mailbox->world.progress;

	for (size_t i = 0; progress != NULL && i < mailbox->listed_count; i++)
		progress->all_bytes += mailbox->listed[i].size_bytes;
	if (progress != NULL)
		progress->all_messages += mailbox->listed_count;
}

/* Refused is no failure: then it goes on as it is. */
static void on_compressed(void *ctx, const struct imap_text *result)
{
	struct mailbox *mailbox = ctx;

	mailbox->commands--;
	if (result != NULL)
		mailbox_go_on(mailbox);
}

static void compress_if_worth_it(struct mailbox *mailbox)
{
	uint64_t bytes = 0;

	if (!mailbox_may_compress(mailbox))
		return;
	for (size_t i = 0; i < mailbox->listed_count; i++)
		bytes += mailbox->listed[i].size_bytes;
	if (bytes >= COMPRESS_FROM_BYTES &&
	    imap_session_compress(mailbox->world.session, on_compressed, mailbox))
		mailbox->commands++;
}

static void list_is_ready(struct mailbox *mailbox)
{
	uint64_t most = (uint64_t)mailbox->world.source->selection.max_messages;
	uint32_t newest = mailbox->uidnext > 0 ? mailbox->uidnext - 1 : 0;

	list_filter(mailbox, keep_small);
	if (most > 0)
		mailbox->result.more = false;
	if (most > 0 && mailbox->listed_count > most) {
		mailbox->result.left = mailbox->listed_count - most;
		mailbox->listed_count = most;
		mailbox->list_is_cut = true;
	}
	if (mailbox->list_is_cut)
		newest = 0;
	if (mailbox->listed_count > 0 && mailbox->listed[mailbox->listed_count - 1].uid > newest)
		newest = mailbox->listed[mailbox->listed_count - 1].uid;
	mailbox->after_list_uid = newest;
	count_progress(mailbox);
	compress_if_worth_it(mailbox);
	mailbox_change(mailbox, MAILBOX_FETCHING);
	fetch_claim_early(mailbox);
	mailbox_go_on(mailbox);
}

static void work_recognise(void *job)
{
	struct mailbox *mailbox = job;

	mailbox->job_what =
		ledger_recognise(&mailbox->ledger, mailbox->identities, mailbox->identity_count,
				 &mailbox->recognised, &mailbox->job_err);
}

static void on_recognised(void *job)
{
	struct mailbox *mailbox = job;

	mailbox->jobs--;
	if (mailbox->job_what != OUTCOME_OK) {
		mailbox_fail(mailbox, mailbox->job_what, &mailbox->job_err);
		return;
	}
	uid_list_sort(&mailbox->recognised);
	list_filter(mailbox, keep_unknown);
	if (mailbox->result.known > 0)
		mailbox_log(mailbox, LOG_LEVEL_INFO,
			    "%llu messages are known under other numbers: they are "
			    "not fetched again",
			    (unsigned long long)mailbox->result.known);
	list_is_ready(mailbox);
}

static int compare_identities(const void *a, const void *b)
{
	uint32_t x = ((const struct state_identity *)a)->uid,
		 y = ((const struct state_identity *)b)->uid;

	return (x > y) - (x < y);
}

/* One of each message, the oldest first: of several copies those are taken for known. */
static void identities_sort(struct mailbox *mailbox)
{
	struct state_identity *list = mailbox->identities;
	size_t kept = 0;

	if (mailbox->identity_count > 1)
		qsort(list, mailbox->identity_count, sizeof(*list), compare_identities);
	for (size_t i = 0; i < mailbox->identity_count; i++) {
		if (kept == 0 || list[kept - 1].uid != list[i].uid)
			list[kept++] = list[i];
	}
	mailbox->identity_count = kept;
}

static void list_done(struct mailbox *mailbox)
{
	list_sort(mailbox);
	/* A server that only says so has no more. */
	mailbox->result.more = mailbox->list_is_cut && mailbox->listed_count >= LIST_MAX / 2;
	identities_sort(mailbox);
	forget_gone(mailbox);
	if (mailbox->identity_count == 0) {
		list_is_ready(mailbox);
		return;
	}
	mailbox_change(mailbox, MAILBOX_RECOGNISING);
	mailbox_submit(mailbox, work_recognise, on_recognised);
}

/* Asking -----------------------------------------------------------------------------------------
 */

static void on_listed(void *ctx, const struct imap_text *result)
{
	struct mailbox *mailbox = ctx;

	mailbox->commands--;
	mailbox->lists--;
	if (result == NULL || mailbox->what != OUTCOME_OK)
		return; /* on_closed() follows, or has been */
	if (result->status != IMAP_STATUS_OK)
		mailbox_fail_said(mailbox, "cannot list the messages", result);
	else if (mailbox->lists == 0)
		list_done(mailbox);
}

/* One FETCH with as many of uids, from *next on, as fit; then, if this is the last, after:*. */
static void list_ask(struct mailbox *mailbox, const struct uid_list *uids, size_t *next,
		     uint32_t after)
{
	struct imap_set_builder set;
	struct imap_command command;
	size_t before = *next;

	imap_command_init(mailbox->world.session, &command);
	(void)buffer_append_str(&command.bytes, "UID FETCH ");
	imap_set_begin(&set, &command.bytes, MAILBOX_SET_MAX);
	while (*next < uids->count && imap_set_add(&set, uids->uid[*next]))
		(*next)++;
	if (*next == uids->count && after != 0)
		(void)buffer_printf(&command.bytes, "%s%u:*", *next > before ? "," : "", after);
	(void)buffer_append_str(&command.bytes,
				mailbox->view.renewing
					? " (UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER])"
					: " (UID RFC822.SIZE)");
	mailbox->commands++;
	mailbox->lists++;
	(void)imap_session_send(mailbox->world.session, &command, on_listed, mailbox);
}

static bool selects(const struct fetch_source *source)
{
	return source->selection.take == FETCH_TAKE_UNSEEN || source->selection.since_days > 0 ||
	       source->selection.since_s > 0;
}

/* Some servers refuse a set that no message is in. */
static void on_early(void *ctx, const struct imap_text *result)
{
	struct mailbox *mailbox = ctx;
	size_t next = 0;

	mailbox->commands--;
	mailbox->lists--;
	mailbox->early_is_open = false;
	if (result == NULL)
		return; /* on_closed() follows */
	mailbox->early_failed = result->status != IMAP_STATUS_OK || !mailbox->selected;
	if (mailbox->state != MAILBOX_LISTING || mailbox->what != OUTCOME_OK) {
		mailbox_opened(mailbox);
		return;
	}
	if (mailbox->early_failed && mailbox->news)
		list_ask(mailbox, &(struct uid_list){0}, &next, mailbox->known_uid + 1);
	if (mailbox->lists == 0)
		list_done(mailbox);
}

void list_early(struct mailbox *mailbox)
{
	uint32_t last = mailbox->ledger.folder.last_uid;
	struct imap_command command;

	if (selects(mailbox->world.source) || mailbox->view.renewing || last == UINT32_MAX)
		return;
	imap_command_init(mailbox->world.session, &command);
	(void)buffer_printf(&command.bytes, "UID FETCH %u:* (UID RFC822.SIZE)", last + 1);
	mailbox->early = EARLY_GOOD;
	mailbox->early_is_open = true;
	mailbox->commands++;
	mailbox->lists++;
	(void)imap_session_send(mailbox->world.session, &command, on_early, mailbox);
	fetch_early(mailbox);
}

/* What is set aside and due. */
static void list_due(struct mailbox *mailbox, struct uid_list *due)
{
	for (size_t i = 0; i < mailbox->view.aside.count; i++) {
		if (aside_is_due(mailbox, &mailbox->view.aside.entry[i]))
			uid_list_add(due, mailbox->view.aside.entry[i].uid);
	}
}

/* uids, and all from the UID `after` on, unless it is 0. */
static void list_all(struct mailbox *mailbox, const struct uid_list *uids, uint32_t after)
{
	size_t next = 0;

	mailbox_change(mailbox, MAILBOX_LISTING);
	do
		list_ask(mailbox, uids, &next, after);
	while (next < uids->count);
}

static void on_searched(void *ctx, const struct imap_text *result)
{
	struct mailbox *mailbox = ctx;

	mailbox->commands--;
	if (result == NULL || mailbox->what != OUTCOME_OK)
		return; /* on_closed() follows, or has been */
	if (result->status != IMAP_STATUS_OK) {
		mailbox_fail_said(mailbox, "cannot search the folder", result);
		return;
	}
	list_due(mailbox, &mailbox->found);
	uid_list_sort(&mailbox->found);
	if (mailbox->found.count == 0)
		list_done(mailbox);
	else
		list_all(mailbox, &mailbox->found, 0);
}

/* RFC 3501 9: date. The server compares with the internal date, in a time zone of its choice. */
static void since_text(const struct fetch_source *source, int64_t now_s, char *text, size_t size)
{
	time_t at = source->selection.since_days > 0 ? now_s - source->selection.since_days * 86400
						     : source->selection.since_s;
	struct tm date;

	if (gmtime_r(&at, &date) == NULL || strftime(text, size, "%d-%b-%Y", &date) == 0)
		text[0] = '\0';
}

static void search(struct mailbox *mailbox, uint32_t after)
{
	const struct fetch_source *source = mailbox->world.source;
	struct imap_command command;
	char since[DATE_MAX];

	mailbox_change(mailbox, MAILBOX_SEARCHING);
	imap_command_init(mailbox->world.session, &command);
	(void)buffer_printf(
		&command.bytes, "UID SEARCH %sUID %u:*",
		(mailbox->world.capability->can & IMAP_CAN_ESEARCH) != 0 ? "RETURN (ALL) " : "",
		after);
	if (source->selection.take == FETCH_TAKE_UNSEEN)
		(void)buffer_append_str(&command.bytes, " UNSEEN");
	if (source->selection.since_days > 0 || source->selection.since_s > 0) {
		since_text(source, mailbox->now_s, since, sizeof(since));
		(void)buffer_printf(&command.bytes, " SINCE %s", since);
	}
	mailbox->commands++;
	(void)imap_session_send(mailbox->world.session, &command, on_searched, mailbox);
}

/* Behind what was asked for early, unless that is void or was refused. */
static void list_known(struct mailbox *mailbox, const struct uid_list *due, uint32_t after)
{
	size_t next = 0;

	if (mailbox->early == EARLY_GOOD && !mailbox->early_failed)
		after = 0;
	mailbox_change(mailbox, MAILBOX_LISTING);
	while (next < due->count || after != 0) {
		list_ask(mailbox, due, &next, after);
		if (next == due->count)
			after = 0;
	}
	if (mailbox->lists == 0)
		list_done(mailbox);
}

void list_begin(struct mailbox *mailbox)
{
	uint32_t last = mailbox->ledger.folder.last_uid;
	struct uid_list due = {0};

	mailbox->known_uid = last;
	mailbox->news = mailbox->exists > 0 && last != UINT32_MAX &&
			(mailbox->uidnext == 0 || mailbox->uidnext > last + 1);
	if (mailbox->early == EARLY_VOID) {
		mailbox->early = EARLY_NONE;
		fetch_forget_early(mailbox);
	}
	tell_again(mailbox, &mailbox->view.tell);
	if (mailbox->news && selects(mailbox->world.source)) {
		search(mailbox, last + 1);
		return;
	}
	list_due(mailbox, &due);
	list_known(mailbox, &due, mailbox->news ? last + 1 : 0);
	uid_list_release(&due);
}
