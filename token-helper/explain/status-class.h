/* SPDX-License-Identifier: MIT */
/*
 * status-class.h - what a status alone means, when nothing is known of the words: 4xx and 5xx, NO
 * and BAD, HTTP's, an enhanced status code.
 */
#ifndef TOKEN_HELPER_EXPLAIN_STATUS_CLASS_H
#define TOKEN_HELPER_EXPLAIN_STATUS_CLASS_H

#include "common/buffer.h"

/* Appends a line, ended, for each status in text. Nothing when there is none. */
void status_class_append(struct buffer *out, struct span text);

#endif
