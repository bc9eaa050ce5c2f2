/* SPDX-License-Identifier: MIT */
/*
 * state.h - what is known of each folder between runs: SQLite, durable at every return.
 *
 * Every UID up to last_uid is decided. Beside that stand single messages: what became of them is
 * not certain yet, the server is still to be told, they are decided though their UID is above
 * last_uid, or they are set aside. Identities tell a message that was fetched under another
 * UIDVALIDITY. All functions block; all are called from one thread at a time.
 */
#ifndef FETCH_AGENT_STATE_STATE_H
#define FETCH_AGENT_STATE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/outcome.h"
#include "fetch-agent/state/uid-list.h"

struct state;

enum state_use {
	STATE_WORK, /* for this process alone (PATH.lock); made if there is none */
	STATE_LOOK, /* read only, beside whoever works */
	STATE_MEND, /* a small change, beside whoever works: state_aside_retry() */
};

/* OUTCOME_DENIED: another one works; OUTCOME_CONFIG, OUTCOME_RETRY. */
enum outcome state_open(const char *path, enum state_use use, struct state **out, struct err *err);
void state_close(struct state *state); /* NULL is nothing */

/* STATE_WORK in two steps: the lock at once, the database later, from another thread perhaps. A
 * state that does not load is still to be closed, and good for nothing else. */
enum outcome state_claim(const char *path, struct state **out, struct err *err);
/* Makes the files of a state that is not there, so that they are whose their directory is: for
 * root, while it may give files away. What cannot be made is said by state_claim(). */
void state_make(const char *path);
enum outcome state_load(struct state *state, struct err *err);

struct state_folder {
	int64_t id;
	uint32_t uidvalidity; /* 0: never seen */
	uint32_t last_uid;
};

/* What source has noted about folder; makes the row if there is none. */
enum outcome state_folder_get(struct state *state, const char *source, const char *folder,
			      struct state_folder *out, struct err *err);

/* The folder has other UIDs now, or is one of another mailbox: all that is known of it by UID is
 * void; identities become those of former messages. mailbox: see below; NULL: as it was. */
enum outcome state_folder_reset(struct state *state, struct state_folder *folder,
				uint32_t uidvalidity, const char *mailbox, struct err *err);

/* All that is decided becomes undecided. What is under way stays so. */
enum outcome state_folder_rewind(struct state *state, struct state_folder *folder, struct err *err);

/* Whose folder it is: UIDs of one mailbox say nothing of another's, though both have the same
 * UIDVALIDITY. NULL: not noted yet. Gives it. */
enum outcome state_mailbox_get(struct state *state, const struct state_folder *folder,
			       char **name_out, struct err *err);
enum outcome state_mailbox_set(struct state *state, const struct state_folder *folder,
			       const char *name, struct err *err);

/* The Maildir that messages of folder were last published in; NULL: none was. Gives it. */
enum outcome state_maildir_get(struct state *state, const struct state_folder *folder,
			       char **path_out, struct err *err);

enum state_message {
	STATE_PUBLISHING, /* durable in tmp/, on its way into new/ */
	STATE_TELLING,	  /* delivered; the server is still to be told (delete, move, seen) */
	STATE_DECIDED,
	STATE_HANDING, /* on its way to somebody who has not said yet that he has it */
};

/* Adds the UIDs of folder that are in this state, ascending. */
enum outcome state_messages(struct state *state, const struct state_folder *folder,
			    enum state_message what, struct uid_list *out, struct err *err);

/* Set aside: passed over by the runs, until it is time or a person says so. */
enum state_aside_kind {
	STATE_ASIDE_LATER,   /* the destination does not take it now; again at next_s */
	STATE_ASIDE_REFUSED, /* it never will */
	STATE_ASIDE_LARGE,   /* above max_size */
};

struct state_aside {
	uint32_t uid;
	enum state_aside_kind kind;
	int64_t tries;
	int64_t first_s, next_s; /* wall clock: first set aside; not before */
	int64_t size_bytes;	 /* the server's advice; with STATE_ASIDE_LARGE */
	const char *text;	 /* why; the list has copies */
};

/* Zeroed is empty. */
struct state_aside_list {
	struct state_aside *entry; /* by UID */
	size_t count;
};

void state_aside_add(struct state_aside_list *list, const struct state_aside *entry);
void state_aside_remove(struct state_aside_list *list, uint32_t uid); /* in any order */
void state_aside_release(struct state_aside_list *list);
const struct state_aside *state_aside_find(const struct state_aside_list *list, uint32_t uid);

/* Adds all that is set aside in folder. */
enum outcome state_aside_all(struct state *state, const struct state_folder *folder,
			     struct state_aside_list *out, struct err *err);

/* Everything of source (of uid, unless 0) that is set aside is due. How many there were. */
enum outcome state_aside_retry(struct state *state, const char *source, uint32_t uid,
			       int64_t *count_out, struct err *err);

/* What makes a message the same under another UID: the digest of its header; and that of
 * Message-ID, size and internal date, all zero when it has no Message-ID. */
#define STATE_IDENTITY_BYTES 16

struct state_identity {
	uint32_t uid;
	unsigned char header[STATE_IDENTITY_BYTES];
	unsigned char trace[STATE_IDENTITY_BYTES];
};

/* Are there former identities of folder, that is: was it reset and not fetched through since? */
enum outcome state_former_any(struct state *state, const struct state_folder *folder, bool *any_out,
			      struct err *err);
/*
 * One transaction: a message whose identity is a former message's is decided, and that former
 * message is used up: of two copies of which one was delivered, one is recognised. Adds the UIDs to
 * known, in any order; no UID twice in identities.
 */
enum outcome state_recognise(struct state *state, const struct state_folder *folder,
			     const struct state_identity *identities, size_t count,
			     struct uid_list *known, struct err *err);

/*
 * Identities outlive their messages, because a folder may be restored from a backup; not for ever.
 * A sweep goes through the UIDs of which there are identities, batch by batch: who has asked the
 * server marks in `here` which it has. The others are noted as gone; those that have been gone for
 * STATE_GONE_DAYS, and are not here in this sweep either, are forgotten at its end.
 */
#define STATE_GONE_DAYS 90
#define STATE_SWEEP_MAX 32768 /* UIDs of a batch */

struct state_census {
	int64_t present; /* identities of messages that are not known to be gone */
	bool overdue;	 /* some have been gone for long */
};

enum outcome state_census(struct state *state, const struct state_folder *folder, int64_t now_s,
			  struct state_census *out, struct err *err);

/* Zeroed is the beginning. */
struct state_sweep {
	struct uid_list uids; /* the batch, ascending; empty: the sweep is over */
	bool *here;	      /* one for each */
};

/* One transaction: the batch is noted; then sweep has the next. */
enum outcome state_sweep_next(struct state *state, const struct state_folder *folder,
			      struct state_sweep *sweep, int64_t now_s, struct err *err);
void state_sweep_mark(struct state_sweep *sweep, uint32_t first_uid, uint32_t last_uid);
void state_sweep_release(struct state_sweep *sweep);

/*
 * One transaction: what was being published is now published (as `published`: STATE_TELLING or
 * STATE_DECIDED), and the rest of the step as its members say. NULL: none.
 */
struct state_step {
	enum state_message published;
	const struct uid_list *publishing; /* about to be published */
	const char *maildir;		   /* there */
	const struct uid_list *handing;	   /* about to be handed over */
	const struct uid_list *delivered;  /* handed over: as `published` */
	const struct uid_list *told;	   /* the server has confirmed */
	const struct uid_list *decided;	   /* nothing to be done, now or later */
	const struct uid_list *gone;	   /* not set aside any more */
	const struct state_aside_list *aside;
	const struct state_identity *identities; /* of messages that stay at the server */
	size_t identity_count;
	bool forget_handing; /* nothing is on its way any more */
	bool forget_told;    /* told messages are not at the server any more */
	bool forget_former;  /* the folder is fetched through since its reset */
	uint32_t last_uid;
};

enum outcome state_advance(struct state *state, struct state_folder *folder,
			   const struct state_step *step, struct err *err);

/* How a source's last run ended, for `status`. */
struct state_run {
	int64_t began_s, ended_s;
	int64_t last_message_s; /* when a message last came; 0: never */
	int64_t messages, bytes, left;
	const char *outcome, *text; /* borrowed */
};

enum outcome state_run_set(struct state *state, const char *source, const struct state_run *run,
			   struct err *err);
/* False: it never ran. The strings are good until `found` returns. */
typedef void state_run_fn(void *context, const struct state_run *run);
bool state_run_get(struct state *state, const char *source, state_run_fn *found, void *context);

/* Everything of source that is set aside, in order of folder and UID; entry->text borrows. */
typedef void state_aside_fn(void *context, const char *folder, const struct state_aside *entry);
enum outcome state_aside_each(struct state *state, const char *source, state_aside_fn *found,
			      void *context, struct err *err);

#endif
