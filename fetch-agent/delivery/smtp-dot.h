/* SPDX-License-Identifier: MIT */
/*
 * smtp-dot.h - a message as it goes over the wire after DATA (RFC 5321 4.5.2).
 *
 * Every line ends in CRLF (a bare LF becomes one: RFC 5321 2.3.8 forbids it, and to some listeners
 * "LF . LF" ends the message), a dot at the start of a line is doubled, a line that has no end gets
 * one. A bare CR stays: it belongs to the text. The bytes may be cut anywhere.
 */
#ifndef FETCH_AGENT_DELIVERY_SMTP_DOT_H
#define FETCH_AGENT_DELIVERY_SMTP_DOT_H

#include <event2/buffer.h>
#include <stdbool.h>

#include "common/buffer.h"

struct smtp_dot {
	bool in_line;	/* the line has a byte already */
	bool cr;	/* the last byte was a CR */
	bool eight_bit; /* a byte above 127 has been seen */
};

#define SMTP_DOT_INIT                                                                              \
	{                                                                                          \
		0                                                                                  \
	}

void smtp_dot_feed(struct smtp_dot *dot, struct span bytes, struct evbuffer *out);
/* The end of the message, with the line that says so. */
void smtp_dot_end(struct smtp_dot *dot, struct evbuffer *out);

#endif
