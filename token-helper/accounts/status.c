/* SPDX-License-Identifier: MIT */
/* status.c - see status.h. */
#include "token-helper/accounts/status.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/daemon-command.h"
#include "token-helper/accounts/account-private.h"
#include "token-helper/accounts/calendar.h"
#include "token-helper/accounts/endpoints.h"

#include "common/banned.h"

#define STATUS_VERSION	  1
#define STATUS_EXPIRING_S 300
#define STATUS_END_MAX	  128 /* bytes after the last account */

const char *account_state_name(const struct account *account, int64_t now_s)
{
	const struct grant *grant = &account->grant;
	bool has_person = grant_kind_has_person(account->config->client.grant);
	int64_t left_s = account_expires_s(account) > 0 ? grant->access_expires_s - now_s : 0;

	if (account->damaged)
		return "error";
	if (account->trouble == OUTCOME_CONSENT)
		return "reauth-required";
	if (account->trouble == OUTCOME_CONFIG)
		return "blocked";
	if (has_person &&
	    (grant_is_empty(grant) || (grant->refresh_token.len == 0 && grant->authorized_s == 0)))
		return "never-authorized";
	if (left_s <= 0 && grant->refresh_token.len == 0 && has_person)
		return "reauth-required";
	if (left_s <= 0)
		return account->trouble != OUTCOME_OK || account_endpoint_is_down(account)
			       ? "error"
			       : "expired-refreshable";
	return left_s < STATUS_EXPIRING_S ? "expiring" : "valid";
}

static void todo_of(const struct account *account, const char *state, char *text, size_t size)
{
	text[0] = '\0';
	if (account->damaged)
		(void)snprintf(text, size,
			       "mend or restore its file in the store (or add its seal key), then: "
			       "%s",
			       daemon_command(DAEMON_RELOAD));
	else if (strcmp(state, "reauth-required") == 0 || strcmp(state, "never-authorized") == 0)
		(void)snprintf(text, size, "run: mailoauth authorize %s", account->config->name);
	else if (strcmp(state, "blocked") == 0)
		(void)snprintf(text, size, "correct mailoauth.conf, then: %s",
			       daemon_command(DAEMON_RELOAD));
	else if (account->grant.refresh_token.len == 0 &&
		 grant_kind_has_person(account->config->client.grant))
		(void)snprintf(text, size,
			       "no refresh token: ends with the access token; add offline access "
			       "to scope, then run: mailoauth authorize %s",
			       account->config->name);
	else if (account_endpoint_is_down(account))
		(void)snprintf(text, size, "nothing: %s is down, and is tried again by itself",
			       account->endpoint->name);
	if (text[0] == '\0') {
		struct calendar calendar;
		enum calendar_entry nearest;

		calendar_of(account, &calendar);
		nearest = calendar_nearest(&calendar, clock_now_s());
		if (nearest != CALENDAR_COUNT)
			calendar_advice(account, nearest, calendar.at_s[nearest], text, size);
	}
}

void account_todo(const struct account *account, char *text, size_t size)
{
	todo_of(account, account_state_name(account, clock_now_s()), text, size);
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

static struct json_object *count_json(size_t count)
{
	return json_object_new_int64((int64_t)count);
}

/* One that is down. */
static struct json_object *endpoint_json(const struct endpoint *endpoint)
{
	struct json_object *object = json_object_new_object();

	add_string(object, "url", endpoint->name);
	add_string(object, "proxy", endpoint->via);
	add_time(object, "down_since", endpoint->outage.since_s);
	add_time(object, "next_attempt", account_endpoint_next_s(endpoint));
	json_object_object_add(object, "accounts", count_json(endpoint->accounts));
	json_object_object_add(object, "waiting", count_json(endpoint->queued));
	add_string(object, "account", endpoint->said_to);
	add_string(object, "text", endpoint->said);
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

static struct json_object *acceptance_json(const struct account_acceptance *acceptance)
{
	struct json_object *object;

	if (acceptance->at_s == 0)
		return NULL;
	object = json_object_new_object();
	add_time(object, "at", acceptance->at_s);
	add_string(object, "host", acceptance->where);
	return object;
}

/* By how much our clock is ahead of the token endpoint's. */
static struct json_object *clock_json(const struct account_clock *clock)
{
	struct json_object *object;

	if (clock->at_s == 0)
		return NULL;
	object = json_object_new_object();
	add_time(object, "at", clock->at_s);
	json_object_object_add(object, "ahead", json_object_new_int64(clock->ahead_s));
	return object;
}

/* The one of two secrets or keys that the server took last; NULL where there are not two. */
static const char *credential_of(const struct account *account)
{
	const struct client_auth *auth = account->config->client.auth;

	return auth != NULL && auth->count > 1 ? auth->credentials[auth->working].label : NULL;
}

static struct json_object *calendar_json(const struct account *account, int64_t now_s)
{
	struct json_object *list = json_object_new_array();
	struct calendar calendar;

	calendar_of(account, &calendar);
	for (int i = 0; i < CALENDAR_COUNT; i++) {
		struct json_object *object;
		int mark = calendar_mark(calendar.at_s[i], now_s);

		if (calendar.at_s[i] == 0)
			continue;
		object = json_object_new_object();
		add_string(object, "what", calendar_names[i]);
		add_time(object, "at", calendar.at_s[i]);
		json_object_object_add(object, "mark",
				       mark >= 0 ? json_object_new_int(mark) : NULL);
		json_object_array_add(list, object);
	}
	return list;
}

static struct json_object *words_json(const struct words *words)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < words->count; i++)
		json_object_array_add(list, json_object_new_string(words->word[i]));
	return list;
}

/* What `mailoauth test` needs so that it need not read the configuration. */
static struct json_object *services_json(const struct account_config *config)
{
	struct json_object *list = json_object_new_array();

	for (int i = 0; i < SERVICE_COUNT; i++) {
		struct json_object *object;

		if (!config->use[i])
			continue;
		object = json_object_new_object();
		add_string(object, "service", service_names[i]);
		add_string(object, "user", config->service_user[i]);
		json_object_object_add(object, "hosts", words_json(&config->hosts[i]));
		json_object_array_add(list, object);
	}
	return list;
}

/* What it is made of, for who writes it down elsewhere: guides, registrations. */
static void add_settings(struct json_object *object, const struct account_config *config)
{
	add_string(object, "tenant", config->tenant);
	add_string(object, "client_id", config->client.client_id);
	add_string(object, "redirect", config->client.redirects.word[0]);
	json_object_object_add(object, "redirects", words_json(&config->client.redirects));
}

static struct json_object *account_json(const struct account *account, int64_t now_s)
{
	const struct grant *grant = &account->grant;
	const char *state = account_state_name(account, now_s);
	struct json_object *object = json_object_new_object();
	char todo[512];

	todo_of(account, state, todo, sizeof(todo));
	add_string(object, "account", account->config->name);
	add_string(object, "state", state);
	add_string(object, "provider", account->config->provider);
	add_settings(object, account->config);
	add_string(object, "grant", grant_kind_name(account->config->client.grant));
	add_string(object, "user", account->config->user);
	json_object_object_add(object, "services", services_json(account->config));
	json_object_object_add(object, "senders", words_json(&account->config->senders));
	add_string(object, "identity", grant->identity);
	json_object_object_add(
		object, "identity_verified",
		json_object_new_boolean(grant->subject != NULL && grant->identity != NULL));
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
	add_time(object, "next_refresh",
		 account->is_queued ? account_endpoint_next_s(account->endpoint) : account->next_s);
	json_object_object_add(object, "endpoint_down",
			       account_endpoint_is_down(account) ? endpoint_json(account->endpoint)
								 : NULL);
	json_object_object_add(object, "clock", clock_json(&account->clock));
	add_string(object, "credential", credential_of(account));
	json_object_object_add(object, "rejected", rejection_json(&account->rejection));
	json_object_object_add(object, "accepted", acceptance_json(&account->acceptance));
	json_object_object_add(object, "requests",
			       json_object_new_int64((int64_t)account->requests));
	json_object_object_add(object, "deadlines", calendar_json(account, now_s));
	add_string(object, "todo", todo);
	return object;
}

/* A grant without an account: nothing else is known of it, for nobody has opened it. */
static struct json_object *orphan_json(const char *name)
{
	struct json_object *object = json_object_new_object();
	char todo[512];

	(void)snprintf(todo, sizeof(todo),
		       "write [account %s] into mailoauth.conf, or run: mailoauth forget %s", name,
		       name);
	add_string(object, "account", name);
	add_string(object, "state", "unconfigured");
	json_object_object_add(object, "services", json_object_new_array());
	json_object_object_add(object, "senders", json_object_new_array());
	json_object_object_add(object, "deadlines", json_object_new_array());
	add_string(object, "todo", todo);
	return object;
}

static bool append_text(struct json_object *object, struct buffer *json)
{
	bool fits = buffer_append_str(
		json, json_object_to_json_string_ext(
			      object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(object);
	return fits;
}

static void append_next(struct buffer *json, const char *name)
{
	if (name == NULL)
		(void)buffer_append_str(json, "],\"next\":null}");
	else
		(void)buffer_printf(json, "],\"next\":\"%s\"}", name); /* nothing to be escaped */
}

/* One of a list in which accounts and orphans lie by name. */
struct entry {
	const char *name;
	const struct account *account; /* NULL: an orphan */
};

struct cursor {
	const struct accounts *accounts;
	size_t account, orphan; /* the next of each */
};

static bool cursor_next(struct cursor *cursor, struct entry *entry)
{
	const struct words *orphans = accounts_orphans(cursor->accounts);
	const char *orphan = cursor->orphan < orphans->count ? orphans->word[cursor->orphan] : NULL;
	const struct account *account = cursor->account < accounts_count(cursor->accounts)
						? accounts_at(cursor->accounts, cursor->account)
						: NULL;

	if (account != NULL && (orphan == NULL || strcmp(account->config->name, orphan) < 0)) {
		cursor->account++;
		*entry = (struct entry){account->config->name, account};
		return true;
	}
	cursor->orphan++;
	*entry = (struct entry){orphan, NULL};
	return orphan != NULL;
}

/* Those after the name, until max bytes are full. The name to go on after; NULL: that was all. */
static const char *append_page(const struct accounts *accounts, const char *after, size_t max,
			       int64_t now_s, struct buffer *json)
{
	struct cursor cursor = {.accounts = accounts};
	const char *last = NULL;
	struct entry entry;

	while (cursor_next(&cursor, &entry)) {
		struct buffer one = BUFFER_INIT(max);
		bool fits;

		if (strcmp(entry.name, after) <= 0)
			continue;
		fits = append_text(entry.account != NULL ? account_json(entry.account, now_s)
							 : orphan_json(entry.name),
				   &one) &&
		       json->len + one.len + STATUS_END_MAX < max &&
		       (last == NULL || buffer_append_byte(json, ',')) &&
		       buffer_append_span(json, buffer_span(&one));
		buffer_release(&one);
		if (!fits)
			return last != NULL ? last : after;
		last = entry.name;
	}
	return NULL;
}

/* Of all accounts, or of one, those that are down, until max bytes are full: the accounts say it
 * all the same. */
static void append_down(const struct accounts *accounts, const struct account *only, size_t max,
			struct buffer *json)
{
	const struct endpoints *endpoints = accounts_endpoints(accounts);
	const char *comma = "";

	(void)buffer_append_str(json, "\"endpoints_down\":[");
	for (size_t i = 0; i < endpoints_count(endpoints); i++) {
		const struct endpoint *endpoint = endpoints_at(endpoints, i);
		struct buffer one = BUFFER_INIT(max);

		if (!endpoint->outage.is_down || (only != NULL && only->endpoint != endpoint))
			continue;
		if (append_text(endpoint_json(endpoint), &one) && json->len + one.len < max) {
			(void)buffer_append_str(json, comma);
			(void)buffer_append_span(json, buffer_span(&one));
			comma = ",";
		}
		buffer_release(&one);
	}
	(void)buffer_append_str(json, "],");
}

static void append_start(struct buffer *json, int64_t now_s)
{
	(void)buffer_printf(json, "{\"version\":%d,\"now\":%lld,", STATUS_VERSION,
			    (long long)now_s);
}

static void append_list(struct buffer *json)
{
	(void)buffer_append_str(json, "\"accounts\":[");
}

bool status_append_orphan(const struct accounts *accounts, struct span name, struct buffer *json)
{
	const struct words *orphans = accounts_orphans(accounts);

	for (size_t i = 0; i < orphans->count; i++) {
		if (!span_equals(name, orphans->word[i]))
			continue;
		append_start(json, clock_now_s());
		append_list(json);
		(void)append_text(orphan_json(orphans->word[i]), json);
		append_next(json, NULL);
		return buffer_ok(json);
	}
	return false;
}

bool status_append(const struct accounts *accounts, const struct account *account,
		   const char *after, size_t max, struct buffer *json)
{
	int64_t now_s = clock_now_s();
	const char *next = NULL;

	append_start(json, now_s);
	if (after[0] == '\0')
		append_down(accounts, account, max / 8, json);
	append_list(json);
	if (account != NULL)
		(void)append_text(account_json(account, now_s), json);
	else
		next = append_page(accounts, after, max, now_s, json);
	append_next(json, next);
	return buffer_ok(json) && next != after;
}
