/* SPDX-License-Identifier: MIT */
/* fernet.c - see fernet.h. */
#include "token-helper/import/fernet.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "common/banned.h"

#define TEXT_MAX   65536
#define HEAD_BYTES 25 /* version, time, IV */
#define IV_AT	   9
#define BLOCK	   16
#define MAC_BYTES  32

/* Base64 with either alphabet; out->len is right after it. */
static bool decode(struct span text, struct buffer *out)
{
	struct buffer copy = BUFFER_INIT_SECRET(TEXT_MAX + 4);
	unsigned char *bytes;
	size_t padding = 0;
	int got = -1;

	while (text.len > 0 && text.ptr[text.len - 1] == '=')
		text.len--;
	for (size_t i = 0; i < text.len; i++)
		(void)buffer_append_byte(&copy, text.ptr[i] == '-'   ? '+'
						: text.ptr[i] == '_' ? '/'
								     : text.ptr[i]);
	for (; copy.len % 4 != 0 && padding < 3; padding++)
		(void)buffer_append_byte(&copy, '=');
	bytes = OPENSSL_malloc(copy.len + 1);
	if (bytes != NULL && buffer_ok(&copy) && copy.len > 0 && padding < 3)
		got = EVP_DecodeBlock(bytes, (const unsigned char *)copy.data, (int)copy.len);
	if (got > (int)padding)
		(void)buffer_append(out, bytes, (size_t)got - padding);
	OPENSSL_clear_free(bytes, copy.len + 1);
	buffer_release(&copy);
	return got > (int)padding && buffer_ok(out);
}

bool fernet_derive(struct span password, struct span salt, uint64_t iterations,
		   unsigned char key[FERNET_KEY_BYTES])
{
	struct buffer bytes = BUFFER_INIT(TEXT_MAX);
	bool done = salt.len <= TEXT_MAX && iterations > 0 && iterations <= FERNET_ITERATIONS_MAX &&
		    decode(salt, &bytes) &&
		    PKCS5_PBKDF2_HMAC(password.ptr, (int)password.len,
				      (const unsigned char *)bytes.data, (int)bytes.len,
				      (int)iterations, EVP_sha256(), FERNET_KEY_BYTES, key) == 1;

	buffer_release(&bytes);
	return done;
}

static bool is_genuine(const unsigned char *key, const unsigned char *bytes, size_t len)
{
	unsigned char mac[MAC_BYTES];
	unsigned int got = sizeof(mac);

	return HMAC(EVP_sha256(), key, FERNET_KEY_BYTES / 2, bytes, len - MAC_BYTES, mac, &got) !=
		       NULL &&
	       got == sizeof(mac) && CRYPTO_memcmp(mac, bytes + len - MAC_BYTES, sizeof(mac)) == 0;
}

static bool decrypt(const unsigned char *key, const unsigned char *bytes, size_t len,
		    struct buffer *out)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	size_t sealed = len - HEAD_BYTES - MAC_BYTES;
	unsigned char *plain = OPENSSL_malloc(sealed + BLOCK);
	int first = 0, rest = 0;
	bool done =
		context != NULL && plain != NULL &&
		EVP_DecryptInit_ex(context, EVP_aes_128_cbc(), NULL, key + FERNET_KEY_BYTES / 2,
				   bytes + IV_AT) == 1 &&
		EVP_DecryptUpdate(context, plain, &first, bytes + HEAD_BYTES, (int)sealed) == 1 &&
		EVP_DecryptFinal_ex(context, plain + first, &rest) == 1;

	if (done)
		done = buffer_append(out, plain, (size_t)(first + rest));
	OPENSSL_clear_free(plain, sealed + BLOCK);
	EVP_CIPHER_CTX_free(context);
	return done;
}

bool fernet_open(const unsigned char key[FERNET_KEY_BYTES], struct span text, struct buffer *out)
{
	struct buffer bytes = BUFFER_INIT_SECRET(TEXT_MAX);
	bool done = text.len <= TEXT_MAX && decode(text, &bytes) &&
		    bytes.len >= HEAD_BYTES + BLOCK + MAC_BYTES &&
		    (bytes.len - HEAD_BYTES - MAC_BYTES) % BLOCK == 0 &&
		    (unsigned char)bytes.data[0] == 0x80;

	done = done && is_genuine(key, (const unsigned char *)bytes.data, bytes.len) &&
	       decrypt(key, (const unsigned char *)bytes.data, bytes.len, out);
	buffer_release(&bytes);
	return done;
}
