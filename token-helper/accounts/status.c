/* SPDX-License-Identifier: MIT */
/* status.c - see status.h. */
#include "token-helper/accounts/status.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "token-helper/accounts/account-state.h"

#include "common/banned.h"

#define STATUS_VERSION	  1
#define STATUS_EXPIRING_S 300

const char *account_state_name(const struct account *account, int64_t now_s)
{
	const struct grant *grant = &account->grant;
	int64_t left_s = grant->access_token.len > 0 ? grant->access_expires_s - now_s : 0;

	if (account->damaged)
		return "error";
	if (account->trouble == OUTCOME_CONSENT)
		return "reauth-required";
	if (account->trouble == OUTCOME_CONFIG)
		return "blocked";
	if (grant_is_empty(grant))
		return "never-authorized";
	if (left_s <= 0 && grant->refresh_token.len == 0)
		return "reauth-required";
	if (left_s <= 0)
		return account->trouble != OUTCOME_OK ? "error" : "expired-refreshable";
	return left_s < STATUS_EXPIRING_S ? "expiring" : "valid";
}

static void todo_of(const struct account *account, const char *state, char *text, size_t size)
{
	text[0] = '\0';
	if (account->damaged)
		(void)snprintf(text, size,
			       "mend or restore its file in the store (or add its seal key), then: "
			       "systemctl reload mailoauthd");
	else if (strcmp(state, "reauth-required") == 0 || strcmp(state, "never-authorized") == 0)
		(void)snprintf(text, size, "run: mailoauth authorize %s", account->config->name);
	else if (strcmp(state, "blocked") == 0)
		(void)snprintf(text, size,
			       "correct mailoauth.conf, then: systemctl reload mailoauthd");
	else if (account->grant.refresh_token.len == 0)
		(void)snprintf(text, size,
			       "no refresh token: ends with the access token; add offline access "
			       "to scope, then run: mailoauth authorize %s",
			       account->config->name);
}

static void add_string(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key,
			       value != NULL && value[0] != '\0' ? json_object_new_string(value)
								 : NULL);
}

/* Times: null for "none". */
static void add_time(struct json_object *object, const char *key, int64_t at_s)
{
	json_object_object_add(object, key, at_s != 0 ? json_object_new_int64(at_s) : NULL);
}

static struct json_object *attempt_json(const struct account_attempt *attempt)
{
	struct json_object *object;

	if (attempt->at_s == 0)
		return NULL;
	object = json_object_new_object();
	add_time(object, "at", attempt->at_s);
	add_string(object, "outcome", outcome_name(attempt->outcome));
	add_string(object, "error", attempt->error);
	add_string(object, "text", attempt->text);
	return object;
}

static struct json_object *rejection_json(const struct account_rejection *rejection)
{
	struct json_object *object;

	if (rejection->at_s == 0)
		return NULL;
	object = json_object_new_object();
	add_time(object, "at", rejection->at_s);
	add_string(object, "host", rejection->where);
	add_string(object, "said", rejection->said);
	return object;
}

/* The one of two secrets or keys that the server took last; NULL where there are not two. */
static const char *credential_of(const struct account *account)
{
	const struct client_auth *auth = account->config->client.auth;

	return auth != NULL && auth->count > 1 ? auth->credentials[auth->working].label : NULL;
}

static struct json_object *account_json(const struct account *account, int64_t now_s)
{
	const struct grant *grant = &account->grant;
	const char *state = account_state_name(account, now_s);
	struct json_object *object = json_object_new_object();
	char todo[256];

	todo_of(account, state, todo, sizeof(todo));
	add_string(object, "account", account->config->name);
	add_string(object, "state", state);
	add_string(object, "provider", account->config->provider);
	add_string(object, "user", account->config->user);
	add_string(object, "identity", grant->identity);
	json_object_object_add(object, "identity_verified",
			       json_object_new_boolean(grant->subject != NULL));
	add_string(object, "scope", grant->scope);
	add_time(object, "access_expires", account_expires_s(account));
	add_time(object, "access_obtained",
		 grant->access_token.len > 0 ? grant->access_obtained_s : 0);
	json_object_object_add(object, "refresh_token",
			       json_object_new_boolean(grant->refresh_token.len > 0));
	add_time(object, "refresh_obtained",
		 grant->refresh_token.len > 0 ? grant->refresh_obtained_s : 0);
	add_time(object, "authorized", grant->authorized_s);
	json_object_object_add(object, "last_refresh", attempt_json(&account->attempt));
	add_time(object, "next_refresh", account->next_s);
	add_string(object, "credential", credential_of(account));
	json_object_object_add(object, "rejected", rejection_json(&account->rejection));
	json_object_object_add(object, "requests",
			       json_object_new_int64((int64_t)account->requests));
	add_string(object, "todo", todo);
	return object;
}

bool status_append(const struct accounts *accounts, const struct account *account,
		   struct buffer *json)
{
	struct json_object *root = json_object_new_object();
	struct json_object *list = json_object_new_array();
	int64_t now_s = clock_now_s();
	bool fits;

	json_object_object_add(root, "version", json_object_new_int(STATUS_VERSION));
	json_object_object_add(root, "now", json_object_new_int64(now_s));
	json_object_object_add(root, "accounts", list);
	for (size_t i = 0; account == NULL && i < accounts_count(accounts); i++)
		json_object_array_add(list, account_json(accounts_at(accounts, i), now_s));
	if (account != NULL)
		json_object_array_add(list, account_json(account, now_s));
	fits = buffer_append_str(
		json, json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN |
								   JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	return fits;
}
