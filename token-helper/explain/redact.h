/* SPDX-License-Identifier: MIT */
/*
 * redact.h - a line of somebody's log made fit to be shown: no token, code, secret or password.
 *
 * Pure. It removes too much rather than too little: all that a well-known word or mechanism calls a
 * secret, and every piece with 32 bytes or more in one run, GUIDs and names of exceptions excepted.
 */
#ifndef TOKEN_HELPER_EXPLAIN_REDACT_H
#define TOKEN_HELPER_EXPLAIN_REDACT_H

#include "common/buffer.h"

/* Appends; what would steer a terminal is '?'. out may have failed afterwards: then it was full. */
void redact_append(struct buffer *out, struct span line);

#endif
