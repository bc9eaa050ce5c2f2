/* SPDX-License-Identifier: MIT */
/* service-account.c - see service-account.h. */
#include "token-helper/oauth/service-account.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "token-helper/json/json-reader.h"
#include "token-helper/oauth/server-words.h"

#include "common/banned.h"

#define EMAIL_MAX 320

void service_account_free(struct service_account *account)
{
	if (account == NULL)
		return;
	free(account->email);
	free(account->key_id);
	signing_key_free(account->key);
	free(account);
}

/* A text that may stand in a log line and in a JWT. */
static bool get_plain(struct json_object *root, const char *name, struct span *text)
{
	return json_get_string(root, name, text) && text->len > 0 && text->len <= EMAIL_MAX &&
	       words_are_plain(*text) && memchr(text->ptr, '\0', text->len) == NULL;
}

static enum outcome check_type(struct json_object *root, const char *token_url, struct err *err)
{
	struct span text = {"", 0};

	if (!json_get_string(root, "type", &text) || !span_equals(text, "service_account"))
		return err_set(err, OUTCOME_CONFIG,
			       "its type is not \"service_account\": download the JSON key of a "
			       "service account, not of an OAuth client");
	if (!json_get_string(root, "token_uri", &text) || !span_equals(text, token_url))
		return err_set(err, OUTCOME_CONFIG, "its token_uri is not %s", token_url);
	return OUTCOME_OK;
}

static enum outcome read_members(struct json_object *root, const char *token_url,
				 struct service_account *account, struct err *err)
{
	enum outcome outcome = check_type(root, token_url, err);
	struct span text;

	if (outcome != OUTCOME_OK)
		return outcome;
	if (!get_plain(root, "client_email", &text))
		return err_set(err, OUTCOME_CONFIG, "it has no client_email");
	account->email = xspandup(text);
	if (get_plain(root, "private_key_id", &text))
		account->key_id = xspandup(text);
	if (!json_get_string(root, "private_key", &text))
		return err_set(err, OUTCOME_CONFIG, "it has no private_key");
	outcome = signing_key_new(text, (struct span){"", 0}, &account->key, err);
	if (outcome != OUTCOME_OK)
		err_prefix(err, "its private_key ");
	return outcome;
}

enum outcome service_account_read(struct span json, const char *token_url,
				  struct service_account **account_out, struct err *err)
{
	struct service_account *account = xcalloc(1, sizeof(*account));
	const char *why = "";
	struct json_object *root = json_read(json, SERVICE_ACCOUNT_MAX, &why);
	enum outcome outcome;

	if (root == NULL)
		outcome =
			err_set(err, OUTCOME_CONFIG, "not a key file as Google issues it: %s", why);
	else
		outcome = read_members(root, token_url, account, err);
	json_release(root);
	if (outcome == OUTCOME_OK)
		*account_out = account;
	else
		service_account_free(account);
	return outcome;
}
