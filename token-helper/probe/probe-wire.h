/* SPDX-License-Identifier: MIT */
/*
 * probe-wire.h - one connection to a mail server: addresses, TLS, lines; blocking, under deadlines.
 *
 * Every wait ends with its step's deadline or the whole's, whichever is first. The certificate is
 * verified, and against the name that was dialled; there is no switch to turn that off.
 */
#ifndef TOKEN_HELPER_PROBE_PROBE_WIRE_H
#define TOKEN_HELPER_PROBE_PROBE_WIRE_H

#include <netdb.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/deadline.h"
#include "common/outcome.h"
#include "token-helper/probe/probe.h"

#define WIRE_LINE_MAX 16384 /* bytes of a line; the longest honest one is a challenge */
#define WIRE_STEP_MS  15000
#define WIRE_WHOLE_MS 60000
#define WIRE_HIDDEN   2

struct wire {
	int fd; /* -1: none */
	SSL_CTX *context;
	SSL *ssl; /* NULL: not encrypted yet */
	struct buffer in;
	size_t taken; /* bytes of `in` that the last line was */
	struct deadline whole, step;
	int step_s; /* what the step was given, for the message */
	const struct probe_watch *watch;
	enum probe_stage stage;
	struct span hidden[WIRE_HIDDEN]; /* not to be repeated, whoever says it; borrowed */
	struct buffer shown;		 /* the last line as it may be shown */
};

/* timeout_s: of all steps together; WIRE_WHOLE_MS at most. */
void wire_init(struct wire *wire, int64_t timeout_s, const struct probe_watch *watch);
void wire_release(struct wire *wire);

/* A new step begins: its deadline starts. */
void wire_step(struct wire *wire);

/* Names found, "a, b"; OUTCOME_CONFIG: there is no such name, OUTCOME_RETRY: no answer. The caller
 * frees *found_out with freeaddrinfo(). */
enum outcome wire_resolve(struct wire *wire, const char *host, uint16_t port,
			  struct addrinfo **found_out, struct buffer *text, struct err *err);

/* To the one address. text: which it is. OUTCOME_RETRY: err says why not. */
enum outcome wire_connect(struct wire *wire, const struct addrinfo *at, struct buffer *text,
			  struct err *err);

/*
 * TLS from here on. Fails when the server has said anything that is not read yet: it would be taken
 * for encrypted (RFC 3207 4.2). text: version, certificate. OUTCOME_CONFIG: not to be trusted.
 */
enum outcome wire_tls(struct wire *wire, const char *host, struct buffer *text, struct err *err);

/*
 * The next line, without its end, as it may be shown: borrowed until the next call. OUTCOME_RETRY:
 * the connection ended or the time is over; OUTCOME_PROTOCOL: the line is too long.
 */
enum outcome wire_line(struct wire *wire, struct span *line_out, struct err *err);

/* Sends text and CRLF. */
enum outcome wire_say(struct wire *wire, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Sends before, secret and CRLF; the watcher hears the secret's length. */
enum outcome wire_say_secret(struct wire *wire, const char *before, struct span secret,
			     struct err *err);

/* The local end as SMTP writes it: "[192.0.2.1]", "[IPv6:2001:db8::1]". */
void wire_literal(const struct wire *wire, struct buffer *out);

/* text without what is hidden. */
void wire_append_shown(const struct wire *wire, struct buffer *out, struct span text);

#endif
