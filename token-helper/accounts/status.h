/* SPDX-License-Identifier: MIT */
/* status.h - the state of accounts as JSON, version 1: what mailoauth(1) documents under "status".
 * Never a token. Members may be added to version 1, none goes or changes its meaning. */
#ifndef TOKEN_HELPER_ACCOUNTS_STATUS_H
#define TOKEN_HELPER_ACCOUNTS_STATUS_H

#include "token-helper/accounts/accounts.h"

/* "never-authorized", "valid", "expiring", "expired-refreshable", "reauth-required", "blocked"
 * (configuration), "error" (transient). A grant that has no account is "unconfigured". */
const char *account_state_name(const struct account *account, int64_t now_s);

/* What a person should do about it, in a line; "" for nothing. */
void account_todo(const struct account *account, char *text, size_t size);

/*
 * Appends {"version":1,"now":…,"endpoints_down":[…],"accounts":[…],"next":…}. account: that one;
 * NULL: all after the name `after` ("": from the first), as many as fit into max bytes; "next" is
 * then the name to go on after, null at the end. Where endpoints are down is told with the first.
 * False when not even one fits.
 */
bool status_append(const struct accounts *accounts, const struct account *account,
		   const char *after, size_t max, struct buffer *json);

/* The same with a grant that has no account; false, and nothing appended: there is none of that
 * name. */
bool status_append_orphan(const struct accounts *accounts, struct span name, struct buffer *json);

#endif
