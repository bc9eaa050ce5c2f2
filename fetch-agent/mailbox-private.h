/* SPDX-License-Identifier: MIT */
/*
 * mailbox-private.h - what the files of mailbox.h share. In the order that a message takes:
 * mailbox.c opens and ends, mailbox-list.c finds what is new, mailbox-fetch.c asks for it,
 * mailbox-intake.c takes it off the wire, mailbox-verdict.c hears what became of it,
 * mailbox-bounce.c tells its sender, mailbox-group.c has it noted, mailbox-tell.c tells the server;
 * mailbox-sweep.c forgets what has long been gone.
 */
#ifndef FETCH_AGENT_MAILBOX_PRIVATE_H
#define FETCH_AGENT_MAILBOX_PRIVATE_H

#include <event2/event.h>

#include "common/log.h"
#include "fetch-agent/delivery/delivery.h"
#include "fetch-agent/delivery/envelope.h"
#include "fetch-agent/delivery/message-head.h"
#include "fetch-agent/mailbox.h"

#define MAILBOX_SET_MAX 900 /* bytes of a set: servers take lines of 8,000, older ones of 1,000 */

enum mailbox_state {
	MAILBOX_OPENING,  /* the ledger, then the server */
	MAILBOX_RENEWING, /* other UIDs than before */
	MAILBOX_SEARCHING,
	MAILBOX_LISTING,
	MAILBOX_RECOGNISING, /* which of what is listed is known under other UIDs */
	MAILBOX_FETCHING,
	MAILBOX_CLOSING,  /* the last note */
	MAILBOX_SWEEPING, /* what of all that is known the server has still */
	MAILBOX_ENDED,
};

struct listed {
	uint32_t uid;
	uint32_t size_bytes; /* the server's advice */
	bool taken;
};

/* One FETCH: listed[from] to before listed[to]. */
struct window {
	struct mailbox *mailbox;
	struct window *next;
	size_t from, to;
	uint64_t bytes;
	size_t open; /* messages without a verdict */
	bool answered;
};

/* A message that is off the wire and has no verdict yet. */
struct pending_message {
	struct state_identity identity; /* with the UID */
	uint64_t bytes;
	struct window *window;
	/* With on_refused = bounce only: */
	char *sender;
	struct buffer head;
};

struct telling; /* mailbox-tell.c */

/* What the worker is to note. */
struct group {
	struct mailbox *mailbox;
	struct ledger_group step;
	uint64_t bytes;
	struct window *window; /* to be asked for when its handing is noted; NULL: none */
	enum outcome what;
	struct err err;
};

/* The message on the wire. */
struct intake {
	enum {
		INTAKE_NONE,
		INTAKE_HEADER_ONLY,   /* nothing else was asked for */
		INTAKE_HEAD,	      /* held back until it is whole */
		INTAKE_BODY,	      /* passes to the destination */
		INTAKE_UNDELIVERABLE, /* `verdict` says why; the rest is passed over */
	} state;
	bool whole;
	uint32_t uid, seq;
	uint64_t size_bytes;
	struct message_head head;
	struct envelope envelope;
	struct delivery_verdict verdict;
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
	struct ledger_view view;
	uint32_t exists, uidnext, uidvalidity;
	int64_t now_s;

	bool selected; /* the server has opened it */
	/* The list that is asked for behind SELECT, before its answer says whether it is of use: */
	enum {
		EARLY_NONE,
		EARLY_GOOD,
		EARLY_VOID, /* the UIDs are others, or more has to be asked for of each */
	} early;
	bool early_is_open; /* not answered */
	bool early_failed;
	/* The first messages that it may name, asked for behind it in the same flight: */
	bool bodies_are_open;	     /* not answered */
	uint32_t bodies_to;	     /* the last UID of them */
	struct window *early_window; /* theirs, until both are answered; NULL: none */
	uint32_t known_uid;	     /* every message up to here was decided before */
	bool news;		     /* there is something to list, as far as the server has said */
	size_t lists;		     /* commands that list, without an answer */
	struct uid_list found;	     /* by SEARCH */
	struct listed *listed; /* ascending, unless it is being made, and the server does not */
	size_t listed_count, listed_size, next;
	bool list_is_sorted;
	bool list_is_cut;		   /* there is more than is listed */
	uint32_t list_ceiling;		   /* and all of it is above this, unless 0 */
	struct state_identity *identities; /* while recognising: of what is listed */
	size_t identity_count, identity_size;
	struct uid_list recognised;
	uint32_t after_list_uid; /* all up to here is decided once all that is listed is */

	struct window *windows, **windows_last;
	uint64_t window_bytes; /* under way */
	bool stuck;	       /* a FETCH failed: later ones do not move decided_uid */
	size_t asked_alone;    /* messages, after a NO to several */
	struct intake intake;
	struct delivery *delivery;
	bool taking; /* a verdict now comes from within */
	struct pending_message *pending;
	size_t pending_count, pending_size;
	struct bouncing *bouncing; /* refused, and their senders being told */

	struct telling *tellings;	       /* under way */
	struct telling *copies, **copies_last; /* of these, by COPY: the first is under way */

	struct group *group;  /* being filled */
	size_t groups;	      /* in the worker */
	uint32_t decided_uid; /* every message up to here has its verdict */

	struct state_sweep sweep;
	bool is_swept;
};

/* mailbox.c */
/* A line that names the section, the account and the folder. */
void mailbox_log(const struct mailbox *mailbox, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void mailbox_change(struct mailbox *mailbox, enum mailbox_state next);
void mailbox_fail(struct mailbox *mailbox, enum outcome what, const struct err *err);
/* The same in the destination's words, not in the server's. */
void mailbox_fail_delivery(struct mailbox *mailbox, enum outcome what, const struct err *err);
/* A refusal in the server's words; it ends the mailbox, or is only noted. */
void mailbox_fail_said(struct mailbox *mailbox, const char *doing, const struct imap_text *result);
void mailbox_note_said(struct mailbox *mailbox, const char *doing, const struct imap_text *result);
void mailbox_note(struct mailbox *mailbox, enum outcome what, const struct err *err);
void mailbox_go_on(struct mailbox *mailbox);
/* The server has opened the folder, or the worker has renewed it: called whenever one has. */
void mailbox_opened(struct mailbox *mailbox);
bool mailbox_hands_over(const struct mailbox *mailbox);
/* Might the session yet be compressed, for what is fetched? */
bool mailbox_may_compress(const struct mailbox *mailbox);
/* A job in the worker, with its answer in job_what and job_err. */
void mailbox_submit(struct mailbox *mailbox, worker_fn *work, worker_fn *done);

/* mailbox-list.c */
void list_early(struct mailbox *mailbox);
void list_begin(struct mailbox *mailbox);
void list_take(struct mailbox *mailbox, const struct imap_fetch *fetch);
void list_found(struct mailbox *mailbox, struct imap_set set);
/* The index of uid among what is listed; listed_count: it is not. */
size_t list_index(const struct mailbox *mailbox, uint32_t uid);

/* mailbox-fetch.c */
/* Before the list is here: the first messages that it may name. */
void fetch_early(struct mailbox *mailbox);
/* The list is here: what of it has been asked for is the first window. */
void fetch_claim_early(struct mailbox *mailbox);
/* What was asked for early is void. */
void fetch_forget_early(struct mailbox *mailbox);
/* The window of a message that was asked for, is listed and has not come yet; NULL: it is none. */
struct window *fetch_awaited(const struct mailbox *mailbox, uint32_t uid);
/* May messages come? While they are being listed, those that were asked for early. */
bool fetch_is_open(const struct mailbox *mailbox);
void windows_free(struct mailbox *mailbox);
void windows_retire(struct mailbox *mailbox);
void window_ask(struct window *window);
void fetch_more(struct mailbox *mailbox);

/* mailbox-intake.c */
void intake_begin(void *ctx, const struct imap_body *body);
void intake_chunk(void *ctx, struct span bytes);
void intake_end(void *ctx);
void intake_release(struct mailbox *mailbox);
/* The response that the body was in is whole: the message gets its verdict, now or later. */
void intake_take(struct mailbox *mailbox, const struct imap_fetch *fetch);
/* Of the header that has come last; size_bytes is the server's, which is the same each time even
 * where it is wrong. */
void intake_identity(const struct mailbox *mailbox, uint32_t uid, uint64_t size_bytes,
		     int64_t internaldate, struct state_identity *out);

/* mailbox-verdict.c */
void pending_add(struct mailbox *mailbox, const struct pending_message *message); /* takes it */
void pending_release(struct pending_message *message);
void verdicts_release(struct mailbox *mailbox);
void verdict_delivered(struct mailbox *mailbox, const struct pending_message *message);
/* One more message is through: go on. */
void verdict_is_in(struct mailbox *mailbox);
void mailbox_verdict(void *ctx, uint32_t uid, const struct delivery_verdict *verdict);
bool aside_is_due(const struct mailbox *mailbox, const struct state_aside *entry);
void aside_large(struct mailbox *mailbox, const struct listed *listed);
void aside_refused(struct mailbox *mailbox, uint32_t uid, const char *text);
/* It is set aside no more, even if that is not noted yet. */
void aside_withdraw(struct mailbox *mailbox, uint32_t uid);
/* It was listed and asked for, and did not come. said: the server's refusal; NULL: none. */
void aside_unsent(struct mailbox *mailbox, uint32_t uid, const struct imap_text *said);

/* mailbox-bounce.c */
/* False: the sender may not be told. Else the message is taken, and its verdict is put off. */
bool bounce_begin(struct mailbox *mailbox, struct pending_message *message,
		  const struct delivery_verdict *verdict);
void bounces_cancel(struct mailbox *mailbox);

/* mailbox-group.c */
struct group *group_new(struct mailbox *mailbox);
void group_free(struct group *group);	    /* NULL is nothing */
void group_submit(struct mailbox *mailbox); /* the one being filled; another takes its place */
void group_submit_if_full(struct mailbox *mailbox);
/* Has it noted that the window's messages are about to be handed over, then asks for them. */
void group_hand(struct window *window);

/* mailbox-sweep.c */
bool sweep_is_due(const struct mailbox *mailbox);
void sweep_begin(struct mailbox *mailbox); /* in MAILBOX_CLOSING, and back to it */
void sweep_found(struct mailbox *mailbox, struct imap_set set);

/* mailbox-tell.c */
/* Tells the server of messages that are delivered; takes uids' content. */
void tell_server(struct mailbox *mailbox, struct uid_list *uids);
/* What an earlier run had delivered, and may have told. */
void tell_again(struct mailbox *mailbox, struct uid_list *uids);
void tellings_release(struct mailbox *mailbox);
/* Has it move a message that the destination refuses, as on_refused says; text: why. */
void tell_refused(struct mailbox *mailbox, uint32_t uid, const char *text);

#endif
