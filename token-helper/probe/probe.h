/* SPDX-License-Identifier: MIT */
/*
 * probe.h - one try of one service: resolve, connect, TLS, greeting, login by libsasl2 with the
 * installed plugin, mailbox or message, good-bye.
 *
 * Blocking, for the tool only. Nothing is printed here: each step goes to the watcher as it
 * happens, and the result says in one line what went wrong. The login is never tried without TLS,
 * and never with another mechanism than XOAUTH2 and OAUTHBEARER. No token reaches the watcher.
 */
#ifndef TOKEN_HELPER_PROBE_PROBE_H
#define TOKEN_HELPER_PROBE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/outcome.h"

enum probe_tls {
	PROBE_TLS_USUAL, /* what the port, or else the service, usually has */
	PROBE_TLS_IMPLICIT,
	PROBE_TLS_STARTTLS,
};

/* What came of it: the exit status is made of this. */
enum probe_class {
	PROBE_WORKS,
	PROBE_TOKEN,	  /* there is no token to be had */
	PROBE_LOGIN,	  /* the server refused the login */
	PROBE_RIGHTS,	  /* the login is good, but may not do this */
	PROBE_DISABLED,	  /* switched off at the provider */
	PROBE_CONNECTION, /* not reached, or its TLS is not to be trusted */
	PROBE_CONFIG,	  /* this machine's configuration */
	PROBE_LATER,	  /* throttled, or down: not now */
	PROBE_PROTOCOL,	  /* what answers does not speak it */
};

extern const char *const probe_class_names[]; /* "works", "token", … */

enum probe_stage { PROBE_CONNECTING, PROBE_LOGGING_IN };

struct probe_step {
	enum probe_stage stage;
	const char *name; /* one word */
	bool ok;
	int64_t took_ms;
	const char *text; /* one line; may have a server's bytes in it: clean before printing */
};

/* Who hears of it while it happens. line: one line of the dialogue, from the client or not, with
 * secrets replaced by their length; NULL: not wanted. */
struct probe_watch {
	void (*step)(void *arg, const struct probe_step *step);
	void (*line)(void *arg, enum probe_stage stage, bool from_client, struct span line);
	void *arg;
};

/* Borrowed while probe_run() runs. */
struct probe_target {
	const char *service; /* "smtp", "imap", "pop" */
	const char *account;
	const char *user; /* who logs in */
	const char *host;
	uint16_t port; /* 0: the service's usual one */
	enum probe_tls tls;
	const char *mechanism; /* NULL: whichever libsasl2 prefers of what the server offers */
	const char *identity;  /* whose token it is; NULL: not known */
	struct span token;     /* only so that a server that repeats it is not repeated */
	bool by_token;	       /* log in with that token, which the daemon does not serve yet */
	int64_t timeout_s;     /* for all of it; 0, or more than 60: 60 */
	const char *send_from; /* smtp: a message is sent; NULL: none */
	const char *send_to;
};

struct probe_result {
	enum probe_class class;
	struct err err;	       /* what happened and what it means, after the subject */
	struct buffer said;    /* the server's last words, as they came; the caller releases */
	const char *meaning;   /* of the diagnosis; NULL: none. Constant */
	const char *remedy;    /* NULL: none. Constant */
	const char *causes;    /* one a line, the likeliest first; NULL: none. Constant */
	const char *steps;     /* one a line; NULL: none. Constant */
	const char *diagnosis; /* its name; NULL: none. Constant */
};

/* Once, before the first probe: libsasl2 reads its plugins. socket: mailoauthd's, for the plugin.
 * OUTCOME_CONFIG: err says what is missing. */
enum outcome probe_init(const char *socket, struct err *err);
void probe_done(void);

void probe_run(const struct probe_target *target, const struct probe_watch *watch,
	       struct probe_result *result);

/* Port and way of TLS that probe_run() will take. */
uint16_t probe_port(const struct probe_target *target);
enum probe_tls probe_tls_of(const struct probe_target *target);

#endif
