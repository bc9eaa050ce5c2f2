/* SPDX-License-Identifier: MIT */
/*
 * imap-utf7.h - the modified UTF-7 of mailbox names (RFC 3501 5.1.3).
 *
 * Strict both ways, so that each name has one form and two names never become one. What is not
 * valid is false, and out is as it was; running into out's ceiling fails out for good. Control
 * characters are characters here: who makes a file name or a log line of a name looks for them.
 */
#ifndef FETCH_AGENT_IMAP_IMAP_UTF7_H
#define FETCH_AGENT_IMAP_IMAP_UTF7_H

#include <stdbool.h>

#include "common/buffer.h"

#define IMAP_UTF7_GROWTH 5 /* bytes of modified UTF-7 for one of UTF-8, at most: U+0001 is &AAE-   \
			    */

/* False for surrogates, overlong forms, NUL, and what is no UTF-8 otherwise. */
bool imap_utf7_encode(struct buffer *out, struct span utf8);

/*
 * False for 8-bit and control characters, an open shift, spare bits, ASCII in base64, adjacent
 * shifts, lone surrogates, NUL.
 */
bool imap_utf7_decode(struct buffer *out, struct span utf7);

#endif
