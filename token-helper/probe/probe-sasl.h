/* SPDX-License-Identifier: MIT */
/*
 * probe-sasl.h - one exchange through libsasl2 with whatever plugin it finds, as Postfix does it.
 *
 * The plugin is given the account's name where a password would be, and asks mailoauthd itself:
 * what is tested is what the mail programs use. Only a token that mailoauthd does not serve yet is
 * given in its place. A plugin of somebody else's gets neither: whoever calls probe_sasl_step()
 * has asked probe_sasl_is_ours() before.
 */
#ifndef TOKEN_HELPER_PROBE_PROBE_SASL_H
#define TOKEN_HELPER_PROBE_PROBE_SASL_H

#include <stdbool.h>

#include "common/buffer.h"
#include "common/outcome.h"

struct probe_sasl;

struct probe_sasl_facts {
	const char *service; /* "smtp", "imap", "pop" */
	const char *host;
	const char *user;
	const char *account;
	struct span token; /* not empty: this one, not the account's */
};

/* Everything is copied. NULL: err says why. */
struct probe_sasl *probe_sasl_new(const struct probe_sasl_facts *facts, struct err *err);
void probe_sasl_free(struct probe_sasl *sasl); /* NULL is nothing */

/*
 * Has libsasl2 choose among mechanisms (separated by spaces); nothing is asked for yet. file_out:
 * the plugin that it takes the mechanism from. Both borrowed. OUTCOME_CONFIG: no plugin has one.
 */
enum outcome probe_sasl_choose(struct probe_sasl *sasl, const char *mechanisms,
			       const char **mechanism_out, const char **file_out, struct err *err);

/* Is the plugin ours? */
bool probe_sasl_is_ours(const char *file);

/*
 * The first message, with first true, or the answer to a challenge (decoded). Borrowed and secret,
 * good until the next call. On failure err has the plugin's words.
 */
enum outcome probe_sasl_step(struct probe_sasl *sasl, bool first, struct span challenge,
			     struct span *answer_out, struct err *err);

/* What the plugin logged last, and forgets it: "" when nothing. Borrowed. */
const char *probe_sasl_words(struct probe_sasl *sasl);

/* The files of all plugins that offer the mechanism, separated by ", ". */
void probe_sasl_files(const char *mechanism, struct buffer *text);

#endif
