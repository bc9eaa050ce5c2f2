/* SPDX-License-Identifier: MIT */
/* status.h - the state of accounts as JSON, version 1: what mailoauth(1) documents under "status".
 * Never a token. */
#ifndef TOKEN_HELPER_ACCOUNTS_STATUS_H
#define TOKEN_HELPER_ACCOUNTS_STATUS_H

#include "token-helper/accounts/accounts.h"

/* "never-authorized", "valid", "expiring", "expired-refreshable", "reauth-required", "blocked"
 * (configuration), "error" (transient). */
const char *account_state_name(const struct account *account, int64_t now_s);

/* Appends {"version":1,"now":…,"accounts":[…]}; account NULL: all. False past json's ceiling. */
bool status_append(const struct accounts *accounts, const struct account *account,
		   struct buffer *json);

#endif
