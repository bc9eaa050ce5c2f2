/* SPDX-License-Identifier: MIT */
/* imap-trace.c - see imap-trace.h. */
#include "tests/fetch-agent/imap-trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/banned.h"

#define TRACE_MAX ((size_t)16 << 20)

static void put_bytes(struct buffer *out, struct span bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char c = (unsigned char)bytes.ptr[i];

		if (c >= ' ' && c < 0x7f && c != '|')
			(void)buffer_append_byte(out, (char)c);
		else
			(void)buffer_printf(out, "|%02x", c);
	}
}

static void put_field(struct buffer *out, const char *name, struct span bytes)
{
	(void)buffer_printf(out, " %s<", name);
	put_bytes(out, bytes);
	(void)buffer_append_byte(out, '>');
}

static void put_set(struct buffer *out, const char *name, struct imap_set set)
{
	uint32_t first;
	uint32_t last;

	(void)buffer_printf(out, " %s<", name);
	while (imap_set_next(&set, &first, &last)) {
		if (first == last)
			(void)buffer_printf(out, "%u,", first);
		else
			(void)buffer_printf(out, "%u-%u,", first, last);
	}
	(void)buffer_append_byte(out, '>');
}

static void put_number(struct buffer *out, bool has, const char *name, uint64_t value)
{
	if (has)
		(void)buffer_printf(out, " %s=%" PRIu64, name, value);
}

static void put_text(struct buffer *out, const struct imap_text *text)
{
	(void)buffer_printf(out, " %s", imap_status_name(text->status));
	if (text->code == IMAP_CODE_UNKNOWN)
		put_field(out, "other-code", text->code_name);
	else if (text->code != IMAP_CODE_NONE)
		(void)buffer_printf(out, " [%s]", imap_code_name(text->code));
	if (text->args.len > 0)
		put_field(out, "args", text->args);
	put_number(out, text->number != 0, "number", text->number);
	put_field(out, "text", text->text);
}

static void put_mailbox(struct buffer *out, const struct imap_mailbox *mailbox)
{
	put_field(out, "name", mailbox->name);
	put_field(out, "utf8", mailbox->utf8);
	put_number(out, mailbox->has & IMAP_MAILBOX_MESSAGES, "messages", mailbox->messages);
	put_number(out, mailbox->has & IMAP_MAILBOX_RECENT, "recent", mailbox->recent);
	put_number(out, mailbox->has & IMAP_MAILBOX_UIDNEXT, "uidnext", mailbox->uidnext);
	put_number(out, mailbox->has & IMAP_MAILBOX_UIDVALIDITY, "uidvalidity",
		   mailbox->uidvalidity);
	put_number(out, mailbox->has & IMAP_MAILBOX_UNSEEN, "unseen", mailbox->unseen);
	put_number(out, mailbox->has & IMAP_MAILBOX_HIGHESTMODSEQ, "highestmodseq",
		   mailbox->highestmodseq);
	put_number(out, mailbox->has & IMAP_MAILBOX_SIZE, "size", mailbox->size);
	put_number(out, mailbox->has & IMAP_MAILBOX_DELETED, "deleted", mailbox->deleted);
}

static void put_list(struct buffer *out, const struct imap_list *list)
{
	char delimiter = list->delimiter;

	(void)buffer_printf(out, "%s %#x", list->lsub ? " lsub" : "", list->attributes);
	put_field(out, "delimiter", (struct span){&delimiter, delimiter != '\0'});
	put_field(out, "name", list->name);
	put_field(out, "utf8", list->utf8);
}

static void put_search(struct buffer *out, const struct imap_search *search)
{
	(void)buffer_append_str(out, search->uid ? " uid" : "");
	(void)buffer_append_str(out, search->more ? " more" : "");
	if (search->tag.len > 0)
		put_field(out, "tag", search->tag);
	put_set(out, "set", search->set);
	(void)buffer_append_str(out, search->has & IMAP_ESEARCH_ALL ? " all" : "");
	put_number(out, search->has & IMAP_ESEARCH_MIN, "min", search->min);
	put_number(out, search->has & IMAP_ESEARCH_MAX, "max", search->max);
	put_number(out, search->has & IMAP_ESEARCH_COUNT, "count", search->count);
	put_number(out, search->has & IMAP_ESEARCH_MODSEQ, "modseq", search->modseq);
}

static void put_fetch(struct buffer *out, const struct imap_fetch *fetch)
{
	put_number(out, true, "seq", fetch->seq);
	put_number(out, fetch->has & IMAP_FETCH_UID, "uid", fetch->uid);
	if (fetch->has & IMAP_FETCH_FLAGS) {
		(void)buffer_printf(out, " flags=%#x", fetch->flags);
		put_field(out, "words", fetch->flag_words);
	}
	put_number(out, fetch->has & IMAP_FETCH_SIZE, "size", fetch->size);
	if (fetch->has & IMAP_FETCH_INTERNALDATE)
		(void)buffer_printf(out, " date=%" PRId64, fetch->internaldate);
	put_number(out, fetch->has & IMAP_FETCH_MODSEQ, "modseq", fetch->modseq);
	put_number(out, fetch->has & IMAP_FETCH_GM_MSGID, "gm", fetch->gm_msgid);
	if (fetch->has & IMAP_FETCH_EMAILID)
		put_field(out, "emailid", fetch->emailid);
	put_number(out, fetch->bodies > 0, "bodies", fetch->bodies);
}

static const char *const kind_names[] = {
	[IMAP_OTHER] = "other",
	[IMAP_CONTINUATION] = "continue",
	[IMAP_TAGGED] = "tagged",
	[IMAP_CONDITION] = "condition",
	[IMAP_CAPABILITY] = "capability",
	[IMAP_ENABLED] = "enabled",
	[IMAP_FLAGS] = "flags",
	[IMAP_LIST] = "list",
	[IMAP_MAILBOX] = "mailbox",
	[IMAP_SEARCH] = "search",
	[IMAP_ESEARCH] = "esearch",
	[IMAP_EXISTS] = "exists",
	[IMAP_RECENT] = "recent",
	[IMAP_EXPUNGE] = "expunge",
	[IMAP_VANISHED] = "vanished",
	[IMAP_FETCH] = "fetch",
	[IMAP_ID] = "id",
};

static void put_response(struct buffer *out, const struct imap_response *response)
{
	(void)buffer_append_str(out, kind_names[response->kind]);
	switch (response->kind) {
	case IMAP_TAGGED:
		put_field(out, "tag", response->tag);
		put_text(out, &response->text);
		break;
	case IMAP_CONDITION:
		put_text(out, &response->text);
		break;
	case IMAP_FLAGS:
		(void)buffer_printf(out, " %#x", response->flags);
		put_field(out, "raw", response->raw);
		break;
	case IMAP_LIST:
		put_list(out, &response->list);
		break;
	case IMAP_MAILBOX:
		put_mailbox(out, &response->mailbox);
		break;
	case IMAP_SEARCH:
	case IMAP_ESEARCH:
		put_search(out, &response->search);
		break;
	case IMAP_EXISTS:
	case IMAP_RECENT:
	case IMAP_EXPUNGE:
		(void)buffer_printf(out, " %u", response->number);
		break;
	case IMAP_VANISHED:
		(void)buffer_append_str(out, response->vanished.earlier ? " earlier" : "");
		(void)buffer_append_str(out, response->vanished.more ? " more" : "");
		put_set(out, "uids", response->vanished.uids);
		break;
	case IMAP_FETCH:
		put_fetch(out, &response->fetch);
		break;
	case IMAP_OTHER:
		put_field(out, "name", response->name);
		put_field(out, "raw", response->raw);
		break;
	default:
		put_field(out, "raw", response->raw);
		break;
	}
	(void)buffer_append_byte(out, '\n');
}

static void on_begin(void *ctx, const struct imap_body *body)
{
	struct imap_trace *trace = ctx;

	trace->in_body = true;
	trace->announced = (size_t)body->size;
	buffer_clear(&trace->body);
	(void)buffer_printf(&trace->text, "body seq=%u uid=%u", body->seq, body->uid);
	put_field(&trace->text, "section", body->section);
	put_number(&trace->text, body->partial, "origin", body->origin);
	put_number(&trace->text, true, "size", body->size);
	(void)buffer_append_str(&trace->text, body->nil ? " nil" : "");
}

static void on_chunk(void *ctx, struct span bytes)
{
	struct imap_trace *trace = ctx;

	trace->chunks++;
	if (bytes.len == 0 || !trace->in_body)
		abort();
	(void)buffer_append_span(&trace->body, bytes);
}

static void on_end(void *ctx)
{
	struct imap_trace *trace = ctx;

	if (!trace->in_body)
		abort();
	trace->in_body = false;
	if (trace->body.len != trace->announced)
		trace->body_size_wrong = true;
	put_field(&trace->text, "bytes", buffer_span(&trace->body));
	(void)buffer_append_byte(&trace->text, '\n');
}

static void begin(struct imap_trace *trace, struct imap_body_sink *sink)
{
	*trace = (struct imap_trace){.idle = true};
	buffer_init(&trace->text, TRACE_MAX);
	buffer_init(&trace->body, TRACE_MAX);
	*sink = (struct imap_body_sink){on_begin, on_chunk, on_end, trace};
}

static void feed(struct imap_trace *trace, struct imap_parser *parser, struct span bytes)
{
	struct imap_response response;
	enum imap_parse result = IMAP_PARSE_RESPONSE;
	struct err err;
	size_t consumed;

	while (result == IMAP_PARSE_RESPONSE && !trace->malformed) {
		result = imap_parser_feed(parser, bytes, &consumed, &response, &err);
		if (consumed > bytes.len || (result == IMAP_PARSE_MORE && consumed != bytes.len))
			abort();
		if (result == IMAP_PARSE_RESPONSE) {
			trace->responses++;
			put_response(&trace->text, &response);
		}
		bytes.ptr += consumed;
		bytes.len -= consumed;
	}
	if (result == IMAP_PARSE_MALFORMED && !trace->malformed) {
		trace->malformed = true;
		(void)buffer_printf(&trace->text, "%s%s\n", trace->in_body ? "\n" : "", err.text);
	}
	trace->idle = imap_parser_is_idle(parser);
}

void imap_trace_run(struct imap_trace *trace, struct span bytes, size_t step,
		    const struct imap_limits *limits)
{
	struct imap_body_sink sink;
	struct imap_parser *parser;

	begin(trace, &sink);
	parser = imap_parser_new(limits, &sink);
	for (size_t at = 0; at < bytes.len;) {
		size_t len = bytes.len - at;

		if (step > 0 && len > step)
			len = step;
		feed(trace, parser, (struct span){bytes.ptr + at, len});
		at += len;
	}
	imap_parser_free(parser);
}

void imap_trace_run_cut(struct imap_trace *trace, struct span bytes, size_t cut,
			const struct imap_limits *limits)
{
	struct imap_body_sink sink;
	struct imap_parser *parser;

	begin(trace, &sink);
	parser = imap_parser_new(limits, &sink);
	feed(trace, parser, (struct span){bytes.ptr, cut});
	feed(trace, parser, (struct span){bytes.ptr + cut, bytes.len - cut});
	imap_parser_free(parser);
}

void imap_trace_release(struct imap_trace *trace)
{
	buffer_release(&trace->text);
	buffer_release(&trace->body);
}
