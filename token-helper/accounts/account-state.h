/* SPDX-License-Identifier: MIT */
/* account-state.h - the inside of struct account: for the files of account-private.h, which change
 * it, and those that show it. */
#ifndef TOKEN_HELPER_ACCOUNTS_ACCOUNT_STATE_H
#define TOKEN_HELPER_ACCOUNTS_ACCOUNT_STATE_H

#include <sys/queue.h>

#include "token-helper/accounts/account.h"
#include "token-helper/oauth/token-request.h"

struct commit;
struct discovery;
struct endpoint;
struct forget;
struct token_request;
struct event;

TAILQ_HEAD(account_waiters, account_waiter);
TAILQ_HEAD(account_beginners, account);

struct account_waiter {
	TAILQ_ENTRY(account_waiter) link;
	struct account_waiters *list; /* the one it is in */
	bool fresh;		      /* it wants a refresh, not merely a token */
	account_token_fn *done;
	void *context;
};

/* The last refresh, whatever came of it. The texts are allocated: most accounts have none. */
struct account_attempt {
	int64_t at_s; /* 0: none since the start */
	enum outcome outcome;
	char error[64]; /* OAuth error */
	char *text;	/* what went wrong; NULL: nothing */
};

/* The last time that a mail server refused our token. */
struct account_rejection {
	int64_t at_s;
	char *where;
	char *said;
};

/* The last time that a mail server was heard to take one. */
struct account_acceptance {
	int64_t at_s; /* 0: not since the start */
	char *where;
};

/* What the token endpoint's clock said, the last time that it said it. */
struct account_clock {
	int64_t at_s;	 /* 0: not since the start */
	int64_t ahead_s; /* by how much ours is ahead; negative: behind */
};

/* A flight that has its answer, until what is kept of that is durable. */
struct landing {
	struct token_answer answer; /* what is new of its tokens is the grant's */
	char *credential;	    /* the answer's */
	enum outcome outcome;	    /* of the refresh */
	struct err err;
	bool rotated;
};

struct account {
	struct account_world world;
	struct account_config *config;
	struct grant grant;
	struct account_waiters waiters;	  /* for the flight */
	struct account_waiters answering; /* being answered: taken out one by one */
	struct event *timer;
	struct endpoint *endpoint; /* where it refreshes; NULL: not known yet */
	struct endpoint *asked;	   /* where the flight is counted; NULL: nowhere */
	bool is_queued;		   /* in endpoint's: its refresh is due, and has to wait */
	TAILQ_ENTRY(account) queued;
	struct account_beginners *beginners; /* among whom its refresh waits to begin; NULL: it
						does not */
	TAILQ_ENTRY(account) beginner;
	struct discovery *discovery;  /* NULL: the configuration has all URLs */
	bool learned;		      /* it has told: what is not known now, there is not */
	enum outcome learning;	      /* of the last discovery */
	struct err *unlearned;	      /* why the last one failed; NULL: it did not */
	struct token_request *flight; /* NULL: none */
	struct store_slot *slot;      /* reserved for the flight's result */
	struct commit *commit;	      /* the grant is on its way to the disk; NULL: it is not */
	struct landing *landing;      /* NULL: none */
	int64_t flight_started_s;
	enum grant_kind flight_grant; /* any with a person: a refresh */
	char *flight_client_id; /* these two where it was sent, when the grant does not say it */
	char *flight_token_url;
	bool flight_previous;  /* with the previous refresh token, the present one having been
				  refused */
	bool previous_tried;   /* since the present one was refused */
	struct forget *forget; /* being revoked, and held meanwhile; NULL: it is not */
	unsigned holds;
	bool unsaved;	  /* grant is newer than the disk: nothing of it is handed out */
	bool rejected;	  /* the access token was refused by a mail server */
	int64_t forced_s; /* when a rejected token was last replaced */
	bool damaged; /* the stored grant could not be read: it is not overwritten by a refresh */
	enum outcome trouble; /* OK, or why the last refresh failed */
	unsigned failures;    /* in a row */
	int64_t not_before_s; /* no refresh before */
	int64_t told_s;	      /* until when the server told it to wait; 0: it did not */
	struct account_attempt attempt;
	struct account_rejection rejection;
	struct account_acceptance acceptance;
	struct account_clock clock;
	int64_t last_asked_s;
	int64_t next_s; /* when the timer will refresh; 0: not planned */
	uint64_t requests;
};

#endif
