/* SPDX-License-Identifier: MIT */
/* diagnosis.c - see diagnosis.h. The order matters: what is special stands before what is general.
 */
#include "common/diagnosis.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "common/scanner.h"

#include "common/banned.h"

#define WAIT_MAX_MS INT64_C(86400000)

/* clang-format off */
static const struct diagnosis table[] = {
	/* Exchange Online */
	{DIAGNOSIS_IMAP, "suggested backoff time", OUTCOME_RETRY, 60,
	 "the server limits how much this account may ask for", NULL},
	{DIAGNOSIS_IMAP, "request is throttled", OUTCOME_RETRY, 60,
	 "the server limits how much this account may ask for", NULL},
	{DIAGNOSIS_IMAP, "authenticated but not connected", OUTCOME_RETRY, 30,
	 "the login is good, but the mailbox behind it does not open",
	 "if it stays: is user the mailbox's own address, and may the account open it (Full Access, IMAP enabled)?"},
	{DIAGNOSIS_IMAP, "BasicAuthBlocked", OUTCOME_CONFIG, 0,
	 "the server takes no passwords", "use an account with OAuth"},
	{DIAGNOSIS_IMAP, "NoPrimarySmtpAddress", OUTCOME_CONFIG, 0,
	 "the mailbox is not known by this name", "set user to the mailbox's own address"},
	{DIAGNOSIS_IMAP, "LogonDenied", OUTCOME_CONFIG, 0,
	 "the token is good, but may not open this mailbox", "give the account Full Access to it"},
	/* Gmail */
	{DIAGNOSIS_IMAP, "exceeded command or bandwidth limits", OUTCOME_RETRY, 3600,
	 "what may be fetched in a day is used up (Gmail: 2,500 MB)", NULL},
	{DIAGNOSIS_IMAP, "too many simultaneous connections", OUTCOME_RETRY, 120,
	 "the account has as many connections as the server allows", "lower connections, or end other programs that watch it"},
	{DIAGNOSIS_IMAP, "imap access is disabled", OUTCOME_CONFIG, 0,
	 "IMAP is switched off for this account", "switch it on in the account's or the domain's settings"},
	{DIAGNOSIS_IMAP, "not enabled for imap", OUTCOME_CONFIG, 0,
	 "IMAP is switched off for this account", "switch it on in the account's or the domain's settings"},
	{DIAGNOSIS_IMAP, "via your web browser", OUTCOME_CONSENT, 0,
	 "the provider wants to see a person first", "sign in with a web browser, then send SIGUSR1"},
	{DIAGNOSIS_IMAP, "[WEBALERT", OUTCOME_CONSENT, 0,
	 "the provider wants to see a person first", "sign in with a web browser, then send SIGUSR1"},
	{DIAGNOSIS_IMAP, "session expired", OUTCOME_RETRY, 0,
	 "the connection lived as long as its token", NULL},
	/* Dovecot, Cyrus, Courier */
	{DIAGNOSIS_IMAP, "maximum number of connections", OUTCOME_RETRY, 120,
	 "the account has as many connections as the server allows", "lower connections, or raise the server's limit (Dovecot: mail_max_userip_connections)"},
	{DIAGNOSIS_IMAP, "too many*connections", OUTCOME_RETRY, 120,
	 "the server has as many connections as it allows", "lower connections, or end other programs that watch it"},
	{DIAGNOSIS_IMAP, "shutting down", OUTCOME_RETRY, 0, "the server restarts", NULL},
	{DIAGNOSIS_IMAP, "autologout", OUTCOME_RETRY, 0, "the server ends idle connections early", "lower idle_for"},
	{DIAGNOSIS_IMAP, "inactivity", OUTCOME_RETRY, 0, "the server ends idle connections early", "lower idle_for"},
	/* Response codes of RFC 5530 and later, whoever says them */
	{DIAGNOSIS_IMAP, "[UNAVAILABLE]", OUTCOME_RETRY, 0, "something behind the server is down; the token is not to blame", NULL},
	{DIAGNOSIS_IMAP, "[OVERQUOTA]", OUTCOME_RETRY, 3600, "a quota of the account is used up", NULL},
	{DIAGNOSIS_IMAP, "[THROTTLED]", OUTCOME_RETRY, 60, "the server limits how much this account may ask for", NULL},
	{DIAGNOSIS_IMAP, "[LIMIT]", OUTCOME_RETRY, 60, "a limit of the server is reached", NULL},
	{DIAGNOSIS_IMAP, "[INUSE]", OUTCOME_RETRY, 30, "another program has the mailbox locked", NULL},
	{DIAGNOSIS_IMAP, "[SERVERBUG]", OUTCOME_RETRY, 300, "the server found a bug of its own", NULL},
	{DIAGNOSIS_IMAP, "[AUTHORIZATIONFAILED]", OUTCOME_CONFIG, 0,
	 "the login is good, but may not open this user's mailbox", "correct user, or give the account the right"},
	{DIAGNOSIS_IMAP, "[CONTACTADMIN]", OUTCOME_CONFIG, 0, "the server's administrator must act", NULL},
	{DIAGNOSIS_IMAP, "[PRIVACYREQUIRED]", OUTCOME_CONFIG, 0, "the server wants encryption first", "set tls"},
};
/* clang-format on */

/* Where part stands in text, or NULL. */
static const char *find(struct span text, const char *part, size_t len)
{
	for (size_t i = 0; i + len <= text.len; i++) {
		if (strncasecmp(text.ptr + i, part, len) == 0)
			return text.ptr + i;
	}
	return NULL;
}

static bool fits(const char *pattern, struct span text)
{
	const char *end = text.ptr + text.len;

	for (;;) {
		size_t len = strcspn(pattern, "*");
		const char *at = find(text, pattern, len);

		if (at == NULL)
			return false;
		text = (struct span){at + len, (size_t)(end - at) - len};
		pattern += len;
		if (*pattern == '\0')
			return true;
		pattern++;
	}
}

const struct diagnosis *diagnosis_find(enum diagnosis_where where, struct span said)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if ((table[i].where & where) != 0 && fits(table[i].pattern, said))
			return &table[i];
	}
	return NULL;
}

int64_t diagnosis_wait_ms(struct span said)
{
	static const char words[] = "backoff time:";
	const char *at = find(said, words, sizeof(words) - 1);
	struct scanner scan;
	uint64_t number;

	if (at == NULL)
		return 0;
	at += sizeof(words) - 1;
	scan = scanner_over((struct span){at, (size_t)(said.ptr + said.len - at)});
	while (scan_byte(&scan, ' '))
		;
	if (!scan_u64(&scan, UINT64_MAX, &number) || !scan_byte(&scan, ' '))
		return 0;
	if (scan_literal(&scan, "sec"))
		number = number > WAIT_MAX_MS / 1000 ? WAIT_MAX_MS : number * 1000;
	else if (!scan_literal(&scan, "milli"))
		return 0;
	return number > WAIT_MAX_MS ? WAIT_MAX_MS : (int64_t)number;
}
