/* SPDX-License-Identifier: MIT */
/*
 * import-sasl-xoauth2.c - tarickb's sasl-xoauth2: one JSON file an account, which Postfix's
 * sasl_passwd names where a password would stand, and /etc/sasl-xoauth2.conf for what they lack.
 *
 * Its tool for Gmail writes the server's answer as it came, without "expiry" and without a client:
 * a file with a refresh token and nothing of another program is taken for one of these.
 */
#include <string.h>

#include "token-helper/import/token-import.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

#define DEFAULT_TOKEN_URL "https://oauth2.googleapis.com/token"
#define MICROSOFT	  "https://login.microsoftonline.com/"
#define MICROSOFT_SCOPE	  "https://outlook.office.com/SMTP.Send offline_access"
#define GOOGLE_SCOPE	  "https://mail.google.com/"

static const struct import_word words[] = {
	{IMPORT_USER, "user"},
	{IMPORT_CLIENT_ID, "client_id"},
	{IMPORT_TOKEN_URL, "token_endpoint"},
	{IMPORT_SCOPE, "scope"},
	{IMPORT_PROXY, "proxy"},
	{IMPORT_CA_FILE, "ca_bundle_file"},
	{0},
};

static bool recognises(const struct import_input *input)
{
	return input->json != NULL &&
	       (json_has(input->json, "refresh_token") ||
		(json_has(input->json, "client_id") && json_has(input->json, "client_secret")));
}

/* What the program takes for granted, and what it never writes down: without a scope a refresh at
 * Microsoft fails. */
static void complete(struct import_account *account)
{
	struct import_settings *settings = &account->settings;
	const char *url;

	if (settings->value[IMPORT_TOKEN_URL] == NULL)
		(void)import_set(settings, IMPORT_TOKEN_URL, span_from_str(DEFAULT_TOKEN_URL));
	url = settings->value[IMPORT_TOKEN_URL];

	if (settings->value[IMPORT_SCOPE] == NULL)
		(void)import_set(settings, IMPORT_SCOPE,
				 span_from_str(strncmp(url, MICROSOFT, strlen(MICROSOFT)) == 0
						       ? MICROSOFT_SCOPE
					       : strcmp(url, DEFAULT_TOKEN_URL) == 0 ? GOOGLE_SCOPE
										     : ""));
}

/* Token files are called after who they are for, more often than not. */
static void guess_user(const struct import_input *input, struct import_settings *settings)
{
	const char *slash = strrchr(input->path, '/');
	const char *name = slash != NULL ? slash + 1 : input->path;

	if (settings->value[IMPORT_USER] == NULL && strchr(name, '@') != NULL)
		(void)import_set(settings, IMPORT_USER, span_from_str(name));
}

static void read_file(const struct import_input *input, struct import_list *list)
{
	struct import_account *account;

	if (!json_has(input->json, "refresh_token")) {
		import_set_members(import_defaults_add(list, &import_sasl_xoauth2, NULL), words,
				   input->json);
		return;
	}
	account = import_account_add(list, &import_sasl_xoauth2, input->path);
	if (account == NULL)
		return;
	import_set_members(&account->settings, words, input->json);
	guess_user(input, &account->settings);
	if (!import_set_token_json(account, input->json, "refresh_token"))
		import_note(list, input->path, "refresh_token is empty or no text");
	(void)json_get_number(input->json, "expiry", &account->expires_s);
	if (json_has(input->json, "ca_certs_dir") &&
	    account->settings.value[IMPORT_CA_FILE] == NULL)
		import_note(list, input->path,
			    "ca_certs_dir: not carried over: name a file in ca_file");
}

static const char *const companions[] = {"/etc/sasl-xoauth2.conf", NULL};

const struct import_format import_sasl_xoauth2 = {
	.program = "sasl-xoauth2",
	.recognises = recognises,
	.read = read_file,
	.stop = "the line of Postfix's sasl_passwd stays as it is: the path in it is an alias of "
		"[account {account}]. Remove the package sasl-xoauth2 (its libsasl-xoauth2.so "
		"would refresh the same grant), then run: postfix reload",
	.companions = companions,
	.complete = complete,
	.has_alias = true,
};
