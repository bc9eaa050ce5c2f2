/* SPDX-License-Identifier: MIT */
/* account-report.c - what people read of an account: the answer to who gets no token, and the lines
 * of the log. */
#include "token-helper/accounts/account-private.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"

#include "common/banned.h"

static int64_t next_attempt_in_s(const struct account *account)
{
	int64_t wait_s = account_waiting_if_asked_s(account);
	int64_t probe_s =
		account_endpoint_is_down(account) ? account_probe_s(account) - clock_now_s() : 0;

	return wait_s > probe_s ? wait_s : probe_s;
}

enum outcome account_explain(const struct account *account, enum outcome what, const char *why,
			     struct err *err)
{
	const char *name = account->config->name;
	int64_t wait = next_attempt_in_s(account);

	switch (what) {
	case OUTCOME_CONSENT:
		return err_set(err, what, "account %s: %s; run: mailoauth authorize %s", name, why,
			       name);
	case OUTCOME_CONFIG:
		if (!account_has_person(account))
			return err_set(err, what,
				       "account %s: %s; correct that, then run: mailoauth "
				       "authorize %s",
				       name, why, name);
		return err_set(err, what,
			       "account %s: %s; correct it in mailoauth.conf and reload mailoauthd",
			       name, why);
	case OUTCOME_RETRY:
		if (wait > 0)
			return err_set(err, what, "account %s: %s; next attempt in %" PRId64 " s",
				       name, why, wait);
		break;
	default:
		break;
	}
	return err_set(err, what, "account %s: %s", name, why);
}

const char *account_trouble_text(const struct account *account)
{
	return account->attempt.text != NULL ? account->attempt.text : "";
}

enum outcome account_explain_trouble(const struct account *account, struct err *err)
{
	return account_explain(account, account->trouble, account_trouble_text(account), err);
}

static void log_credential(const struct account *account, const struct token_answer *answer)
{
	if (answer->credential_changed)
		log_warning("account=%s credential=%s: the server takes this one and refuses the "
			    "other",
			    account->config->name, answer->credential);
}

/* The line that every request to a token endpoint leaves. */
static void log_answer(const struct account *account, enum log_level level, const char *what,
		       const char *grant, const struct token_answer *answer, const char *tail)
{
	char host[256];

	http_url_host(account->config->client.token_url, host, sizeof(host));
	log_line(level,
		 "account=%s %s=%s grant=%s endpoint=%s http=%d error=%s correlation=%s "
		 "duration=%" PRId64 "ms%s",
		 account->config->name, what, outcome_name(answer->outcome), grant, host,
		 answer->status, answer->error[0] != '\0' ? answer->error : "-",
		 answer->correlation[0] != '\0' ? answer->correlation : "-", answer->duration_ms,
		 tail);
}

void account_note_clock(struct account *account, const struct token_answer *answer)
{
	if (answer->is_dated)
		account->clock = (struct account_clock){.at_s = clock_now_s(),
							.ahead_s = answer->clock_ahead_s};
}

void account_log_answer(struct account *account, enum grant_kind grant,
			const struct token_answer *answer)
{
	account_note_clock(account, answer);
	account_hears(account, answer);
	log_answer(account, LOG_LEVEL_INFO, "request", grant_kind_name(grant), answer, "");
	log_credential(account, answer);
}

void account_log_attempt(const struct account *account, const struct token_answer *answer,
			 bool rotated)
{
	const char *grant = grant_kind_has_person(account->flight_grant)
				    ? "refresh_token"
				    : grant_kind_name(account->flight_grant);
	char tail[ERR_TEXT_MAX + 8];
	char until[CLOCK_TEXT_MAX];

	log_credential(account, answer);
	if (answer->outcome == OUTCOME_OK)
		(void)snprintf(tail, sizeof(tail), " rotated=%s valid_until=%s",
			       rotated ? "yes" : "no",
			       clock_text(account->flight_started_s + answer->set.expires_in_s,
					  until, sizeof(until)));
	else
		(void)snprintf(tail, sizeof(tail), ": %s", answer->err.text);
	log_answer(account,
		   answer->outcome == OUTCOME_OK ? LOG_LEVEL_INFO : log_level_of(answer->outcome),
		   "refresh", grant, answer, tail);
}
