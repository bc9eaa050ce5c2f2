/* SPDX-License-Identifier: MIT */
/* probe-imap.c - IMAP (RFC 9051, RFC 3501): login and a look at INBOX, which changes nothing. */
#include <stdio.h>
#include <string.h>

#include "common/scanner.h"
#include "token-helper/probe/probe-dialogue.h"

#include "common/banned.h"

#define TAG_SIZE    16
#define BEFORE_SIZE 128
#define COUNT_MAX   UINT32_MAX

static void tag_text(const struct talk *talk, char text[TAG_SIZE])
{
	(void)snprintf(text, TAG_SIZE, "a%u ", talk->tag);
}

static enum outcome say(struct talk *talk, const char *command, struct err *err)
{
	talk->tag++;
	return wire_say(talk->wire, err, "a%u %s", talk->tag, command);
}

static struct span after(struct span line, size_t len)
{
	return (struct span){line.ptr + len, line.len - len};
}

typedef void line_fn(struct talk *talk, struct span line);

/*
 * Lines until the tagged one, or a continuation. Exchange's last words may be untagged ("* BYE
 * Connection is closed. 14"), so all lines but the data are kept. What a literal holds is looked
 * at as lines too: nothing that we ask for has any.
 */
static enum outcome hear_each(struct talk *talk, line_fn *each, enum heard *heard_out,
			      struct span *text_out, struct err *err)
{
	char tag[TAG_SIZE];

	talk_forget(talk);
	tag_text(talk, tag);
	for (int count = 0; count < LINES_MAX; count++) {
		struct span line;
		enum outcome what = wire_line(talk->wire, &line, err);

		if (what != OUTCOME_OK)
			return what;
		if (line.len > 0 && line.ptr[0] == '+') {
			*heard_out = HEARD_CHALLENGE;
			*text_out = after(line, line.len > 1 ? 2 : 1);
			return OUTCOME_OK;
		}
		if (!line_starts(line, tag)) {
			if (each != NULL)
				each(talk, line);
			if ((line_starts(line, "* BYE") || line_starts(line, "* BAD") ||
			     line_starts(line, "* NO")) &&
			    !talk_keep(talk, line))
				return talk_too_much(err);
			continue;
		}
		if (!talk_keep(talk, line))
			return talk_too_much(err);
		*text_out = after(line, strlen(tag));
		*heard_out = line_starts(*text_out, "OK") ? HEARD_YES : HEARD_NO;
		return OUTCOME_OK;
	}
	return talk_too_much(err);
}

static enum outcome hear(struct talk *talk, enum heard *heard_out, struct span *text_out,
			 struct err *err)
{
	return hear_each(talk, NULL, heard_out, text_out, err);
}

static enum outcome ask(struct talk *talk, const char *command, line_fn *each, struct err *err)
{
	enum outcome what = say(talk, command, err);
	enum heard heard;
	struct span text;

	if (what == OUTCOME_OK)
		what = hear_each(talk, each, &heard, &text, err);
	/* A connection that ends says why before that. */
	if (what == OUTCOME_RETRY && talk->said.len > 0)
		return talk_refused(talk, command, err);
	if (what != OUTCOME_OK)
		return what;
	if (heard == HEARD_CHALLENGE)
		return err_set(err, OUTCOME_PROTOCOL, "%s: the server wants more, unasked",
			       command);
	return heard == HEARD_YES ? OUTCOME_OK : talk_refused(talk, command, err);
}

static enum outcome greeting(struct talk *talk, struct err *err)
{
	struct span line;
	enum outcome what;

	talk_forget(talk);
	what = wire_line(talk->wire, &line, err);
	if (what != OUTCOME_OK)
		return what;
	(void)talk_keep(talk, line);
	if (line_starts(line, "* OK"))
		return OUTCOME_OK;
	if (line_starts(line, "* PREAUTH"))
		return err_set(err, OUTCOME_PROTOCOL,
			       "the server says that we are logged in already: nothing can be "
			       "tested there, and no TLS be begun");
	if (line_starts(line, "* BYE"))
		return talk_refused(talk, "greeting", err);
	return err_set(err, OUTCOME_PROTOCOL, "that is no greeting of IMAP: %.*s",
		       (int)(line.len > 200 ? 200 : line.len), line.ptr);
}

static void capability(struct talk *talk, struct span word)
{
	if (line_starts(word, "AUTH="))
		talk_offer(talk, after(word, strlen("AUTH=")));
	else if (span_equals_nocase(word, "STARTTLS"))
		talk->can_starttls = true;
	else if (span_equals_nocase(word, "SASL-IR") || span_equals_nocase(word, "IMAP4rev2"))
		talk->can_initial = true;
}

static void capability_line(struct talk *talk, struct span line)
{
	struct scanner scan;
	struct span word;

	if (!line_starts(line, "* CAPABILITY "))
		return;
	scan = scanner_over(after(line, strlen("* CAPABILITY ")));
	while (scan_until(&scan, ' ', WIRE_LINE_MAX, &word))
		capability(talk, word);
	capability(talk, (struct span){scan.cur, scanner_left(&scan)});
}

static enum outcome capabilities(struct talk *talk, struct err *err)
{
	buffer_clear(&talk->offered);
	talk->can_starttls = false;
	talk->can_initial = false;
	return ask(talk, "CAPABILITY", capability_line, err);
}

static enum outcome starttls(struct talk *talk, struct err *err)
{
	return ask(talk, "STARTTLS", NULL, err);
}

static enum outcome auth(struct talk *talk, const char *mechanism, struct span initial,
			 bool *sent_out, struct err *err)
{
	char before[BEFORE_SIZE];

	*sent_out = talk->can_initial;
	(void)snprintf(before, sizeof(before), "AUTHENTICATE %s", mechanism);
	if (!talk->can_initial)
		return say(talk, before, err);
	talk->tag++;
	(void)snprintf(before, sizeof(before), "a%u AUTHENTICATE %s ", talk->tag, mechanism);
	return wire_say_secret(talk->wire, before, initial, err);
}

/* "* 23 EXISTS" */
static void exists(struct talk *talk, struct span line)
{
	struct scanner scan = scanner_over(line);
	uint64_t count;

	if (scan_literal(&scan, "* ") && scan_u64(&scan, COUNT_MAX, &count) &&
	    line_starts((struct span){scan.cur, scanner_left(&scan)}, " EXISTS"))
		talk->messages = count;
}

static enum outcome mailbox(struct talk *talk, struct err *err)
{
	return ask(talk, "EXAMINE INBOX", exists, err);
}

static void quit(struct talk *talk)
{
	(void)ask(talk, "LOGOUT", NULL, NULL);
}

const struct dialogue dialogue_imap = {
	.service = "imap",
	.port_starttls = 143,
	.port_implicit = 993,
	.tls = PROBE_TLS_IMPLICIT,
	.greeting = greeting,
	.capabilities = capabilities,
	.starttls = starttls,
	.auth = auth,
	.hear = hear,
	.mailbox = mailbox,
	.quit = quit,
};
