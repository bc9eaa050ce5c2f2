/* SPDX-License-Identifier: MIT */
/*
 * metrics.c - see metrics.h. An account's name is a label as it stands: what may be in a name needs
 * no escape.
 */
#include "token-helper/accounts/metrics.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "token-helper/accounts/account-state.h"
#include "token-helper/accounts/calendar.h"
#include "token-helper/accounts/endpoints.h"
#include "token-helper/accounts/status.h"

#include "common/banned.h"

static const char *const states[] = {
	"never-authorized", "valid",   "expiring", "expired-refreshable",
	"reauth-required",  "blocked", "error"};

static int64_t access_expires(const struct account *account)
{
	return account_expires_s(account);
}

static int64_t refresh_obtained(const struct account *account)
{
	return account->grant.refresh_token.len > 0 ? account->grant.refresh_obtained_s : 0;
}

static int64_t last_refresh(const struct account *account)
{
	return account->attempt.at_s;
}

static int64_t last_refresh_ok(const struct account *account)
{
	return account->trouble == OUTCOME_OK ? 1 : 0;
}

static int64_t failures(const struct account *account)
{
	return (int64_t)account->failures;
}

static int64_t requests(const struct account *account)
{
	return (int64_t)account->requests;
}

static int64_t rejected(const struct account *account)
{
	return account->rejection.at_s;
}

static const struct metric {
	const char *name, *type, *help;
	int64_t (*value)(const struct account *account);
} metrics[] = {
	{"mailoauth_access_token_expires_timestamp_seconds", "gauge",
	 "When the access token ends; 0: there is none.", access_expires},
	{"mailoauth_refresh_token_obtained_timestamp_seconds", "gauge",
	 "When the refresh token was issued; 0: there is none.", refresh_obtained},
	{"mailoauth_last_refresh_timestamp_seconds", "gauge",
	 "When the last refresh ended; 0: none since the start.", last_refresh},
	{"mailoauth_last_refresh_ok", "gauge", "1 unless the last refresh failed.",
	 last_refresh_ok},
	{"mailoauth_refresh_failures", "gauge", "Failed refreshes in a row.", failures},
	{"mailoauth_rejected_timestamp_seconds", "gauge",
	 "When a mail server last refused a token; 0: never since the start.", rejected},
	{"mailoauth_token_requests_total", "counter", "Tokens that mail programs asked for.",
	 requests},
};

static void append_head(struct buffer *text, const char *name, const char *type, const char *help)
{
	(void)buffer_printf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void append_metric(const struct accounts *accounts, const struct metric *metric,
			  struct buffer *text)
{
	append_head(text, metric->name, metric->type, metric->help);
	for (size_t i = 0; i < accounts_count(accounts); i++) {
		const struct account *account = accounts_at(accounts, i);

		(void)buffer_printf(text, "%s{account=\"%s\"} %" PRId64 "\n", metric->name,
				    account->config->name, metric->value(account));
	}
}

static void append_states(const struct accounts *accounts, struct buffer *text)
{
	int64_t now_s = clock_now_s();

	append_head(text, "mailoauth_account_state", "gauge",
		    "1 for the state that the account is in, 0 for the others.");
	for (size_t i = 0; i < accounts_count(accounts); i++) {
		const struct account *account = accounts_at(accounts, i);
		const char *state = account_state_name(account, now_s);

		for (size_t k = 0; k < sizeof(states) / sizeof(states[0]); k++)
			(void)buffer_printf(text,
					    "mailoauth_account_state{account=\"%s\",state=\"%s\"} "
					    "%d\n",
					    account->config->name, states[k],
					    strcmp(states[k], state) == 0 ? 1 : 0);
	}
}

static void append_deadlines(const struct accounts *accounts, struct buffer *text)
{
	append_head(text, "mailoauth_deadline_timestamp_seconds", "gauge",
		    "When something of the account ends by itself.");
	for (size_t i = 0; i < accounts_count(accounts); i++) {
		const struct account *account = accounts_at(accounts, i);
		struct calendar calendar;

		calendar_of(account, &calendar);
		for (int k = 0; k < CALENDAR_COUNT; k++) {
			if (calendar.at_s[k] != 0)
				(void)buffer_printf(text,
						    "mailoauth_deadline_timestamp_seconds{account="
						    "\"%s\",what=\"%s\"} %" PRId64 "\n",
						    account->config->name, calendar_names[k],
						    calendar.at_s[k]);
		}
	}
}

/* Endpoints are told apart by their names: where one is reached in several ways, they are one. */
static int64_t is_down(const struct endpoint *endpoint)
{
	return endpoint->outage.is_down ? 1 : 0;
}

static int64_t down_since(const struct endpoint *endpoint)
{
	return endpoint->outage.is_down ? endpoint->outage.since_s : 0;
}

static int64_t waiting(const struct endpoint *endpoint)
{
	return (int64_t)endpoint->queued;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static int64_t sum(int64_t a, int64_t b)
{
	return a + b;
}

static const struct endpoint_metric {
	const char *name, *help;
	int64_t (*value)(const struct endpoint *endpoint);
	int64_t (*both)(int64_t a, int64_t b); /* of two ways to the same endpoint */
} endpoint_metrics[] = {
	{"mailoauth_endpoint_down", "1 while a token endpoint is down for all accounts.", is_down,
	 larger},
	{"mailoauth_endpoint_down_since_timestamp_seconds", "Since when it is down; 0: it is not.",
	 down_since, earlier},
	{"mailoauth_endpoint_accounts_waiting",
	 "Accounts whose refresh is due and waits for the endpoint.", waiting, sum},
};

/* A name may come from the metadata of an issuer, which may say anything. */
static void append_label(struct buffer *text, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			(void)buffer_append_byte(text, '\\');
		if (*value == '\n')
			(void)buffer_append_str(text, "\\n");
		else
			(void)buffer_append_byte(text, *value);
	}
}

static void append_endpoint_metric(const struct endpoints *endpoints,
				   const struct endpoint_metric *metric, struct buffer *text)
{
	size_t i = 0;

	append_head(text, metric->name, "gauge", metric->help);
	while (i < endpoints_count(endpoints)) {
		const char *name = endpoints_at(endpoints, i)->name;
		int64_t value = 0;
		size_t accounts = 0;

		for (; i < endpoints_count(endpoints) &&
		       strcmp(endpoints_at(endpoints, i)->name, name) == 0;
		     i++) {
			value = metric->both(value, metric->value(endpoints_at(endpoints, i)));
			accounts += endpoints_at(endpoints, i)->accounts;
		}
		if (accounts == 0)
			continue;
		(void)buffer_printf(text, "%s{endpoint=\"", metric->name);
		append_label(text, name);
		(void)buffer_printf(text, "\"} %" PRId64 "\n", value);
	}
}

bool metrics_append(const struct accounts *accounts, struct buffer *text)
{
	append_head(text, "mailoauth_info", "gauge", "The version that runs.");
	(void)buffer_append_str(text, "mailoauth_info{version=\"" PACKAGE_VERSION "\"} 1\n");
	append_states(accounts, text);
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		append_metric(accounts, &metrics[i], text);
	append_deadlines(accounts, text);
	for (size_t i = 0; i < sizeof(endpoint_metrics) / sizeof(endpoint_metrics[0]); i++)
		append_endpoint_metric(accounts_endpoints(accounts), &endpoint_metrics[i], text);
	return buffer_ok(text);
}
