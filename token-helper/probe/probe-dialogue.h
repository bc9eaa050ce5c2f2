/* SPDX-License-Identifier: MIT */
/*
 * probe-dialogue.h - what SMTP, IMAP and POP differ in: private to token-helper/probe/. Each file
 * probe-NAME.c ends in one struct dialogue.
 *
 * Every function leaves the server's last words in talk->said, verbatim. OUTCOME_OK: the server
 * agreed. Else err says what happened; when the server refused, talk->refused is set too.
 */
#ifndef TOKEN_HELPER_PROBE_PROBE_DIALOGUE_H
#define TOKEN_HELPER_PROBE_PROBE_DIALOGUE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/outcome.h"
#include "token-helper/probe/probe-wire.h"
#include "token-helper/probe/probe.h"

#define SAID_MAX    65536 /* bytes of one reply */
#define LINES_MAX   500	  /* lines of one reply */
#define OFFERED_MAX 4096

struct talk {
	struct wire *wire;
	const struct probe_target *target;
	struct buffer said;    /* the last reply, its lines separated by a space */
	struct buffer offered; /* mechanisms, separated by spaces */
	bool can_starttls, can_initial;
	bool refused; /* the server said no, as against: nothing was said that can be read */
	bool later;   /* and that it may be otherwise later (4yz) */
	unsigned tag;
	uint64_t messages; /* what the mailbox holds */
};

/* A reply to AUTH. */
enum heard {
	HEARD_CHALLENGE, /* its text is base64, or empty */
	HEARD_YES,
	HEARD_NO,
};

struct dialogue {
	const char *service;
	uint16_t port_starttls, port_implicit;
	enum probe_tls tls;
	enum outcome (*greeting)(struct talk *talk, struct err *err);
	/* Fills offered, can_starttls, can_initial anew. */
	enum outcome (*capabilities)(struct talk *talk, struct err *err);
	enum outcome (*starttls)(struct talk *talk, struct err *err);
	/* Starts AUTH, with the first message (base64) when the protocol lets it stand there:
	 * *sent_out says so. */
	enum outcome (*auth)(struct talk *talk, const char *mechanism, struct span initial,
			     bool *sent_out, struct err *err);
	/* text borrows from the wire, until the next line. */
	enum outcome (*hear)(struct talk *talk, enum heard *heard_out, struct span *text_out,
			     struct err *err);
	enum outcome (*mailbox)(struct talk *talk, struct err *err); /* NULL: none */
	enum outcome (*send)(struct talk *talk, struct err *err);    /* NULL: none */
	void (*quit)(struct talk *talk);
};

extern const struct dialogue dialogue_smtp, dialogue_imap, dialogue_pop;

/* probe-talk.c ----------------------------------------------------------------------------------
 */

void talk_forget(struct talk *talk);		     /* what was said, before a reply is read */
bool talk_keep(struct talk *talk, struct span line); /* a line of it; false: that is too much */
enum outcome talk_too_much(struct err *err);
/* The server said no: err has its words after what was asked. */
enum outcome talk_refused(struct talk *talk, const char *asked, struct err *err);
bool line_starts(struct span line, const char *text); /* in any case */
/* "AUTH MECHANISM", with the first message (base64) where the line has room for it: *sent_out. */
enum outcome talk_auth(struct talk *talk, const char *mechanism, struct span initial,
		       size_t line_max, bool *sent_out, struct err *err);
/* Words of a list, each a mechanism. */
void talk_offer(struct talk *talk, struct span words);

/* The mechanisms that both may: of talk->offered those of ours that target wants. */
void talk_common_mechanisms(const struct talk *talk, struct buffer *out);

/* probe-message.c -------------------------------------------------------------------------------
 */

/* One small message, with CRLF and the final dot. False: an address cannot stand in it. */
bool probe_message(const char *from, const char *to, const char *account, int64_t now_s,
		   const char *unique, const char *host, struct buffer *out);
bool probe_address_is_plain(const char *address);

#endif
