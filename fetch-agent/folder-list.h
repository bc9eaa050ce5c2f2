/* SPDX-License-Identifier: MIT */
/*
 * folder-list.h - a section's folders, and the one that messages are moved to, as the server names
 * them: LIST, and folder-select.h on what it says.
 *
 * Asked only when something has to be looked up: a run with plain names costs no round trip more.
 */
#ifndef FETCH_AGENT_FOLDER_LIST_H
#define FETCH_AGENT_FOLDER_LIST_H

#include "fetch-agent/fetch-config.h"
#include "fetch-agent/imap/imap-capability.h"
#include "fetch-agent/imap/imap-session.h"

struct folder_choice {
	struct words folders; /* UTF-8 names; INBOX first */
	char *move_to;	      /* NULL: nothing is moved */
};

void folder_choice_release(struct folder_choice *choice);

/* False: folder_choice_plain() will do. */
bool folder_list_is_needed(const struct fetch_source *source);
void folder_choice_plain(struct folder_choice *choice, const struct fetch_source *source);

/*
 * OUTCOME_OK: *choice may be moved away, and has a folder at least; what matched nothing was
 * logged. usable: as for mailbox_done_fn. Called once, from the event loop.
 */
typedef void folder_list_done_fn(void *ctx, enum outcome what, struct folder_choice *choice,
				 bool usable, const struct err *err);

/* All borrowed until done. */
void folder_list_start(struct imap_session *session, const struct imap_capability *capability,
		       const struct fetch_source *source, folder_list_done_fn *done, void *ctx);

#endif
