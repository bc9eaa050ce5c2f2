/* SPDX-License-Identifier: MIT */
/* probe-login.c - see probe-login.h. */
#include "token-helper/probe/probe-login.h"

#include <string.h>

#include "common/base64.h"
#include "common/helper-protocol.h"

#include "common/banned.h"

#define MESSAGE_MAX   (HELPER_TOKEN_MAX + 2048)
#define ENCODED_MAX   (MESSAGE_MAX / 3 * 4 + 8)
#define CHALLENGE_MAX WIRE_LINE_MAX
#define ROUNDS_MAX    4
#define TEXT_MAX      8192

struct login {
	const struct dialogue *dialogue;
	struct talk *talk;
	struct probe_sasl *sasl;
	login_step_fn *step;
	void *arg;
	enum probe_class *class;
	const char *mechanism;
	struct buffer encoded; /* secret: what is sent next */
};

/* The plugin ---------------------------------------------------------------------------------- */

static enum outcome foreign(struct login *login, const char *file, struct err *err)
{
	*login->class = PROBE_CONFIG;
	return err_set(err, OUTCOME_CONFIG,
		       "libsasl2 takes %s from %s, which is not mailoauth's plugin and knows "
		       "nothing of its accounts: remove that file (dpkg -S says whose it is), or "
		       "move it out of libsasl2's directory",
		       login->mechanism, file);
}

static void tell_plugin(struct login *login, const char *file, bool ours)
{
	struct buffer files = BUFFER_INIT(TEXT_MAX);
	struct buffer text = BUFFER_INIT(TEXT_MAX);

	probe_sasl_files(login->mechanism, &files);
	(void)buffer_printf(&text, "%s from %s", login->mechanism, file);
	if (strcmp(buffer_cstr(&files), file) != 0)
		(void)buffer_printf(&text, " (of %s)", buffer_cstr(&files));
	login->step(login->arg, "plugin", ours, buffer_cstr(&text));
	buffer_release(&text);
	buffer_release(&files);
}

static enum outcome nothing_common(struct login *login, struct err *err)
{
	const struct talk *talk = login->talk;
	const char *wanted = talk->target->mechanism;

	*login->class = PROBE_CONFIG;
	return err_set(err, OUTCOME_CONFIG,
		       "the server offers %s for the login, and not %s: is it the right server, "
		       "and is OAuth switched on there?",
		       talk->offered.len > 0 ? buffer_cstr(&talk->offered) : "nothing",
		       wanted != NULL ? wanted : "XOAUTH2 or OAUTHBEARER");
}

static enum outcome choose(struct login *login, struct err *err)
{
	const struct probe_target *target = login->talk->target;
	const struct probe_sasl_facts facts = {.service = target->service,
					       .host = target->host,
					       .user = target->user,
					       .account = target->account,
					       .token = target->by_token ? target->token
									 : (struct span){NULL, 0}};
	struct buffer mechanisms = BUFFER_INIT(64);
	const char *file = NULL;
	enum outcome what = OUTCOME_CONFIG;

	talk_common_mechanisms(login->talk, &mechanisms);
	if (mechanisms.len == 0) {
		what = nothing_common(login, err);
		goto out;
	}
	*login->class = PROBE_CONFIG;
	login->sasl = probe_sasl_new(&facts, err);
	if (login->sasl == NULL)
		goto out;
	what = probe_sasl_choose(login->sasl, buffer_cstr(&mechanisms), &login->mechanism, &file,
				 err);
	if (what != OUTCOME_OK)
		goto out;
	tell_plugin(login, file, probe_sasl_is_ours(file));
	if (!probe_sasl_is_ours(file))
		what = foreign(login, file, err);
out:
	buffer_release(&mechanisms);
	return what;
}

/* The exchange -------------------------------------------------------------------------------- */

static enum probe_class class_of_plugin(enum outcome what)
{
	if (what == OUTCOME_RETRY || what == OUTCOME_NOMEM)
		return PROBE_LATER;
	return what == OUTCOME_CONSENT ? PROBE_TOKEN : PROBE_CONFIG;
}

/* The plugin's next message, as it goes over the wire. */
static enum outcome encode_next(struct login *login, bool first, struct span challenge,
				struct err *err)
{
	struct span message;
	enum outcome what = probe_sasl_step(login->sasl, first, challenge, &message, err);

	if (what != OUTCOME_OK) {
		*login->class = class_of_plugin(what);
		return what;
	}
	buffer_clear(&login->encoded);
	if (!base64_encode(&login->encoded, message))
		return err_set(err, OUTCOME_CONFIG, "the token is too long for any server");
	login->talk->wire->hidden[1] = buffer_span(&login->encoded);
	return OUTCOME_OK;
}

static enum outcome say_encoded(struct login *login, struct err *err)
{
	return wire_say_secret(login->talk->wire, "", buffer_span(&login->encoded), err);
}

/* The server's objection, in its own words: Gmail and Dovecot send JSON, Exchange sends none. */
static enum outcome take_challenge(struct login *login, struct span text, struct err *err)
{
	struct buffer challenge = BUFFER_INIT(CHALLENGE_MAX);
	struct buffer shown = BUFFER_INIT(2 * CHALLENGE_MAX);
	bool readable = base64_decode(&challenge, text);
	enum outcome what;

	if (!readable)
		buffer_clear(&challenge);
	/* base64 hides what the line did not show. */
	wire_append_shown(login->talk->wire, &shown, readable ? buffer_span(&challenge) : text);
	login->step(login->arg, "challenge", false, buffer_cstr(&shown));
	what = encode_next(login, false, buffer_span(&challenge), err);
	if (what == OUTCOME_OK && probe_sasl_words(login->sasl)[0] != '\0')
		login->step(login->arg, "plugin", false, probe_sasl_words(login->sasl));
	if (what == OUTCOME_OK)
		what = say_encoded(login, err);
	buffer_release(&shown);
	buffer_release(&challenge);
	return what;
}

/* Until the server says yes or no. sent: the first message is out. */
static enum outcome converse(struct login *login, bool sent, struct err *err)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		enum heard heard;
		struct span text;
		enum outcome what = login->dialogue->hear(login->talk, &heard, &text, err);

		if (what != OUTCOME_OK)
			return what;
		if (heard == HEARD_YES && sent)
			return OUTCOME_OK;
		if (heard == HEARD_YES)
			return err_set(err, OUTCOME_PROTOCOL,
				       "the server agreed before it was told anything");
		if (heard == HEARD_NO)
			return talk_refused(login->talk, "the login", err);
		what = sent ? take_challenge(login, text, err) : say_encoded(login, err);
		if (what != OUTCOME_OK)
			return what;
		sent = true;
	}
	return err_set(err, OUTCOME_PROTOCOL, "the server asks without end");
}

enum outcome login_run(const struct dialogue *dialogue, struct talk *talk, login_step_fn *step,
		       void *arg, enum probe_class *class_out, struct err *err)
{
	enum probe_class class = PROBE_CONNECTION;
	struct login login = {
		.dialogue = dialogue,
		.talk = talk,
		.step = step,
		.arg = arg,
		.class = &class,
		.encoded = BUFFER_INIT_SECRET(ENCODED_MAX),
	};
	bool sent = false;
	enum outcome what = choose(&login, err);

	if (what == OUTCOME_OK)
		what = encode_next(&login, true, (struct span){"", 0}, err);
	if (what == OUTCOME_OK) {
		class = PROBE_CONNECTION;
		what = dialogue->auth(talk, login.mechanism, buffer_span(&login.encoded), &sent,
				      err);
	}
	if (what == OUTCOME_OK)
		what = converse(&login, sent, err);
	if (what != OUTCOME_OK)
		*class_out = talk->refused		? PROBE_LOGIN
			     : what == OUTCOME_PROTOCOL ? PROBE_PROTOCOL
							: class;
	talk->wire->hidden[1] = (struct span){NULL, 0};
	probe_sasl_free(login.sasl);
	buffer_release(&login.encoded);
	return what;
}
