/* SPDX-License-Identifier: MIT */
/*
 * maps.h - Postfix's lookup tables: asking them by postmap(1), and adding to a list of them.
 *
 * What a password map holds is a secret: results go into secret buffers and are wiped.
 */
#ifndef TOKEN_HELPER_POSTFIX_MAPS_H
#define TOKEN_HELPER_POSTFIX_MAPS_H

#include <stdbool.h>

#include "common/deadline.h"
#include "token-helper/postfix/postfix.h"

#define MAPS_ANSWER_MAX 65536

enum maps_answer {
	MAPS_FOUND,
	MAPS_NOT_FOUND,
	MAPS_DAEMON, /* a table before any that has the key is mailoauthd's own `login`, which is
			not asked: its answer would be a token */
	MAPS_ERROR,
};

/*
 * What the tables of the list (a parameter's expanded value) have for key, in their order, as
 * Postfix asks them. MAPS_FOUND: out (secret) has the answer. MAPS_ERROR: err names the table.
 */
enum maps_answer maps_lookup(const struct postfix *postfix, const char *list, const char *key,
			     struct deadline deadline, struct buffer *out, struct err *err);

/* A table that is written out in the list itself has a password, or may have one: the list is not
 * to be shown. */
bool maps_have_password(const char *list);

/*
 * The same list with "key = value" in front: in its first inline: table when that is the first of
 * the list (an entry of the same key is replaced), else in an inline: table of its own before the
 * others, which keep what they have. False: key or value holds a brace, a comma outside of it, '=',
 * '$' or a line end; or past the ceiling.
 */
bool maps_add(const char *list, const char *key, const char *value, struct buffer *out);

#endif
