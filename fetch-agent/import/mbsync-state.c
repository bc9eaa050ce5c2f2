/* SPDX-License-Identifier: MIT */
/* mbsync-state.c - see mbsync-state.h. */
#include "fetch-agent/import/mbsync-state.h"

#include <stdlib.h>
#include <string.h>

#include "common/scanner.h"
#include "common/xalloc.h"

#include "common/banned.h"

/* The state of a folder: beside the Maildir, or in a directory, by names that mbsync makes. */
static char *state_box(const char *name)
{
	char *box = xstrdup(name[0] != '\0' ? name : "INBOX");

	for (char *byte = box; *byte != '\0'; byte++) {
		if (*byte == '/')
			*byte = '!';
	}
	return box;
}

char *mbsync_state_path(const struct mbsync_file *file, const struct mbsync_mailbox *mailbox)
{
	const struct mbsync_setting *own = mbsync_setting(mailbox->channel, "SyncState");
	const struct mbsync_setting *state =
		mbsync_channel_setting(file, mailbox->channel, "SyncState");
	char *path = NULL, *far_box, *near_box, *base;

	if (state != NULL && strcmp(state->words.word[0], "*") == 0)
		return xasprintf("%s/.mbsyncstate", mailbox->maildir);
	far_box = state_box(mailbox->far_name);
	near_box = state_box(mailbox->near_name);
	base = import_path(file->plan, state != NULL ? state->words.word[0] : "~/.mbsync/",
			   "SyncState", mailbox->channel->line);
	if (base != NULL && own != NULL)
		path = xasprintf("%s%s", base, near_box);
	else if (base != NULL)
		path = xasprintf("%s:%s:%s_:%s:%s", base, mailbox->far_store, far_box,
				 mailbox->near_store, near_box);
	free(base);
	free(far_box);
	free(near_box);
	return path;
}

/* "Name NUMBER"; earlier versions call the far side master. */
static bool recall_header(struct span line, struct import_recall *recall, uint64_t *pulled)
{
	struct scanner scan = scanner_over(line);
	struct span name;
	uint64_t number;

	if (!scan_until(&scan, ' ', 64, &name) || !scan_u64(&scan, UINT32_MAX, &number) ||
	    !scanner_at_end(&scan))
		return false;
	if (span_equals(name, "FarUidValidity") || span_equals(name, "MasterUidValidity"))
		recall->uidvalidity = (uint32_t)number;
	else if (span_equals(name, "MaxPulledUid"))
		*pulled = number;
	return true;
}

/*
 * "FAR NEAR FLAGS": what has a far UID was decided, unless a "!" says that it is still to be
 * propagated: then all that lies above it is known by its entry alone.
 */
static bool recall_pair(struct span line, struct import_recall *recall, uint64_t *pulled)
{
	struct scanner scan = scanner_over(line);
	uint64_t far_uid, near_uid;

	if (!scan_u64(&scan, UINT32_MAX, &far_uid) || !scan_byte(&scan, ' ') ||
	    !scan_u64(&scan, UINT32_MAX, &near_uid) || !scan_byte(&scan, ' '))
		return false;
	if (far_uid == 0)
		return true;
	if (memchr(scan.cur, '!', scanner_left(&scan)) == NULL)
		uid_list_add(&recall->fetched, (uint32_t)far_uid);
	else if (near_uid == 0 && far_uid <= *pulled)
		*pulled = far_uid - 1;
	return true;
}

bool mbsync_state_recall(struct span text, struct import_recall *recall)
{
	struct scanner scan = scanner_over(text);
	bool in_header = true, good = true;
	uint64_t pulled = 0;
	struct span line;

	while (good && scan_until(&scan, '\n', 4096, &line)) {
		if (in_header && line.len == 0)
			in_header = false;
		else if (in_header)
			good = recall_header(line, recall, &pulled);
		else
			good = recall_pair(line, recall, &pulled);
	}
	recall->last_uid = (uint32_t)pulled;
	return good && !in_header && scanner_at_end(&scan) && recall->uidvalidity != 0;
}
