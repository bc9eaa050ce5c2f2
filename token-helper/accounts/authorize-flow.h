/* SPDX-License-Identifier: MIT */
/*
 * authorize-flow.h - a person's consent, from URL to stored grant.
 *
 * A flow lives in the daemon for at most a quarter of an hour: state, nonce and verifier never
 * leave it. Nothing that stands is touched before the new grant is known to be for the right
 * person, complete and on disk.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_AUTHORIZE_FLOW_H
#define TOKEN_HELPER_ACCOUNTS_AUTHORIZE_FLOW_H

#include "token-helper/accounts/accounts.h"

#define FLOW_LIFETIME_S	 900
#define FLOW_ELSEWHERE_S 3600 /* when the person is somewhere else */
#define FLOW_LOGIN_S	 300  /* for a login to be tried and reported */
#define FLOWS_MAX	 64   /* open at once; the oldest goes */

struct flows;
struct flow_finish;

struct flows *flows_new(const struct account_world *world, struct accounts *accounts);
void flows_free(struct flows *flows);
bool flows_busy(const struct flows *flows); /* a code is being redeemed, or its tokens looked at */

struct flow_begun {
	const char *id; /* borrowed, like the rest, until the flow ends */
	const struct account *account;
	enum grant_kind kind;
	const char *url;	  /* these three by authorization code */
	const char *redirect;	  /* as configured */
	const char *redirect_uri; /* the same, with the tool's port where any will do */
	const char *user_code;	  /* these three by device code */
	const char *verification_uri;
	const char *verification_uri_complete; /* NULL: none */
	const char *user;		       /* who must sign in; NULL: whoever */
	int expires_in_s;
};

struct flow_wish {
	const char *redirect; /* one of the configured; NULL: the first */
	uint16_t port;	/* of the tool's loopback listener; 0: none, the redirect is pasted back */
	bool elsewhere; /* the tool does not wait: the flow stays open for longer */
	bool replace_identity; /* another person than the one of the stored grant will do, if the
				  configuration names him */
};

/* By authorization code. */
enum outcome flow_begin(struct flows *flows, struct account *account, const struct flow_wish *wish,
			struct flow_begun *begun, struct err *err);

/* The tokens are there, and nobody said whose they are: a login at a mail server has to tell, which
 * is tried elsewhere. */
struct flow_login {
	const char *id; /* borrowed, like the rest, for the callback */
	const struct account *account;
};

struct flow_result {
	enum outcome outcome;
	struct err err;			/* when not OK */
	const struct flow_begun *begun; /* OK, and it is the beginning of a device flow: only this
					   is set */
	const struct flow_login *login; /* OK, and it is not over: only this is set, and nothing is
					   stored; flow_settle() goes on */
	const char *account;		/* these four when OK; borrowed for the callback */
	const char *identity;		/* NULL: not verified */
	const char *scope;		/* NULL: as requested */
	int64_t expires_s;
	bool has_refresh_token;
};

typedef void flow_done_fn(void *context, const struct flow_result *result);

/* By device code: done is told what the person needs, or why there is none; before this returns
 * (then NULL) or later. The daemon then asks until there is an answer, which flow_poll() fetches.
 */
struct flow_finish *flow_begin_device(struct flows *flows, struct account *account,
				      bool replace_identity, flow_done_fn *done, void *context);

/* The end of a device flow: done is called, and the flow is forgotten. False: it has not ended. */
bool flow_poll(struct flows *flows, struct span id, flow_done_fn *done, void *context);
int64_t flow_expires_in_s(struct flows *flows, struct span id); /* of a device flow; 0: over */

/* As flow_finish(), with the account's flow whose state the redirect has. */
struct flow_finish *flow_finish_account(struct flows *flows, struct span account,
					struct span redirect, flow_done_fn *done, void *context);

/*
 * redirect: what the browser brought back. done is called before this returns (then NULL) or later.
 * The flow ends with every outcome but DENIED (another attempt's state) and PROTOCOL (not a
 * redirect): those leave it open.
 */
struct flow_finish *flow_finish(struct flows *flows, struct span id, struct span redirect,
				flow_done_fn *done, void *context);
void flow_finish_cancel(
	struct flow_finish *finish); /* the flow goes on; done is not called. NULL is fine */

/* The access token of a flow that waits for a login; NULL: there is none such. Borrowed, until the
 * flow goes on. */
const struct account *flow_login_token(struct flows *flows, struct span id, struct span *token);

/* What came of the login. */
enum flow_verdict {
	FLOW_LOGIN_TAKEN,   /* the server took the token for the account's user */
	FLOW_LOGIN_REFUSED, /* and did not: nothing is stored */
	FLOW_LOGIN_UNTRIED, /* it could not be asked */
	FLOW_LOGIN_WAIVED,  /* a person insists on not knowing */
	FLOW_VERDICTS,
};

extern const char *const flow_verdict_names[FLOW_VERDICTS]; /* "taken", ... */

/* user: who logged in, stored as the identity when TAKEN. said: the server's words, or why it was
 * not asked; for the log and the result. */
struct flow_settlement {
	enum flow_verdict verdict;
	const char *where;
	const char *user;
	const char *said;
};

/* The end of a flow that waits for a login. As flow_finish(). */
struct flow_finish *flow_settle(struct flows *flows, struct span id,
				const struct flow_settlement *settlement, flow_done_fn *done,
				void *context);

void flow_cancel(struct flows *flows, struct span id);

#endif
