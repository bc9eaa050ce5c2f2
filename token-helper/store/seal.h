/* SPDX-License-Identifier: MIT */
/*
 * seal.h - grants encrypted at rest: AES-256-GCM under keys that somebody else keeps.
 *
 * A sealed file is a line of text and then bytes:
 *
 *     mailoauth-sealed 1 KEYID LEN\n  nonce (12)  ciphertext (LEN)  tag (16)
 *
 * The line and the account's name are authenticated with it, so that no file can pass for another
 * account's, another key's or another version's. KEYID is derived from the key by a hash and tells
 * which key to look for; the first key of a list seals, all of them open: that is how a key is
 * rotated. Every write draws a new random nonce (SP 800-38D 8.2.2: good for 2^32 writes with a
 * key).
 */
#ifndef TOKEN_HELPER_STORE_SEAL_H
#define TOKEN_HELPER_STORE_SEAL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buffer.h"
#include "common/outcome.h"

#define SEAL_KEY_ID_MAX 17 /* with the NUL */
#define SEAL_OVERHEAD	96 /* a sealed text is longer than the plain one by no more than that */

struct seal_keys; /* at least one key; wiped when freed */

struct seal_keys *seal_keys_new(void);
void seal_keys_free(struct seal_keys *keys); /* NULL is fine */

/*
 * Adds a key: 64 hexadecimal digits, as `openssl rand -hex 32` prints them. OUTCOME_CONFIG for
 * anything else, for a key that is there already, and past 16 keys; err does not repeat it.
 */
enum outcome seal_keys_add(struct seal_keys *keys, struct span hex, struct err *err);
size_t seal_keys_count(const struct seal_keys *keys);		      /* NULL: 0 */
const char *seal_keys_id(const struct seal_keys *keys, size_t index); /* borrows */

/* Does it begin as a sealed text of any version? */
bool seal_is_sealed(struct span bytes);

/* Bytes from the start of a sealed text to its end, though more may follow (a reservation's zeros)
 * or not all be there; 0: its first line is no such line. */
size_t seal_length(struct span bytes);

/* Replaces *sealed_out (whose ceiling applies). OUTCOME_RETRY: no random numbers; NOMEM. */
enum outcome seal_text(const struct seal_keys *keys, const char *account, struct span plain,
		       struct buffer *sealed_out, struct err *err);

/*
 * Replaces *plain_out (secret). OUTCOME_CONFIG: no key of that id (keys may be NULL: none at all),
 * another version, damaged, or another account's; err says which, *plain_out is then empty.
 */
enum outcome seal_open(const struct seal_keys *keys, const char *account, struct span sealed,
		       struct buffer *plain_out, struct err *err);

#endif
