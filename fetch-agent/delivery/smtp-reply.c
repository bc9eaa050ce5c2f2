/* SPDX-License-Identifier: MIT */
/* smtp-reply.c - see smtp-reply.h. */
#include "fetch-agent/delivery/smtp-reply.h"

#include <string.h>

#include "common/scanner.h"

#include "common/banned.h"

#define SHOWN_MAX 200 /* of a malformed line */

void smtp_reply_reader_init(struct smtp_reply_reader *reader)
{
	*reader = (struct smtp_reply_reader){
		.line = BUFFER_INIT(SMTP_REPLY_LINE_MAX),
		.reply = {.text = BUFFER_INIT(SMTP_REPLY_TEXT_MAX)},
	};
}

void smtp_reply_reader_release(struct smtp_reply_reader *reader)
{
	buffer_release(&reader->line);
	buffer_release(&reader->reply.text);
}

/* One to three digits, as they stand. */
static bool scan_part(struct scanner *scan)
{
	const char *from = scan->cur;
	uint64_t part;

	return scan_u64(scan, 999, &part) && scan->cur - from <= 3;
}

/* RFC 2034 3: class "." subject "." detail, then the text. Leaves text as it is where there is
 * none. */
static void take_status(int code, struct span *text, char *status)
{
	struct scanner scan = scanner_over(*text);
	char class[2] = {(char)('0' + code / 100), '\0'};
	size_t len;

	if (!scan_literal(&scan, class) || !scan_byte(&scan, '.') || !scan_part(&scan) ||
	    !scan_byte(&scan, '.') || !scan_part(&scan))
		return;
	len = (size_t)(scan.cur - text->ptr);
	if (!scanner_at_end(&scan) && !scan_byte(&scan, ' '))
		return;
	memcpy(status, text->ptr, len);
	status[len] = '\0';
	*text = (struct span){scan.cur, scanner_left(&scan)};
}

/* What does not fit is passed over: the code has been read, the rest is for people. */
static void keep_text(struct smtp_reply *reply, struct span text, bool first)
{
	size_t room;

	if (!first)
		(void)buffer_append_byte(&reply->text, '\n');
	room = reply->text.max - reply->text.len;
	if (text.len > room)
		text.len = room;
	(void)buffer_append_span(&reply->text, text);
}

static bool scan_code(struct scanner *scan, int *code_out)
{
	struct span digits;
	int code = 0;

	if (!scan_take(scan, 3, &digits) || digits.ptr[0] < '2' || digits.ptr[0] > '5')
		return false;
	for (size_t i = 0; i < 3; i++) {
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
			return false;
		code = code * 10 + (digits.ptr[i] - '0');
	}
	*code_out = code;
	return true;
}

/* False: this is no line of a reply. */
static bool take_line(struct smtp_reply_reader *reader, struct span line)
{
	struct smtp_reply *reply = &reader->reply;
	bool first = reader->lines == 0;
	struct scanner scan = scanner_over(line);
	char status[SMTP_STATUS_MAX] = "";
	struct span text;
	bool goes_on;
	int code;

	if (!scan_code(&scan, &code) || (!first && code != reply->code) ||
	    ++reader->lines > SMTP_REPLY_LINES_MAX)
		return false;
	goes_on = scan_byte(&scan, '-');
	if (!goes_on && !scanner_at_end(&scan) && !scan_byte(&scan, ' '))
		return false;
	text = (struct span){scan.cur, scanner_left(&scan)};
	take_status(code, &text, status);
	reply->code = code;
	if (first)
		memcpy(reply->status, status, sizeof(status));
	keep_text(reply, text, first);
	reader->whole = !goes_on;
	return true;
}

static enum smtp_parse malformed(struct span line, struct err *err)
{
	int len = (int)(line.len < SHOWN_MAX ? line.len : SHOWN_MAX);

	(void)err_set(err, OUTCOME_PROTOCOL, "this is not a reply: \"%.*s\"", len, line.ptr);
	return SMTP_PARSE_MALFORMED;
}

static enum smtp_parse too_long(struct err *err)
{
	(void)err_set(err, OUTCOME_PROTOCOL, "a line of a reply is longer than %d bytes",
		      SMTP_REPLY_LINE_MAX);
	return SMTP_PARSE_MALFORMED;
}

static void begin_reply(struct smtp_reply_reader *reader)
{
	reader->lines = 0;
	reader->whole = false;
	reader->reply.code = 0;
	reader->reply.status[0] = '\0';
	buffer_clear(&reader->reply.text);
}

/* The whole line stands in reader->line. */
static enum smtp_parse end_line(struct smtp_reply_reader *reader, struct err *err)
{
	struct span line = buffer_span(&reader->line);

	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (!take_line(reader, line))
		return malformed(line, err);
	buffer_clear(&reader->line);
	return reader->whole ? SMTP_PARSE_REPLY : SMTP_PARSE_MORE;
}

enum smtp_parse smtp_reply_feed(struct smtp_reply_reader *reader, struct span bytes,
				size_t *consumed_out, struct err *err)
{
	enum smtp_parse parse = SMTP_PARSE_MORE;
	size_t at = 0;

	*consumed_out = 0;
	if (reader->whole)
		begin_reply(reader);
	while (parse == SMTP_PARSE_MORE && at < bytes.len) {
		const char *from = bytes.ptr + at;
		const char *lf = memchr(from, '\n', bytes.len - at);
		size_t len = lf != NULL ? (size_t)(lf - from) : bytes.len - at;

		at += len + (lf != NULL);
		if (!buffer_append(&reader->line, from, len))
			return too_long(err);
		if (lf != NULL)
			parse = end_line(reader, err);
	}
	*consumed_out = at;
	return parse;
}

bool smtp_reply_is_good(const struct smtp_reply *reply)
{
	return reply->code / 100 == 2;
}

bool smtp_reply_is_temporary(const struct smtp_reply *reply)
{
	return reply->code / 100 == 4;
}

void smtp_reply_words(const struct smtp_reply *reply, struct buffer *words)
{
	buffer_clear(words);
	(void)buffer_printf(words, "%d%s%s", reply->code, reply->status[0] != '\0' ? " " : "",
			    reply->status);
	if (reply->text.len > 0)
		(void)buffer_append_byte(words, ' ');
	for (size_t i = 0; i < reply->text.len; i++) {
		unsigned char byte = (unsigned char)reply->text.data[i];

		(void)buffer_append_byte(words, byte == '\n'		      ? ' '
						: byte < 0x20 || byte == 0x7f ? '?'
									      : (char)byte);
	}
}

static bool next_line(struct span *text, struct span *line_out)
{
	const char *lf = text->len > 0 ? memchr(text->ptr, '\n', text->len) : NULL;
	size_t len = lf != NULL ? (size_t)(lf - text->ptr) : text->len;
	size_t taken = len + (lf != NULL);

	if (text->len == 0)
		return false;
	*line_out = (struct span){text->ptr, len};
	*text = (struct span){text->ptr + taken, text->len - taken};
	return true;
}

static void note_keyword(struct smtp_capability *capability, struct span line)
{
	const char *space = line.len > 0 ? memchr(line.ptr, ' ', line.len) : NULL;
	struct span word = {line.ptr, space != NULL ? (size_t)(space - line.ptr) : line.len};
	struct scanner scan = scanner_over(line);
	struct span passed;

	capability->pipelining |= span_equals_nocase(word, "PIPELINING");
	capability->eight_bit |= span_equals_nocase(word, "8BITMIME");
	capability->utf8 |= span_equals_nocase(word, "SMTPUTF8");
	if (span_equals_nocase(word, "SIZE")) {
		capability->size = true;
		(void)(scan_until(&scan, ' ', word.len, &passed) &&
		       scan_u64(&scan, UINT64_MAX, &capability->size_bytes));
	}
}

struct smtp_capability smtp_capability_parse(const struct smtp_reply *reply)
{
	struct smtp_capability capability = {0};
	struct span text = buffer_span(&reply->text);
	struct span line;

	(void)next_line(&text, &line); /* the listener's name */
	while (next_line(&text, &line))
		note_keyword(&capability, line);
	return capability;
}
