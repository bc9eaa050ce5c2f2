/* SPDX-License-Identifier: MIT */
/* postfix-value.h - expanding $name in values of main.cf, as postconf(5) describes it. */
#ifndef TOKEN_HELPER_POSTFIX_POSTFIX_VALUE_H
#define TOKEN_HELPER_POSTFIX_POSTFIX_VALUE_H

#include <stdbool.h>

#include "common/buffer.h"

/* The unexpanded value of a parameter; NULL: there is none. */
typedef const char *postfix_lookup_fn(const void *context, struct span name);

/*
 * Appends value with $name, $(name), ${name}, ${name?text}, ${name:text}, ${name?{text}:{text}} and
 * ${{a} OPERATOR {b}?{text}:{text}} replaced, at most 32 deep; the operators are == != < <= >= >,
 * also with "level" behind, on numbers with one dot. False: something else stands there, or a loop.
 */
bool postfix_expand(const char *value, postfix_lookup_fn *lookup, const void *context,
		    struct buffer *out);

/*
 * Takes the next word of a list: separated by commas and white space, none inside { }. False: there
 * is none left. Borrows.
 */
bool postfix_list_next(struct span *rest, struct span *word_out);

/* The same in master.cf, where a comma separates nothing. */
bool postfix_word_next(struct span *rest, struct span *word_out);

/* The list has that word, in any case. */
bool postfix_list_has(const char *list, const char *word);

/* What stands between the brace at the start of text and the one that closes it; *used_out counts
 * both braces. False: it is not closed. */
bool postfix_braces(struct span text, struct span *inside_out, size_t *used_out);

/* A value of smtp_tls_security_level that lets no mail go without TLS. */
bool postfix_demands_tls(const char *level);

/* ... and one that cannot be another server's, either. */
bool postfix_demands_certificate(const char *level);

/* The file of the authorities that this distribution trusts; NULL: there is none where any has it.
 */
const char *postfix_authorities(void);

struct span span_trim(struct span text); /* without white space around it */

#endif
