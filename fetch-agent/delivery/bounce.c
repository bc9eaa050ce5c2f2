/* SPDX-License-Identifier: MIT */
/* bounce.c - see bounce.h. */
#include "fetch-agent/delivery/bounce.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define HOST_SIZE     256
#define BOUNDARY_SIZE 64
#define DATE_SIZE     64
#define WORDS_SHOWN   900 /* RFC 5322 2.1.1: a line has at most 998 characters */
#define SENDER_MAX    900

/* Who may be told -------------------------------------------------------------------------------
 */

/* The next line of *head, without its end; moves *head behind it. */
static bool next_line(struct span *head, struct span *line_out)
{
	const char *lf = head->len > 0 ? memchr(head->ptr, '\n', head->len) : NULL;
	size_t len = lf != NULL ? (size_t)(lf - head->ptr) : head->len;
	size_t taken = len + (lf != NULL);

	if (head->len == 0)
		return false;
	if (len > 0 && head->ptr[len - 1] == '\r')
		len--;
	*line_out = (struct span){head->ptr, len};
	*head = (struct span){head->ptr + taken, head->len - taken};
	return true;
}

/* The line is the field whose name begins so; *value_out is its first line. */
static bool is_field(struct span line, const char *name, bool whole, struct span *value_out)
{
	size_t len = strlen(name);
	const char *colon = line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;
	size_t at;

	if (colon == NULL || line.len < len || strncasecmp(line.ptr, name, len) != 0)
		return false;
	at = (size_t)(colon - line.ptr);
	if (at < len || (whole && at > len))
		return false;
	for (at++; at < line.len && (line.ptr[at] == ' ' || line.ptr[at] == '\t'); at++)
		;
	*value_out = (struct span){line.ptr + at, line.len - at};
	return true;
}

static bool begins_with_word(struct span value, const char *word)
{
	size_t len = strlen(word);

	return value.len >= len && strncasecmp(value.ptr, word, len) == 0 &&
	       (value.len == len || strchr(" \t;(", value.ptr[len]) != NULL);
}

static const char *forbidden_by(struct span line)
{
	static const char *const precedences[] = {"bulk", "list", "junk"};
	struct span value;

	if (is_field(line, "Auto-Submitted", true, &value) && !begins_with_word(value, "no"))
		return "a machine has sent it (Auto-Submitted)";
	if (is_field(line, "List-", false, &value))
		return "it came over a mailing list (List-...)";
	if (!is_field(line, "Precedence", true, &value))
		return NULL;
	for (size_t i = 0; i < sizeof(precedences) / sizeof(precedences[0]); i++) {
		if (begins_with_word(value, precedences[i]))
			return "it was sent in bulk (Precedence)";
	}
	return NULL;
}

static bool is_sayable(const char *sender)
{
	for (const char *p = sender; *p != '\0'; p++) {
		if ((unsigned char)*p <= 0x20 || *p == 0x7f || *p == '<' || *p == '>')
			return false;
	}
	return strlen(sender) <= SENDER_MAX;
}

const char *bounce_forbidden(const char *sender, struct span head)
{
	const char *why = NULL;
	struct span line;

	if (sender[0] == '\0')
		return "it has no sender: it is a bounce itself";
	if (!is_sayable(sender))
		return "its sender is no address";
	while (why == NULL && next_line(&head, &line) && line.len > 0)
		why = forbidden_by(line);
	return why;
}

/* The report -------------------------------------------------------------------------------------
 */

/* One that stands in nothing that is quoted. */
static void choose_boundary(const struct bounce_facts *facts, int64_t now_s, char *boundary)
{
	bool taken = true;

	for (unsigned try = 0; taken; try++) {
		(void)snprintf(boundary, BOUNDARY_SIZE, "=_mailoauth_%" PRId64 "_%u", now_s, try);
		taken = facts->head.len > 0 && memmem(facts->head.ptr, facts->head.len, boundary,
						      strlen(boundary)) != NULL;
		for (size_t i = 0; i < facts->refusal_count; i++)
			taken = taken || strstr(facts->refusals[i].words, boundary) != NULL;
	}
}

static void write_head(const struct bounce_facts *facts, const char *host, int64_t now_s,
		       const char *boundary, struct buffer *text)
{
	time_t now = (time_t)now_s;
	char date[DATE_SIZE] = "";
	struct tm tm;

	if (gmtime_r(&now, &tm) != NULL)
		(void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &tm);
	(void)buffer_printf(text, "From: Mail Delivery System <MAILER-DAEMON@%s>\r\n", host);
	(void)buffer_printf(text, "To: <%s>\r\n", facts->sender);
	(void)buffer_printf(text, "Subject: Undelivered mail, returned to its sender\r\n");
	(void)buffer_printf(text, "Date: %s\r\n", date);
	(void)buffer_printf(text, "Message-ID: <%" PRId64 ".%ld@%s>\r\n", now_s, (long)getpid(),
			    host);
	(void)buffer_printf(text, "Auto-Submitted: auto-replied\r\n");
	(void)buffer_printf(text, "MIME-Version: 1.0\r\n");
	(void)buffer_printf(text,
			    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
			    "\tboundary=\"%s\"\r\n\r\n",
			    boundary);
}

static void write_for_people(const struct bounce_facts *facts, const char *host,
			     struct buffer *text)
{
	(void)buffer_printf(text, "Content-Type: text/plain; charset=utf-8\r\n"
				  "Content-Transfer-Encoding: 8bit\r\n\r\n");
	(void)buffer_printf(text,
			    "This is the mail system at %s.\r\n\r\n"
			    "Your message was not delivered to the recipients below, and this will "
			    "not be tried\r\nagain. Its header is attached.\r\n",
			    host);
	for (size_t i = 0; i < facts->refusal_count; i++)
		(void)buffer_printf(text, "\r\n<%s>: the mail server there said:\r\n    %.*s\r\n",
				    facts->refusals[i].recipient, WORDS_SHOWN,
				    facts->refusals[i].words);
	(void)buffer_append_str(text, "\r\n");
}

/* RFC 3464 2.2, 2.3. */
static void write_for_machines(const struct bounce_facts *facts, const char *host,
			       struct buffer *text)
{
	(void)buffer_printf(text,
			    "Content-Type: message/delivery-status\r\n\r\n"
			    "Reporting-MTA: dns; %s\r\n",
			    host);
	for (size_t i = 0; i < facts->refusal_count; i++) {
		const struct delivery_refusal *refusal = &facts->refusals[i];

		(void)buffer_printf(text,
				    "\r\nFinal-Recipient: rfc822; %s\r\nAction: failed\r\n"
				    "Status: %s\r\nDiagnostic-Code: smtp; %.*s\r\n",
				    refusal->recipient,
				    refusal->status[0] != '\0' ? refusal->status : "5.0.0",
				    WORDS_SHOWN, refusal->words);
	}
	(void)buffer_append_str(text, "\r\n");
}

static void write_original(const struct bounce_facts *facts, struct buffer *text)
{
	struct span head = facts->head;
	struct span line;

	if (head.len > BOUNCE_HEAD_MAX)
		head.len = BOUNCE_HEAD_MAX;
	(void)buffer_printf(text, "Content-Type: text/rfc822-headers\r\n"
				  "Content-Transfer-Encoding: 8bit\r\n\r\n");
	while (next_line(&head, &line) && line.len > 0) {
		(void)buffer_append_span(text, line);
		(void)buffer_append_str(text, "\r\n");
	}
}

void bounce_write(const struct bounce_facts *facts, const char *host, int64_t now_s,
		  struct buffer *text)
{
	char boundary[BOUNDARY_SIZE];

	choose_boundary(facts, now_s, boundary);
	write_head(facts, host, now_s, boundary, text);
	(void)buffer_printf(text, "--%s\r\n", boundary);
	write_for_people(facts, host, text);
	(void)buffer_printf(text, "--%s\r\n", boundary);
	write_for_machines(facts, host, text);
	(void)buffer_printf(text, "--%s\r\n", boundary);
	write_original(facts, text);
	(void)buffer_printf(text, "\r\n--%s--\r\n", boundary);
}

/* Sending ----------------------------------------------------------------------------------------
 */

struct bounce {
	struct delivery *delivery;
	bounce_done_fn *done;
	void *ctx;
};

void bounce_cancel(struct bounce *bounce)
{
	if (bounce == NULL)
		return;
	delivery_close(bounce->delivery);
	free(bounce);
}

static void on_verdict(void *ctx, uint32_t uid, const struct delivery_verdict *verdict)
{
	struct bounce *bounce = ctx;

	(void)uid;
	bounce->done(bounce->ctx, verdict);
	bounce_cancel(bounce);
}

/* A report is small: all of it is given at once. */
static void on_room(void *ctx)
{
	(void)ctx;
}

static void hand_over(struct bounce *bounce, const struct bounce_facts *facts,
		      const struct buffer *text)
{
	char *sender = xstrdup(facts->sender);
	struct words recipients = {.word = &sender, .count = 1};
	struct delivery_envelope envelope = {.sender = "", .recipients = &recipients};
	struct delivery_facts report = {.uid = 1, .size_bytes = text->len, .envelope = &envelope};

	delivery_begin(bounce->delivery, &report);
	(void)delivery_write(bounce->delivery, buffer_span(text));
	delivery_end(bounce->delivery, 1);
	free(sender);
}

struct bounce *bounce_send(const struct delivery_config *via, const struct delivery_world *world,
			   const struct bounce_facts *facts, bounce_done_fn *done, void *ctx)
{
	struct bounce *bounce = xcalloc(1, sizeof(*bounce));
	struct delivery_handler handler = {on_verdict, on_room, bounce};
	struct buffer text = BUFFER_INIT(BOUNCE_MAX);
	char host[HOST_SIZE] = "";

	bounce->done = done;
	bounce->ctx = ctx;
	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		(void)snprintf(host, sizeof(host), "localhost");
	bounce_write(facts, host, clock_now_s(), &text);
	/* Opening an smtp destination does not fail: connecting comes later. */
	(void)delivery_open(via, world, &handler, &bounce->delivery, NULL);
	hand_over(bounce, facts, &text);
	buffer_release(&text);
	return bounce;
}
