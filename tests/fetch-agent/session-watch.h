/* SPDX-License-Identifier: MIT */
/*
 * session-watch.h - an IMAP session under test: its event loop, and what it has handed on.
 *
 * A test whose session hangs fails after SESSION_WATCH_S.
 */
#ifndef TESTS_FETCH_AGENT_SESSION_WATCH_H
#define TESTS_FETCH_AGENT_SESSION_WATCH_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fetch-agent/imap/imap-session.h"

#define SESSION_WATCH_S 30

struct session_watch {
	struct event_base *base;
	struct event *limit;
	struct imap_session *session;
	bool pausing;		    /* the test asks for it: at each chunk, unless it is */
	bool paused;		    /* it has; the test resumes, and sets it back */
	uint64_t bytes;		    /* of bodies */
	uint64_t after_pause_bytes; /* of them, since the last pause */
	size_t bodies, responses, conditions;
	size_t answers; /* tagged, to commands with session_watch_done() */
	bool closed;
	enum outcome why;
	struct err err;
};

void session_watch_open(struct session_watch *watch); /* the loop; no session yet */
/* A session over bev, which becomes its. */
void session_watch_start(struct session_watch *watch, struct bufferevent *bev, int timeout_s);
void session_watch_close(struct session_watch *watch);

/* imap_done_fn; ctx is the watch. */
void session_watch_done(void *ctx, const struct imap_text *result);

void session_watch_turn(struct session_watch *watch); /* what there is to do, without waiting */
void session_watch_until_closed(struct session_watch *watch);

#endif
