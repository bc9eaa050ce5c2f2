/* SPDX-License-Identifier: MIT */
/* account-verdict.c - what mail servers say of the tokens that we hand out. */
#include "token-helper/accounts/account-private.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/helper-protocol.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/accounts/refresh-policy.h"

#include "common/banned.h"

void account_rejection_release(struct account_rejection *rejection)
{
	free(rejection->where);
	free(rejection->said);
}

/* A server's words without what could forge a line. Gives. */
static char *clean_text(const char *text)
{
	struct err line;

	(void)err_set(&line, OUTCOME_OK, "%s", text);
	return xstrdup(line.text);
}

void account_report_rejected(struct account *account, uint64_t fingerprint, const char *where,
			     const char *said)
{
	bool current = account->grant.access_token.len > 0 &&
		       token_fingerprint(buffer_span(&account->grant.access_token)) == fingerprint;

	log_warning("account=%s rejected by=%s token=%s said=%s", account->config->name, where,
		    current ? "present" : "earlier", said);
	account_rejection_release(&account->rejection);
	account->rejection = (struct account_rejection){
		.at_s = clock_now_s(), .where = xstrdup(where), .said = clean_text(said)};
	/* A rejected token is replaced once; if its successor is refused too within the minute,
	 * asking again would only hammer. */
	if (current && (clock_now_s() - account->forced_s >= REFRESH_FORCED_S ||
			clock_now_s() < account->forced_s))
		account->rejected = true;
}

void account_report_accepted(struct account *account, const char *where)
{
	log_debug("account=%s accepted by=%s", account->config->name, where);
	free(account->acceptance.where);
	account->acceptance =
		(struct account_acceptance){.at_s = clock_now_s(), .where = clean_text(where)};
}
