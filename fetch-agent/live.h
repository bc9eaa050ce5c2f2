/* SPDX-License-Identifier: MIT */
/*
 * live.h - asking the running daemon: a Unix socket beside the state, one line in, one JSON object
 * out.
 *
 * Who may open the state's directory may ask. What is asked is answered from memory, so that a
 * thousand connections that come and go cost no write to the disk, and nothing stale can be read.
 */
#ifndef FETCH_AGENT_LIVE_H
#define FETCH_AGENT_LIVE_H

#include <event2/event.h>
#include <json-c/json.h>

#include "common/buffer.h"
#include "common/outcome.h"

struct live;

/* Answers request; NULL: it is unknown. The object is taken. */
typedef struct json_object *live_answer_fn(void *ctx, struct span request);

/* The state's lock is held, so that a socket that is there is nobody's. OUTCOME_CONFIG. */
enum outcome live_new(struct event_base *base, const char *state_path, live_answer_fn *answer,
		      void *ctx, struct live **out, struct err *err);
void live_free(struct live *live); /* NULL is nothing */

/* Blocks, for seconds at most. OUTCOME_RETRY: no daemon answers. The caller puts *out. */
enum outcome live_ask(const char *state_path, const char *request, struct json_object **out,
		      struct err *err);

#endif
