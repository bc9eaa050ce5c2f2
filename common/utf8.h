/* SPDX-License-Identifier: MIT */
/*
 * utf8.h - characters of text that others wrote, on its way to a log, a terminal or a page.
 *
 * Not every character is only shown: controls move the cursor, and bidirectional ones make a name
 * read as another. Bytes that are no UTF-8 are the caller's to replace.
 */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"

/*
 * The length of the character at the start of text and its code; 0, and *code_out untouched, when
 * there is none (RFC 3629: shortest forms, no surrogates).
 */
size_t utf8_char(struct span text, uint32_t *code_out);

/* True for what does more than show itself: C0, DEL, C1, line and paragraph separators,
 * bidirectional marks, embeddings, overrides and isolates. */
bool utf8_is_steering(uint32_t code);

#endif
