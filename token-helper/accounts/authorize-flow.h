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

#define FLOW_LIFETIME_S 900
#define FLOWS_MAX	64 /* open at once; the oldest goes */

struct flows;
struct flow_finish;

struct flows *flows_new(const struct account_world *world, struct accounts *accounts);
void flows_free(struct flows *flows);
bool flows_busy(const struct flows *flows); /* a code is being redeemed, or its tokens looked at */

struct flow_begun {
	const char *id; /* borrowed, like the rest, until the flow ends */
	const char *url;
	const char *redirect_uri;
	const char *user; /* who must sign in; NULL: whoever */
	int expires_in_s;
};

/* port: of the tool's loopback listener; 0: none, the redirect is pasted back. replace_identity:
 * another person than the one of the stored grant will do, if the configuration names him. */
enum outcome flow_begin(struct flows *flows, struct account *account, uint16_t port,
			bool replace_identity, struct flow_begun *begun, struct err *err);

struct flow_result {
	enum outcome outcome;
	struct err err;	      /* when not OK */
	const char *account;  /* these four when OK; borrowed for the callback */
	const char *identity; /* NULL: not verified */
	const char *scope;    /* NULL: as requested */
	int64_t expires_s;
	bool has_refresh_token;
};

typedef void flow_done_fn(void *context, const struct flow_result *result);

/*
 * redirect: what the browser brought back. done is called before this returns (then NULL) or later.
 * The flow ends with every outcome but DENIED (another attempt's state) and PROTOCOL (not a
 * redirect): those leave it open.
 */
struct flow_finish *flow_finish(struct flows *flows, struct span id, struct span redirect,
				flow_done_fn *done, void *context);
void flow_finish_cancel(
	struct flow_finish *finish); /* the flow goes on; done is not called. NULL is fine */

void flow_cancel(struct flows *flows, struct span id);

#endif
