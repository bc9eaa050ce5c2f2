/* SPDX-License-Identifier: MIT */
/*
 * import-email-oauth2-proxy.c - emailproxy.config: an INI file with a section for each address.
 *
 * Its tokens are sealed (fernet.h) under the password that the mail program sends to the proxy,
 * another for each address if people wished. Sections that begin with "@" are for whole domains and
 * have no tokens of their own.
 */
#include <openssl/crypto.h>
#include <string.h>

#include "common/scanner.h"
#include "token-helper/import/fernet.h"
#include "token-helper/import/token-import.h"

#include "common/banned.h"

#define ITERATIONS_DEFAULT 100000

static const struct import_word words[] = {
	{IMPORT_TOKEN_URL, "token_url"},   {IMPORT_AUTHORIZE_URL, "permission_url"},
	{IMPORT_REDIRECT, "redirect_uri"}, {IMPORT_SCOPE, "oauth2_scope"},
	{IMPORT_CLIENT_ID, "client_id"},   {0},
};

/* What a section says beside that. */
struct sealed {
	struct span salt, iterations, refresh_token, secret, flow;
};

static const struct {
	const char *word;
	size_t offset;
} sealed_keys[] = {
	{"token_salt", offsetof(struct sealed, salt)},
	{"token_iterations", offsetof(struct sealed, iterations)},
	{"refresh_token", offsetof(struct sealed, refresh_token)},
	{"client_secret_encrypted", offsetof(struct sealed, secret)},
	{"oauth2_flow", offsetof(struct sealed, flow)},
};

/* What is not carried over, and what to do. */
static const struct {
	const char *word, *note;
} unknowns[] = {
	{"jwt_certificate_path", "say client_certificate_file and client_key_file by hand"},
	{"jwt_key_path", "say client_certificate_file and client_key_file by hand"},
	{"oauth2_resource", "the scope says it"},
	{"catch_all_accounts", "name the addresses in senders, or make an account for each"},
};

static bool recognises(const struct import_input *input)
{
	return input->bytes.len > 0 &&
	       memmem(input->bytes.ptr, input->bytes.len, "token_url", 9) != NULL &&
	       memmem(input->bytes.ptr, input->bytes.len, "[", 1) != NULL &&
	       (memmem(input->bytes.ptr, input->bytes.len, "permission_url", 14) != NULL ||
		memmem(input->bytes.ptr, input->bytes.len, "oauth2_scope", 12) != NULL);
}

static struct span trim(struct span text)
{
	while (text.len > 0 && strchr(" \t\r", text.ptr[0]) != NULL)
		text = (struct span){text.ptr + 1, text.len - 1};
	while (text.len > 0 && strchr(" \t\r", text.ptr[text.len - 1]) != NULL)
		text.len--;
	return text;
}

static bool split(struct span line, struct span *key, struct span *value)
{
	const char *equals = line.len > 0 ? memchr(line.ptr, '=', line.len) : NULL;

	if (equals == NULL)
		return false;
	*key = trim((struct span){line.ptr, (size_t)(equals - line.ptr)});
	*value = trim((struct span){equals + 1, line.len - (size_t)(equals - line.ptr) - 1});
	return key->len > 0;
}

static void read_key(const struct import_input *input, struct import_list *list,
		     struct import_account *account, struct sealed *sealed, struct span key,
		     struct span value)
{
	import_set_word(&account->settings, words, key, value);
	for (size_t i = 0; i < sizeof(sealed_keys) / sizeof(sealed_keys[0]); i++) {
		if (span_equals(key, sealed_keys[i].word))
			*(struct span *)(void *)((char *)sealed + sealed_keys[i].offset) = value;
	}
	for (size_t i = 0; i < sizeof(unknowns) / sizeof(unknowns[0]); i++) {
		if (span_equals(key, unknowns[i].word))
			import_note(list, input->path, "%s: not carried over: %s", unknowns[i].word,
				    unknowns[i].note);
	}
}

/* Unsealing --------------------------------------------------------------------------------------
 */

static void open_texts(struct import_list *list, struct import_account *account,
		       const struct sealed *sealed, const unsigned char *key)
{
	struct buffer text = BUFFER_INIT_SECRET(IMPORT_TOKEN_MAX);

	if (sealed->refresh_token.len > 0 && fernet_open(key, sealed->refresh_token, &text))
		(void)import_set_token(account, buffer_span(&text));
	else if (sealed->refresh_token.len > 0)
		import_note(list, account->file,
			    "[%s] refresh_token: this is not the password that the mail program "
			    "sends to the proxy, or the value is damaged",
			    account->settings.value[IMPORT_USER]);
	buffer_clear(&text);
	if (sealed->secret.len > 0 && fernet_open(key, sealed->secret, &text))
		(void)import_set_secret(&account->settings, buffer_span(&text));
	buffer_release(&text);
}

static void unseal(struct import_list *list, struct import_account *account,
		   const struct sealed *sealed)
{
	const char *user = account->settings.value[IMPORT_USER];
	struct buffer password = BUFFER_INIT_SECRET(IMPORT_TOKEN_MAX);
	struct scanner scan = scanner_over(sealed->iterations);
	unsigned char key[FERNET_KEY_BYTES];
	uint64_t iterations = ITERATIONS_DEFAULT;

	if (sealed->iterations.len > 0 && !scan_u64(&scan, FERNET_ITERATIONS_MAX, &iterations))
		import_note(list, account->file, "[%s] token_iterations is no usable number", user);
	else if (list->password == NULL || !list->password(list->context, user, &password))
		import_note(list, account->file,
			    "[%s] its tokens are encrypted with the password that the mail program "
			    "sends to the proxy: give it with --password-file FILE, or at a "
			    "terminal",
			    user);
	else if (!fernet_derive(buffer_span(&password), sealed->salt, iterations, key))
		import_note(list, account->file, "[%s] token_salt is damaged", user);
	else
		open_texts(list, account, sealed, key);
	OPENSSL_cleanse(key, sizeof(key));
	buffer_release(&password);
}

static void end_section(struct import_list *list, struct import_account *account,
			const struct sealed *sealed)
{
	if (account == NULL)
		return;
	if (span_equals(sealed->flow, "client_credentials"))
		(void)import_set(&account->settings, IMPORT_GRANT, sealed->flow);
	else if (span_equals(sealed->flow, "password") ||
		 span_equals(sealed->flow, "service_account"))
		import_note(list, account->file,
			    "[%s] oauth2_flow = %.*s: not carried over; see: mailoauth guide",
			    account->settings.value[IMPORT_USER], (int)sealed->flow.len,
			    sealed->flow.ptr);
	if (sealed->salt.len > 0 && (sealed->refresh_token.len > 0 || sealed->secret.len > 0))
		unseal(list, account, sealed);
}

/* Servers' sections have a "-" and a port, addresses have an "@". */
static struct import_account *begin_section(const struct import_input *input,
					    struct import_list *list, struct span name)
{
	struct import_account *account;

	if (name.len > 0 && name.ptr[0] == '@') {
		import_note(list, input->path,
			    "[%.*s]: a section for a whole domain is no account: not carried over",
			    name.len > 64 ? 64 : (int)name.len, name.ptr);
		return NULL;
	}
	if (name.len == 0 || memchr(name.ptr, '@', name.len) == NULL)
		return NULL;
	account = import_account_add(list, &import_email_oauth2_proxy, input->path);
	if (account != NULL && !import_set(&account->settings, IMPORT_USER, name))
		(void)import_set(&account->settings, IMPORT_USER, span_from_str("unnamed@"));
	return account;
}

static void read_file(const struct import_input *input, struct import_list *list)
{
	struct scanner scan = scanner_over(input->bytes);
	struct import_account *account = NULL;
	struct sealed sealed = {0};
	struct span line, key, value;

	while (scan_line(&scan, &line)) {
		line = trim(line);
		if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
			continue;
		if (line.len > 1 && line.ptr[0] == '[' && line.ptr[line.len - 1] == ']') {
			end_section(list, account, &sealed);
			sealed = (struct sealed){0};
			account = begin_section(input, list,
						trim((struct span){line.ptr + 1, line.len - 2}));
		} else if (account != NULL && split(line, &key, &value)) {
			read_key(input, list, account, &sealed, key, value);
		}
	}
	end_section(list, account, &sealed);
}

const struct import_format import_email_oauth2_proxy = {
	.program = "email-oauth2-proxy",
	.recognises = recognises,
	.read = read_file,
	.stop = "let the mail programs speak to the provider's own servers again, with XOAUTH2 by "
		"our plugin or by: mailoauth token {account}; then stop the proxy",
};
