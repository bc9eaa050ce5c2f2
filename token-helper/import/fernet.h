/* SPDX-License-Identifier: MIT */
/*
 * fernet.h - the sealed texts of Python's cryptography package
 * (https://github.com/fernet/spec): AES-128-CBC, then HMAC-SHA256, in base64url.
 */
#ifndef TOKEN_HELPER_IMPORT_FERNET_H
#define TOKEN_HELPER_IMPORT_FERNET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"

#define FERNET_KEY_BYTES      32
#define FERNET_ITERATIONS_MAX 10000000

/* PBKDF2-HMAC-SHA256. salt: base64. False: it is none, or iterations out of bounds. */
bool fernet_derive(struct span password, struct span salt, uint64_t iterations,
		   unsigned char key[FERNET_KEY_BYTES]);

/* Appends what was sealed to out (secret). False: the key is another, or the text damaged: nothing
 * is appended. */
bool fernet_open(const unsigned char key[FERNET_KEY_BYTES], struct span text, struct buffer *out);

#endif
