/* SPDX-License-Identifier: MIT */
/* probe-pop.c - POP3 (RFC 1939, CAPA of RFC 2449, AUTH of RFC 5034): login and STAT. */
#include <string.h>

#include "common/scanner.h"
#include "token-helper/probe/probe-dialogue.h"

#include "common/banned.h"

#define AUTH_LINE_MAX 255 /* with CRLF: RFC 2449 4 */

static enum outcome hear(struct talk *talk, enum heard *heard_out, struct span *text_out,
			 struct err *err)
{
	struct span line;
	enum outcome what;

	talk_forget(talk);
	what = wire_line(talk->wire, &line, err);
	if (what != OUTCOME_OK)
		return what;
	(void)talk_keep(talk, line);
	*text_out = line;
	if (line_starts(line, "+OK")) {
		*heard_out = HEARD_YES;
	} else if (line_starts(line, "-ERR")) {
		*heard_out = HEARD_NO;
		/* RFC 2449 8, RFC 3206: "it is not your credentials". */
		talk->later = line_starts(line, "-ERR [IN-USE]") ||
			      line_starts(line, "-ERR [LOGIN-DELAY]") ||
			      line_starts(line, "-ERR [SYS/TEMP]");
	} else if (line.len > 0 && line.ptr[0] == '+') {
		*heard_out = HEARD_CHALLENGE;
		*text_out = line.len > 1 ? (struct span){line.ptr + 2, line.len - 2}
					 : (struct span){line.ptr, 0};
	} else {
		return err_set(err, OUTCOME_PROTOCOL, "that is no reply of POP3: %.*s",
			       (int)(line.len > 200 ? 200 : line.len), line.ptr);
	}
	return OUTCOME_OK;
}

static enum outcome agree(struct talk *talk, const char *asked, struct err *err)
{
	enum heard heard;
	struct span text;
	enum outcome what = hear(talk, &heard, &text, err);

	if (what == OUTCOME_OK && heard != HEARD_YES)
		what = talk_refused(talk, asked, err);
	return what;
}

static enum outcome ask(struct talk *talk, const char *command, struct err *err)
{
	enum outcome what = wire_say(talk->wire, err, "%s", command);

	return what == OUTCOME_OK ? agree(talk, command, err) : what;
}

static enum outcome greeting(struct talk *talk, struct err *err)
{
	return agree(talk, "greeting", err);
}

/* "SASL PLAIN XOAUTH2", "STLS" */
static void capability(struct talk *talk, struct span line)
{
	if (line_starts(line, "SASL "))
		talk_offer(talk, (struct span){line.ptr + 5, line.len - 5});
	else if (span_equals_nocase(line, "STLS"))
		talk->can_starttls = true;
}

static enum outcome capabilities(struct talk *talk, struct err *err)
{
	enum outcome what = ask(talk, "CAPA", err);
	struct span line = {"", 0};

	buffer_clear(&talk->offered);
	talk->can_starttls = false;
	talk->can_initial = true;
	for (int count = 0; what == OUTCOME_OK && count < LINES_MAX; count++) {
		what = wire_line(talk->wire, &line, err);
		if (what == OUTCOME_OK && span_equals(line, "."))
			return OUTCOME_OK;
		if (what == OUTCOME_OK)
			capability(talk, line);
	}
	return what == OUTCOME_OK ? talk_too_much(err) : what;
}

static enum outcome starttls(struct talk *talk, struct err *err)
{
	return ask(talk, "STLS", err);
}

static enum outcome auth(struct talk *talk, const char *mechanism, struct span initial,
			 bool *sent_out, struct err *err)
{
	return talk_auth(talk, mechanism, initial, AUTH_LINE_MAX, sent_out, err);
}

/* "+OK 23 45678" */
static enum outcome mailbox(struct talk *talk, struct err *err)
{
	enum outcome what = ask(talk, "STAT", err);
	struct scanner scan = scanner_over(buffer_span(&talk->said));
	uint64_t count;

	if (what == OUTCOME_OK && scan_literal(&scan, "+OK ") &&
	    scan_u64(&scan, UINT32_MAX, &count))
		talk->messages = count;
	return what;
}

static void quit(struct talk *talk)
{
	(void)ask(talk, "QUIT", NULL);
}

const struct dialogue dialogue_pop = {
	.service = "pop",
	.port_starttls = 110,
	.port_implicit = 995,
	.tls = PROBE_TLS_IMPLICIT,
	.greeting = greeting,
	.capabilities = capabilities,
	.starttls = starttls,
	.auth = auth,
	.hear = hear,
	.mailbox = mailbox,
	.quit = quit,
};
