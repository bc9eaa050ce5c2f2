/* SPDX-License-Identifier: MIT */
/*
 * calendar.h - what of an account ends at a known time and takes the mail with it: the client's
 * secret or certificate, and the refresh token by disuse or by age.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_CALENDAR_H
#define TOKEN_HELPER_ACCOUNTS_CALENDAR_H

#include "token-helper/accounts/account.h"

enum calendar_entry {
	CALENDAR_CLIENT_SECRET,	     /* client_secret_expires */
	CALENDAR_CLIENT_CERTIFICATE, /* of two the one that lasts longer */
	CALENDAR_REFRESH_IDLE,	     /* refresh_idle_limit after its last use */
	CALENDAR_REFRESH_END,	     /* refresh_lifetime after a person consented */
	CALENDAR_COUNT,
};

extern const char *const calendar_names[CALENDAR_COUNT]; /* "client-secret", ... */

struct calendar {
	int64_t at_s[CALENDAR_COUNT]; /* wall clock; 0: not known, or never */
};

void calendar_of(const struct account *account, struct calendar *out);

/* 30, 7 or 1: so many days or fewer are left; 0: it is past; -1: there is time. */
int calendar_mark(int64_t at_s, int64_t now_s);

/* The entry that comes first and has a mark; CALENDAR_COUNT: none has. */
enum calendar_entry calendar_nearest(const struct calendar *calendar, int64_t now_s);

/* What to do about it, with its date, in a line for people. */
void calendar_advice(const struct account *account, enum calendar_entry entry, int64_t at_s,
		     char *text, size_t size);

/* "2027-01-31" to its last second, UTC. False: no such day. */
bool calendar_parse_date(const char *text, int64_t *at_s);

#endif
