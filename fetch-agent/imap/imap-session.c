/* SPDX-License-Identifier: MIT */
/* imap-session.c - see imap-session.h. */
#include "fetch-agent/imap/imap-session.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "fetch-agent/net/compression.h"
#include "fetch-agent/net/low-water.h"
#include "fetch-agent/net/tls.h"

#include "common/banned.h"

#define COMMAND_MAX  65536
#define INPUT_MAX    262144 /* bytes that wait in memory; TCP makes the server wait for the rest */
#define READ_MAX     65536  /* taken at once, and fed at once: so much may follow a pause */
#define TURN_RECORDS 64	    /* taken of one server before others have their turn */
#define TAG_MAX	     16
#define REMOTE_MAX   128

struct pending {
	struct pending *next;
	char tag[TAG_MAX];
	imap_done_fn *done;
	imap_continue_fn *on_continue; /* NULL: continuations are for its literals */
	void *ctx;
	bool compresses;     /* if the answer is OK */
	struct buffer bytes; /* with tag and line end; what is not sent yet */
	size_t waits[IMAP_WAITS_MAX];
	size_t wait_count, wait_next;
	size_t sent;
};

struct imap_session {
	struct bufferevent *bev;
	const char *name;
	struct imap_session_handler handler;
	struct imap_parser *parser;
	struct compression *compression; /* NULL: as it is */
	char *inflated;			 /* READ_MAX; what is not parsed yet; NULL: nothing */
	size_t inflated_at, inflated_len;
	struct pending *first, **last;
	struct pending *sending; /* not all out, or a conversation; those behind it wait */
	struct event *timer;
	struct event *go_on; /* after a pause, or with what came before the session did */
	int timeout_s;	     /* 0: silence is no failure */
	uint32_t tags;
	size_t pending;
	bool greeted;
	bool broken;
	bool paused;
	bool parsing;
	uint64_t body_left; /* bytes of the literal that is being taken */
	struct low_water low_water;
	int depth;  /* of calls that still need the session */
	bool freed; /* as soon as depth is 0 */
	enum imap_literals literals;
	bool utf8;
	bool compress_is_asked;
	imap_left_fn *left; /* LOGOUT is said */
	void *left_ctx;
	bool local;
	struct err bye;
	char remote[REMOTE_MAX];
};

/* Life -------------------------------------------------------------------------------------------
 */

static void pending_free(struct pending *pending)
{
	buffer_release(&pending->bytes);
	free(pending);
}

static void compression_end(struct imap_session *session)
{
	uint64_t plain, wire;

	if (session->compression == NULL)
		return;
	compression_totals(session->compression, &plain, &wire);
	log_debug("%s: DEFLATE: %llu bytes were %llu on the wire", session->name,
		  (unsigned long long)plain, (unsigned long long)wire);
	compression_free(session->compression);
	free(session->inflated);
}

static void session_destroy(struct imap_session *session)
{
	struct pending *pending;

	while ((pending = session->first) != NULL) {
		session->first = pending->next;
		pending_free(pending);
	}
	if (session->bev != NULL)
		bufferevent_free(session->bev);
	event_free(session->timer);
	event_free(session->go_on);
	imap_parser_free(session->parser);
	compression_end(session);
	free(session);
}

static void enter(struct imap_session *session)
{
	session->depth++;
}

static void leave(struct imap_session *session)
{
	if (--session->depth == 0 && session->freed)
		session_destroy(session);
}

void imap_session_free(struct imap_session *session)
{
	if (session == NULL)
		return;
	session->freed = true;
	session->broken = true;
	if (session->bev != NULL)
		bufferevent_setcb(session->bev, NULL, NULL, NULL, NULL);
	enter(session);
	leave(session);
}

/* Tells everybody that this is the end. */
static void break_off(struct imap_session *session, enum outcome what, const struct err *err)
{
	struct pending *pending;

	if (session->broken)
		return;
	enter(session);
	session->broken = true;
	session->sending = NULL;
	(void)event_del(session->timer);
	(void)event_del(session->go_on);
	if (session->bev != NULL)
		(void)bufferevent_disable(session->bev, EV_READ | EV_WRITE);
	while (!session->freed && (pending = session->first) != NULL) {
		session->first = pending->next;
		if (session->first == NULL)
			session->last = &session->first;
		session->pending--;
		pending->done(pending->ctx, NULL);
		pending_free(pending);
	}
	if (!session->freed)
		session->handler.closed(session->handler.ctx, what, err);
	leave(session);
}

void imap_session_break(struct imap_session *session, enum outcome what, const struct err *err)
{
	break_off(session, what, err);
}

/* Time -------------------------------------------------------------------------------------------
 */

static void arm(struct imap_session *session)
{
	struct timeval wait = {.tv_sec = session->timeout_s};

	bool due = session->pending > 0 || !session->greeted;

	if (due && !session->paused && session->timeout_s > 0)
		(void)event_add(session->timer, &wait);
	else
		(void)event_del(session->timer);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct imap_session *session = context;
	struct err err = ERR_INIT;

	(void)fd;
	(void)what;
	if (low_water_drop(&session->low_water, bufferevent_getfd(session->bev))) {
		arm(session);
		return;
	}
	(void)err_set(&err, OUTCOME_RETRY, "the server has been silent for %d s",
		      session->timeout_s);
	break_off(session, OUTCOME_RETRY, &err);
}

void imap_session_set_patience(struct imap_session *session, int seconds)
{
	session->timeout_s = seconds;
	if (!session->broken)
		arm(session);
}

/* Out --------------------------------------------------------------------------------------------
 */

static void wiped(const void *bytes, size_t len, void *context)
{
	(void)bytes;
	wipe(context, len);
	free(context);
}

/* Through a reference, so that what was sent is wiped and not copied about. */
static void put_on_wire(void *ctx, struct span bytes)
{
	struct imap_session *session = ctx;
	char *copy = xspandup(bytes);

	if (session->bev == NULL || evbuffer_add_reference(bufferevent_get_output(session->bev),
							   copy, bytes.len, wiped, copy) != 0)
		wiped(copy, bytes.len, copy);
}

static void put(struct imap_session *session, struct span bytes)
{
	if (session->compression != NULL)
		compression_out(session->compression, bytes, put_on_wire, session);
	else
		put_on_wire(session, bytes);
}

/* Sends what may be sent without another "+". A conversation is not over with its first line: what
 * is behind it waits for its answer. */
static void send_more(struct imap_session *session)
{
	while (session->sending != NULL) {
		struct pending *pending = session->sending;
		bool waits = pending->wait_next < pending->wait_count;
		size_t until = waits ? pending->waits[pending->wait_next] : pending->bytes.len;

		put(session, (struct span){buffer_cstr(&pending->bytes) + pending->sent,
					   until - pending->sent});
		pending->sent = until;
		if (waits)
			return;
		buffer_release(&pending->bytes);
		pending->sent = 0;
		if (pending->on_continue != NULL || pending->compresses)
			return;
		session->sending = pending->next;
	}
}

void imap_command_init(struct imap_session *session, struct imap_command *command)
{
	buffer_init_secret(&command->bytes, COMMAND_MAX);
	command->encoder = (struct imap_encoder){
		.out = &command->bytes, .literals = session->literals, .utf8 = session->utf8};
}

void imap_session_set_encoding(struct imap_session *session, enum imap_literals literals, bool utf8)
{
	session->literals = literals;
	session->utf8 = utf8;
	imap_parser_set_utf8(session->parser, utf8);
}

static bool send_command(struct imap_session *session, struct imap_command *command,
			 bool compresses, imap_continue_fn *on_continue, imap_done_fn *done,
			 void *ctx)
{
	struct pending *pending = xcalloc(1, sizeof(*pending));
	size_t tag_len;

	(void)snprintf(pending->tag, sizeof(pending->tag), "m%u", ++session->tags);
	tag_len = strlen(pending->tag) + 1;
	buffer_init_secret(&pending->bytes, COMMAND_MAX + TAG_MAX + 2);
	(void)buffer_printf(&pending->bytes, "%s ", pending->tag);
	(void)buffer_append_span(&pending->bytes, buffer_span(&command->bytes));
	(void)buffer_append_str(&pending->bytes, "\r\n");
	if (!buffer_ok(&command->bytes) || !buffer_ok(&pending->bytes)) {
		buffer_release(&command->bytes);
		pending_free(pending);
		return false;
	}
	pending->done = done;
	pending->on_continue = on_continue;
	pending->compresses = compresses;
	pending->ctx = ctx;
	pending->wait_count = command->encoder.wait_count;
	for (size_t i = 0; i < pending->wait_count; i++)
		pending->waits[i] = command->encoder.waits[i] + tag_len;
	log_debug("%s: C: %s %.*s", session->name, pending->tag,
		  (int)strcspn(buffer_cstr(&command->bytes), on_continue != NULL ? " \r" : "\r"),
		  buffer_cstr(&command->bytes));
	buffer_release(&command->bytes);
	*session->last = pending;
	session->last = &pending->next;
	session->pending++;
	if (session->sending == NULL) {
		session->sending = pending;
		send_more(session);
	}
	arm(session);
	return true;
}

bool imap_session_send(struct imap_session *session, struct imap_command *command,
		       imap_done_fn *done, void *ctx)
{
	return send_command(session, command, false, NULL, done, ctx);
}

bool imap_session_converse(struct imap_session *session, struct imap_command *command,
			   imap_continue_fn *on_continue, imap_done_fn *done, void *ctx)
{
	return send_command(session, command, false, on_continue, done, ctx);
}

void imap_session_say(struct imap_session *session, const char *text, imap_done_fn *done, void *ctx)
{
	struct imap_command command;

	imap_command_init(session, &command);
	(void)buffer_append_str(&command.bytes, text);
	(void)imap_session_send(session, &command, done, ctx);
}

void imap_session_continue(struct imap_session *session, struct span line)
{
	put(session, line);
	put(session, (struct span){"\r\n", 2});
	arm(session);
}

/* A conversation in which the server has nothing to ask. */
bool imap_session_compress(struct imap_session *session, imap_done_fn *done, void *ctx)
{
	struct imap_command command;

	if (session->compress_is_asked || session->broken)
		return false;
	session->compress_is_asked = true;
	imap_command_init(session, &command);
	(void)buffer_append_str(&command.bytes, "COMPRESS DEFLATE");
	return send_command(session, &command, true, NULL, done, ctx);
}

bool imap_session_compress_is_asked(const struct imap_session *session)
{
	return session->compress_is_asked;
}

/* In ---------------------------------------------------------------------------------------------
 */

static struct pending *take_pending(struct imap_session *session, struct span tag)
{
	struct pending **at = &session->first;

	while (*at != NULL && !span_equals(tag, (*at)->tag))
		at = &(*at)->next;
	if (*at != NULL) {
		struct pending *found = *at;

		*at = found->next;
		if (found->next == NULL)
			session->last = at;
		session->pending--;
		return found;
	}
	return NULL;
}

static void malformed(struct imap_session *session, const char *text)
{
	struct err err = ERR_INIT;

	(void)err_set(&err, OUTCOME_PROTOCOL, "the server %s", text);
	break_off(session, OUTCOME_PROTOCOL, &err);
}

static void on_tagged(struct imap_session *session, const struct imap_response *response)
{
	struct pending *pending = take_pending(session, response->tag);

	if (pending == NULL) {
		malformed(session, "answers a command that was not given");
		return;
	}
	log_debug("%s: S: %s %s %.*s", session->name, pending->tag,
		  imap_status_name(response->text.status), (int)response->text.text.len,
		  response->text.text.ptr);
	/* The answer ends a conversation, or comes before a literal is sent: what is behind may go.
	 */
	if (session->sending == pending) {
		session->sending = pending->next;
		if (pending->compresses && response->text.status == IMAP_STATUS_OK)
			session->compression = compression_new();
		send_more(session);
	}
	pending->done(pending->ctx, &response->text);
	pending_free(pending);
}

static void on_continuation(struct imap_session *session, struct span raw)
{
	struct pending *pending = session->sending;

	if (pending == NULL) {
		malformed(session, "asks for more of a command that is complete");
	} else if (pending->wait_next < pending->wait_count) {
		pending->wait_next++;
		send_more(session);
	} else if (pending->on_continue != NULL) {
		pending->on_continue(pending->ctx, raw);
	} else {
		malformed(session, "asks for more of COMPRESS, which has none");
	}
}

/* RFC 6855 3: from the answer on, names are UTF-8 in both directions. */
static bool enabled_utf8(struct span words)
{
	struct span word;

	while (imap_word_next(&words, &word)) {
		if (span_equals_nocase(word, "UTF8=ACCEPT") ||
		    span_equals_nocase(word, "IMAP4rev2"))
			return true;
	}
	return false;
}

static void on_response(struct imap_session *session, const struct imap_response *response)
{
	switch (response->kind) {
	case IMAP_TAGGED:
		on_tagged(session, response);
		return;
	case IMAP_CONTINUATION:
		on_continuation(session, response->raw);
		return;
	case IMAP_ENABLED:
		if (enabled_utf8(response->raw))
			imap_session_set_encoding(session, session->literals, true);
		break;
	case IMAP_ID:
		log_debug("%s: S: ID %.*s", session->name, (int)response->raw.len,
			  response->raw.ptr);
		break;
	case IMAP_CONDITION:
		session->greeted = true;
		if (response->text.status == IMAP_STATUS_BYE)
			(void)err_set(
				&session->bye, OUTCOME_RETRY, "the server said: BYE %s%.*s%s%.*s",
				response->text.code_name.len > 0 ? "[" : "",
				(int)response->text.code_name.len, response->text.code_name.ptr,
				response->text.code_name.len > 0 ? "] " : "",
				(int)response->text.text.len, response->text.text.ptr);
		break;
	default:
		break;
	}
	session->handler.response(session->handler.ctx, response);
}

/* READ_MAX at most; empty when there is nothing. */
static struct span first_piece(struct evbuffer *input)
{
	struct evbuffer_iovec piece = {NULL, 0};

	(void)evbuffer_peek(input, -1, NULL, &piece, 1);
	return (struct span){piece.iov_base, piece.iov_len < READ_MAX ? piece.iov_len : READ_MAX};
}

/* Bytes for the parser, when there are none; of input, which is compressed. */
static void inflate_piece(struct imap_session *session, struct evbuffer *input)
{
	struct err err = ERR_INIT;
	size_t used = 0;
	enum outcome what;

	if (session->inflated == NULL)
		session->inflated = xreallocarray(NULL, READ_MAX, 1);
	session->inflated_at = session->inflated_len = 0;
	what = compression_in(session->compression, first_piece(input), &used, session->inflated,
			      READ_MAX, &session->inflated_len, &err);
	(void)evbuffer_drain(input, used);
	if (what == OUTCOME_RETRY && session->bye.text[0] != '\0')
		err = session->bye;
	if (what != OUTCOME_OK)
		break_off(session, what, &err);
}

/* What there is for the parser to look at. */
static struct span parser_input(struct imap_session *session, struct evbuffer *input)
{
	if (session->compression == NULL)
		return first_piece(input);
	if (session->inflated_at == session->inflated_len)
		inflate_piece(session, input);
	return (struct span){session->inflated + session->inflated_at,
			     session->inflated_len - session->inflated_at};
}

static void parser_took(struct imap_session *session, struct evbuffer *input, size_t consumed)
{
	if (session->compression == NULL)
		(void)evbuffer_drain(input, consumed);
	else
		session->inflated_at += consumed;
}

/* Takes what the parser wants of the first piece of input. What it keeps it has copied, so the
 * piece may go before the response is looked at: after STARTTLS nothing of it may seem to be
 * pending. */
static void feed(struct imap_session *session, struct evbuffer *input)
{
	struct span piece = parser_input(session, input);
	struct imap_response response;
	struct err err = ERR_INIT;
	size_t consumed = 0;
	enum imap_parse parse;

	if (session->broken)
		return;
	parse = imap_parser_feed(session->parser, piece, &consumed, &response, &err);
	parser_took(session, input, consumed);
	if (parse == IMAP_PARSE_RESPONSE)
		on_response(session, &response);
	else if (parse == IMAP_PARSE_MALFORMED)
		malformed(session, err.text);
}

static bool has_input(const struct imap_session *session, struct evbuffer *input)
{
	return evbuffer_get_length(input) > 0 || session->inflated_at < session->inflated_len ||
	       (session->compression != NULL && compression_has_more(session->compression));
}

/* A thousand idle connections are not to keep theirs. */
static void scratch_free(struct imap_session *session)
{
	if (session->inflated_at < session->inflated_len)
		return;
	free(session->inflated);
	session->inflated = NULL;
	session->inflated_at = session->inflated_len = 0;
}

/* What is certain to come wakes us by the lot. */
static void expect(struct imap_session *session, struct evbuffer *input)
{
	size_t here = evbuffer_get_length(input);
	bool known = session->compression == NULL && session->body_left > here;

	low_water_expect(&session->low_water, bufferevent_getfd(session->bev),
			 known ? session->body_left - here : 0);
}

/* The connection is over; what the server said of that is better than what we know. */
static void end(struct imap_session *session, enum outcome what, const struct err *err)
{
	if (session->bye.text[0] != '\0')
		break_off(session, OUTCOME_RETRY, &session->bye);
	else
		break_off(session, what, err);
}

/* Another record, where there is TLS. */
static bool read_more(struct imap_session *session, struct evbuffer *input)
{
	SSL *ssl = session->broken ? NULL : bufferevent_openssl_get_ssl(session->bev);
	struct err err = ERR_INIT;
	enum outcome what;
	bool more;

	if (ssl == NULL || session->paused)
		return false;
	what = tls_read_more(ssl, input, &more, &err);
	if (what != OUTCOME_OK)
		end(session, what, &err);
	return more;
}

/* To drain a full buffer or to enable reading may read, and call back, at once: the loop that runs
 * already takes that too. Others have their turn too: after TURN_RECORDS it is gone on with later.
 */
static void take_input(struct imap_session *session)
{
	struct evbuffer *input = bufferevent_get_input(session->bev);
	int records = 0;

	if (session->parsing)
		return;
	enter(session);
	session->parsing = true;
	do {
		while (!session->broken && !session->paused && has_input(session, input))
			feed(session, input);
	} while (records++ < TURN_RECORDS && read_more(session, input));
	session->parsing = false;
	scratch_free(session);
	if (!session->broken) {
		if (records > TURN_RECORDS && !session->paused)
			event_active(session->go_on, 0, 0);
		expect(session, input);
		arm(session);
	}
	leave(session);
}

static void on_read(struct bufferevent *bev, void *context)
{
	(void)bev;
	take_input(context);
}

static void on_go_on(evutil_socket_t fd, short what, void *context)
{
	struct imap_session *session = context;

	(void)fd;
	(void)what;
	enter(session);
	take_input(session);
	if (!session->broken && !session->paused)
		(void)bufferevent_enable(session->bev, EV_READ);
	leave(session);
}

void imap_session_pause(struct imap_session *session)
{
	if (session->paused || session->broken)
		return;
	session->paused = true;
	(void)event_del(session->go_on);
	(void)bufferevent_disable(session->bev, EV_READ);
	arm(session);
}

void imap_session_resume(struct imap_session *session)
{
	if (!session->paused || session->broken)
		return;
	session->paused = false;
	event_active(session->go_on, 0, 0);
	arm(session);
}

static void on_event(struct bufferevent *bev, short what, void *context)
{
	int number = (what & BEV_EVENT_ERROR) != 0 ? EVUTIL_SOCKET_ERROR() : 0;
	struct err err = ERR_INIT;
	enum outcome why;

	if ((what & BEV_EVENT_CONNECTED) != 0) { /* the handshake after STARTTLS */
		take_input(context);
		return;
	}
	why = tls_failure(bufferevent_openssl_get_ssl(bev), bufferevent_get_openssl_error(bev),
			  number, &err);
	end(context, why, &err);
}

static void no_answer(void *ctx, const struct imap_text *result)
{
	(void)ctx;
	(void)result;
}

/* The output is with the kernel, unless something is held back that waits for the server. */
static void on_written(struct bufferevent *bev, void *context)
{
	struct imap_session *session = context;
	imap_left_fn *left = session->left;

	if (left == NULL || session->sending != NULL || session->broken ||
	    evbuffer_get_length(bufferevent_get_output(bev)) > 0)
		return;
	session->left = NULL;
	enter(session);
	left(session->left_ctx);
	leave(session);
}

void imap_session_log_out(struct imap_session *session, imap_left_fn *done, void *ctx)
{
	session->left = done;
	session->left_ctx = ctx;
	imap_session_say(session, "LOGOUT", no_answer, NULL);
}

/* Making -----------------------------------------------------------------------------------------
 */

static bool is_loopback(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	if (address->ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return address->ss_family == AF_UNIX ||
	       (address->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr));
}

static void remote_set(struct imap_session *session)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);
	char host[64], port[8];

	if (getpeername(bufferevent_getfd(session->bev), (struct sockaddr *)&address, &len) != 0)
		return;
	session->local = is_loopback(&address);
	if (getnameinfo((const struct sockaddr *)&address, len, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		(void)snprintf(session->remote, sizeof(session->remote), "%s;%s", host, port);
}

static void body_begin(void *ctx, const struct imap_body *body)
{
	struct imap_session *session = ctx;

	session->body_left = body->size;
	if (!session->broken && session->handler.body.begin != NULL)
		session->handler.body.begin(session->handler.body.ctx, body);
}

static void body_chunk(void *ctx, struct span bytes)
{
	struct imap_session *session = ctx;

	session->body_left -= bytes.len;
	if (!session->broken && session->handler.body.chunk != NULL)
		session->handler.body.chunk(session->handler.body.ctx, bytes);
}

static void body_end(void *ctx)
{
	struct imap_session *session = ctx;

	if (!session->broken && session->handler.body.end != NULL)
		session->handler.body.end(session->handler.body.ctx);
}

struct imap_session *imap_session_new(struct bufferevent *bev, const char *name,
				      const struct imap_session_handler *handler, int timeout_s)
{
	struct imap_session *session = xcalloc(1, sizeof(*session));
	struct imap_body_sink sink = {body_begin, body_chunk, body_end, session};

	session->bev = bev;
	session->name = name;
	session->handler = *handler;
	session->parser = imap_parser_new(NULL, &sink);
	session->last = &session->first;
	session->timeout_s = timeout_s;
	session->timer = evtimer_new(bufferevent_get_base(bev), on_timer, session);
	session->go_on = event_new(bufferevent_get_base(bev), -1, 0, on_go_on, session);
	if (session->timer == NULL || session->go_on == NULL)
		abort(); /* as xalloc: out of memory */
	remote_set(session);
	if (bufferevent_openssl_get_ssl(bev) != NULL)
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	bufferevent_setcb(bev, on_read, on_written, on_event, session);
	bufferevent_setwatermark(bev, EV_READ, 0, INPUT_MAX);
	(void)bufferevent_set_max_single_read(bev, READ_MAX);
	(void)bufferevent_enable(bev, EV_READ | EV_WRITE);
	event_active(session->go_on, 0, 0);
	arm(session);
	return session;
}

void imap_session_set_handler(struct imap_session *session,
			      const struct imap_session_handler *handler)
{
	session->handler = *handler;
}

struct bufferevent *imap_session_detach(struct imap_session *session)
{
	struct bufferevent *bev = session->bev;

	if (session->pending > 0 || !imap_parser_is_idle(session->parser) ||
	    session->compression != NULL)
		return NULL;
	session->bev = NULL;
	session->broken = true;
	(void)event_del(session->timer);
	(void)event_del(session->go_on);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	(void)bufferevent_disable(bev, EV_READ | EV_WRITE);
	return bev;
}

bool imap_session_is_local(const struct imap_session *session)
{
	return session->local;
}

const char *imap_session_remote(const struct imap_session *session)
{
	return session->remote;
}
