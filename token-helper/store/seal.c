/* SPDX-License-Identifier: MIT */
/* seal.c - see seal.h. */
#include "token-helper/store/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/scanner.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define SEAL_MAGIC   "mailoauth-sealed "
#define SEAL_VERSION 1
#define KEYS_MAX     16
#define KEY_BYTES    32
#define NONCE_BYTES  12
#define TAG_BYTES    16
#define KEY_ID_BYTES 8
#define PLAIN_MAX    1048576
#define LINE_MAX_LEN 80

struct seal_key {
	unsigned char bytes[KEY_BYTES]; /* secret */
	char id[SEAL_KEY_ID_MAX];
};

struct seal_keys {
	struct seal_key key[KEYS_MAX];
	size_t count;
};

/* Keys ---------------------------------------------------------------------------------------- */

struct seal_keys *seal_keys_new(void)
{
	return xcalloc(1, sizeof(struct seal_keys));
}

void seal_keys_free(struct seal_keys *keys)
{
	if (keys == NULL)
		return;
	wipe(keys, sizeof(*keys));
	free(keys);
}

size_t seal_keys_count(const struct seal_keys *keys)
{
	return keys != NULL ? keys->count : 0;
}

const char *seal_keys_id(const struct seal_keys *keys, size_t index)
{
	return keys->key[index].id;
}

static const struct seal_key *find_key(const struct seal_keys *keys, const char *id)
{
	for (size_t i = 0; i < seal_keys_count(keys); i++) {
		if (strcmp(keys->key[i].id, id) == 0)
			return &keys->key[i];
	}
	return NULL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_key(struct span hex, unsigned char *bytes)
{
	if (hex.len != KEY_BYTES * 2)
		return false;
	for (size_t i = 0; i < KEY_BYTES; i++) {
		int high = hex_digit(hex.ptr[2 * i]);
		int low = hex_digit(hex.ptr[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

/* The label keeps the id from being the hash of the key for any other purpose. */
static bool derive_id(struct seal_key *key)
{
	static const char label[] = "mailoauth seal key id";
	unsigned char input[sizeof(label) + KEY_BYTES];
	unsigned char hash[EVP_MAX_MD_SIZE];
	bool ok;

	memcpy(input, label, sizeof(label));
	memcpy(input + sizeof(label), key->bytes, KEY_BYTES);
	ok = EVP_Digest(input, sizeof(input), hash, NULL, EVP_sha256(), NULL) == 1;
	wipe(input, sizeof(input));
	for (size_t i = 0; ok && i < KEY_ID_BYTES; i++)
		(void)snprintf(key->id + 2 * i, 3, "%02x", hash[i]);
	return ok;
}

enum outcome seal_keys_add(struct seal_keys *keys, struct span hex, struct err *err)
{
	struct seal_key key = {.id = ""};
	enum outcome what = OUTCOME_OK;

	if (keys->count == KEYS_MAX)
		what = err_set(err, OUTCOME_CONFIG, "more than %d keys", KEYS_MAX);
	else if (!read_key(hex, key.bytes))
		what = err_set(err, OUTCOME_CONFIG,
			       "is no key: 64 hexadecimal digits are, as openssl rand -hex 32 "
			       "prints them");
	else if (!derive_id(&key))
		what = err_set(err, OUTCOME_CONFIG, "this OpenSSL has no SHA-256");
	else if (find_key(keys, key.id) != NULL)
		what = err_set(err, OUTCOME_CONFIG, "is the same key (%s) again", key.id);
	else
		keys->key[keys->count++] = key;
	wipe(&key, sizeof(key));
	return what;
}

/* The line ------------------------------------------------------------------------------------ */

struct seal_line {
	uint64_t version;
	char key_id[SEAL_KEY_ID_MAX];
	uint64_t plain_len;
	size_t len; /* of the line, with its newline */
};

bool seal_is_sealed(struct span bytes)
{
	size_t len = strlen(SEAL_MAGIC);

	return bytes.len >= len && memcmp(bytes.ptr, SEAL_MAGIC, len) == 0;
}

static bool read_key_id(struct scanner *scan, char *id)
{
	for (size_t i = 0; i < KEY_ID_BYTES * 2; i++) {
		if (scanner_at_end(scan) || hex_digit(*scan->cur) < 0)
			return false;
		id[i] = *scan->cur++;
	}
	id[KEY_ID_BYTES * 2] = '\0';
	return true;
}

/* What follows the version is version 1's: of another one only the version is read. */
static bool read_line(struct span bytes, struct seal_line *line)
{
	const char *end =
		memchr(bytes.ptr, '\n', bytes.len < LINE_MAX_LEN ? bytes.len : LINE_MAX_LEN);
	struct scanner scan;

	*line = (struct seal_line){.version = 0};
	if (!seal_is_sealed(bytes) || end == NULL)
		return false;
	line->len = (size_t)(end + 1 - bytes.ptr);
	scan = scanner_over(
		(struct span){bytes.ptr + strlen(SEAL_MAGIC), line->len - 1 - strlen(SEAL_MAGIC)});
	if (!scan_u64(&scan, UINT32_MAX, &line->version) || line->version == 0)
		return false;
	return line->version != SEAL_VERSION ||
	       (scan_byte(&scan, ' ') && read_key_id(&scan, line->key_id) &&
		scan_byte(&scan, ' ') && scan_u64(&scan, PLAIN_MAX, &line->plain_len) &&
		scanner_at_end(&scan));
}

size_t seal_length(struct span bytes)
{
	struct seal_line line;

	if (!read_line(bytes, &line) || line.version != SEAL_VERSION)
		return 0;
	return line.len + NONCE_BYTES + (size_t)line.plain_len + TAG_BYTES;
}

/* Sealing ------------------------------------------------------------------------------------- */

static bool authenticate(EVP_CIPHER_CTX *ctx,
			 int (*update)(EVP_CIPHER_CTX *, unsigned char *, int *,
				       const unsigned char *, int),
			 struct span line, const char *account)
{
	int n;

	return update(ctx, NULL, &n, (const unsigned char *)line.ptr, (int)line.len) == 1 &&
	       update(ctx, NULL, &n, (const unsigned char *)account, (int)strlen(account)) == 1;
}

static bool encrypt(const struct seal_key *key, const unsigned char *nonce, struct span line,
		    const char *account, struct span plain, unsigned char *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	int last = 0;
	bool ok = ctx != NULL &&
		  EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, nonce) == 1 &&
		  authenticate(ctx, EVP_EncryptUpdate, line, account) &&
		  EVP_EncryptUpdate(ctx, out, &n, (const unsigned char *)plain.ptr,
				    (int)plain.len) == 1 &&
		  EVP_EncryptFinal_ex(ctx, out + n, &last) == 1 &&
		  EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, out + plain.len) == 1;

	EVP_CIPHER_CTX_free(ctx);
	return ok && (size_t)(n + last) == plain.len;
}

enum outcome seal_text(const struct seal_keys *keys, const char *account, struct span plain,
		       struct buffer *sealed_out, struct err *err)
{
	const struct seal_key *key = &keys->key[0];
	unsigned char nonce[NONCE_BYTES];
	unsigned char *cipher;
	struct span line;
	char text[LINE_MAX_LEN];
	enum outcome what = OUTCOME_OK;

	if (plain.len > PLAIN_MAX)
		return err_set(err, OUTCOME_NOMEM, "too large to be sealed");
	if (RAND_bytes(nonce, sizeof(nonce)) != 1)
		return err_set(err, OUTCOME_RETRY, "OpenSSL has no random numbers");
	(void)snprintf(text, sizeof(text), SEAL_MAGIC "%d %s %zu\n", SEAL_VERSION, key->id,
		       plain.len);
	line = span_from_str(text);
	cipher = xcalloc(1, plain.len + TAG_BYTES);
	if (!encrypt(key, nonce, line, account, plain, cipher))
		what = err_set(err, OUTCOME_RETRY, "OpenSSL could not seal it");
	buffer_clear(sealed_out);
	if (what == OUTCOME_OK && !(buffer_append_span(sealed_out, line) &&
				    buffer_append(sealed_out, nonce, sizeof(nonce)) &&
				    buffer_append(sealed_out, cipher, plain.len + TAG_BYTES)))
		what = err_set(err, OUTCOME_NOMEM, "too large to be sealed");
	free(cipher);
	return what;
}

/* Opening ------------------------------------------------------------------------------------- */

/* tag is const to EVP in effect, not in type. */
static bool decrypt(const struct seal_key *key, const unsigned char *nonce, struct span line,
		    const char *account, struct span cipher, unsigned char *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char tag[TAG_BYTES];
	int n = 0;
	int last = 0;
	bool ok;

	memcpy(tag, cipher.ptr + cipher.len, TAG_BYTES);
	ok = ctx != NULL &&
	     EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, nonce) == 1 &&
	     authenticate(ctx, EVP_DecryptUpdate, line, account) &&
	     EVP_DecryptUpdate(ctx, out, &n, (const unsigned char *)cipher.ptr, (int)cipher.len) ==
		     1 &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
	     EVP_DecryptFinal_ex(ctx, out + n, &last) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok && (size_t)(n + last) == cipher.len;
}

static enum outcome no_such_key(const struct seal_keys *keys, const char *id, struct err *err)
{
	struct buffer have = BUFFER_INIT(KEYS_MAX * (SEAL_KEY_ID_MAX + 1));

	for (size_t i = 0; i < seal_keys_count(keys); i++)
		(void)buffer_printf(&have, "%s%s", i > 0 ? ", " : "", keys->key[i].id);
	(void)err_set(
		err, OUTCOME_CONFIG,
		"it is sealed with the key %s, and seal_key_file in [daemon] has %s: put that "
		"key's file there too",
		id, have.len > 0 ? buffer_cstr(&have) : "none");
	buffer_release(&have);
	return OUTCOME_CONFIG;
}

/* Without a byte of unauthenticated plain text leaving. */
static enum outcome open_with(const struct seal_key *key, const struct seal_line *line,
			      const char *account, struct span sealed, struct buffer *plain_out,
			      struct err *err)
{
	struct span head = {sealed.ptr, line->len};
	const unsigned char *nonce = (const unsigned char *)sealed.ptr + line->len;
	struct span cipher = {sealed.ptr + line->len + NONCE_BYTES, (size_t)line->plain_len};
	unsigned char *plain = xcalloc(1, cipher.len + 1);
	enum outcome what = OUTCOME_OK;

	if (!decrypt(key, nonce, head, account, cipher, plain))
		what = err_set(err, OUTCOME_CONFIG,
			       "it is damaged, or another account's: the seal does not fit");
	else if (!buffer_set(plain_out, plain, cipher.len))
		what = err_set(err, OUTCOME_CONFIG, "it is too large");
	wipe(plain, cipher.len);
	free(plain);
	return what;
}

enum outcome seal_open(const struct seal_keys *keys, const char *account, struct span sealed,
		       struct buffer *plain_out, struct err *err)
{
	const struct seal_key *key;
	struct seal_line line;

	buffer_clear(plain_out);
	if (!read_line(sealed, &line))
		return err_set(err, OUTCOME_CONFIG, "it is damaged: its first line is no seal's");
	if (line.version != SEAL_VERSION)
		return err_set(err, OUTCOME_CONFIG,
			       "it was sealed by a newer mailoauth (version %u of the seal, this "
			       "program knows %d): use that one again",
			       (unsigned)line.version, SEAL_VERSION);
	if (sealed.len != seal_length(sealed))
		return err_set(err, OUTCOME_CONFIG, "it is damaged: %zu bytes where %zu should be",
			       sealed.len, seal_length(sealed));
	key = find_key(keys, line.key_id);
	if (key == NULL)
		return no_such_key(keys, line.key_id, err);
	return open_with(key, &line, account, sealed, plain_out, err);
}
