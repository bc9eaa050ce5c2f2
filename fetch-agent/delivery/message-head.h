/* SPDX-License-Identifier: MIT */
/*
 * message-head.h - the header of a message on its way: held back until it is whole, because
 * envelope and identity stand in it.
 *
 * Bounded: a header longer than MESSAGE_HEAD_MAX is taken to end there. Bytes, not a string: NULs,
 * bare LFs and garbage are passed on as they are.
 */
#ifndef FETCH_AGENT_DELIVERY_MESSAGE_HEAD_H
#define FETCH_AGENT_DELIVERY_MESSAGE_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buffer.h"

#define MESSAGE_HEAD_MAX 65536

struct message_head {
	struct buffer bytes; /* with the empty line that ends it, if it has come */
	bool whole;	     /* nothing more is taken */
};

void message_head_init(struct message_head *head);
void message_head_clear(struct message_head *head); /* for the next message; keeps its memory */
void message_head_release(struct message_head *head);

/*
 * Takes what belongs to the header from the front of *bytes and moves *bytes behind it. True: the
 * header is whole, what is left in *bytes is the body. A line ends in LF, with or without CR. The
 * bytes may be cut anywhere.
 */
bool message_head_feed(struct message_head *head, struct span *bytes);
/* The message ends: what has come is the header. */
void message_head_end(struct message_head *head);

/* One field, RFC 5322 2.2: spans borrow from the head. */
struct message_field {
	struct span name;
	struct span value; /* unparsed: folds and line ends inside are still there */
	struct span whole; /* name to the last line end: what to leave out when it is removed */
};

/* Walks the fields in order: *at is 0 at first. False at the end. A line that is no field is passed
 * over (mbox's "From " among them). */
bool message_head_next(const struct message_head *head, size_t *at,
		       struct message_field *field_out);
/* The first field of that name (any case) at or behind *at; moves *at behind it. */
bool message_head_find(const struct message_head *head, const char *name, size_t *at,
		       struct message_field *field_out);

#endif
