/* SPDX-License-Identifier: MIT */
/*
 * imap-encode.h - from values to the bytes of a command: strings, mailbox names, sets of UIDs.
 *
 * Exact in what is sent. What a string needs is decided here: bare, quoted, or a literal; after a
 * literal that the server has to agree to, the sender stops: see waits.
 */
#ifndef FETCH_AGENT_IMAP_IMAP_ENCODE_H
#define FETCH_AGENT_IMAP_IMAP_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "fetch-agent/imap/imap-utf7.h"

#define IMAP_WAITS_MAX	       8    /* literals in one command */
#define IMAP_LITERAL_MINUS_MAX 4096 /* RFC 7888 5 */
#define IMAP_QUOTED_MAX	       1000 /* longer strings are literals: old servers have short lines */

enum imap_literals {
	IMAP_LITERALS_SYNC,  /* wait for "+" before each */
	IMAP_LITERALS_MINUS, /* LITERAL-: up to 4096 bytes without waiting */
	IMAP_LITERALS_PLUS,  /* LITERAL+ */
};

/* A command in the making. The buffer is the caller's and has the ceiling. */
struct imap_encoder {
	struct buffer *out;
	enum imap_literals literals;
	bool utf8; /* UTF8=ACCEPT was enabled: 8-bit in quoted strings, mailbox names in UTF-8 */
	size_t wait_count;
	size_t waits[IMAP_WAITS_MAX]; /* send out up to here, get "+", go on */
};

/* All false when the buffer or waits are full, or the value cannot be said in IMAP (a NUL). */
bool imap_encode_astring(struct imap_encoder *enc, struct span value); /* quoted or a literal where
									  it must be */

/* name: UTF-8. INBOX in any case is sent as INBOX. False too when it is not UTF-8. */
bool imap_encode_mailbox(struct imap_encoder *enc, struct span name);

/*
 * Sets: "1:5,7,9:12". out is at every moment a complete set, so there is no finish. Numbers that
 * follow each other join; nothing is sorted.
 */
struct imap_set_builder {
	struct buffer *out;
	size_t max_bytes; /* of the set itself */
	size_t start;	  /* where the set begins in out */
	size_t tail;	  /* where its last range begins */
	uint32_t first, last;
	bool empty;
};

/* Starts a set behind what out holds already. */
void imap_set_begin(struct imap_set_builder *set, struct buffer *out, size_t max_bytes);

/* False, and the set as it was, when it would pass max_bytes or uid is 0: send it, begin anew. */
bool imap_set_add(struct imap_set_builder *set, uint32_t uid);
bool imap_set_add_range(struct imap_set_builder *set, uint32_t first, uint32_t last);

#endif
