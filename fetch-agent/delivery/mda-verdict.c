/* SPDX-License-Identifier: MIT */
/* mda-verdict.c - see mda-verdict.h. */
#include "fetch-agent/delivery/mda-verdict.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "common/banned.h"

/* Postfix's pipe(8) bounces all but EX_TEMPFAIL and EX_OSERR. We keep what is
 * more likely the fault of this machine than of the message: what is kept can
 * still be refused when retry_for is over. */
static const struct {
	int status;
	enum delivery_kind kind;
	enum outcome outcome;
	const char *meaning;
} exits[] = {
	{EX_OK, DELIVERY_DONE, OUTCOME_OK, ""},
	{EX_USAGE, DELIVERY_LATER, OUTCOME_CONFIG, "wrong arguments: see deliver"},
	{EX_DATAERR, DELIVERY_REFUSED, OUTCOME_DENIED, "data format error"},
	{EX_NOINPUT, DELIVERY_LATER, OUTCOME_RETRY, "cannot open input"},
	{EX_NOUSER, DELIVERY_REFUSED, OUTCOME_DENIED, "user unknown"},
	{EX_NOHOST, DELIVERY_REFUSED, OUTCOME_DENIED, "host name unknown"},
	{EX_UNAVAILABLE, DELIVERY_REFUSED, OUTCOME_DENIED, "service unavailable"},
	{EX_SOFTWARE, DELIVERY_LATER, OUTCOME_RETRY, "internal software error"},
	{EX_OSERR, DELIVERY_LATER, OUTCOME_RETRY, "system resource problem"},
	{EX_OSFILE, DELIVERY_LATER, OUTCOME_CONFIG, "critical OS file missing"},
	{EX_CANTCREAT, DELIVERY_LATER, OUTCOME_RETRY, "cannot create user output file"},
	{EX_IOERR, DELIVERY_LATER, OUTCOME_RETRY, "input/output error"},
	{EX_TEMPFAIL, DELIVERY_LATER, OUTCOME_RETRY, "temporary failure"},
	{EX_PROTOCOL, DELIVERY_LATER, OUTCOME_RETRY, "remote error in protocol"},
	{EX_NOPERM, DELIVERY_REFUSED, OUTCOME_DENIED, "permission denied"},
	{EX_CONFIG, DELIVERY_LATER, OUTCOME_CONFIG, "local configuration error"},
	{126, DELIVERY_LATER, OUTCOME_CONFIG, "it cannot run a command"},
	{127, DELIVERY_LATER, OUTCOME_CONFIG, "it does not find a command"},
};

#define SAID(words) *(words) != '\0' ? ": " : "", words

/* It ended without a word about the message. */
static void verdict_of_killed(const struct delivery_config *config, const struct mda_end *end,
			      struct delivery_verdict *verdict)
{
	const char *doubt =
		end->had_all ? "; it may have kept the message, which comes twice then" : "";

	verdict->kind = DELIVERY_LATER;
	verdict->outcome = OUTCOME_RETRY;
	if (end->terminated)
		(void)err_set(&verdict->err, OUTCOME_RETRY,
			      "%s: took longer than deliver_timeout, %lld s: ended%s%s%s",
			      config->path, (long long)config->timeout_s, SAID(end->words), doubt);
	else
		(void)err_set(&verdict->err, OUTCOME_RETRY, "%s: killed by signal %d%s%s%s",
			      config->path, WTERMSIG(end->status), SAID(end->words), doubt);
}

static void verdict_of_exit(const char *program, int status, const char *words,
			    struct delivery_verdict *verdict)
{
	const char *meaning = "no status of sysexits.h";

	verdict->kind = DELIVERY_LATER;
	verdict->outcome = OUTCOME_RETRY;
	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
		if (exits[i].status == status) {
			verdict->kind = exits[i].kind;
			verdict->outcome = exits[i].outcome;
			meaning = exits[i].meaning;
		}
	}
	if (verdict->kind != DELIVERY_DONE)
		(void)err_set(&verdict->err, verdict->outcome, "%s: exit status %d (%s)%s%s",
			      program, status, meaning, SAID(words));
}

static void verdict_of_failed_start(const char *program, int error,
				    struct delivery_verdict *verdict)
{
	if (error == ENOTSUP) {
		verdict->kind = DELIVERY_DOWN;
		verdict->outcome = err_set(&verdict->err, OUTCOME_CONFIG,
					   "cannot run %s: this deliver or mda_user is new since "
					   "mailoauth-fetch was started: restart it",
					   program);
		return;
	}
	verdict->kind = error == EINVAL ? DELIVERY_REFUSED : DELIVERY_DOWN;
	verdict->outcome = error == EINVAL ? OUTCOME_DENIED : OUTCOME_CONFIG;
	if (error == EINVAL)
		(void)err_set(&verdict->err, OUTCOME_DENIED,
			      "%s: not run: an address of the message begins with '-' or has "
			      "control characters",
			      program);
	else
		(void)err_set(&verdict->err, OUTCOME_CONFIG,
			      "cannot run %s: %s; check that it is there, and that mda_user may "
			      "execute it",
			      program, strerror(error));
}

void mda_verdict(const struct delivery_config *config, const struct mda_end *end,
		 struct delivery_verdict *verdict)
{
	if (end->how == SPAWN_EXITED && (end->terminated || !WIFEXITED(end->status))) {
		verdict_of_killed(config, end, verdict);
	} else if (end->how == SPAWN_EXITED) {
		verdict_of_exit(config->path, WEXITSTATUS(end->status), end->words, verdict);
	} else if (end->how == SPAWN_NOT_STARTED && end->status != EAGAIN &&
		   end->status != ENOMEM) {
		verdict_of_failed_start(config->path, end->status, verdict);
	} else if (end->how == SPAWN_LOST) { /* nothing can be run any more */
		verdict->kind = DELIVERY_DOWN;
		verdict->outcome = OUTCOME_RETRY;
		(void)err_set(
			&verdict->err, OUTCOME_RETRY,
			"cannot run %s: the process that runs MDAs ended; what it was running "
			"may come twice",
			config->path);
	} else {
		verdict->kind = DELIVERY_LATER;
		verdict->outcome = OUTCOME_RETRY;
		(void)err_set(&verdict->err, OUTCOME_RETRY, "cannot run %s: %s", config->path,
			      strerror(end->status));
	}
}
