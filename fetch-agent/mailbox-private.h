/* SPDX-License-Identifier: MIT */
/*
 * mailbox-private.h - what the files of mailbox.h share: mailbox.c opens and ends, mailbox-fetch.c
 * lists and fetches, mailbox-group.c delivers and tells the server.
 */
#ifndef FETCH_AGENT_MAILBOX_PRIVATE_H
#define FETCH_AGENT_MAILBOX_PRIVATE_H

#include <event2/event.h>

#include "fetch-agent/mailbox.h"

enum mailbox_state {
	MAILBOX_OPENING,  /* ledger and server, at the same time */
	MAILBOX_RENEWING, /* other UIDs than before */
	MAILBOX_LISTING,
	MAILBOX_FETCHING,
	MAILBOX_CLOSING, /* the last note */
	MAILBOX_ENDED,
};

struct listed {
	uint32_t uid;
	uint32_t size_bytes; /* the server's advice */
	bool taken;
};

/* One FETCH that is under way. */
struct window {
	struct mailbox *mailbox;
	struct window *next;
	uint64_t bytes;
	uint32_t last_uid;
	bool answered;
};

/* Whole messages on their way to the worker; told: what the note says beside them. */
struct group {
	struct mailbox *mailbox;
	struct uid_list uids;
	struct uid_list told;
	uint64_t bytes;
	uint32_t last_uid;
	bool is_last; /* the mailbox ends with it */
	enum outcome what;
	struct err err;
};

struct mailbox {
	struct mailbox_world world;
	const char *folder;
	mailbox_done_fn *done;
	void *ctx;
	enum mailbox_state state;
	struct event *end;
	enum outcome what; /* the first failure that ends it */
	struct err err;
	enum outcome later; /* the first that does not: some messages are as they were */
	struct err later_err;
	bool closed; /* the session is of no more use */
	struct mailbox_result result;

	size_t jobs;	 /* in the worker; while there are any, the ledger is the worker's */
	size_t commands; /* without an answer */
	enum outcome job_what;
	struct err job_err;
	struct ledger ledger;
	uint32_t exists, uidnext, uidvalidity;

	struct uid_list tell, skip;
	struct listed *listed; /* ascending */
	size_t listed_count, listed_size, next;
	uint32_t after_list_uid; /* all up to here is decided once all that is listed is */

	struct window *windows, **windows_last;
	uint64_t window_bytes; /* under way */
	bool stuck;	       /* a FETCH failed: later ones do not move decided_uid */
	struct maildir_message message;
	bool message_whole;

	struct group *group;  /* being filled */
	size_t groups;	      /* in the worker */
	uint32_t decided_uid; /* every FETCH up to here is answered */
	struct uid_list told; /* confirmed, not noted yet */
};

void mailbox_change(struct mailbox *mailbox, enum mailbox_state next);
void mailbox_fail(struct mailbox *mailbox, enum outcome what, const struct err *err);
/* A refusal in the server's words; it ends the mailbox, or is only noted. */
void mailbox_fail_said(struct mailbox *mailbox, const char *doing, const struct imap_text *result);
void mailbox_note_said(struct mailbox *mailbox, const char *doing, const struct imap_text *result);
void mailbox_go_on(struct mailbox *mailbox);

void list_begin(struct mailbox *mailbox);
void list_take(struct mailbox *mailbox, const struct imap_fetch *fetch);
void windows_free(struct mailbox *mailbox);
void fetch_more(struct mailbox *mailbox);
void fetch_take(struct mailbox *mailbox, const struct imap_fetch *fetch);
void body_begin(void *ctx, const struct imap_body *body);
void body_chunk(void *ctx, struct span bytes);
void body_end(void *ctx);

struct group *group_new(struct mailbox *mailbox);
void group_free(struct group *group);	    /* NULL is nothing */
void group_submit(struct mailbox *mailbox); /* the one being filled; another takes its place */
/* Tells the server of messages that are delivered; takes uids' content. */
void tell_server(struct mailbox *mailbox, struct uid_list *uids);

#endif
