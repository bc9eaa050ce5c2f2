/* SPDX-License-Identifier: MIT */
/*
 * json-reader.h - JSON that somebody else wrote, read through json-c with limits.
 *
 * Texts hold tokens, and json-c frees its copies without wiping them. So a document is released
 * with json_release(), which overwrites every string first, and reading overwrites the tokener's
 * scratch memory. When an object names a member twice the last one counts (json-c's behaviour).
 */
#ifndef TOKEN_HELPER_JSON_JSON_READER_H
#define TOKEN_HELPER_JSON_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"

struct json_object;

#define JSON_DEPTH_MAX 16

/*
 * One object, white space around it, nothing else. NULL: more than max bytes, malformed, nested
 * deeper than JSON_DEPTH_MAX, or not an object; *why_out then says which (a literal). Gives.
 */
struct json_object *json_read(struct span text, size_t max, const char **why_out);
void json_release(struct json_object *object); /* wipes; NULL is fine */

/* The member when it has that type, else NULL. Borrows. */
struct json_object *json_member_array(struct json_object *object, const char *key);
struct json_object *json_member_object(struct json_object *object, const char *key);
bool json_has(struct json_object *object, const char *key);

/* A string member, which may contain NULs. False: absent or not a string; *out untouched. Borrows.
 */
bool json_get_string(struct json_object *object, const char *key, struct span *out);

/* A number, or a string that holds one, rounded towards zero and clamped to +-1e15. False: neither.
 */
bool json_get_number(struct json_object *object, const char *key, int64_t *out);

/* A whole number and nothing else. */
bool json_get_int(struct json_object *object, const char *key, int64_t *out);

/* True for `false` and for the string "false" (some servers write it so). */
bool json_is_false(struct json_object *object, const char *key);

#endif
