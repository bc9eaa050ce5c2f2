/* SPDX-License-Identifier: MIT */
/*
 * helper-ask.h - one question to mailoauthd without blocking: the event loop's helper-client.h.
 *
 * Replies hold tokens, so they never pass through an evbuffer: what is read stands in one secret
 * buffer that is wiped.
 */
#ifndef FETCH_AGENT_AUTH_HELPER_ASK_H
#define FETCH_AGENT_AUTH_HELPER_ASK_H

#include <event2/event.h>

#include "common/buffer.h"
#include "common/deadline.h"
#include "common/helper-protocol.h"
#include "common/outcome.h"

struct helper_ask;

/*
 * OUTCOME_OK: reply is mailoauthd's, whatever it says, borrowed. Else reply is NULL and err names
 * the socket. Called once, from the event loop, never from within helper_ask(); the ask is gone
 * when it returns.
 */
typedef void helper_ask_fn(void *context, enum outcome what, const struct helper_reply *reply,
			   const struct err *err);

/* request: the payload, not framed; copied. */
struct helper_ask *helper_ask(struct event_base *base, const char *socket_path, struct span request,
			      struct deadline deadline, helper_ask_fn *done, void *context);
void helper_ask_cancel(struct helper_ask *ask); /* NULL is nothing */

#endif
