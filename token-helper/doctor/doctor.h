/* SPDX-License-Identifier: MIT */
/*
 * doctor.h - `mailoauth doctor`: looks at the machine as it is, and says what is wrong with the
 * command that mends it.
 *
 * A check is a row of the table in doctor.c: an id, a title, a function. It looks at what has been
 * gathered here and reports findings; it changes nothing. What it cannot look at it says as a note.
 */
#ifndef TOKEN_HELPER_DOCTOR_DOCTOR_H
#define TOKEN_HELPER_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/deadline.h"
#include "token-helper/accounts/helper-config.h"
#include "token-helper/cli-call.h"
#include "token-helper/postfix/postfix.h"
#include "token-helper/postfix/route.h"

#define FINDING_TEXT_MAX 4096

enum severity {
	SEVERITY_OK,
	SEVERITY_NOTE, /* to know; also: could not be looked at */
	SEVERITY_WARNING,
	SEVERITY_ERROR, /* mail does not go, or a secret is open */
};

struct finding {
	const char *check; /* the id */
	enum severity severity;
	char *seen; /* what is, one line */
	char *why;  /* why it matters; NULL: seen says it */
	char *mend; /* the command; NULL: none, or why says what to do */
};

/* One way for mail out of this machine: mail of this sender, through that service, to that server,
 * as that user. */
struct delivery {
	const char *sender; /* NULL: any, and the null sender; borrows from the configuration */
	struct route route;
	struct login login;
	const struct account_config *account; /* whose server it is; NULL: no account's */
	const struct account_config *used;    /* whose token Postfix would use; NULL: nobody's */
};

struct doctor {
	const struct cli *cli;
	struct deadline deadline;
	bool is_root;
	struct json_object *status;   /* NULL: the daemon has none to give */
	struct helper_config *config; /* NULL: it cannot be read */
	struct postfix *postfix;      /* NULL: none, or not readable */
	bool postfix_installed;
	struct err postfix_err; /* why there is none */
	bool postfix_required;	/* --postfix-config or --sender was given */
	struct delivery *deliveries;
	size_t delivery_count;
	/* What has been found. */
	const char *check, *title; /* of the one that runs */
	struct finding *findings;
	size_t finding_count;
};

/* Reporting ----------------------------------------------------------------------------------- */

void doctor_say(struct doctor *doctor, enum severity severity, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Nothing is wrong with what was looked at: the check's title says it. */
void doctor_fine(struct doctor *doctor);

/* Of the finding that was reported last. */
void doctor_why(struct doctor *doctor, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void doctor_mend(struct doctor *doctor, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Of Postfix. value NULL: to be removed (then alone). */
struct setting {
	const char *name, *value;
};

/*
 * The command that sets a parameter where that service has it from, and has Postfix read it.
 * service NULL: main.cf.
 */
void doctor_mend_setting(struct doctor *doctor, const struct postfix_service *service,
			 const char *name, const char *value);

/*
 * The same for a setting of smtp(8) that would stop mail to other servers: where smtp(8) serves
 * any, the command gives the account a service of its own instead.
 */
void doctor_mend_login(struct doctor *doctor, const struct delivery *delivery, const char *name,
		       const char *value);
void doctor_mend_logins(struct doctor *doctor, const struct delivery *delivery,
			const struct setting *settings, size_t count);

/* "mailoauth postfix enable ACCOUNT", for mail of that sender (NULL: all). */
void doctor_mend_enable(struct doctor *doctor, const struct account_config *account,
			const char *sender);

/* " -c 'DIR'" for Postfix's programs, or "". Borrows until the next call. */
const char *doctor_postfix_c(const struct doctor *doctor, struct buffer *out);

/* The text in single quotes, for a shell. */
void doctor_append_quoted(struct buffer *out, const char *text);

/* Looking ------------------------------------------------------------------------------------- */

/* True when the account is one that was asked for. */
bool doctor_wants(const struct doctor *doctor, const char *account);

/* The value of a parameter for a delivery's service, "" when there is none.
 * The caller frees. */
char *doctor_value(const struct doctor *doctor, const struct postfix_service *service,
		   const char *name);

/* The checks ---------------------------------------------------------------------------------- */

void check_daemon(struct doctor *doctor);
void check_config(struct doctor *doctor);
void check_accounts(struct doctor *doctor);
void check_clock(struct doctor *doctor);
void check_units(struct doctor *doctor);
void check_confinement(struct doctor *doctor);
void check_proxy(struct doctor *doctor);
void check_files(struct doctor *doctor);
void check_plugin(struct doctor *doctor);
void check_postfix(struct doctor *doctor);
void check_route(struct doctor *doctor);
void check_sasl_enable(struct doctor *doctor);
void check_tls_level(struct doctor *doctor);
void check_security_options(struct doctor *doctor);
void check_mechanism_filter(struct doctor *doctor);
void check_password_map(struct doctor *doctor);
void check_auth_cache(struct doctor *doctor);
void check_secrets_logged(struct doctor *doctor);
void check_certificates(struct doctor *doctor);
void check_socket(struct doctor *doctor);
void check_allow(struct doctor *doctor);
void check_limits(struct doctor *doctor);
void check_sender(struct doctor *doctor);
void check_network(struct doctor *doctor);

#endif
