/* SPDX-License-Identifier: MIT */
/*
 * imap-session.h - one connection: commands out with tags, typed responses in.
 *
 * Any number of commands may be under way; each one's done is called with its own tagged answer. A
 * session that breaks tells everybody: first each command (result NULL), in order, then closed.
 * Callbacks may call anything here, imap_session_free() included.
 */
#ifndef FETCH_AGENT_IMAP_IMAP_SESSION_H
#define FETCH_AGENT_IMAP_IMAP_SESSION_H

#include <event2/bufferevent.h>

#include "fetch-agent/imap/imap-encode.h"
#include "fetch-agent/imap/imap-parser.h"

struct imap_session;

struct imap_session_handler {
	/* Untagged: data, conditions (the greeting too). Borrowed during the call. */
	void (*response)(void *ctx, const struct imap_response *response);
	/* The connection is of no more use; err has the server's BYE if it said one. */
	void (*closed)(void *ctx, enum outcome what, const struct err *err);
	struct imap_body_sink body; /* its ctx is its own; functions may be NULL: passed over */
	void *ctx;
};

/* result: the tagged condition, borrowed; NULL: there will be none. */
typedef void imap_done_fn(void *ctx, const struct imap_text *result);
/* raw: what the server said after "+ ". Answer with imap_session_continue(). */
typedef void imap_continue_fn(void *ctx, struct span raw);

/*
 * Takes bev, connected or about to be; enables it. handler is copied. timeout_s: the longest
 * silence while an answer is due; the greeting is. name: for the debug log, borrowed.
 */
struct imap_session *imap_session_new(struct bufferevent *bev, const char *name,
				      const struct imap_session_handler *handler, int timeout_s);
void imap_session_free(struct imap_session *session); /* NULL is nothing; no callback follows */

/* Ends it as if the server had: everybody is told, with what and err. */
void imap_session_break(struct imap_session *session, enum outcome what, const struct err *err);

void imap_session_set_handler(struct imap_session *session,
			      const struct imap_session_handler *handler);

/* A command in the making: literals are waited for as waits in the encoder say. */
struct imap_command {
	struct buffer bytes; /* without tag and line end */
	struct imap_encoder encoder;
};

void imap_command_init(struct imap_session *session, struct imap_command *command);
/* Which literals and names the server takes; from its capabilities, after login. ENABLED with
 * UTF8=ACCEPT switches to utf8 by itself. */
void imap_session_set_encoding(struct imap_session *session, enum imap_literals literals,
			       bool utf8);

/* Sends it; command is released. False: it did not fit its bounds, nothing is sent, done is not
 * called. */
bool imap_session_send(struct imap_session *session, struct imap_command *command,
		       imap_done_fn *done, void *ctx);
/* The same for a fixed text. */
void imap_session_say(struct imap_session *session, const char *text, imap_done_fn *done,
		      void *ctx);
/* A command whose continuations are its owner's (AUTHENTICATE, IDLE). Secrets may be in it. */
bool imap_session_converse(struct imap_session *session, struct imap_command *command,
			   imap_continue_fn *on_continue, imap_done_fn *done, void *ctx);
/* One line; wiped after it is sent. */
void imap_session_continue(struct imap_session *session, struct span line);

/*
 * No more input is looked at: for who cannot take more bodies. May be called from anywhere, the
 * body sink included; what the piece under way still has of its response (at most 64 KiB) comes
 * all the same. Reading stops, so that TCP holds the server, and its silence does not count.
 * Commands may be given meanwhile.
 */
void imap_session_pause(struct imap_session *session);
/* Goes on with what is there, from the event loop, never from within the call. */
void imap_session_resume(struct imap_session *session);

/* The longest silence from now on; 0: any (IDLE, where news may be hours away). */
void imap_session_set_patience(struct imap_session *session, int seconds);

/*
 * Asks for DEFLATE in both directions (RFC 4978), if that was not done before: false, nothing is
 * sent, and done is not called. To be called only after login and where COMPRESS=DEFLATE is
 * offered. What is sent behind it waits for the answer. After OK, done's result, all is compressed;
 * after anything else the session is as it was.
 */
bool imap_session_compress(struct imap_session *session, imap_done_fn *done, void *ctx);

/* Was it asked for that, whatever the answer? */
bool imap_session_compress_is_asked(const struct imap_session *session);

/* Is the server on this machine, where bytes cost less than compressing them? */
bool imap_session_is_local(const struct imap_session *session);

/* LOGOUT. done: it is on its way; the session can be freed, its answer tells nothing. A session
 * that breaks before says so to the handler instead. */
typedef void imap_left_fn(void *ctx);
void imap_session_log_out(struct imap_session *session, imap_left_fn *done, void *ctx);

/*
 * Gives the bufferevent up, for STARTTLS; the session is then good for nothing but to be freed.
 * NULL when responses or input that came after the last one are pending: an injection; and when
 * it is compressed.
 */
struct bufferevent *imap_session_detach(struct imap_session *session);

/* "address;port" of the server, as libsasl wants it; "" when unknown. */
const char *imap_session_remote(const struct imap_session *session);

#endif
