/* SPDX-License-Identifier: MIT */
/*
 * notices.h - tells somebody, by a program of the administrator's, by mail, or both, when an
 * account needs a person: at best before its mail stops.
 *
 * Each thing is told once in each way, also across restarts; one that is over and comes back is
 * told again. The program gets the account, what it is and a line for people as its last three
 * arguments, the mail says the same. Never a secret: the line is the one that `mailoauth status`
 * shows.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_NOTICES_H
#define TOKEN_HELPER_ACCOUNTS_NOTICES_H

#include "common/config.h"
#include "token-helper/accounts/accounts.h"

struct notices;

struct helper_config;
struct http_client;

/* config: its notify_*, borrowed for the call. Gives; NULL when nobody is to be told. */
struct notices *notices_new(struct event_base *base, struct http_client *http,
			    const struct accounts *accounts, const struct helper_config *config);
void notices_free(struct notices *notices); /* NULL is fine */

#endif
