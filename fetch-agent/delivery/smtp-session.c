/* SPDX-License-Identifier: MIT */
/* smtp-session.c - see smtp-session.h. */
#include "fetch-agent/delivery/smtp-session.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "fetch-agent/net/dial.h"
#include "fetch-agent/net/tls.h"

#include "common/banned.h"

#define CODE_CLOSING   421    /* RFC 5321 3.8: at any time, in answer to anything */
#define INPUT_MAX      65536  /* bytes of replies that wait in memory */
#define WRITE_MAX      262144 /* in one system call: a small message is one */
#define WORDS_MAX      1024
#define HELLO_NAME_MAX 256

enum smtp_state {
	SMTP_STATE_DIALLING,
	SMTP_STATE_GREETING,
	SMTP_STATE_HELLO, /* LHLO or EHLO */
	SMTP_STATE_HELO,
	SMTP_STATE_OPEN,
	SMTP_STATE_CLOSED,
};

static const char *const state_names[] = {"dialling", "greeting", "hello",
					  "helo",     "open",	  "closed"};

struct smtp_session {
	const struct delivery_config *config;
	bool lmtp;
	struct smtp_session_handler handler;
	enum smtp_state state;
	struct dial *dial;
	struct bufferevent *bev;
	struct event *timer;
	struct smtp_reply_reader reader;
	struct smtp_capability capability;
	struct smtp_transaction *head, *behind;
	bool needs_reset; /* the last transaction ended before its message was sent */
	bool served;
	int depth;  /* of calls that still need the session */
	bool freed; /* as soon as depth is 0 */
};

/* Life -------------------------------------------------------------------------------------------
 */

static struct evbuffer *output_of(const struct smtp_session *session)
{
	return bufferevent_get_output(session->bev);
}

static void session_destroy(struct smtp_session *session)
{
	dial_cancel(session->dial);
	if (session->bev != NULL)
		bufferevent_free(session->bev);
	event_free(session->timer);
	smtp_reply_reader_release(&session->reader);
	free(session);
}

static void enter(struct smtp_session *session)
{
	session->depth++;
}

static void leave(struct smtp_session *session)
{
	if (--session->depth == 0 && session->freed)
		session_destroy(session);
}

/* Straight to the socket: what waits in the bufferevent is dropped with it. */
static void say_quit(struct smtp_session *session)
{
	static const char quit[] = "QUIT\r\n";

	if (smtp_session_is_idle(session) && evbuffer_get_length(output_of(session)) == 0)
		(void)send(bufferevent_getfd(session->bev), quit, sizeof(quit) - 1,
			   MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The one place where the state changes. */
static void set_state(struct smtp_session *session, enum smtp_state state)
{
	log_debug("%s: %s -> %s", session->config->text, state_names[session->state],
		  state_names[state]);
	session->state = state;
}

void smtp_session_free(struct smtp_session *session)
{
	if (session == NULL)
		return;
	say_quit(session);
	session->freed = true;
	if (session->state != SMTP_STATE_CLOSED)
		set_state(session, SMTP_STATE_CLOSED);
	enter(session);
	leave(session);
}

static void hang_up(struct smtp_session *session)
{
	set_state(session, SMTP_STATE_CLOSED);
	(void)event_del(session->timer);
	if (session->bev != NULL)
		bufferevent_free(session->bev);
	session->bev = NULL;
}

static void break_off(struct smtp_session *session, enum outcome what, const struct err *err)
{
	if (session->state == SMTP_STATE_CLOSED)
		return;
	hang_up(session);
	session->handler.closed(session->handler.ctx, session, what, err);
}

static void break_off_saying(struct smtp_session *session, enum outcome what, const char *about,
			     const char *text)
{
	struct err err = ERR_INIT;

	(void)err_set(&err, what, "%s%s", about, text);
	break_off(session, what, &err);
}

/* Why a connection ends that was not needed: a good one may. One that never served has failed. */
static enum outcome end_of_idle(const struct smtp_session *session)
{
	return smtp_session_is_idle(session) && session->served ? OUTCOME_OK : OUTCOME_RETRY;
}

/* Time -------------------------------------------------------------------------------------------
 */

/* The listener owes something: a reply, or the reading of what we send. */
static bool is_due(const struct smtp_session *session)
{
	if (session->state != SMTP_STATE_OPEN)
		return true;
	return session->head != NULL && (session->head->step != SMTP_STEP_BODY ||
					 evbuffer_get_length(output_of(session)) > 0);
}

static void arm(struct smtp_session *session)
{
	struct timeval wait = {.tv_sec = (time_t)session->config->timeout_s};

	if (session->state == SMTP_STATE_CLOSED)
		return;
	if (is_due(session))
		(void)event_add(session->timer, &wait);
	else
		(void)event_del(session->timer);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct smtp_session *session = context;
	char text[64];

	(void)fd;
	(void)what;
	(void)snprintf(text, sizeof(text), "silent for %lld s",
		       (long long)session->config->timeout_s);
	enter(session);
	break_off_saying(session, OUTCOME_RETRY, "", text);
	leave(session);
}

/* Out --------------------------------------------------------------------------------------------
 */

bool smtp_session_is_idle(const struct smtp_session *session)
{
	return session->state == SMTP_STATE_OPEN && session->head == NULL;
}

bool smtp_session_wants(const struct smtp_session *session)
{
	if (session->state != SMTP_STATE_OPEN || session->behind != NULL)
		return false;
	return session->head == NULL || (session->head->step == SMTP_STEP_FINAL &&
					 session->head->piped && session->capability.pipelining);
}

bool smtp_session_is_opening(const struct smtp_session *session)
{
	return session->state < SMTP_STATE_OPEN;
}

bool smtp_session_has_served(const struct smtp_session *session)
{
	return session->served;
}

static size_t body_bytes(const struct smtp_transaction *transaction)
{
	return transaction != NULL ? evbuffer_get_length(transaction->body) : 0;
}

size_t smtp_session_backlog(const struct smtp_session *session)
{
	size_t out = session->bev != NULL ? evbuffer_get_length(output_of(session)) : 0;

	return out + body_bytes(session->head) + body_bytes(session->behind);
}

bool smtp_session_has(const struct smtp_session *session,
		      const struct smtp_transaction *transaction)
{
	return session->head == transaction || session->behind == transaction;
}

bool smtp_session_give(struct smtp_session *session, struct smtp_transaction *transaction)
{
	if (!smtp_transaction_begin(transaction, &session->capability, session->needs_reset,
				    output_of(session)))
		return false;
	session->needs_reset = false;
	if (session->head == NULL)
		session->head = transaction;
	else
		session->behind = transaction;
	arm(session);
	return true;
}

void smtp_session_push(struct smtp_session *session, struct smtp_transaction *transaction)
{
	if (session->head != transaction || transaction->step != SMTP_STEP_BODY)
		return;
	(void)evbuffer_add_buffer(output_of(session), transaction->body);
	if (transaction->ended) {
		transaction->step = SMTP_STEP_FINAL;
		transaction->at = 0;
	}
	arm(session);
}

static struct smtp_transaction *pop(struct smtp_session *session)
{
	struct smtp_transaction *first = session->head;

	session->head = session->behind;
	session->behind = NULL;
	return first;
}

struct smtp_transaction *smtp_session_take(struct smtp_session *session)
{
	if (session->head != NULL && session->state != SMTP_STATE_CLOSED)
		hang_up(session);
	return pop(session);
}

/* In ---------------------------------------------------------------------------------------------
 */

static void refuse_session(struct smtp_session *session, enum outcome what, const char *about,
			   const struct smtp_reply *reply)
{
	struct buffer words = BUFFER_INIT(WORDS_MAX);

	smtp_reply_words(reply, &words);
	break_off_saying(session, what, about, buffer_cstr(&words));
	buffer_release(&words);
}

/* The name of this machine, as far as it can be said (RFC 5321 4.1.1.1). */
static void hello_name(char *name, size_t size)
{
	static const char sayable[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

	if (gethostname(name, size) != 0)
		name[0] = '\0';
	name[size - 1] = '\0';
	if (name[0] == '\0' || name[strspn(name, sayable)] != '\0')
		(void)snprintf(name, size, "localhost");
}

static void say_hello(struct smtp_session *session, const char *verb)
{
	char name[HELLO_NAME_MAX];

	hello_name(name, sizeof(name));
	(void)evbuffer_add_printf(output_of(session), "%s %s\r\n", verb, name);
}

static void on_greeting(struct smtp_session *session, const struct smtp_reply *reply)
{
	if (!smtp_reply_is_good(reply)) {
		refuse_session(session, OUTCOME_RETRY, "greeting: ", reply);
		return;
	}
	say_hello(session, session->lmtp ? "LHLO" : "EHLO");
	set_state(session, SMTP_STATE_HELLO);
}

static void on_hello(struct smtp_session *session, const struct smtp_reply *reply)
{
	if (smtp_reply_is_good(reply)) {
		session->capability = smtp_capability_parse(reply);
		set_state(session, SMTP_STATE_OPEN);
	} else if (smtp_reply_is_temporary(reply)) {
		refuse_session(session, OUTCOME_RETRY, session->lmtp ? "LHLO: " : "EHLO: ", reply);
	} else if (session->lmtp) {
		refuse_session(
			session, OUTCOME_CONFIG,
			"LHLO: is this an SMTP listener (deliver = smtp:...)? It says: ", reply);
	} else {
		say_hello(session, "HELO");
		set_state(session, SMTP_STATE_HELO);
	}
}

static void on_helo(struct smtp_session *session, const struct smtp_reply *reply)
{
	if (smtp_reply_is_good(reply))
		set_state(session, SMTP_STATE_OPEN);
	else
		refuse_session(
			session, smtp_reply_is_temporary(reply) ? OUTCOME_RETRY : OUTCOME_CONFIG,
			"HELO: is this an LMTP listener (deliver = lmtp:...)? It says: ", reply);
}

/* The head is over: what was behind it has its turn. */
static void finish_head(struct smtp_session *session)
{
	struct smtp_transaction *done = pop(session);

	session->served = true;
	session->needs_reset = done->opened;
	session->handler.over(session->handler.ctx, done);
}

static void on_answer(struct smtp_session *session, const struct smtp_reply *reply)
{
	if (session->head == NULL) {
		refuse_session(session, end_of_idle(session), "unasked: ", reply);
		return;
	}
	switch (smtp_transaction_reply(session->head, &session->capability, reply,
				       output_of(session))) {
	case SMTP_NEXT_REPLY:
		return;
	case SMTP_NEXT_BODY:
		smtp_session_push(session, session->head);
		return;
	case SMTP_NEXT_OVER:
		finish_head(session);
		return;
	case SMTP_NEXT_HANGUP:
		finish_head(session);
		break_off_saying(session, OUTCOME_OK, "", "hung up");
		return;
	}
}

static void on_reply(struct smtp_session *session, const struct smtp_reply *reply)
{
	static void (*const table[])(struct smtp_session *, const struct smtp_reply *) = {
		[SMTP_STATE_GREETING] = on_greeting,
		[SMTP_STATE_HELLO] = on_hello,
		[SMTP_STATE_HELO] = on_helo,
		[SMTP_STATE_OPEN] = on_answer,
	};

	log_debug("%s: S: %d %s %.*s", session->config->text, reply->code, reply->status,
		  (int)strcspn(buffer_cstr(&reply->text), "\n"), buffer_cstr(&reply->text));
	if (reply->code == CODE_CLOSING)
		refuse_session(session, end_of_idle(session), "", reply);
	else
		table[session->state](session, reply);
}

static void feed(struct smtp_session *session, struct evbuffer *input)
{
	struct evbuffer_iovec piece = {NULL, 0};
	struct err err = ERR_INIT;
	size_t consumed = 0;
	enum smtp_parse parse;

	(void)evbuffer_peek(input, -1, NULL, &piece, 1);
	parse = smtp_reply_feed(&session->reader, (struct span){piece.iov_base, piece.iov_len},
				&consumed, &err);
	(void)evbuffer_drain(input, consumed);
	if (parse == SMTP_PARSE_REPLY)
		on_reply(session, &session->reader.reply);
	else if (parse == SMTP_PARSE_MALFORMED)
		break_off_saying(session, OUTCOME_PROTOCOL, "", err.text);
}

static void tell_ready(struct smtp_session *session)
{
	if (session->state == SMTP_STATE_CLOSED)
		return;
	session->handler.ready(session->handler.ctx, session);
	arm(session);
}

static void on_read(struct bufferevent *bev, void *context)
{
	struct smtp_session *session = context;
	struct evbuffer *input = bufferevent_get_input(bev);

	enter(session);
	while (session->state != SMTP_STATE_CLOSED && evbuffer_get_length(input) > 0)
		feed(session, input);
	tell_ready(session);
	leave(session);
}

/* Something has left for the listener. */
static void on_write(struct bufferevent *bev, void *context)
{
	struct smtp_session *session = context;

	(void)bev;
	enter(session);
	tell_ready(session);
	leave(session);
}

static void on_event(struct bufferevent *bev, short what, void *context)
{
	struct smtp_session *session = context;
	int number = (what & BEV_EVENT_ERROR) != 0 ? EVUTIL_SOCKET_ERROR() : 0;
	struct err err = ERR_INIT;

	(void)bev;
	enter(session);
	(void)tls_failure(NULL, 0, number, &err);
	break_off_saying(session, end_of_idle(session), "", err.text);
	leave(session);
}

/* Making -----------------------------------------------------------------------------------------
 */

static void on_dialled(void *context, enum outcome what, struct bufferevent *bev,
		       const struct err *err)
{
	struct smtp_session *session = context;
	struct err why = *err;

	session->dial = NULL;
	enter(session);
	if (what != OUTCOME_OK) {
		err_prefix(&why, "cannot connect: ");
		break_off(session, what, &why);
	} else {
		session->bev = bev;
		set_state(session, SMTP_STATE_GREETING);
		bufferevent_setcb(bev, on_read, on_write, on_event, session);
		bufferevent_setwatermark(bev, EV_READ, 0, INPUT_MAX);
		bufferevent_setwatermark(bev, EV_WRITE, WRITE_MAX / 4, 0);
		(void)bufferevent_set_max_single_write(bev, WRITE_MAX);
		(void)bufferevent_enable(bev, EV_READ | EV_WRITE);
		arm(session);
	}
	leave(session);
}

struct smtp_session *smtp_session_new(const struct delivery_config *config,
				      const struct delivery_world *world, bool lmtp,
				      const struct smtp_session_handler *handler)
{
	struct smtp_session *session = xcalloc(1, sizeof(*session));
	struct dial_target target = {
		.base = world->base,
		.dns = world->dns,
		.host = config->host,
		.port = config->port,
		.path = config->host == NULL ? config->path : NULL,
		.deadline = deadline_in_ms(config->timeout_s * 1000),
	};

	session->config = config;
	session->lmtp = lmtp;
	session->handler = *handler;
	smtp_reply_reader_init(&session->reader);
	session->timer = evtimer_new(world->base, on_timer, session);
	if (session->timer == NULL)
		abort(); /* as xalloc: out of memory */
	session->dial = dial_start(&target, on_dialled, session);
	return session;
}
