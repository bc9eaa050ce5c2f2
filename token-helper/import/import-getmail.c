/* SPDX-License-Identifier: MIT */
/*
 * import-getmail.c - the token file of getmail-gmail-xoauth-tokens (getmail6), and those of
 * Google's libraries, which have the same members.
 */
#include "token-helper/import/token-import.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

static const struct import_word words[] = {
	{IMPORT_USER, "user"},
	{IMPORT_CLIENT_ID, "client_id"},
	{IMPORT_TOKEN_URL, "token_uri"},
	{IMPORT_AUTHORIZE_URL, "auth_uri"},
	{IMPORT_REDIRECT, "redirect_uri"},
	{IMPORT_SCOPE, "scope"},
	{0},
};

static bool recognises(const struct import_input *input)
{
	return input->json != NULL && json_has(input->json, "token_uri") &&
	       json_has(input->json, "client_id");
}

static void read_file(const struct import_input *input, struct import_list *list)
{
	struct import_account *account =
		import_account_add(list, &import_getmail_tokens, input->path);

	if (account == NULL)
		return;
	import_set_members(&account->settings, words, input->json);
	(void)json_get_number(input->json, "expires_at", &account->expires_s);
	if (!import_set_token_json(account, input->json, "refresh_token"))
		import_note(list, input->path,
			    "there is no refresh_token yet: its --init was never run");
}

const struct import_format import_getmail_tokens = {
	.program = "getmail",
	.recognises = recognises,
	.read = read_file,
	.stop = "in getmailrc say: password_command = (\"mailoauth\", \"token\", \"{account}\"); "
		"or move to mailoauth-fetch, run: mailoauth-fetch --import "
		"~/.config/getmail/getmailrc",
};
