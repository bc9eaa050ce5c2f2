/* SPDX-License-Identifier: MIT */
/*
 * import-pizauth.c - pizauth.conf, and what `pizauth dump` writes.
 *
 * A dump is enciphered with a key that stands in pizauth's source: so that grep does not find
 * tokens, not to protect them. Inside is Rust's bincode of version 1 of its structures; another
 * version of pizauth may write another form, which is then said and nothing is taken.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/scanner.h"
#include "common/xalloc.h"
#include "token-helper/import/token-import.h"

#include "common/banned.h"

#define NONCE_BYTES  12
#define TAG_BYTES    16
#define DUMP_VERSION 1
#define ITEMS_MAX    1024 /* of a list, of accounts */

/* pizauth's CHACHA20_KEY. */
static const unsigned char dump_key[32] = {
	0x66, 0xa2, 0x47, 0xa8, 0x5e, 0x48, 0xcf, 0xec, 0xaa, 0xed, 0x9b,
	0x36, 0xeb, 0xa9, 0x7d, 0x53, 0x50, 0xd4, 0x28, 0x63, 0x75, 0x09,
	0x7a, 0x44, 0xee, 0xff, 0xb9, 0xc4, 0x54, 0x6b, 0x65, 0xa3,
};

/* The dump --------------------------------------------------------------------------------------
 */

static bool decipher(struct span bytes, struct buffer *out)
{
	const unsigned char *in = (const unsigned char *)bytes.ptr;
	EVP_CIPHER_CTX *context;
	unsigned char tag[TAG_BYTES];
	unsigned char *plain;
	size_t len;
	int first = 0, rest = 0;
	bool done;

	if (bytes.len < NONCE_BYTES + TAG_BYTES + sizeof(uint64_t))
		return false;
	len = bytes.len - NONCE_BYTES - TAG_BYTES;
	(void)memcpy(tag, in + bytes.len - TAG_BYTES, sizeof(tag));
	plain = OPENSSL_malloc(len);
	context = EVP_CIPHER_CTX_new();
	done = plain != NULL && context != NULL &&
	       EVP_DecryptInit_ex(context, EVP_chacha20_poly1305(), NULL, dump_key, in) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
	       EVP_DecryptUpdate(context, plain, &first, in + NONCE_BYTES, (int)len) == 1 &&
	       EVP_DecryptFinal_ex(context, plain + first, &rest) == 1 &&
	       buffer_append(out, plain, (size_t)(first + rest));
	OPENSSL_clear_free(plain, len);
	EVP_CIPHER_CTX_free(context);
	return done;
}

static bool take_number(struct scanner *scan, size_t bytes, uint64_t *out)
{
	struct span raw;
	uint64_t value = 0;

	if (!scan_take(scan, bytes, &raw))
		return false;
	for (size_t i = bytes; i > 0; i--)
		value = value << 8 | (unsigned char)raw.ptr[i - 1];
	*out = value;
	return true;
}

static bool take_count(struct scanner *scan, uint64_t *out)
{
	return take_number(scan, 8, out) && *out <= ITEMS_MAX;
}

static bool take_text(struct scanner *scan, struct span *out)
{
	uint64_t len;

	return take_number(scan, 8, &len) && len <= scanner_left(scan) &&
	       scan_take(scan, (size_t)len, out);
}

/* Some(text) or None. */
static bool take_option(struct scanner *scan, struct span *out)
{
	uint64_t some;

	*out = (struct span){"", 0};
	return take_number(scan, 1, &some) && some <= 1 && (some == 0 || take_text(scan, out));
}

static bool take_hint(struct scanner *scan, struct import_settings *settings)
{
	uint64_t count;
	struct span key, value;

	if (!take_count(scan, &count))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		if (!take_text(scan, &key) || !take_text(scan, &value))
			return false;
		if (span_equals(key, "login_hint"))
			(void)import_set(settings, IMPORT_USER, value);
	}
	return true;
}

static bool take_scopes(struct scanner *scan, struct import_settings *settings)
{
	struct buffer scope = BUFFER_INIT(IMPORT_TEXT_MAX);
	uint64_t count;
	struct span word;
	bool fine = take_count(scan, &count);

	for (uint64_t i = 0; fine && i < count; i++) {
		fine = take_text(scan, &word);
		if (fine && (i == 0 || buffer_append_byte(&scope, ' ')))
			(void)buffer_append_span(&scope, word);
	}
	if (fine && buffer_ok(&scope))
		(void)import_set(settings, IMPORT_SCOPE, buffer_span(&scope));
	buffer_release(&scope);
	return fine;
}

static bool take_settings(struct scanner *scan, struct import_settings *settings)
{
	struct span authorize, client, secret, redirect, token;

	if (!take_text(scan, &authorize) || !take_hint(scan, settings) ||
	    !take_text(scan, &client) || !take_option(scan, &secret) ||
	    !take_text(scan, &redirect) || !take_scopes(scan, settings) || !take_text(scan, &token))
		return false;
	(void)import_set(settings, IMPORT_AUTHORIZE_URL, authorize);
	(void)import_set(settings, IMPORT_CLIENT_ID, client);
	(void)import_set(settings, IMPORT_REDIRECT, redirect);
	(void)import_set(settings, IMPORT_TOKEN_URL, token);
	(void)import_set_secret(settings, secret);
	return true;
}

/* Empty, or Active with two times of 8 and 4 bytes. */
static bool take_tokens(struct scanner *scan, struct import_account *account)
{
	struct span access, refresh, skipped;
	uint64_t variant, expires;

	if (!take_number(scan, 4, &variant) || variant > 1)
		return false;
	if (variant == 0)
		return true;
	if (!take_text(scan, &access) || !scan_take(scan, 12, &skipped) ||
	    !take_number(scan, 8, &expires) || !scan_take(scan, 4, &skipped) ||
	    !take_option(scan, &refresh))
		return false;
	account->expires_s = expires < INT64_MAX / 2 ? (int64_t)expires : 0;
	(void)import_set_token(account, refresh);
	return true;
}

static bool take_account(const struct import_input *input, struct import_list *list,
			 struct scanner *scan)
{
	struct import_account *account = import_account_add(list, &import_pizauth, input->path);
	struct span name;

	if (account == NULL || !take_text(scan, &name) ||
	    !take_settings(scan, &account->settings) || !take_tokens(scan, account))
		return false;
	if (account->settings.value[IMPORT_USER] == NULL)
		(void)import_set(&account->settings, IMPORT_USER, name);
	return true;
}

static void read_dump(const struct import_input *input, struct import_list *list, struct span plain)
{
	struct scanner scan = scanner_over(plain);
	size_t before = list->count;
	uint64_t version, count, i;

	if (!take_number(&scan, 8, &version) || version != DUMP_VERSION ||
	    !take_count(&scan, &count)) {
		import_note(list, input->path,
			    "a dump of a pizauth that is not known: take what "
			    "pizauth.conf says and authorize anew");
		return;
	}
	for (i = 0; i < count && take_account(input, list, &scan); i++)
		continue;
	if (i < count || !scanner_at_end(&scan))
		import_note(list, input->path,
			    "a dump of a pizauth that is not known: %zu accounts could be read, "
			    "look whether they are right",
			    list->count - before);
}

/* pizauth.conf -----------------------------------------------------------------------------------
 */

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_MARK };

struct token {
	enum token_kind kind;
	struct span text; /* of a string: between the quotes */
};

static void skip_blanks(struct scanner *scan)
{
	while (scan->cur < scan->end) {
		if (scan->end - scan->cur >= 2 && scan->cur[0] == '/' && scan->cur[1] == '/') {
			const char *end = memchr(scan->cur, '\n', (size_t)(scan->end - scan->cur));

			scan->cur = end != NULL ? end : scan->end;
		} else if (strchr(" \t\r\n", *scan->cur) != NULL) {
			scan->cur++;
		} else {
			return;
		}
	}
}

static struct token next_token(struct scanner *scan)
{
	struct token token = {TOKEN_END, {"", 0}};
	const char *from;

	skip_blanks(scan);
	from = scan->cur;
	if (from == scan->end)
		return token;
	if (*from == '"') {
		for (scan->cur++; scan->cur < scan->end && *scan->cur != '"'; scan->cur++) {
			if (*scan->cur == '\\' && scan->cur + 1 < scan->end)
				scan->cur++;
		}
		token = (struct token){TOKEN_STRING, {from + 1, (size_t)(scan->cur - from) - 1}};
		scan->cur += scan->cur < scan->end ? 1 : 0;
		return token;
	}
	while (scan->cur < scan->end && strchr(" \t\r\n\"={}[],;:", *scan->cur) == NULL)
		scan->cur++;
	token.kind = scan->cur > from ? TOKEN_WORD : TOKEN_MARK;
	if (token.kind == TOKEN_MARK)
		scan->cur++;
	token.text = (struct span){from, (size_t)(scan->cur - from)};
	return token;
}

static bool is_mark(const struct token *token, const char *mark)
{
	return token->kind == TOKEN_MARK && span_equals(token->text, mark);
}

static const struct import_word words[] = {
	{IMPORT_TOKEN_URL, "token_uri"},   {IMPORT_AUTHORIZE_URL, "auth_uri"},
	{IMPORT_REDIRECT, "redirect_uri"}, {IMPORT_CLIENT_ID, "client_id"},
	{IMPORT_SCOPE, "scopes"},	   {0},
};

/* A string, a list of strings, or pairs, up to the semicolon: strings joined by blanks. Of the
 * pairs the login hint counts. */
static bool read_value(struct scanner *scan, struct buffer *value, struct span *hint)
{
	struct token before = {TOKEN_END, {"", 0}};

	*hint = (struct span){"", 0};
	for (;;) {
		struct token token = next_token(scan);

		if (token.kind == TOKEN_END)
			return false;
		if (is_mark(&token, ";"))
			return true;
		if (token.kind != TOKEN_STRING)
			continue;
		if (span_equals(before.text, "login_hint"))
			*hint = token.text;
		if (value->len > 0)
			(void)buffer_append_byte(value, ' ');
		(void)buffer_append_span(value, token.text);
		before = token;
	}
}

static bool read_assignment(struct scanner *scan, struct import_settings *settings, struct span key)
{
	struct buffer value = BUFFER_INIT_SECRET(IMPORT_TOKEN_MAX);
	struct span hint;
	bool whole = read_value(scan, &value, &hint);

	if (settings != NULL)
		import_set_word(settings, words, key, buffer_span(&value));
	if (settings != NULL && span_equals(key, "auth_uri_fields"))
		(void)import_set(settings, IMPORT_USER, hint);
	buffer_release(&value);
	return whole;
}

/* account "name" { key = value; ... }, its first word read. */
static bool read_conf_account(const struct import_input *input, struct import_list *list,
			      struct scanner *scan)
{
	struct import_account *account = import_account_add(list, &import_pizauth, input->path);
	struct token name = next_token(scan);
	struct token brace = next_token(scan);
	struct token token;

	if (account == NULL || name.kind != TOKEN_STRING || !is_mark(&brace, "{"))
		return false;
	for (token = next_token(scan); token.kind == TOKEN_WORD; token = next_token(scan)) {
		if (!read_assignment(scan, &account->settings, token.text))
			return false;
	}
	if (account->settings.value[IMPORT_USER] == NULL)
		(void)import_set(&account->settings, IMPORT_USER, name.text);
	import_note(list, input->path,
		    "account \"%.*s\": pizauth.conf has no tokens; for those run: pizauth dump > "
		    "FILE, and import that",
		    name.text.len > 64 ? 64 : (int)name.text.len, name.text.ptr);
	return is_mark(&token, "}");
}

static void read_conf(const struct import_input *input, struct import_list *list)
{
	struct scanner scan = scanner_over(input->bytes);
	struct token token;
	bool fine = true;

	for (token = next_token(&scan); fine && token.kind == TOKEN_WORD;
	     token = next_token(&scan)) {
		if (span_equals(token.text, "account"))
			fine = read_conf_account(input, list, &scan);
		else
			fine = read_assignment(&scan, NULL, token.text);
	}
	if (!fine || token.kind != TOKEN_END)
		import_note(list, input->path, "it is cut off, or not what pizauth reads");
}

static bool is_conf(struct span bytes)
{
	return bytes.len > 0 && memmem(bytes.ptr, bytes.len, "token_uri", 9) != NULL &&
	       memmem(bytes.ptr, bytes.len, "account", 7) != NULL &&
	       memmem(bytes.ptr, bytes.len, "scopes", 6) != NULL;
}

static bool recognises(const struct import_input *input)
{
	struct buffer plain = BUFFER_INIT_SECRET(IMPORT_FILE_MAX);
	bool yes = input->json == NULL && (is_conf(input->bytes) || decipher(input->bytes, &plain));

	buffer_release(&plain);
	return yes;
}

static void read_file(const struct import_input *input, struct import_list *list)
{
	struct buffer plain = BUFFER_INIT_SECRET(IMPORT_FILE_MAX);

	if (decipher(input->bytes, &plain))
		read_dump(input, list, buffer_span(&plain));
	else
		read_conf(input, list);
	buffer_release(&plain);
}

const struct import_format import_pizauth = {
	.program = "pizauth",
	.recognises = recognises,
	.read = read_file,
	.stop = "where a mail program runs \"pizauth show NAME\" let it run: mailoauth token "
		"{account}; then run: pizauth shutdown",
};
