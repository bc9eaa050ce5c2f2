/* SPDX-License-Identifier: MIT */
/*
 * authorize-private.h - the inside of a flow: how it lives and ends (authorize-flow.c), the two
 * ways to tokens (authorize-code.c, authorize-device.c), and from tokens to a stored grant
 * (authorize-grant.c), where a login may have to tell whose they are (authorize-login.c).
 */
#ifndef TOKEN_HELPER_ACCOUNTS_AUTHORIZE_PRIVATE_H
#define TOKEN_HELPER_ACCOUNTS_AUTHORIZE_PRIVATE_H

#include <sys/queue.h>

#include "common/deadline.h"
#include "token-helper/accounts/authorize-flow.h"
#include "token-helper/accounts/identity-check.h"
#include "token-helper/oauth/authorization.h"
#include "token-helper/oauth/device.h"
#include "token-helper/oauth/token-request.h"

#define FLOW_CODE_MAX 8192

struct event;

/* Who waits for a flow's end, or for the beginning of a device flow; detached when the asker goes
 * away. */
struct flow_finish {
	flow_done_fn *done; /* NULL: nobody any more */
	void *context;
};

/* The codes of a device flow and the pace of asking. */
struct flow_device {
	struct endpoint_request *asking; /* for the codes */
	struct device_answer codes;
	struct device_poll poll;
	struct event *timer;
	struct deadline until;	 /* the codes' end */
	bool ended;		 /* the result is kept until it is fetched */
	struct flow_result kept; /* its texts are our own */
};

struct flow;
typedef void flow_step_fn(struct flow *flow);

struct flow {
	TAILQ_ENTRY(flow) link;
	struct flows *flows;
	char id[33];
	char *account; /* by name: a reload may replace the account's configuration meanwhile */
	enum grant_kind kind;
	struct authorization auth; /* empty in a device flow */
	struct buffer url;
	struct buffer code; /* secret; from the redirect until it is redeemed */
	struct flow_device device;
	struct event *expiry;
	struct account_waiter *waiting; /* for a refresh in flight to end */
	flow_step_fn *go_on;		/* then */
	bool holding;
	struct store_slot *slot;
	struct token_request *request;
	struct identity_check *check; /* after the request: of the tokens in set */
	struct token_set set;
	int64_t asked_s;
	bool replace_identity;
	char *redirect;	 /* by code: the configured one, without a port of ours */
	char *client_id; /* these two as they were when set was asked for */
	char *token_url;
	bool awaits_login;    /* set is of nobody yet */
	struct identity told; /* the subject by the server, the name by the login */
	struct flow_finish *finish;
};

TAILQ_HEAD(flow_list, flow);

struct flows {
	struct account_world world;
	struct accounts *accounts;
	struct flow_list list;
	size_t count;
};

/* authorize-flow.c ---------------------------------------------------------------------------- */

/* OUTCOME_RETRY: there are as many as may be, and somebody waits for each. */
enum outcome flow_make_room(struct flows *flows, const struct account *account, struct err *err);
struct flow *flow_new(struct flows *flows, const struct account *account, int64_t lifetime_s);
struct flow *flow_find(struct flows *flows, struct span id); /* NULL: none has that id */
void flow_free(struct flow *flow);

/* NULL: it is configured no more. */
struct account *flow_account(const struct flow *flow);

/* Its tokens are on their way: ending it now would lose them. */
bool flow_is_busy(const struct flow *flow);

/* Holds the account, until flow_let_go(), and reserves room for its grant. False: that cannot be,
 * and the flow has failed. */
bool flow_prepare(struct flow *flow);

/* Takes the step when no refresh of the old grant is in flight, which may be at once. The account
 * is configured. */
void flow_after_refresh(struct flow *flow, flow_step_fn *step);

/* Gives the account back: with the new grant (taken; already durable), or NULL. */
void flow_let_go(struct flow *flow, struct grant *grant);

/* Tells the asker and ends the flow, which may be gone afterwards. grant (taken) is the new one,
 * already durable, or NULL. */
void flow_end(struct flow *flow, struct flow_result *result, struct grant *grant);
void flow_fail(struct flow *flow, enum outcome outcome, const struct err *err);
void flow_fail_unconfigured(struct flow *flow); /* a reload has taken its account */

/* authorize-grant.c --------------------------------------------------------------------------- */

/* Tokens are asked for now: notes when, and to whom they will belong. */
void flow_note_request(struct flow *flow);

/* They have come, or not: the request is over, and a line of the log. */
void flow_note_answer(struct flow *flow, const struct token_answer *answer);

/* Goes on with the answer, whatever it is. The flow may be gone afterwards. */
void flow_take_answer(struct flow *flow, struct token_answer *answer);

/* Stores what flow->set has, as identity's, and ends the flow: the account is held. */
void flow_store(struct flow *flow, struct identity *identity);

/* authorize-login.c --------------------------------------------------------------------------- */

/* Tells flow->finish that a login is needed, and waits. identity has no names: what it has is moved
 * out. */
void flow_await_login(struct flow *flow, struct identity *identity);
void flow_tell_login(struct flow *flow, flow_done_fn *done, void *context);
bool flow_waits_for_login(const struct flow *flow); /* and has told so */

/* authorize-device.c -------------------------------------------------------------------------- */

void flow_device_release(struct flow *flow);

/* Keeps the result until somebody asks for it. */
void flow_device_keep(struct flow *flow, const struct flow_result *result);

#endif
