/* SPDX-License-Identifier: MIT */
/* base64.c - see base64.h. OpenSSL codes block by block, so that nothing is allocated. */
#include "common/base64.h"

#include <openssl/evp.h>

#include "common/banned.h"

#define PLAIN 48 /* bytes a block, a multiple of 3 */
#define CODED 64

bool base64_encode(struct buffer *out, struct span bytes)
{
	unsigned char block[CODED + 1];

	while (bytes.len > 0) {
		size_t take = bytes.len < PLAIN ? bytes.len : PLAIN;
		int len = EVP_EncodeBlock(block, (const unsigned char *)bytes.ptr, (int)take);

		(void)buffer_append(out, block, (size_t)len);
		bytes.ptr += take;
		bytes.len -= take;
	}
	wipe(block, sizeof(block));
	return buffer_ok(out);
}

/* How many = end text. */
static size_t padding(struct span text)
{
	size_t count = 0;

	while (count < 2 && count < text.len && text.ptr[text.len - 1 - count] == '=')
		count++;
	return count;
}

bool base64_decode(struct buffer *out, struct span text)
{
	unsigned char block[PLAIN + 1];

	if (text.len % 4 != 0)
		return false;
	while (text.len > 0) {
		size_t take = text.len < CODED ? text.len : CODED;
		size_t pad = take == text.len ? padding(text) : 0;
		int len = EVP_DecodeBlock(block, (const unsigned char *)text.ptr, (int)take);

		if (len < (int)pad || !buffer_append(out, block, (size_t)len - pad))
			return false;
		text.ptr += take;
		text.len -= take;
	}
	wipe(block, sizeof(block));
	return true;
}
