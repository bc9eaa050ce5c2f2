/* SPDX-License-Identifier: MIT */
/*
 * smtp-reply.h - what an SMTP or LMTP listener answers: bytes to replies, and what a reply says.
 *
 * Pure and incremental; bounded in every dimension. Liberal (RFC 5321 4.2): a line may end in LF
 * alone, text may be missing. A reply whose lines disagree about the code is no reply: it cannot be
 * told whether the message was accepted.
 */
#ifndef FETCH_AGENT_DELIVERY_SMTP_REPLY_H
#define FETCH_AGENT_DELIVERY_SMTP_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/outcome.h"

#define SMTP_REPLY_LINE_MAX  4096 /* RFC 5321 4.5.3.1.5 has 512 */
#define SMTP_REPLY_LINES_MAX 128
#define SMTP_REPLY_TEXT_MAX  4096 /* kept of all lines together; the rest is passed over */
#define SMTP_STATUS_MAX	     16

struct smtp_reply {
	int code;		      /* 200 to 599 */
	char status[SMTP_STATUS_MAX]; /* "5.1.1" (RFC 3463), of code's class; "": none */
	struct buffer text;	      /* without codes; lines parted by '\n' */
};

enum smtp_parse {
	SMTP_PARSE_MORE, /* all is consumed */
	SMTP_PARSE_REPLY,
	SMTP_PARSE_MALFORMED, /* nothing more can be read from this listener */
};

struct smtp_reply_reader {
	struct buffer line;	 /* what has come of one */
	struct smtp_reply reply; /* in the making, or whole until the next feed */
	size_t lines;
	bool whole;
};

void smtp_reply_reader_init(struct smtp_reply_reader *reader);
void smtp_reply_reader_release(struct smtp_reply_reader *reader);

/*
 * Takes bytes up to the end of one reply; they may be cut anywhere. SMTP_PARSE_REPLY:
 * reader->reply is it, until the next call. SMTP_PARSE_MALFORMED: err has the line.
 */
enum smtp_parse smtp_reply_feed(struct smtp_reply_reader *reader, struct span bytes,
				size_t *consumed_out, struct err *err);

bool smtp_reply_is_good(const struct smtp_reply *reply);      /* 2yz */
bool smtp_reply_is_temporary(const struct smtp_reply *reply); /* 4yz */

/* "550 5.1.1 No such user here": code, status and all lines in one, for people. Replaces words. */
void smtp_reply_words(const struct smtp_reply *reply, struct buffer *words);

/* What the answer to EHLO or LHLO offers. */
struct smtp_capability {
	bool pipelining, eight_bit, utf8;
	bool size;
	uint64_t size_bytes; /* 0: no limit is said */
};

struct smtp_capability smtp_capability_parse(const struct smtp_reply *reply);

#endif
