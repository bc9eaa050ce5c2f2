/* SPDX-License-Identifier: MIT */
/*
 * imap-parser.h - from a server's bytes to typed IMAP responses.
 *
 * A pure function of the bytes fed so far: the same stream gives the same responses however it is
 * cut. One response is collected in a bounded buffer and delivered whole; the text of messages is
 * not collected: literals of BODY[...], BINARY[...] and RFC822 pass straight from the caller's
 * bytes to the body sink. A search result longer than the buffer is delivered in pieces.
 *
 * Formats: RFC 3501 and 9051, with 4315, 4466, 4731, 5161, 5530, 6154, 7162, 7888, 8474.
 * Liberal in what is read: bare LF, lower case, extra spaces, responses and items nobody asked for.
 */
#ifndef FETCH_AGENT_IMAP_IMAP_PARSER_H
#define FETCH_AGENT_IMAP_IMAP_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/outcome.h"
#include "fetch-agent/imap/imap-response.h"

/* What one response may cost us. Breaking one is IMAP_PARSE_MALFORMED. */
struct imap_limits {
	size_t response_bytes; /* all of one response, without bodies that stream; at least 256 */
	size_t literal_bytes;  /* one literal that is not a body */
	size_t literals;       /* in one response, bodies among them */
	size_t depth;	       /* parentheses within parentheses */
	size_t items; /* flags, attributes, list members in one response; not search results */
};

/* 64 KiB, 16 KiB, 64, 16, 4096. */
extern const struct imap_limits imap_limits_default;

/* One body of a message on its way. Spans borrow, good during the call only. */
struct imap_body {
	uint32_t seq;
	uint32_t uid;	     /* 0: not known yet; then the IMAP_FETCH that follows has it */
	struct span section; /* what stands in BODY[...]: "" the message, "HEADER", "1.2" */
	bool partial;	     /* BODY[]<origin> */
	uint64_t origin;
	uint64_t size; /* exact number of bytes that follow */
	bool nil;      /* the server has none (RFC 3501: NIL), which is not an empty one */
};

/*
 * Called from within imap_parser_feed(), in the order begin, chunk..., end; a connection that
 * breaks or a response that is malformed leaves out the end. The IMAP_FETCH response that is
 * returned afterwards tells the rest. The functions may not touch the parser.
 */
struct imap_body_sink {
	void (*begin)(void *ctx, const struct imap_body *body);
	void (*chunk)(void *ctx, struct span bytes); /* never empty */
	void (*end)(void *ctx);
	void *ctx;
};

enum imap_parse {
	IMAP_PARSE_MORE,      /* all bytes consumed; no response complete */
	IMAP_PARSE_RESPONSE,  /* one response; feed the bytes that are left */
	IMAP_PARSE_MALFORMED, /* for good: give the connection up; err says what and where */
};

struct imap_parser;

/* limits NULL: the default. sink NULL: bodies are passed over. Copies both. Never NULL. */
struct imap_parser *imap_parser_new(const struct imap_limits *limits,
				    const struct imap_body_sink *sink);
void imap_parser_free(struct imap_parser *parser); /* accepts NULL */

/*
 * Mailbox names are UTF-8 from now on (after UTF8=ACCEPT or IMAP4rev2 was enabled) instead of
 * modified UTF-7.
 */
void imap_parser_set_utf8(struct imap_parser *parser, bool utf8);

/*
 * Takes bytes; *consumed_out says how many (at most bytes.len), whatever is returned.
 * *response_out is written with IMAP_PARSE_RESPONSE only. err may be NULL.
 */
enum imap_parse imap_parser_feed(struct imap_parser *parser, struct span bytes,
				 size_t *consumed_out, struct imap_response *response_out,
				 struct err *err);

/* False when the bytes so far end within a response: a connection that closes now was cut. */
bool imap_parser_is_idle(const struct imap_parser *parser);

#endif
