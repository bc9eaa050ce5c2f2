/* SPDX-License-Identifier: MIT */
/*
 * encoded.h - what mail protocols carry in base64, found in a line and said in words that the table
 * of diagnoses knows.
 *
 * Pure. What is decoded may be a token or a password: it is wiped, and never part of the words.
 */
#ifndef TOKEN_HELPER_EXPLAIN_ENCODED_H
#define TOKEN_HELPER_EXPLAIN_ENCODED_H

#include "common/buffer.h"

#define ENCODED_WORDS_MAX 128

/* A server's refusal, decoded (RFC 7628 3.2.2, and Google's like it). Redacted; "" for what it did
 * not say. */
struct challenge_words {
	char status[ENCODED_WORDS_MAX], scope[ENCODED_WORDS_MAX], schemes[ENCODED_WORDS_MAX];
	char configuration[ENCODED_WORDS_MAX]; /* openid-configuration, a URL */
	bool found;
};

/*
 * Appends to words what the line's base64 is, and what a challenge in plain JSON is:
 * {"status":"400"} for a challenge, which is in challenge too, and a sentence for a login.
 */
void encoded_find(struct span line, struct buffer *words, struct challenge_words *challenge);

#endif
