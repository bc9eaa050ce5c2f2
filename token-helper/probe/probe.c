/* SPDX-License-Identifier: MIT */
/* probe.c - see probe.h. The order of things; what each protocol says is in its dialogue. */
#include "token-helper/probe/probe.h"

#include <string.h>
#include <time.h>

#include "token-helper/probe/probe-diagnose.h"
#include "token-helper/probe/probe-dialogue.h"
#include "token-helper/probe/probe-login.h"

#include "common/banned.h"

#define TEXT_MAX 8192
#define QUIT_MS	 2000 /* politeness: the result stands */

const char *const probe_class_names[] = {
	[PROBE_WORKS] = "works",	  [PROBE_TOKEN] = "token",
	[PROBE_LOGIN] = "login-refused",  [PROBE_RIGHTS] = "rights",
	[PROBE_DISABLED] = "disabled",	  [PROBE_CONNECTION] = "connection",
	[PROBE_CONFIG] = "configuration", [PROBE_LATER] = "later",
	[PROBE_PROTOCOL] = "protocol",
};

static const struct dialogue *const dialogues[] = {&dialogue_smtp, &dialogue_imap, &dialogue_pop};

struct run {
	const struct dialogue *dialogue;
	const struct probe_target *target;
	const struct probe_watch *watch;
	struct probe_result *result;
	struct wire wire;
	struct talk talk;
	struct buffer text; /* of the step */
	int64_t since_ms;
};

static const struct dialogue *dialogue_of(const struct probe_target *target)
{
	for (size_t i = 0; i < sizeof(dialogues) / sizeof(dialogues[0]); i++) {
		if (strcmp(dialogues[i]->service, target->service) == 0)
			return dialogues[i];
	}
	return &dialogue_smtp;
}

enum probe_tls probe_tls_of(const struct probe_target *target)
{
	static const uint16_t starttls[] = {25, 587, 143, 110};
	const struct dialogue *dialogue = dialogue_of(target);

	if (target->tls != PROBE_TLS_USUAL)
		return target->tls;
	if (target->port != 0 && target->port == dialogue->port_implicit)
		return PROBE_TLS_IMPLICIT;
	for (size_t i = 0; i < sizeof(starttls) / sizeof(starttls[0]); i++) {
		if (target->port == starttls[i])
			return PROBE_TLS_STARTTLS;
	}
	return dialogue->tls;
}

uint16_t probe_port(const struct probe_target *target)
{
	const struct dialogue *dialogue = dialogue_of(target);

	if (target->port != 0)
		return target->port;
	return probe_tls_of(target) == PROBE_TLS_IMPLICIT ? dialogue->port_implicit
							  : dialogue->port_starttls;
}

/* Steps --------------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void tell(void *arg, const char *name, bool ok, const char *text)
{
	struct run *run = arg;
	struct probe_step step = {.stage = run->wire.stage, .name = name, .ok = ok, .text = text};
	int64_t now = now_ms();

	step.took_ms = now - run->since_ms;
	run->since_ms = now;
	run->watch->step(run->watch->arg, &step);
}

/* After a step that may have failed: its words, or why. False: it is over. */
static bool step_over(struct run *run, const char *name, enum outcome what, const char *text)
{
	tell(run, name, what == OUTCOME_OK, what == OUTCOME_OK ? text : run->result->err.text);
	wire_step(&run->wire);
	return what == OUTCOME_OK;
}

static void failed(struct run *run, enum probe_class class)
{
	run->result->class = class;
	if (run->talk.refused)
		(void)buffer_append_span(&run->result->said, buffer_span(&run->talk.said));
	probe_diagnose(run->target, run->talk.refused && run->talk.later, run->result);
}

static enum probe_class class_of(const struct run *run, enum outcome what)
{
	if (what == OUTCOME_PROTOCOL)
		return PROBE_PROTOCOL;
	return run->talk.refused && run->talk.later ? PROBE_LATER : PROBE_CONNECTION;
}

/* Connecting ---------------------------------------------------------------------------------- */

/* Each address in the resolver's order; the first that answers is it. */
static bool connect_any(struct run *run, const struct addrinfo *found)
{
	for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
		enum outcome what;

		buffer_clear(&run->text);
		what = wire_connect(&run->wire, at, &run->text, &run->result->err);
		(void)buffer_printf(&run->text, " port %u", (unsigned)probe_port(run->target));
		if (step_over(run, "connect", what, buffer_cstr(&run->text)))
			return true;
	}
	return false;
}

static bool reach(struct run *run)
{
	struct addrinfo *found = NULL;
	enum outcome what;
	bool connected;

	what = wire_resolve(&run->wire, run->target->host, probe_port(run->target), &found,
			    &run->text, &run->result->err);
	if (!step_over(run, "resolve", what, buffer_cstr(&run->text)))
		return false;
	connected = connect_any(run, found);
	freeaddrinfo(found);
	return connected;
}

static bool start_tls(struct run *run)
{
	enum outcome what;

	buffer_clear(&run->text);
	what = wire_tls(&run->wire, run->target->host, &run->text, &run->result->err);
	return step_over(run, "tls", what, buffer_cstr(&run->text));
}

static bool greet(struct run *run)
{
	enum outcome what = run->dialogue->greeting(&run->talk, &run->result->err);

	if (!step_over(run, "greeting", what, buffer_cstr(&run->talk.said))) {
		failed(run, class_of(run, what));
		return false;
	}
	return true;
}

static void describe_offer(struct run *run)
{
	const struct talk *talk = &run->talk;
	bool initial = talk->can_initial && strcmp(run->target->service, "imap") == 0;

	buffer_clear(&run->text);
	(void)buffer_printf(&run->text, "login by %s%s%s",
			    talk->offered.len > 0 ? buffer_cstr(&talk->offered) : "nothing (yet)",
			    initial ? ", SASL-IR" : "", talk->can_starttls ? ", STARTTLS" : "");
}

static bool learn(struct run *run)
{
	enum outcome what = run->dialogue->capabilities(&run->talk, &run->result->err);

	if (what == OUTCOME_OK)
		describe_offer(run);
	if (!step_over(run, "offers", what, buffer_cstr(&run->text))) {
		failed(run, class_of(run, what));
		return false;
	}
	return true;
}

static bool upgrade(struct run *run)
{
	struct err *err = &run->result->err;
	enum outcome what = OUTCOME_PROTOCOL;

	if (run->talk.can_starttls)
		what = run->dialogue->starttls(&run->talk, err);
	else
		(void)err_set(err, OUTCOME_PROTOCOL,
			      "the server offers no STARTTLS, and without TLS no login is tried: "
			      "is it the right port, or does something between take it away?");
	if (!step_over(run, "starttls", what, buffer_cstr(&run->talk.said))) {
		failed(run, run->talk.can_starttls && what == OUTCOME_PROTOCOL ? PROBE_PROTOCOL
									       : PROBE_CONNECTION);
		return false;
	}
	return start_tls(run) && learn(run);
}

/* The rest ------------------------------------------------------------------------------------ */

static bool log_in(struct run *run)
{
	enum probe_class class = PROBE_CONFIG;
	enum outcome what =
		login_run(run->dialogue, &run->talk, tell, run, &class, &run->result->err);

	if (!step_over(run, "login", what, buffer_cstr(&run->talk.said))) {
		failed(run, class);
		return false;
	}
	return true;
}

static bool look(struct run *run)
{
	enum outcome what;

	if (run->dialogue->mailbox == NULL)
		return true;
	what = run->dialogue->mailbox(&run->talk, &run->result->err);
	buffer_clear(&run->text);
	(void)buffer_printf(&run->text, "%s (messages: %llu)", buffer_cstr(&run->talk.said),
			    (unsigned long long)run->talk.messages);
	if (!step_over(run, "mailbox", what, buffer_cstr(&run->text))) {
		failed(run, run->talk.refused ? PROBE_RIGHTS : class_of(run, what));
		return false;
	}
	return true;
}

static bool send_message(struct run *run)
{
	enum outcome what;

	if (run->target->send_to == NULL || run->dialogue->send == NULL)
		return true;
	what = run->dialogue->send(&run->talk, &run->result->err);
	if (!step_over(run, "message", what, buffer_cstr(&run->talk.said))) {
		failed(run, run->talk.refused	     ? PROBE_RIGHTS
			    : what == OUTCOME_CONFIG ? PROBE_CONFIG
						     : class_of(run, what));
		return false;
	}
	return true;
}

static bool talk_all(struct run *run)
{
	bool implicit = probe_tls_of(run->target) == PROBE_TLS_IMPLICIT;

	if (implicit && !start_tls(run))
		return false;
	if (!greet(run) || !learn(run) || (!implicit && !upgrade(run)))
		return false;
	run->wire.stage = PROBE_LOGGING_IN;
	return log_in(run) && look(run) && send_message(run);
}

void probe_run(const struct probe_target *target, const struct probe_watch *watch,
	       struct probe_result *result)
{
	struct run run = {
		.dialogue = dialogue_of(target),
		.target = target,
		.watch = watch,
		.result = result,
		.talk = {.target = target,
			 .said = BUFFER_INIT(SAID_MAX),
			 .offered = BUFFER_INIT(OFFERED_MAX)},
		.text = BUFFER_INIT(TEXT_MAX),
		.since_ms = now_ms(),
	};

	*result = (struct probe_result){.class = PROBE_CONNECTION, .said = BUFFER_INIT(SAID_MAX)};
	wire_init(&run.wire, target->timeout_s, watch);
	run.wire.hidden[0] = target->token;
	run.talk.wire = &run.wire;
	if (reach(&run) && talk_all(&run))
		result->class = PROBE_WORKS;
	if (run.wire.ssl != NULL && (result->class == PROBE_WORKS || run.talk.refused)) {
		run.wire.step = deadline_in_ms(QUIT_MS);
		run.dialogue->quit(&run.talk);
	}
	buffer_release(&run.text);
	buffer_release(&run.talk.said);
	buffer_release(&run.talk.offered);
	wire_release(&run.wire);
}
