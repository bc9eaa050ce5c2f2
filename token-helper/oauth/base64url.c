/* SPDX-License-Identifier: MIT */
/* base64url.c - RFC 4648 section 5, without padding. See authorization.h. */
#include "token-helper/oauth/authorization.h"

#include <stdint.h>
#include <string.h>

#include "common/banned.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool base64url_encode(struct span bytes, struct buffer *out)
{
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < bytes.len; i++) {
		bits = bits << 8 | (unsigned char)bytes.ptr[i];
		for (have += 8; have >= 6; have -= 6)
			(void)buffer_append_byte(out, alphabet[bits >> (have - 6) & 63]);
	}
	if (have > 0)
		(void)buffer_append_byte(out, alphabet[bits << (6 - have) & 63]);
	return buffer_ok(out);
}

/* Strict: padding, other bytes, a length that no encoder makes and stray bits at the end are
 * malformed. */
bool base64url_decode(struct span text, struct buffer *out)
{
	uint32_t bits = 0;
	unsigned have = 0;

	if (text.len % 4 == 1)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		const char *hit = text.ptr[i] != '\0' ? strchr(alphabet, text.ptr[i]) : NULL;

		if (hit == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(hit - alphabet);
		have += 6;
		if (have >= 8) {
			have -= 8;
			(void)buffer_append_byte(out, (char)(bits >> have & 255));
		}
	}
	return (bits & ((1U << have) - 1)) == 0 && buffer_ok(out);
}
