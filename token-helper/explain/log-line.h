/* SPDX-License-Identifier: MIT */
/*
 * log-line.h - which lines of a log are about mail that this machine sends or fetches.
 *
 * Pure. A mail server's log is full of other things: strangers who guess passwords at smtpd,
 * clients of the own IMAP server. Their lines have the same words and mean nothing here.
 */
#ifndef TOKEN_HELPER_EXPLAIN_LOG_LINE_H
#define TOKEN_HELPER_EXPLAIN_LOG_LINE_H

#include "common/buffer.h"

/* False for a line of syslog that another program has written, or that says that all is well. True
 * for what is no line of syslog: words that somebody has copied. */
bool log_line_concerns(struct span line);

/* Whether it is about what fetched mail is delivered to. */
bool log_line_delivers(struct span line);

#endif
