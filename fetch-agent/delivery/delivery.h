/* SPDX-License-Identifier: MIT */
/*
 * delivery.h - the one seam for all destinations: Maildir, LMTP, SMTP, MDA.
 *
 * Messages come one after the other, as the wire brings them: begin, write..., then end or drop.
 * Verdicts on ended messages come in any order, perhaps much later. A Maildir is staged: its
 * verdict says that the message is written, and ledger.h makes it durable and visible with others.
 * With the rest a verdict of DELIVERY_DONE says that the message is somebody else's now.
 *
 * A method is one file that ends in one table; delivery.c has the list of them.
 */
#ifndef FETCH_AGENT_DELIVERY_DELIVERY_H
#define FETCH_AGENT_DELIVERY_DELIVERY_H

#include <event2/dns.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/config.h"
#include "common/outcome.h"
#include "fetch-agent/delivery/maildir.h"

struct delivery_method;
struct envelope_place;
struct spawner;

/* What a [fetch] section says of its destination, checked. Zeroed is empty. */
struct delivery_config {
	const struct delivery_method *method;
	char *text;	   /* as written: lmtp:unix:/run/dovecot/lmtp */
	char *path;	   /* Maildir, Unix socket, or the MDA's program; absolute */
	char *host;	   /* LMTP, SMTP over TCP; NULL: path is a socket */
	uint16_t port;	   /* with host */
	struct words args; /* MDA: its arguments, placeholders unexpanded */
	char *mda_user;	   /* NULL: who we are */
	bool crlf;	   /* Maildir, MDA: the server's line ends; else LF */
	int64_t parallel;  /* deliveries under way at once; at least 1 */
	int64_t timeout_s; /* longest silence of the destination */
};

/*
 * Reads `deliver`'s value into *config (method, text, path, host, port, args); parallel and
 * timeout_s get their defaults where they are 0. OUTCOME_CONFIG: err says what would be right;
 * *config is to be released all the same.
 */
enum outcome delivery_config_parse(const char *text, struct delivery_config *config,
				   struct err *err);
void delivery_config_release(struct delivery_config *config);

/* Is the destination there, and may we use it, as far as the file system tells? Nothing is changed.
 * OUTCOME_CONFIG: err says what is missing. */
enum outcome delivery_check(const struct delivery_config *config, struct err *err);

/* The directory in which this process makes, renames and removes files for config; NULL: none, as
 * somebody else writes. Gives. */
char *delivery_directory(const struct delivery_config *config);

/* Are there recipients to be named? */
bool delivery_needs_recipient(const struct delivery_config *config);

/* Who the message is from and for. recipients is empty for a Maildir. */
struct delivery_envelope {
	const char *sender; /* "" is the null reverse-path */
	const struct words *recipients;
};

/* Borrowed during delivery_begin(). */
struct delivery_facts {
	uint32_t uid; /* 0: the server has not said it yet */
	uint32_t seq;
	uint64_t size_bytes; /* of the message as the server sends it; exact */
	const struct maildir_origin *origin;
	const struct delivery_envelope *envelope;
	const struct envelope_place *place; /* NULL: not known */
};

enum delivery_kind {
	DELIVERY_DONE,
	DELIVERY_LATER,	  /* this message not now: 4xx, EX_TEMPFAIL */
	DELIVERY_REFUSED, /* this message never: 5xx, EX_DATAERR, ... */
	DELIVERY_DOWN,	  /* no message now: cannot connect, disk full. Nothing more is accepted */
};

/* One recipient who does not get the message. */
struct delivery_refusal {
	const char *recipient;
	const char *status; /* "5.1.1" (RFC 3463); "": the destination gave none */
	const char *words;  /* the destination's: "550 5.1.1 No such user" */
};

struct delivery_verdict {
	enum delivery_kind kind;
	enum outcome outcome; /* of what is not DELIVERY_DONE: retry, config, ... */
	struct err err;	      /* names the destination, and has its words */
	/* LMTP, SMTP: who does not get it; borrowed during the call. With DELIVERY_REFUSED the
	 * recipients that are not among them have it. */
	const struct delivery_refusal *refusals;
	size_t refusal_count;
};

struct delivery_handler {
	/*
	 * uid: of the message; 0 with DELIVERY_DOWN that belongs to none. With DELIVERY_DOWN every
	 * ended message without a verdict has got one (DELIVERY_LATER or DELIVERY_DOWN) before.
	 * May be called from within delivery_end(), never from begin or write.
	 */
	void (*verdict)(void *ctx, uint32_t uid, const struct delivery_verdict *verdict);
	/* After a write that said "full": there is room again. Never from within write. */
	void (*room)(void *ctx);
	void *ctx;
};

/* What deliveries of all sources share; borrowed until the last is closed. */
struct delivery_world {
	struct event_base *base;
	struct evdns_base *dns;
	struct spawner *spawner; /* NULL: no source has an MDA */
};

struct delivery;

/*
 * Opens config's destination. Connecting, if it needs any, is put off to the first message; a
 * failure of that is DELIVERY_DOWN. config and world are borrowed until closed. err names the
 * destination. handler is copied.
 */
enum outcome delivery_open(const struct delivery_config *config, const struct delivery_world *world,
			   const struct delivery_handler *handler, struct delivery **out,
			   struct err *err);
/* Drops what is under way: no verdict comes after this. NULL is nothing. */
void delivery_close(struct delivery *delivery);

/* Failures are kept and told by the verdict: the rest of the message is passed over. */
void delivery_begin(struct delivery *delivery, const struct delivery_facts *facts);
/* All of bytes is taken. False: full; stop the source until room(). CRLF ends lines. */
bool delivery_write(struct delivery *delivery, struct span bytes);
/* The message is whole, and uid is its UID. One verdict follows. */
void delivery_end(struct delivery *delivery, uint32_t uid);
/* The message is not whole, or not wanted: nothing of it is delivered. No verdict follows. Without
 * a message begun it does nothing. */
void delivery_drop(struct delivery *delivery);

/* The Maildir, for the second half of its deliveries; NULL for other methods. */
struct maildir *delivery_maildir(const struct delivery *delivery);

/* For the methods themselves ------------------------------------------------------------------- */

/* Each method's own struct begins with this; open sets method, config, world and handler. */
struct delivery {
	const struct delivery_method *method;
	const struct delivery_config *config;
	struct delivery_world world;
	struct delivery_handler handler;
};

struct delivery_method {
	const char *scheme; /* "lmtp" */
	const char *form;   /* for messages and --help: "lmtp:unix:/PATH or lmtp:HOST:PORT" */
	bool staged;	    /* see maildir.h */
	bool spawned; /* path is a program, which the spawner runs, as mda_user if that is set */
	bool adds_return_path; /* whoever takes the message does (RFC 5321 4.4) */
	int64_t parallel;      /* unless the section says otherwise; 0: one */
	/* rest: what follows "scheme:". */
	enum outcome (*parse)(const char *rest, struct delivery_config *config, struct err *err);
	/* As the functions above that have these names. NULL: there is nothing to look at; this
	 * process, which is confined, writes nowhere; no recipient is needed. */
	enum outcome (*check)(const struct delivery_config *config, struct err *err);
	char *(*directory)(const struct delivery_config *config);
	bool (*needs_recipient)(const struct delivery_config *config);
	enum outcome (*open)(const struct delivery_config *config, struct delivery **out,
			     struct err *err);
	void (*close)(struct delivery *delivery);
	void (*begin)(struct delivery *delivery, const struct delivery_facts *facts);
	bool (*write)(struct delivery *delivery, struct span bytes);
	void (*end)(struct delivery *delivery, uint32_t uid);
	void (*drop)(struct delivery *delivery);
};

/* For check: mode as access(2)'s. */
enum outcome delivery_check_path(const struct delivery_config *config, const char *path, int mode,
				 struct err *err);

extern const struct delivery_method delivery_lmtp_method;
extern const struct delivery_method delivery_smtp_method;
extern const struct delivery_method delivery_maildir_method;
extern const struct delivery_method delivery_mda_method;

#endif
