/* SPDX-License-Identifier: MIT */
/* probe-smtp.c - submission (RFC 6409) with AUTH (RFC 4954): what a client's Postfix says. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/scanner.h"
#include "token-helper/probe/probe-dialogue.h"

#include "common/banned.h"

#define AUTH_LINE_MAX 512 /* with CRLF: RFC 4954 4 */
#define NAME_SIZE     256
#define UNIQUE_SIZE   64
#define MESSAGE_MAX   8192

/* "250-text", "250 text", "250". */
static bool parse_line(struct span line, unsigned *code_out, bool *last_out, struct span *text_out)
{
	unsigned code = 0;

	if (line.len < 3)
		return false;
	for (int i = 0; i < 3; i++) {
		if (line.ptr[i] < '0' || line.ptr[i] > '9')
			return false;
		code = code * 10 + (unsigned)(line.ptr[i] - '0');
	}
	if (code < 200 || code > 599 || (line.len > 3 && line.ptr[3] != ' ' && line.ptr[3] != '-'))
		return false;
	*code_out = code;
	*last_out = line.len == 3 || line.ptr[3] == ' ';
	*text_out = line.len > 4 ? (struct span){line.ptr + 4, line.len - 4}
				 : (struct span){line.ptr, 0};
	return true;
}

static enum outcome no_smtp(struct talk *talk, struct span line, struct err *err)
{
	(void)talk_keep(talk, line);
	return err_set(err, OUTCOME_PROTOCOL, "that is no reply of SMTP: %.*s",
		       (int)(line.len > 200 ? 200 : line.len), line.ptr);
}

typedef void line_fn(struct talk *talk, struct span text);

/* One reply; each: called for every line of it. text_out: of its last line. */
static enum outcome reply(struct talk *talk, line_fn *each, unsigned *code_out,
			  struct span *text_out, struct err *err)
{
	talk_forget(talk);
	for (int count = 0; count < LINES_MAX; count++) {
		struct span line, text;
		unsigned code;
		bool last;
		enum outcome what = wire_line(talk->wire, &line, err);

		if (what != OUTCOME_OK)
			return what;
		if (!parse_line(line, &code, &last, &text))
			return no_smtp(talk, line, err);
		if (!talk_keep(talk, line))
			return talk_too_much(err);
		if (each != NULL)
			each(talk, text);
		if (last) {
			talk->later = code >= 400 && code < 500;
			*code_out = code;
			*text_out = text;
			return OUTCOME_OK;
		}
	}
	return talk_too_much(err);
}

/* One reply that must be of the class (2: 2yz). */
static enum outcome agree(struct talk *talk, unsigned class, const char *asked, line_fn *each,
			  struct err *err)
{
	struct span text;
	unsigned code = 0;
	enum outcome what = reply(talk, each, &code, &text, err);

	if (what == OUTCOME_OK && code / 100 != class)
		what = talk_refused(talk, asked, err);
	return what;
}

static enum outcome greeting(struct talk *talk, struct err *err)
{
	return agree(talk, 2, "greeting", NULL, err);
}

/* "AUTH LOGIN XOAUTH2", and as it was before the standard: "AUTH=LOGIN". */
static void extension(struct talk *talk, struct span text)
{
	struct span word = {text.ptr, text.len > 4 ? 4 : text.len};

	if (span_equals_nocase(text, "STARTTLS"))
		talk->can_starttls = true;
	if (text.len > 5 && span_equals_nocase(word, "AUTH") &&
	    (text.ptr[4] == ' ' || text.ptr[4] == '='))
		talk_offer(talk, (struct span){text.ptr + 5, text.len - 5});
}

/* Our name, where it looks like one: some servers mind "localhost". */
static void append_name(const struct talk *talk, struct buffer *out)
{
	char name[NAME_SIZE] = "";

	if (gethostname(name, sizeof(name) - 1) == 0 && strchr(name, '.') != NULL &&
	    probe_address_is_plain(name))
		(void)buffer_append_str(out, name);
	else
		wire_literal(talk->wire, out);
}

static enum outcome ehlo(struct talk *talk, struct err *err)
{
	struct buffer name = BUFFER_INIT(NAME_SIZE + 16);
	enum outcome what;

	buffer_clear(&talk->offered);
	talk->can_starttls = false;
	talk->can_initial = true;
	append_name(talk, &name);
	what = wire_say(talk->wire, err, "EHLO %s", buffer_cstr(&name));
	if (what == OUTCOME_OK)
		what = agree(talk, 2, "EHLO", extension, err);
	buffer_release(&name);
	return what;
}

static enum outcome starttls(struct talk *talk, struct err *err)
{
	enum outcome what = wire_say(talk->wire, err, "STARTTLS");

	return what == OUTCOME_OK ? agree(talk, 2, "STARTTLS", NULL, err) : what;
}

static enum outcome auth(struct talk *talk, const char *mechanism, struct span initial,
			 bool *sent_out, struct err *err)
{
	return talk_auth(talk, mechanism, initial, AUTH_LINE_MAX, sent_out, err);
}

static enum outcome hear(struct talk *talk, enum heard *heard_out, struct span *text_out,
			 struct err *err)
{
	unsigned code;
	enum outcome what = reply(talk, NULL, &code, text_out, err);

	if (what == OUTCOME_OK)
		*heard_out = code == 334 ? HEARD_CHALLENGE : code / 100 == 2 ? HEARD_YES : HEARD_NO;
	return what;
}

static enum outcome command(struct talk *talk, unsigned class, const char *verb,
			    const char *address, struct err *err)
{
	enum outcome what = address != NULL ? wire_say(talk->wire, err, "%s:<%s>", verb, address)
					    : wire_say(talk->wire, err, "%s", verb);

	return what == OUTCOME_OK ? agree(talk, class, verb, NULL, err) : what;
}

/* Each line of the message goes by wire_say(): the watcher sees it. */
static enum outcome say_lines(struct talk *talk, const char *text, struct err *err)
{
	enum outcome what = OUTCOME_OK;

	while (what == OUTCOME_OK && *text != '\0') {
		size_t len = strcspn(text, "\r");

		what = wire_say(talk->wire, err, "%.*s", (int)len, text);
		text += len;
		text += *text != '\0' ? 2 : 0;
	}
	return what;
}

static enum outcome send_message(struct talk *talk, const char *text, struct err *err)
{
	const struct probe_target *target = talk->target;
	enum outcome what = command(talk, 2, "MAIL FROM", target->send_from, err);

	if (what == OUTCOME_OK)
		what = command(talk, 2, "RCPT TO", target->send_to, err);
	if (what == OUTCOME_OK)
		what = command(talk, 3, "DATA", NULL, err);
	if (what == OUTCOME_OK)
		what = say_lines(talk, text, err);
	return what == OUTCOME_OK ? agree(talk, 2, "the message", NULL, err) : what;
}

static enum outcome send_test(struct talk *talk, struct err *err)
{
	const struct probe_target *target = talk->target;
	struct buffer text = BUFFER_INIT(MESSAGE_MAX);
	struct buffer name = BUFFER_INIT(NAME_SIZE + 16);
	char unique[UNIQUE_SIZE];
	enum outcome what;

	append_name(talk, &name);
	(void)snprintf(unique, sizeof(unique), "%lld.%ld", (long long)clock_now_s(),
		       (long)getpid());
	if (probe_message(target->send_from, target->send_to, target->account, clock_now_s(),
			  unique, buffer_cstr(&name), &text))
		what = send_message(talk, buffer_cstr(&text), err);
	else
		what = err_set(err, OUTCOME_CONFIG,
			       "no message can be sent from \"%s\" to \"%s\": an address is "
			       "local@domain, in ASCII",
			       target->send_from, target->send_to);
	buffer_release(&name);
	buffer_release(&text);
	return what;
}

static void quit(struct talk *talk)
{
	struct span text;
	unsigned code;

	if (wire_say(talk->wire, NULL, "QUIT") == OUTCOME_OK)
		(void)reply(talk, NULL, &code, &text, NULL);
}

const struct dialogue dialogue_smtp = {
	.service = "smtp",
	.port_starttls = 587,
	.port_implicit = 465,
	.tls = PROBE_TLS_STARTTLS,
	.greeting = greeting,
	.capabilities = ehlo,
	.starttls = starttls,
	.auth = auth,
	.hear = hear,
	.send = send_test,
	.quit = quit,
};
