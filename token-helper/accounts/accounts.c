/* SPDX-License-Identifier: MIT */
/* accounts.c - see accounts.h. */
#include "token-helper/accounts/accounts.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/daemon-command.h"
#include "common/deadline.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/accounts/account-private.h"
#include "token-helper/accounts/beginnings.h"
#include "token-helper/accounts/commit-queue.h"
#include "token-helper/accounts/discovery.h"
#include "token-helper/accounts/endpoints.h"
#include "token-helper/accounts/refresh-policy.h"

#include "common/banned.h"

#define CLOCK_CHECK_S 60
#define CLOCK_JUMP_S  5
#define ORPHANS_MAX   4194304 /* bytes of their names */

struct accounts {
	struct account_world world;
	struct account **list; /* by name */
	size_t count;
	struct account **retired; /* configured no more, but still needed */
	size_t retired_count;
	struct words orphans; /* by name */
	struct event *clock_check;
	int64_t clock_offset_s; /* wall clock less monotonic clock when last looked at */
};

/* The wall clock against the monotonic one ------------------------------------------------------
 */

static int64_t clock_offset_s(void)
{
	return clock_now_s() - deadline_in_ms(0).at_ms / 1000;
}

/* Frees those of the retired that have nothing to lose any more. */
static void bury_retired(struct accounts *accounts)
{
	size_t kept = 0;

	for (size_t i = 0; i < accounts->retired_count; i++) {
		if (account_is_needed(accounts->retired[i]))
			accounts->retired[kept++] = accounts->retired[i];
		else
			account_free(accounts->retired[i]);
	}
	accounts->retired_count = kept;
}

/* Timers run on the monotonic clock, which stands still in suspend; expiry is wall clock. Where
 * they part, plan anew. */
static void on_clock_check(evutil_socket_t fd, short what, void *context)
{
	struct accounts *accounts = context;
	int64_t offset_s = clock_offset_s();

	(void)fd;
	(void)what;
	bury_retired(accounts);
	if (llabs(offset_s - accounts->clock_offset_s) <= CLOCK_JUMP_S)
		return;
	log_info("the clock was set, or the machine slept: %+lld s; planning anew",
		 (long long)(offset_s - accounts->clock_offset_s));
	accounts->clock_offset_s = offset_s;
	for (size_t i = 0; i < accounts->count; i++)
		account_reschedule(accounts->list[i]);
}

/* Life ---------------------------------------------------------------------------------------- */

struct accounts *accounts_new(const struct account_world *world)
{
	static const struct timeval every = {.tv_sec = CLOCK_CHECK_S};
	struct accounts *accounts = xcalloc(1, sizeof(*accounts));

	accounts->world = *world;
	accounts->world.plan = xcalloc(1, sizeof(*accounts->world.plan));
	accounts->world.beginnings = beginnings_new(world->base);
	accounts->world.commits = commit_queue_new(world->base);
	accounts->world.endpoints = endpoints_new();
	accounts->world.discoveries = discoveries_new();
	accounts->clock_offset_s = clock_offset_s();
	accounts->clock_check = event_new(world->base, -1, EV_PERSIST, on_clock_check, accounts);
	if (accounts->clock_check == NULL || event_add(accounts->clock_check, &every) != 0)
		fatal("out of memory");
	return accounts;
}

void accounts_free(struct accounts *accounts)
{
	if (accounts == NULL)
		return;
	for (size_t i = 0; i < accounts->count; i++)
		account_free(accounts->list[i]);
	for (size_t i = 0; i < accounts->retired_count; i++)
		account_free(accounts->retired[i]);
	free(accounts->list);
	free(accounts->retired);
	words_release(&accounts->orphans);
	event_free(accounts->clock_check);
	beginnings_free(accounts->world.beginnings);
	commit_queue_free(accounts->world.commits);
	endpoints_free(accounts->world.endpoints);
	discoveries_free(accounts->world.discoveries);
	free(accounts->world.plan);
	free(accounts);
}

static int compare_accounts(const void *a, const void *b)
{
	const struct account *const *left = a;
	const struct account *const *right = b;

	return strcmp(account_config(*left)->name, account_config(*right)->name);
}

/* strcmp() of a span, which may hold NULs, and a string. */
static int compare_name(struct span name, const char *there)
{
	size_t len = strlen(there);
	size_t common = name.len < len ? name.len : len;
	int order = common > 0 ? memcmp(name.ptr, there, common) : 0;

	if (order != 0 || name.len == len)
		return order;
	return name.len < len ? -1 : 1;
}

struct account *accounts_find(const struct accounts *accounts, struct span name)
{
	size_t low = 0;
	size_t high = accounts->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_name(name, account_config(accounts->list[middle])->name);

		if (order == 0)
			return accounts->list[middle];
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* The account of that name as it was, perhaps retired; NULL when it is new. */
static struct account *take_old(struct accounts *accounts, const char *name)
{
	for (size_t i = 0; i < accounts->retired_count; i++) {
		struct account *account = accounts->retired[i];

		if (strcmp(account_config(account)->name, name) != 0)
			continue;
		accounts->retired[i] = accounts->retired[--accounts->retired_count];
		account_revive(account);
		return account;
	}
	return accounts_find(accounts, span_from_str(name));
}

/* Old accounts that are not in the new list. They are found by nobody any more: whoever is told
 * that his account is gone may look for it at once. */
static void retire_missing(struct accounts *accounts, struct account **old, size_t old_count)
{
	for (size_t i = 0; i < old_count; i++) {
		if (accounts_find(accounts, span_from_str(account_config(old[i])->name)) == old[i])
			continue;
		account_retire(old[i]);
		accounts->retired = xgrow(accounts->retired, accounts->retired_count,
					  sizeof(accounts->retired[0]));
		accounts->retired[accounts->retired_count++] = old[i];
	}
	bury_retired(accounts);
}

void accounts_look_for_orphans(struct accounts *accounts)
{
	struct buffer names = BUFFER_INIT(ORPHANS_MAX);
	struct words *orphans = &accounts->orphans;
	struct err err;

	words_release(orphans);
	if (store_names(accounts->world.store, "", SIZE_MAX, &names, &err) != OUTCOME_OK)
		log_warning("grants without an account are not known: %s", err.text);
	for (size_t at = 0; at < names.len; at += strlen(names.data + at) + 1) {
		const char *name = names.data + at;

		if (accounts_find(accounts, span_from_str(name)) != NULL)
			continue;
		words_push(orphans, span_from_str(name));
	}
	buffer_release(&names);
}

const struct words *accounts_orphans(const struct accounts *accounts)
{
	return &accounts->orphans;
}

void accounts_apply(struct accounts *accounts, struct helper_config *config)
{
	struct account **list = xcalloc(config->account_count + 1, sizeof(*list));
	struct account **old = accounts->list;
	size_t old_count = accounts->count;

	accounts->world.plan->accounts = config->account_count;
	for (size_t i = 0; i < config->account_count; i++) {
		list[i] = take_old(accounts, config->accounts[i]->name);
		if (list[i] != NULL)
			account_reconfigure(list[i], config->accounts[i]);
		else
			list[i] = account_new(&accounts->world, config->accounts[i]);
	}
	accounts->list = list;
	accounts->count = config->account_count;
	config->account_count = 0;
	qsort(accounts->list, accounts->count, sizeof(accounts->list[0]), compare_accounts);
	retire_missing(accounts, old, old_count);
	free(old);
	accounts_look_for_orphans(accounts);
}

struct store *accounts_store(const struct accounts *accounts)
{
	return accounts->world.store;
}

const struct endpoints *accounts_endpoints(const struct accounts *accounts)
{
	return accounts->world.endpoints;
}

size_t accounts_count(const struct accounts *accounts)
{
	return accounts->count;
}

struct account *accounts_at(const struct accounts *accounts, size_t index)
{
	return accounts->list[index];
}

bool accounts_is_leaving(const struct accounts *accounts, const char *name)
{
	for (size_t i = 0; i < accounts->retired_count; i++) {
		const struct account *account = accounts->retired[i];

		if (strcmp(account_config(account)->name, name) == 0)
			return account_is_needed(account);
	}
	return false;
}

bool accounts_busy(const struct accounts *accounts)
{
	for (size_t i = 0; i < accounts->count; i++) {
		if (account_is_refreshing(accounts->list[i]) ||
		    account_waits_to_begin(accounts->list[i]) || accounts->list[i]->forget != NULL)
			return true;
	}
	for (size_t i = 0; i < accounts->retired_count; i++) {
		if (account_is_refreshing(accounts->retired[i]) ||
		    accounts->retired[i]->forget != NULL)
			return true;
	}
	return false;
}

bool account_allows(const struct account *account, const struct peer *peer)
{
	return peer->uid == 0 || peer->uid == geteuid() ||
	       peer_list_has(&account_config(account)->allow, peer);
}

/* Selecting ----------------------------------------------------------------------------------- */

/* Collects the accounts that fit. One is found; of several the default; else their names are told.
 */
struct candidates {
	struct account *only;
	struct account *standard; /* default = yes */
	size_t standards;
	size_t count;
	struct buffer names;
};

static void candidate_add(struct candidates *found, struct account *account)
{
	found->count++;
	found->only = account;
	if (account_config(account)->is_default) {
		found->standard = account;
		found->standards++;
	}
	(void)buffer_printf(&found->names, "%s%s", found->names.len > 0 ? ", " : "",
			    account_config(account)->name);
}

static enum outcome candidate_choose(struct candidates *found, const char *what, struct span key,
				     struct account **account_out, struct err *err)
{
	enum outcome outcome = OUTCOME_OK;

	if (found->count > 1 && found->standards != 1)
		outcome =
			err_set(err, OUTCOME_CONFIG,
				"several accounts have the %s %.*s (%s): name one in the password "
				"field, or say default = yes in exactly one of them",
				what, (int)(key.len < 255 ? key.len : 255), key.ptr,
				buffer_cstr(&found->names));
	else
		*account_out = found->count > 1 ? found->standard : found->only;
	buffer_release(&found->names);
	return outcome;
}

static struct account *find_alias(const struct accounts *accounts, struct span alias)
{
	for (size_t i = 0; i < accounts->count; i++) {
		const struct words *aliases = &account_config(accounts->list[i])->aliases;

		for (size_t k = 0; k < aliases->count; k++) {
			if (span_equals(alias, aliases->word[k]))
				return accounts->list[i];
		}
	}
	return NULL;
}

static bool is_user_of(const struct account_config *config, enum service service, struct span user)
{
	if (service != SERVICE_ANY)
		return span_equals_nocase(user, config->service_user[service]) ||
		       span_equals_nocase(user, config->user);
	for (int s = 0; s < SERVICE_COUNT; s++) {
		if (span_equals_nocase(user, config->service_user[s]))
			return true;
	}
	return span_equals_nocase(user, config->user);
}

static bool serves(const struct account_config *config, enum service service, struct span host)
{
	if (service != SERVICE_ANY && !config->use[service])
		return false;
	return host.len == 0 || account_config_has_host(config, service, host);
}

static enum outcome find_user(const struct accounts *accounts, const struct account_wanted *wanted,
			      struct span user, struct account **account_out, struct err *err)
{
	struct candidates found = {.names = BUFFER_INIT(2048)};
	struct account *other = NULL; /* its user, but not that service or host: for the message */
	enum outcome outcome;

	for (size_t i = 0; user.len > 0 && i < accounts->count; i++) {
		const struct account_config *config = account_config(accounts->list[i]);

		if (!is_user_of(config, wanted->service, user))
			continue;
		other = accounts->list[i];
		if (serves(config, wanted->service, wanted->host))
			candidate_add(&found, accounts->list[i]);
	}
	*account_out = NULL;
	outcome = candidate_choose(&found, "user", user, account_out, err);
	if (outcome == OUTCOME_OK && *account_out == NULL)
		*account_out = other;
	return outcome;
}

static enum outcome check_serves(const struct account *account, const struct account_wanted *wanted,
				 struct err *err)
{
	const struct account_config *config = account_config(account);
	enum service service = wanted->service;

	if (service != SERVICE_ANY && !config->use[service])
		return err_set(
			err, OUTCOME_CONFIG,
			"account %s: is not for %s: add %s to its use in mailoauth.conf, and "
			"authorize it again",
			config->name, service_names[service], service_names[service]);
	if (wanted->host.len > 0 && !account_config_has_host(config, service, wanted->host))
		return err_set(err, OUTCOME_CONFIG,
			       "account %s: its token is not for the server %.*s; if it should be, "
			       "set %s_host in its section of mailoauth.conf",
			       config->name, (int)(wanted->host.len < 255 ? wanted->host.len : 255),
			       wanted->host.ptr,
			       service != SERVICE_ANY ? service_names[service] : "smtp");
	return OUTCOME_OK;
}

/* The selector is not repeated: in a map that still has passwords it is one. */
static enum outcome explain_unknown(const struct account_wanted *wanted, struct err *err)
{
	int user_len = (int)(wanted->user.len < 255 ? wanted->user.len : 255);

	if (wanted->selector.len == 0)
		return err_set(err, OUTCOME_CONFIG,
			       "no account has the user \"%.*s\": add one to mailoauth.conf with "
			       "user = %.*s, or correct the name",
			       user_len, wanted->user.ptr, user_len, wanted->user.ptr);
	if (user_len == 0)
		return err_set(err, OUTCOME_CONFIG,
			       "mailoauthd has no account of this name or alias: write an [account "
			       "NAME] into mailoauth.conf and run: %s; those "
			       "that it has: mailoauth status",
			       daemon_command(DAEMON_RELOAD));
	return err_set(err, OUTCOME_CONFIG,
		       "what stands as password of \"%.*s\" (%zu characters, not shown here) is no "
		       "account's name or alias: put the name of an [account] there, or nothing",
		       user_len, wanted->user.ptr, wanted->selector.len);
}

enum outcome accounts_select(const struct accounts *accounts, const struct account_wanted *wanted,
			     struct account **account_out, struct err *err)
{
	struct span key = wanted->selector.len > 0 ? wanted->selector : wanted->user;
	struct account *account = NULL;
	enum outcome outcome;

	if (wanted->selector.len > 0) {
		account = accounts_find(accounts, wanted->selector);
		if (account == NULL)
			account = find_alias(accounts, wanted->selector);
	}
	if (account == NULL) {
		outcome = find_user(accounts, wanted, key, &account, err);
		if (outcome != OUTCOME_OK)
			return outcome;
	}
	if (account == NULL)
		return explain_unknown(wanted, err);
	outcome = check_serves(account, wanted, err);
	if (outcome == OUTCOME_OK)
		*account_out = account;
	return outcome;
}

enum outcome accounts_login(const struct accounts *accounts, struct span key,
			    struct account **account_out, struct err *err)
{
	struct candidates found = {.names = BUFFER_INIT(2048)};
	bool is_address = memchr(key.ptr, '@', key.len) != NULL;

	*account_out = NULL;
	for (size_t i = 0; key.len > 0 && i < accounts->count; i++) {
		const struct account_config *config = account_config(accounts->list[i]);

		if (!config->use[SERVICE_SMTP])
			continue;
		if (is_address ? account_config_has_sender(config, key)
			       : account_config_has_host(config, SERVICE_SMTP, key))
			candidate_add(&found, accounts->list[i]);
	}
	return candidate_choose(&found, is_address ? "sender" : "server", key, account_out, err);
}
