/* SPDX-License-Identifier: MIT */
/* calendar.c - see calendar.h. */
#include "token-helper/accounts/calendar.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/daemon-command.h"
#include "common/scanner.h"

#include "common/banned.h"

#define DAY_S 86400

const char *const calendar_names[CALENDAR_COUNT] = {
	[CALENDAR_CLIENT_SECRET] = "client-secret",
	[CALENDAR_CLIENT_CERTIFICATE] = "client-certificate",
	[CALENDAR_REFRESH_IDLE] = "refresh-token-idle",
	[CALENDAR_REFRESH_END] = "refresh-token-end",
};

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t certificate_ends_s(const struct client_auth *auth)
{
	int64_t ends_s = 0;

	for (size_t i = 0; auth != NULL && i < auth->count; i++) {
		const struct signing_key *key = auth->credentials[i].key;

		if (key != NULL)
			ends_s = later(ends_s, signing_key_expires_s(key));
	}
	return ends_s;
}

void calendar_of(const struct account *account, struct calendar *out)
{
	const struct account_config *config = account_config(account);
	const struct grant *grant = account_grant(account);

	*out = (struct calendar){.at_s = {0}};
	out->at_s[CALENDAR_CLIENT_SECRET] = config->client_secret_expires_s;
	out->at_s[CALENDAR_CLIENT_CERTIFICATE] = certificate_ends_s(config->client.auth);
	/* One from the time when a person signed in is kept, and not used. */
	if (grant->refresh_token.len == 0 || !grant_kind_has_person(config->client.grant))
		return;
	if (config->refresh_idle_limit_s > 0)
		out->at_s[CALENDAR_REFRESH_IDLE] =
			later(grant->refresh_obtained_s, grant->access_obtained_s) +
			config->refresh_idle_limit_s;
	if (config->refresh_lifetime_s > 0 && grant->authorized_s > 0)
		out->at_s[CALENDAR_REFRESH_END] = grant->authorized_s + config->refresh_lifetime_s;
}

int calendar_mark(int64_t at_s, int64_t now_s)
{
	static const int marks[] = {1, 7, 30};

	if (at_s == 0)
		return -1;
	if (at_s <= now_s)
		return 0;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (at_s - now_s <= (int64_t)marks[i] * DAY_S)
			return marks[i];
	}
	return -1;
}

enum calendar_entry calendar_nearest(const struct calendar *calendar, int64_t now_s)
{
	enum calendar_entry nearest = CALENDAR_COUNT;

	for (int i = 0; i < CALENDAR_COUNT; i++) {
		if (calendar_mark(calendar->at_s[i], now_s) >= 0 &&
		    (nearest == CALENDAR_COUNT || calendar->at_s[i] < calendar->at_s[nearest]))
			nearest = (enum calendar_entry)i;
	}
	return nearest;
}

void calendar_advice(const struct account *account, enum calendar_entry entry, int64_t at_s,
		     char *text, size_t size)
{
	const char *name = account_config(account)->name;
	const char *ends = at_s > clock_now_s() ? "ends" : "ended";
	char day[CLOCK_TEXT_MAX];

	(void)clock_text(at_s, day, sizeof(day));
	day[strcspn(day, "T")] = '\0'; /* the date alone */
	switch (entry) {
	case CALENDAR_CLIENT_SECRET:
		(void)snprintf(text, size,
			       "the client secret %s on %s: make a new one at %s, put it into its "
			       "file, set client_secret_expires anew, then: %s",
			       ends, day, account_config(account)->title,
			       daemon_command(DAEMON_RELOAD));
		break;
	case CALENDAR_CLIENT_CERTIFICATE:
		(void)snprintf(
			text, size,
			"the client certificate %s on %s: register a new one at %s, put it and "
			"its key into their files, then: %s",
			ends, day, account_config(account)->title, daemon_command(DAEMON_RELOAD));
		break;
	case CALENDAR_REFRESH_IDLE:
		(void)snprintf(text, size,
			       "the refresh token %s of disuse on %s; run: mailoauth refresh %s",
			       ends, day, name);
		break;
	default:
		(void)snprintf(text, size,
			       "the refresh token %s on %s, whatever is done with it; run before: "
			       "mailoauth authorize %s",
			       ends, day, name);
		break;
	}
}

bool calendar_parse_date(const char *text, int64_t *at_s)
{
	struct scanner scan = scanner_over(span_from_str(text));
	struct span year, month, day;
	struct tm tm = {.tm_hour = 23, .tm_min = 59, .tm_sec = 59};
	struct tm back;
	time_t at;
	char digits[9];

	if (strlen(text) != 10 || !scan_take(&scan, 4, &year) || !scan_byte(&scan, '-') ||
	    !scan_take(&scan, 2, &month) || !scan_byte(&scan, '-') || !scan_take(&scan, 2, &day))
		return false;
	(void)snprintf(digits, sizeof(digits), "%.4s%.2s%.2s", year.ptr, month.ptr, day.ptr);
	if (strspn(digits, "0123456789") != 8)
		return false;
	tm.tm_year = (digits[0] - '0') * 1000 + (digits[1] - '0') * 100 + (digits[2] - '0') * 10 +
		     (digits[3] - '0') - 1900;
	tm.tm_mon = (digits[4] - '0') * 10 + (digits[5] - '0') - 1;
	tm.tm_mday = (digits[6] - '0') * 10 + (digits[7] - '0');
	back = tm;
	at = timegm(&back);
	/* timegm() turns the 31st of April into the 1st of May. */
	if (at <= 0 || back.tm_mon != tm.tm_mon || back.tm_mday != tm.tm_mday)
		return false;
	*at_s = (int64_t)at;
	return true;
}
