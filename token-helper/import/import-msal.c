/* SPDX-License-Identifier: MIT */
/*
 * import-msal.c - the cache of Microsoft's MSAL libraries, plain or inside the file of oauth2ms.
 *
 * Refresh tokens belong to a person (home_account_id) and a client; "Account" has the person's name
 * and tenant. Tokens that first-party applications share (family_id) are not ours to take.
 */
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "token-helper/import/token-import.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

static bool recognises(const struct import_input *input)
{
	return input->json != NULL && (json_member_object(input->json, "RefreshToken") != NULL ||
				       json_has(input->json, "token_cache"));
}

static bool same_member(struct json_object *a, struct json_object *b, const char *key)
{
	struct span left, right;

	return json_get_string(a, key, &left) && json_get_string(b, key, &right) &&
	       span_same(left, right);
}

static struct json_object *account_of(struct json_object *cache, struct json_object *token)
{
	struct json_object *accounts = json_member_object(cache, "Account");

	if (accounts == NULL)
		return NULL;
	json_object_object_foreach(accounts, key, one)
	{
		(void)key;
		if (json_object_is_type(one, json_type_object) &&
		    same_member(one, token, "home_account_id"))
			return one;
	}
	return NULL;
}

/* "login.microsoftonline.com" and the tenant, as the token endpoint. */
static void set_endpoint(struct import_settings *settings, struct json_object *token,
			 struct json_object *owner)
{
	struct span host, tenant;
	char *url;

	if (!json_get_string(token, "environment", &host) || host.len > 255)
		return;
	if (span_equals(host, "login.windows.net"))
		host = span_from_str("login.microsoftonline.com");
	if (owner == NULL || !json_get_string(owner, "realm", &tenant) || tenant.len == 0 ||
	    tenant.len > 255)
		tenant = span_from_str("organizations");
	url = xasprintf("https://%.*s/%.*s/oauth2/v2.0/token", (int)host.len, host.ptr,
			(int)tenant.len, tenant.ptr);
	(void)import_set(settings, IMPORT_TOKEN_URL, span_from_str(url));
	free(url);
}

/* The scope of a refresh token is that of the consent, without what makes it one. */
static void set_scope(struct import_settings *settings, struct json_object *token)
{
	struct span target;
	char *scope;

	if (!json_get_string(token, "target", &target) || target.len == 0 ||
	    target.len > IMPORT_TEXT_MAX)
		return;
	scope = xasprintf("%.*s%s", (int)target.len, target.ptr,
			  memmem(target.ptr, target.len, "offline_access", 14) != NULL
				  ? ""
				  : " offline_access");
	(void)import_set(settings, IMPORT_SCOPE, span_from_str(scope));
	free(scope);
}

static void read_token(const struct import_input *input, struct import_list *list,
		       struct json_object *cache, struct json_object *token)
{
	struct json_object *owner = account_of(cache, token);
	struct import_account *account;
	struct span family;

	if (json_get_string(token, "family_id", &family) && family.len > 0) {
		import_note(list, input->path,
			    "a refresh token that Microsoft's own programs share (family_id): not "
			    "taken; register a client and authorize");
		return;
	}
	account = import_account_add(list, &import_msal, input->path);
	if (account == NULL)
		return;
	if (owner != NULL)
		(void)import_set_json(&account->settings, IMPORT_USER, owner, "username");
	(void)import_set_json(&account->settings, IMPORT_CLIENT_ID, token, "client_id");
	set_endpoint(&account->settings, token, owner);
	set_scope(&account->settings, token);
	if (!import_set_token_json(account, token, "secret"))
		import_note(list, input->path, "a refresh token's secret is empty or no text");
}

/* Of two tokens for one person and client the one that was written last. */
static bool is_outdated(struct json_object *tokens, struct json_object *token)
{
	int64_t mine = 0;

	(void)json_get_number(token, "last_modification_time", &mine);
	json_object_object_foreach(tokens, key, one)
	{
		int64_t theirs = 0;

		(void)key;
		if (one == token || !json_object_is_type(one, json_type_object) ||
		    !same_member(one, token, "home_account_id") ||
		    !same_member(one, token, "client_id"))
			continue;
		(void)json_get_number(one, "last_modification_time", &theirs);
		if (theirs > mine)
			return true;
	}
	return false;
}

static void read_cache(const struct import_input *input, struct import_list *list,
		       struct json_object *cache)
{
	struct json_object *tokens = json_member_object(cache, "RefreshToken");

	if (tokens == NULL || json_object_object_length(tokens) == 0) {
		import_note(list, input->path, "the cache has no refresh token");
		return;
	}
	if (json_object_object_length(tokens) > IMPORT_ACCOUNTS_MAX) {
		import_note(list, input->path, "the cache has more than %d refresh tokens",
			    IMPORT_ACCOUNTS_MAX);
		return;
	}
	json_object_object_foreach(tokens, key, token)
	{
		(void)key;
		if (json_object_is_type(token, json_type_object) && !is_outdated(tokens, token))
			read_token(input, list, cache, token);
	}
}

static void read_file(const struct import_input *input, struct import_list *list)
{
	struct json_object *inner;
	const char *why = "it is no text";
	struct span text;

	if (json_member_object(input->json, "RefreshToken") != NULL) {
		read_cache(input, list, input->json);
		return;
	}
	inner = json_get_string(input->json, "token_cache", &text)
			? json_read(text, IMPORT_FILE_MAX, &why)
			: NULL;
	if (inner != NULL)
		read_cache(input, list, inner);
	else
		import_note(list, input->path, "token_cache cannot be read: %s", why);
	json_release(inner);
}

const struct import_format import_msal = {
	.program = "MSAL",
	.recognises = recognises,
	.read = read_file,
	.stop = "where a program asks MSAL (oauth2ms and others) let it run: mailoauth token "
		"{account}",
};
