/* SPDX-License-Identifier: MIT */
/*
 * server-words.h - an error_description made fit for one log line. For people only: nothing is
 * decided by it.
 */
#ifndef TOKEN_HELPER_OAUTH_SERVER_WORDS_H
#define TOKEN_HELPER_OAUTH_SERVER_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buffer.h"

#define SERVER_WORDS_MAX 400 /* bytes, without the NUL */

/*
 * The first line, without Microsoft's "Trace ID: … Correlation ID: … Timestamp: …", what is no
 * UTF-8 and what steers a terminal or turns the reading direction (utf8.h) as '?', cut at a
 * character's border. Whatever looks like a token or a code (32 bytes or more in one piece, GUIDs
 * excepted) becomes "[removed]": servers have been seen to repeat what they refuse.
 */
void server_words(struct span description, char words[SERVER_WORDS_MAX + 1]);

/* Nothing in it that server_words() would make a '?' of. */
bool words_are_plain(struct span text);

/* Microsoft's correlation id from that tail; "" when there is none. */
void server_words_correlation(struct span description, char *id, size_t size);

#endif
