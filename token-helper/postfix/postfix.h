/* SPDX-License-Identifier: MIT */
/*
 * postfix.h - what Postfix is set to, as its own postconf(1) says.
 *
 * main.cf and master.cf are never parsed here: postconf knows includes, folded lines and defaults.
 * Values are kept as they are written; postfix_value() expands $name for one service, whose -o
 * settings come first, as in the delivery agent.
 */
#ifndef TOKEN_HELPER_POSTFIX_POSTFIX_H
#define TOKEN_HELPER_POSTFIX_POSTFIX_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buffer.h"
#include "common/deadline.h"
#include "common/outcome.h"

#define POSTFIX_VALUE_MAX 65536

struct postfix;

/* A line of master.cf. Strings are the postfix's. */
struct postfix_service {
	char *name;
	char *type;
	char *chroot;  /* "y", "n", "-" */
	char *command; /* the program and its arguments */
};

/*
 * Asks postconf. dir: the instance's configuration directory; NULL: the default one. Gives
 * *postfix_out. OUTCOME_CONFIG: Postfix is not installed (*installed_out false), or postconf
 * refuses its configuration; OUTCOME_RETRY: it could not be run.
 */
enum outcome postfix_read(const char *dir, struct deadline deadline, struct postfix **postfix_out,
			  bool *installed_out, struct err *err);

/* The same from texts: what `postconf`, `postconf -M` and `postconf -P` print. Never NULL. */
struct postfix *postfix_from_text(struct span parameters, struct span services,
				  struct span overrides);
void postfix_free(struct postfix *postfix);

/* The instance's directory when one was named; NULL: the default. For "-c". */
const char *postfix_named_dir(const struct postfix *postfix);

/* As main.cf or the default says it, unexpanded; NULL: there is no such parameter. */
const char *postfix_raw(const struct postfix *postfix, const char *name);

/* The -o of that service in master.cf; NULL: none. */
const char *postfix_override(const struct postfix *postfix, const struct postfix_service *service,
			     const char *name);

/*
 * The value that counts for a service (NULL: main.cf's), expanded, in place of what out had. False:
 * there is no such parameter, or it is written in a way that we do not understand; out then has the
 * value as it is written.
 */
bool postfix_value(const struct postfix *postfix, const struct postfix_service *service,
		   const char *name, struct buffer *out);

/* The same as a string, "" when there is none; the caller frees. */
char *postfix_text(const struct postfix *postfix, const struct postfix_service *service,
		   const char *name);

/* True for "yes", in any case. */
bool postfix_is_yes(const struct postfix *postfix, const struct postfix_service *service,
		    const char *name);

size_t postfix_service_count(const struct postfix *postfix);
const struct postfix_service *postfix_service_at(const struct postfix *postfix, size_t i);
/* NULL: master.cf has none. */
const struct postfix_service *postfix_service_find(const struct postfix *postfix, const char *name,
						   const char *type);

bool postfix_service_is_chrooted(const struct postfix *postfix,
				 const struct postfix_service *service);
/* It has that word among its arguments, before any -o's value: "-v". */
bool postfix_service_has_flag(const struct postfix_service *service, const char *flag);

/* import_environment's NAME=VALUE; false: it sets none. */
bool postfix_environment(const struct postfix *postfix, const char *name, struct buffer *out);

#endif
