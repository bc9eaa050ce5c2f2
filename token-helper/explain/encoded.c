/* SPDX-License-Identifier: MIT */
/* encoded.c - see encoded.h. */
#include "token-helper/explain/encoded.h"

#include <ctype.h>
#include <json.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base64.h"
#include "token-helper/explain/redact.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

#define WORD_MIN    12
#define DECODED_MAX 49152
#define JSON_MAX    4096

/* What a mechanism sends, by how it begins. All of it but the prompts has a secret in it. */
static const struct {
	const char *begin;
	size_t len;
	const char *words;
} logins[] = {
	{"user=", 5, "a login of XOAUTH2, with its token; "},
	{"n,", 2, "a login of OAUTHBEARER, with its token; "},
	{"\0", 1, "a login of PLAIN, with its password; "},
	{"Username:", 9, "the prompt of LOGIN; "},
	{"Password:", 9, "the prompt of LOGIN; "},
	{"User Name", 9, "the prompt of LOGIN; "},
};

static bool is_base64_byte(char c)
{
	return isalnum((unsigned char)c) || c == '+' || c == '/' || c == '=';
}

static size_t base64_length(struct span text)
{
	size_t len = 0;

	while (len < text.len && is_base64_byte(text.ptr[len]))
		len++;
	return len;
}

/* Challenges ----------------------------------------------------------------------------------- */

static void copy_words(struct span value, char *out)
{
	struct buffer clean = BUFFER_INIT(ENCODED_WORDS_MAX - 1);

	redact_append(&clean, value);
	(void)snprintf(out, ENCODED_WORDS_MAX, "%s", buffer_cstr(&clean));
	buffer_release(&clean);
}

static void copy_member(struct json_object *object, const char *key, char *out)
{
	struct span value;
	int64_t number;
	char digits[24];

	if (json_get_string(object, key, &value)) {
		copy_words(value, out);
	} else if (json_get_int(object, key, &number)) {
		(void)snprintf(digits, sizeof(digits), "%lld", (long long)number);
		copy_words(span_from_str(digits), out);
	}
}

static bool read_challenge(struct span text, struct challenge_words *challenge)
{
	struct challenge_words found = {.status = "", .found = true};
	const char *why = "";
	struct json_object *object = json_read(text, JSON_MAX, &why);

	if (object == NULL)
		return false;
	copy_member(object, "status", found.status);
	copy_member(object, "scope", found.scope);
	copy_member(object, "schemes", found.schemes);
	copy_member(object, "openid-configuration", found.configuration);
	json_release(object);
	if (found.status[0] != '\0')
		*challenge = found;
	return found.status[0] != '\0';
}

static void add_challenge(struct span text, struct buffer *words, struct challenge_words *challenge)
{
	if (read_challenge(text, challenge))
		(void)buffer_printf(words, "{\"status\":\"%s\"}; ", challenge->status);
}

/* Logins --------------------------------------------------------------------------------------- */

/* PLAIN, RFC 4616: [authzid] NUL authcid NUL passwd. */
static bool is_plain(struct span text)
{
	size_t nuls = 0, last = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '\0')
			continue;
		if (nuls == 1 && i == last + 1)
			return false;
		last = i;
		nuls++;
	}
	return nuls == 2 && last + 1 < text.len;
}

static bool is_login(size_t i, struct span text)
{
	if (text.len < logins[i].len || memcmp(text.ptr, logins[i].begin, logins[i].len) != 0)
		return false;
	if (logins[i].begin[0] == '\0')
		return is_plain(text);
	if (logins[i].begin[0] == 'U' || logins[i].begin[0] == 'P')
		return true;
	return memchr(text.ptr, '\1', text.len) != NULL;
}

static void add_decoded(struct span text, struct buffer *words, struct challenge_words *challenge)
{
	if (text.len > 0 && text.ptr[0] == '{') {
		add_challenge(text, words, challenge);
		return;
	}
	for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
		if (is_login(i, text)) {
			(void)buffer_append_str(words, logins[i].words);
			return;
		}
	}
}

/* The first letters of base64 for '{', "user=", "n,", NUL and the prompts: most words are none. */
static bool may_be_ours(struct span word)
{
	static const char *const begins[] = {"ey", "ew", "dXNlc", "biw", "bix", "A", "VX", "UG"};

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
		size_t len = strlen(begins[i]);

		if (word.len >= len && memcmp(word.ptr, begins[i], len) == 0)
			return word.len >= WORD_MIN && word.len % 4 == 0;
	}
	return false;
}

/* Tokens as they are: JSON Web Tokens, Google's. */
static bool is_bare_token(struct span rest, size_t len)
{
	static const char google[] = "ya29.";

	if (rest.len > 32 && memcmp(rest.ptr, google, sizeof(google) - 1) == 0)
		return true;
	return len >= 16 && memcmp(rest.ptr, "eyJ", 3) == 0 && len < rest.len &&
	       rest.ptr[len] == '.' && rest.len - len > 4 && memcmp(rest.ptr + len, ".eyJ", 4) == 0;
}

static void add_word(struct span line, struct span word, struct buffer *words,
		     struct challenge_words *challenge)
{
	struct span rest = {word.ptr, (size_t)(line.ptr + line.len - word.ptr)};
	struct buffer decoded = BUFFER_INIT_SECRET(DECODED_MAX);

	if (is_bare_token(rest, word.len))
		(void)buffer_append_str(words, "an access token as it is; ");
	else if (may_be_ours(word) && base64_decode(&decoded, word))
		add_decoded(buffer_span(&decoded), words, challenge);
	buffer_release(&decoded);
}

/* A challenge that somebody has decoded already. */
static void add_json(struct span line, struct buffer *words, struct challenge_words *challenge)
{
	const char *open = memchr(line.ptr, '{', line.len), *close;

	if (open == NULL)
		return;
	close = memrchr(open, '}', (size_t)(line.ptr + line.len - open));
	if (close != NULL)
		add_challenge((struct span){open, (size_t)(close + 1 - open)}, words, challenge);
}

void encoded_find(struct span line, struct buffer *words, struct challenge_words *challenge)
{
	*challenge = (struct challenge_words){.found = false};
	add_json(line, words, challenge);
	for (size_t i = 0; i < line.len;) {
		size_t len = base64_length((struct span){line.ptr + i, line.len - i});

		if (len > 0)
			add_word(line, (struct span){line.ptr + i, len}, words, challenge);
		i += len > 0 ? len : 1;
	}
}
