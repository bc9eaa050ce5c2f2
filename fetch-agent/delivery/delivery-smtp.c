/* SPDX-License-Identifier: MIT */
/*
 * delivery-smtp.c - the methods lmtp and smtp: messages in a queue, and the connections that take
 * from it. With one connection, the default, messages arrive in the order of the folder.
 *
 * A message waits here until it has ended, or until START_BYTES of it have come: only then is
 * anything said of it, so that most of those that are dropped cost nothing, and a slow source does
 * not keep a listener waiting. The final dot is sent in end() and nowhere else.
 *
 * What was in a listener's hands when the connection broke is in doubt: it is to be delivered
 * again, since a message that comes twice is better than one that is lost.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "common/scanner.h"
#include "common/xalloc.h"
#include "fetch-agent/delivery/delivery.h"
#include "fetch-agent/delivery/smtp-session.h"

#include "common/banned.h"

#define START_BYTES    65536
#define HELD_MAX       262144 /* bytes that wait, for each connection */
#define HELD_LOW       (HELD_MAX / 2)
#define OVERHEAD_BYTES 1024 /* what a message costs beside its bytes */
#define PORT_SMTP      25
#define HOST_MAX       253
#define PATH_MAX_BYTES (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

struct smtp_delivery {
	struct delivery base;
	bool lmtp;
	struct smtp_session **sessions;
	size_t session_count;
	size_t limit;			  /* of sessions; falls when the listener takes no more */
	struct smtp_transaction *first;	  /* not with a session yet, in order */
	struct smtp_transaction *current; /* not ended: in the queue, with a session, or over */
	bool full;			  /* a write was told so */
	bool down;			  /* nothing is accepted any more; why says the rest */
	struct delivery_verdict why;
	struct event *wake; /* NULL until it is needed */
	int depth;	    /* of calls that still need the delivery */
	bool closed;	    /* as soon as depth is 0 */
};

static struct smtp_delivery *self(struct delivery *delivery)
{
	return (struct smtp_delivery *)delivery;
}

/* The queue ------------------------------------------------------------------------------------ */

static void queue_append(struct smtp_delivery *delivery, struct smtp_transaction *transaction)
{
	struct smtp_transaction **at = &delivery->first;

	while (*at != NULL)
		at = &(*at)->next;
	*at = transaction;
}

static void queue_remove(struct smtp_delivery *delivery, struct smtp_transaction *transaction)
{
	struct smtp_transaction **at = &delivery->first;

	while (*at != transaction)
		at = &(*at)->next;
	*at = transaction->next;
	transaction->next = NULL;
}

static bool is_startable(const struct smtp_transaction *transaction)
{
	return transaction->ended || evbuffer_get_length(transaction->body) >= START_BYTES;
}

static size_t held_bytes(const struct smtp_delivery *delivery)
{
	size_t bytes = 0;

	for (const struct smtp_transaction *at = delivery->first; at != NULL; at = at->next)
		bytes += evbuffer_get_length(at->body) + OVERHEAD_BYTES;
	for (size_t i = 0; i < delivery->session_count; i++)
		bytes += smtp_session_backlog(delivery->sessions[i]);
	return bytes;
}

static size_t held_times(const struct smtp_delivery *delivery)
{
	return delivery->session_count > 0 ? delivery->session_count : 1;
}

/* Life ----------------------------------------------------------------------------------------- */

static void session_remove(struct smtp_delivery *delivery, struct smtp_session *session)
{
	for (size_t i = 0; i < delivery->session_count; i++) {
		if (delivery->sessions[i] == session) {
			delivery->sessions[i] = delivery->sessions[--delivery->session_count];
			break;
		}
	}
	smtp_session_free(session);
}

/* The current one is in the queue or with a session, or with nobody. */
static void forget(struct smtp_delivery *delivery, struct smtp_transaction *transaction)
{
	if (transaction == delivery->current)
		delivery->current = NULL;
	smtp_transaction_free(transaction);
}

static void delivery_destroy(struct smtp_delivery *delivery)
{
	struct smtp_transaction *transaction;

	while (delivery->session_count > 0) {
		while ((transaction = smtp_session_take(delivery->sessions[0])) != NULL)
			forget(delivery, transaction);
		session_remove(delivery, delivery->sessions[0]);
	}
	while ((transaction = delivery->first) != NULL) {
		delivery->first = transaction->next;
		forget(delivery, transaction);
	}
	smtp_transaction_free(delivery->current);
	if (delivery->wake != NULL)
		event_free(delivery->wake);
	free(delivery->sessions);
	free(delivery);
}

static void enter(struct smtp_delivery *delivery)
{
	delivery->depth++;
}

static void leave(struct smtp_delivery *delivery)
{
	if (--delivery->depth == 0 && delivery->closed)
		delivery_destroy(delivery);
}

/* Verdicts ------------------------------------------------------------------------------------- */

static void tell(struct smtp_delivery *delivery, uint32_t uid,
		 const struct delivery_verdict *verdict)
{
	if (!delivery->closed)
		delivery->base.handler.verdict(delivery->base.handler.ctx, uid, verdict);
}

static void tell_and_free(struct smtp_delivery *delivery, struct smtp_transaction *transaction)
{
	struct delivery_verdict verdict;
	struct delivery_refusal *refusals;

	refusals = smtp_transaction_verdict(transaction, delivery->base.config->text, &verdict);
	tell(delivery, transaction->uid, &verdict);
	free(refusals);
	smtp_transaction_free(transaction);
}

/* A transaction is over. One that has not ended waits for that. */
static void settle(struct smtp_delivery *delivery, struct smtp_transaction *transaction)
{
	if (transaction == delivery->current)
		return;
	if (transaction->dropped)
		smtp_transaction_free(transaction);
	else
		tell_and_free(delivery, transaction);
}

/* Nothing can be delivered: everybody who waits is told, then that it is so. */
static void go_down(struct smtp_delivery *delivery, enum outcome what, const struct err *err)
{
	struct smtp_transaction *transaction;

	delivery->down = true;
	delivery->why = (struct delivery_verdict){.kind = DELIVERY_DOWN, .outcome = what};
	(void)err_set(&delivery->why.err, what, "%s: %s", delivery->base.config->text, err->text);
	while ((transaction = delivery->first) != NULL) {
		delivery->first = transaction->next;
		transaction->next = NULL;
		if (transaction == delivery->current) {
			smtp_transaction_fail(transaction, err->text);
			continue;
		}
		tell(delivery, transaction->uid, &delivery->why);
		smtp_transaction_free(transaction);
	}
	tell(delivery, 0, &delivery->why);
}

/* Connections ---------------------------------------------------------------------------------- */

static void on_over(void *ctx, struct smtp_transaction *transaction);
static void on_ready(void *ctx, struct smtp_session *session);
static void on_closed(void *ctx, struct smtp_session *session, enum outcome what,
		      const struct err *err);

static void open_session(struct smtp_delivery *delivery)
{
	struct smtp_session_handler handler = {on_over, on_ready, on_closed, delivery};

	delivery->sessions = xreallocarray(delivery->sessions, delivery->session_count + 1,
					   sizeof(struct smtp_session *));
	delivery->sessions[delivery->session_count++] = smtp_session_new(
		delivery->base.config, &delivery->base.world, delivery->lmtp, &handler);
}

typedef bool session_is_fn(const struct smtp_session *session);

static struct smtp_session *find_session(const struct smtp_delivery *delivery, session_is_fn *is)
{
	for (size_t i = 0; i < delivery->session_count; i++) {
		if (is(delivery->sessions[i]))
			return delivery->sessions[i];
	}
	return NULL;
}

/* More messages wait than connections are being opened. */
static bool is_short_of_sessions(const struct smtp_delivery *delivery)
{
	size_t opening = 0, waiting = 0;

	for (size_t i = 0; i < delivery->session_count; i++)
		opening += smtp_session_is_opening(delivery->sessions[i]);
	for (const struct smtp_transaction *at = delivery->first; at != NULL && is_startable(at);
	     at = at->next)
		waiting++;
	return waiting > opening && delivery->session_count < delivery->limit;
}

/* An idle connection; else another one is opened, if there may be, and one that takes commands in
 * advance has it. */
static struct smtp_session *session_for_next(struct smtp_delivery *delivery)
{
	struct smtp_session *session = find_session(delivery, smtp_session_is_idle);

	if (session != NULL)
		return session;
	if (is_short_of_sessions(delivery))
		open_session(delivery);
	return find_session(delivery, smtp_session_wants);
}

static void dispatch(struct smtp_delivery *delivery)
{
	while (!delivery->closed && !delivery->down && delivery->first != NULL &&
	       is_startable(delivery->first)) {
		struct smtp_session *session = session_for_next(delivery);
		struct smtp_transaction *transaction = delivery->first;

		if (session == NULL)
			return;
		queue_remove(delivery, transaction);
		if (!smtp_session_give(session, transaction))
			settle(delivery, transaction);
	}
}

static void tell_room(struct smtp_delivery *delivery)
{
	if (delivery->closed || !delivery->full ||
	    held_bytes(delivery) > HELD_LOW * held_times(delivery))
		return;
	delivery->full = false;
	delivery->base.handler.room(delivery->base.handler.ctx);
}

static void on_over(void *ctx, struct smtp_transaction *transaction)
{
	struct smtp_delivery *delivery = ctx;

	enter(delivery);
	settle(delivery, transaction);
	leave(delivery);
}

static void on_ready(void *ctx, struct smtp_session *session)
{
	struct smtp_delivery *delivery = ctx;

	(void)session;
	enter(delivery);
	dispatch(delivery);
	tell_room(delivery);
	leave(delivery);
}

/* Those of which the listener has nothing yet go back to the front of the queue. */
static void take_back(struct smtp_delivery *delivery, struct smtp_session *session,
		      const struct err *err)
{
	struct smtp_transaction *transaction, *back = NULL, **last = &back;

	while ((transaction = smtp_session_take(session)) != NULL) {
		if (smtp_transaction_is_rewindable(transaction)) {
			smtp_transaction_rewind(transaction);
			*last = transaction;
			last = &transaction->next;
		} else {
			smtp_transaction_fail(transaction, err->text);
			settle(delivery, transaction);
		}
	}
	*last = delivery->first;
	delivery->first = back;
}

/*
 * A connection that was good once may just have been closed: another is opened. One that never was,
 * beside others that are, means that the listener takes no more of them; alone, and with messages
 * that wait for it, that it takes none.
 */
static void on_closed(void *ctx, struct smtp_session *session, enum outcome what,
		      const struct err *err)
{
	struct smtp_delivery *delivery = ctx;
	bool served = smtp_session_has_served(session);

	enter(delivery);
	take_back(delivery, session, err);
	session_remove(delivery, session);
	if (what != OUTCOME_OK)
		log_debug("%s: %s", delivery->base.config->text, err->text);
	if (what != OUTCOME_OK && !served && delivery->first != NULL) {
		if (delivery->session_count == 0)
			go_down(delivery, what, err);
		else
			delivery->limit = delivery->session_count;
	}
	dispatch(delivery);
	tell_room(delivery);
	leave(delivery);
}

/* The method ----------------------------------------------------------------------------------- */

static void smtp_begin(struct delivery *base, const struct delivery_facts *facts)
{
	struct smtp_delivery *delivery = self(base);

	delivery->current = smtp_transaction_new(facts, delivery->lmtp);
	if (delivery->down)
		smtp_transaction_fail(delivery->current, delivery->why.err.text);
	else
		queue_append(delivery, delivery->current);
}

/* More of the current message has come. */
static void go_on(struct smtp_delivery *delivery, struct smtp_transaction *transaction)
{
	for (size_t i = 0; i < delivery->session_count; i++)
		smtp_session_push(delivery->sessions[i], transaction);
	dispatch(delivery);
}

static bool smtp_write(struct delivery *base, struct span bytes)
{
	struct smtp_delivery *delivery = self(base);

	if (delivery->current == NULL)
		return true;
	smtp_transaction_write(delivery->current, bytes);
	go_on(delivery, delivery->current);
	if (held_bytes(delivery) > HELD_MAX * held_times(delivery))
		delivery->full = true;
	return !delivery->full;
}

static void smtp_end(struct delivery *base, uint32_t uid)
{
	struct smtp_delivery *delivery = self(base);
	struct smtp_transaction *transaction = delivery->current;

	if (transaction == NULL)
		return;
	enter(delivery);
	delivery->current = NULL;
	smtp_transaction_end(transaction, uid);
	if (transaction->step != SMTP_STEP_OVER) {
		go_on(delivery, transaction);
	} else if (delivery->down) {
		tell(delivery, uid, &delivery->why);
		smtp_transaction_free(transaction);
	} else {
		tell_and_free(delivery, transaction);
	}
	leave(delivery);
}

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
	struct smtp_delivery *delivery = ctx;

	(void)fd;
	(void)what;
	enter(delivery);
	tell_room(delivery);
	leave(delivery);
}

/* What was dropped may have been all that was held, and then nothing else would tell of the room.
 */
static void wake_for_room(struct smtp_delivery *delivery)
{
	static const struct timeval at_once = {0};

	if (!delivery->full)
		return;
	if (delivery->wake == NULL)
		delivery->wake = evtimer_new(delivery->base.world.base, on_wake, delivery);
	if (delivery->wake == NULL || evtimer_add(delivery->wake, &at_once) != 0)
		abort(); /* as xalloc: out of memory */
}

/* The listener has the beginning: only the end of the connection says that no more will come. */
static void hang_up_on(struct smtp_delivery *delivery, struct smtp_transaction *transaction)
{
	for (size_t i = 0; i < delivery->session_count; i++) {
		struct smtp_session *session = delivery->sessions[i];

		if (smtp_session_has(session, transaction)) {
			(void)smtp_session_take(session);
			session_remove(delivery, session);
			return;
		}
	}
}

static void smtp_drop(struct delivery *base)
{
	struct smtp_delivery *delivery = self(base);
	struct smtp_transaction *transaction = delivery->current;

	if (transaction == NULL)
		return;
	delivery->current = NULL;
	if (transaction->step > SMTP_STEP_NONE && transaction->step < SMTP_STEP_BODY) {
		/* It may stand behind a message whose reply is due: that is waited for. */
		transaction->dropped = true;
		return;
	}
	if (transaction->step == SMTP_STEP_NONE)
		queue_remove(delivery, transaction);
	else
		hang_up_on(delivery, transaction);
	smtp_transaction_free(transaction);
	wake_for_room(delivery);
}

static enum outcome smtp_open(const struct delivery_config *config, struct delivery **out,
			      struct err *err)
{
	struct smtp_delivery *delivery = xcalloc(1, sizeof(*delivery));

	(void)err;
	delivery->lmtp = config->method == &delivery_lmtp_method;
	delivery->limit = (size_t)config->parallel;
	*out = &delivery->base;
	return OUTCOME_OK;
}

static void smtp_close(struct delivery *base)
{
	struct smtp_delivery *delivery = self(base);

	delivery->closed = true;
	enter(delivery);
	leave(delivery);
}

/* What is written ------------------------------------------------------------------------------ */

static enum outcome bad_form(const struct delivery_config *config, const char *why, struct err *err)
{
	return err_set(err, OUTCOME_CONFIG, "deliver = %s: must be %s%s", config->text,
		       config->method->form, why);
}

static enum outcome parse_socket(const char *path, struct delivery_config *config, struct err *err)
{
	if (path[0] != '/')
		return bad_form(config, ", with an absolute path", err);
	if (strlen(path) > PATH_MAX_BYTES)
		return bad_form(config, "; this path is too long for a socket", err);
	free(config->path);
	config->path = xstrdup(path);
	return OUTCOME_OK;
}

/* HOST:PORT, [ADDRESS]:PORT. SMTP's port may be missing. */
static enum outcome parse_host(const char *rest, struct delivery_config *config, struct err *err)
{
	struct scanner scan = scanner_over(span_from_str(rest));
	bool bracketed = scan_byte(&scan, '[');
	uint64_t port = PORT_SMTP;
	struct span host;

	if (!scan_until(&scan, bracketed ? ']' : ':', HOST_MAX, &host)) {
		(void)scan_take(&scan, scanner_left(&scan), &host);
		if (bracketed || config->method != &delivery_smtp_method || host.len > HOST_MAX)
			return bad_form(config, "", err);
	} else if ((bracketed && !scan_byte(&scan, ':')) || !scan_u64(&scan, 65535, &port)) {
		return bad_form(config, "", err);
	}
	if (!scanner_at_end(&scan) || host.len == 0 || port == 0 ||
	    memchr(host.ptr, '/', host.len) != NULL)
		return bad_form(config, "", err);
	if (port == PORT_SMTP && config->method == &delivery_lmtp_method)
		return bad_form(config, "; port 25 is SMTP's, where LMTP is forbidden", err);
	free(config->host);
	config->host = xspandup(host);
	config->port = (uint16_t)port;
	return OUTCOME_OK;
}

static enum outcome smtp_parse(const char *rest, struct delivery_config *config, struct err *err)
{
	static const char unix_prefix[] = "unix:";
	size_t len = sizeof(unix_prefix) - 1;

	if (config->method == &delivery_lmtp_method && strncmp(rest, unix_prefix, len) == 0)
		return parse_socket(rest + len, config, err);
	return parse_host(rest, config, err);
}

static enum outcome smtp_check(const struct delivery_config *config, struct err *err)
{
	return config->path == NULL ? OUTCOME_OK
				    : delivery_check_path(config, config->path, W_OK, err);
}

static bool smtp_needs_recipient(const struct delivery_config *config)
{
	(void)config;
	return true;
}

/* clang-format off */
#define METHOD_FUNCTIONS                                                                           \
	.parse = smtp_parse, .check = smtp_check, .needs_recipient = smtp_needs_recipient,         \
	.open = smtp_open, .close = smtp_close, .begin = smtp_begin,                               \
	.write = smtp_write, .end = smtp_end, .drop = smtp_drop
/* clang-format on */

const struct delivery_method delivery_lmtp_method = {
	.scheme = "lmtp",
	.form = "lmtp:unix:/PATH or lmtp:HOST:PORT",
	.adds_return_path = true,
	METHOD_FUNCTIONS,
};

const struct delivery_method delivery_smtp_method = {
	.scheme = "smtp",
	.form = "smtp:HOST:PORT",
	.adds_return_path = true,
	METHOD_FUNCTIONS,
};
