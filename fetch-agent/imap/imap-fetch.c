/* SPDX-License-Identifier: MIT */
/* imap-fetch.c - see imap-fetch.h. */
#include "fetch-agent/imap/imap-fetch.h"

#include "common/banned.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* NAME[SECTION]<ORIGIN> */
struct item {
	struct span name;
	bool has_section;
	struct span section;
	bool partial;
	uint64_t origin;
};

static bool item_uid(struct fetch_walk *walk)
{
	uint64_t uid = 0;

	if (!lex_number(&walk->lex, UINT32_MAX, &uid))
		return false;
	walk->fetch.uid = (uint32_t)uid;
	if (uid > 0)
		walk->fetch.has |= IMAP_FETCH_UID;
	return true;
}

static bool item_flags(struct fetch_walk *walk)
{
	if (!lex_words(&walk->lex, &walk->fetch.flag_words))
		return false;
	walk->fetch.flags = imap_flags_parse(walk->fetch.flag_words);
	walk->fetch.has |= IMAP_FETCH_FLAGS;
	return true;
}

static bool item_size(struct fetch_walk *walk)
{
	walk->fetch.has |= IMAP_FETCH_SIZE;
	return lex_number(&walk->lex, IMAP_NUMBER_MAX, &walk->fetch.size);
}

/* A date that cannot be read is a pity, not a reason to refuse the message. */
static bool item_date(struct fetch_walk *walk)
{
	struct imap_string string;

	if (!lex_astring(&walk->lex, &string))
		return false;
	if (imap_date_parse(string.bytes, &walk->fetch.internaldate))
		walk->fetch.has |= IMAP_FETCH_INTERNALDATE;
	return true;
}

static bool item_modseq(struct fetch_walk *walk)
{
	walk->fetch.has |= IMAP_FETCH_MODSEQ;
	if (!lex_byte(&walk->lex, '(', "MODSEQ is not in parentheses"))
		return false;
	lex_spaces(&walk->lex);
	if (!lex_number(&walk->lex, IMAP_NUMBER_MAX, &walk->fetch.modseq))
		return false;
	lex_spaces(&walk->lex);
	return lex_byte(&walk->lex, ')', "MODSEQ does not end");
}

static bool item_gm_msgid(struct fetch_walk *walk)
{
	walk->fetch.has |= IMAP_FETCH_GM_MSGID;
	return lex_number(&walk->lex, UINT64_MAX, &walk->fetch.gm_msgid);
}

static bool item_emailid(struct fetch_walk *walk)
{
	walk->fetch.has |= IMAP_FETCH_EMAILID;
	return lex_words(&walk->lex, &walk->fetch.emailid);
}

static const struct {
	const char *name;
	bool (*parse)(struct fetch_walk *walk);
} items[] = {
	{"UID", item_uid},	     {"FLAGS", item_flags},   {"RFC822.SIZE", item_size},
	{"INTERNALDATE", item_date}, {"MODSEQ", item_modseq}, {"X-GM-MSGID", item_gm_msgid},
	{"EMAILID", item_emailid},
};

static const struct {
	const char *name;
	bool has_section;
	const char *section; /* what it stands for, without one of its own */
} body_items[] = {
	{"BODY", true, ""},
	{"BINARY", true, ""},
	{"RFC822", false, ""},
	{"RFC822.HEADER", false, "HEADER"},
	{"RFC822.TEXT", false, "TEXT"},
	{"BODY.PEEK", true, ""}, /* servers that repeat the question */
	{"BINARY.PEEK", true, ""},
};

/* The section may hold header names, and these may be strings (RFC 3501 9, header-fld-name). */
static bool lex_section(struct imap_lexer *lex, struct span *out)
{
	const char *start = ++lex->cur;
	struct imap_string string;

	while (!lex_is_at(lex, ']')) {
		if (lex_is_at(lex, '"') || lex_is_at_literal(lex)) {
			if (!lex_string(lex, &string))
				return false;
		} else if (lex_at_end(lex) || (unsigned char)*lex->cur < ' ') {
			return lex_fail(lex, "a section does not end");
		} else {
			lex->cur++;
		}
	}
	*out = (struct span){start, (size_t)(lex->cur - start)};
	lex->cur++;
	return true;
}

static bool is_name_byte(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '-' || c == '_' || c == '/';
}

static bool lex_item(struct imap_lexer *lex, struct item *item)
{
	const char *start = lex->cur;

	*item = (struct item){.partial = false};
	while (lex->cur < lex->end && is_name_byte(*lex->cur))
		lex->cur++;
	item->name = (struct span){start, (size_t)(lex->cur - start)};
	if (item->name.len == 0)
		return lex_fail(lex, lex_at_end(lex) ? "the list of FETCH does not end"
						     : "the name of an item is missing");
	if (lex_is_at(lex, '[')) {
		item->has_section = true;
		if (!lex_section(lex, &item->section))
			return false;
	}
	if (lex_is_at(lex, '<')) {
		lex->cur++;
		item->partial = true;
		if (!lex_number(lex, IMAP_NUMBER_MAX, &item->origin) ||
		    !lex_byte(lex, '>', "an origin does not end"))
			return false;
	}
	lex_spaces(lex);
	return true;
}

static bool is_body(const struct item *item, struct span *section_out)
{
	for (size_t i = 0; i < COUNT(body_items); i++) {
		if (item->has_section != body_items[i].has_section ||
		    !span_equals_nocase(item->name, body_items[i].name))
			continue;
		*section_out =
			item->has_section ? item->section : span_from_str(body_items[i].section);
		return true;
	}
	return false;
}

/* What lies between backslashes goes on in pieces: no copy. */
static void pass_quoted(const struct imap_body_sink *sink, const struct imap_string *string)
{
	const char *p = string->bytes.ptr;
	const char *end = p + string->bytes.len;

	while (p < end) {
		const char *from = *p == '\\' ? p + 1 : p;
		const char *to = from + 1;

		while (to < end && *to != '\\')
			to++;
		sink->chunk(sink->ctx, (struct span){from, (size_t)(to - from)});
		p = to;
	}
}

static bool body_inline(struct fetch_walk *walk)
{
	const struct imap_body_sink *sink = walk->sink;
	struct imap_string string;

	if (!lex_astring(&walk->lex, &string))
		return false;
	if (string.form == IMAP_STRING_BARE)
		return lex_fail(&walk->lex, "a body is no string");
	walk->body.nil = string.form == IMAP_STRING_NIL;
	walk->body.size = walk->body.nil ? 0 : string.bytes.len - string.escapes;
	if (walk->fetch.bodies++ < walk->passed)
		return true;
	walk->passed++;
	sink->begin(sink->ctx, &walk->body);
	if (!walk->body.nil)
		pass_quoted(sink, &string);
	sink->end(sink->ctx);
	return true;
}

static enum fetch_step body(struct fetch_walk *walk, const struct item *item, struct span section)
{
	struct imap_lexer *lex = &walk->lex;

	walk->body = (struct imap_body){
		.seq = walk->fetch.seq,
		.uid = walk->fetch.uid,
		.section = section,
		.partial = item->partial,
		.origin = item->origin,
	};
	if (!lex_is_at_literal(lex))
		return body_inline(walk) ? FETCH_DONE : FETCH_BAD;
	if (!lex_literal_head(lex, &walk->body.size))
		return FETCH_BAD;
	if (walk->fetch.bodies++ < walk->passed)
		return FETCH_DONE;
	return lex_at_end(lex) ? FETCH_BODY : FETCH_BAD;
}

static bool known_or_skipped(struct fetch_walk *walk, const struct item *item)
{
	if (!item->has_section) {
		for (size_t i = 0; i < COUNT(items); i++) {
			if (span_equals_nocase(item->name, items[i].name))
				return items[i].parse(walk);
		}
	}
	return lex_skip_value(&walk->lex);
}

static enum fetch_step one_item(struct fetch_walk *walk)
{
	struct span section;
	struct item item;

	if (!lex_count_item(&walk->lex) || !lex_item(&walk->lex, &item))
		return FETCH_BAD;
	if (is_body(&item, &section))
		return body(walk, &item, section);
	return known_or_skipped(walk, &item) ? FETCH_DONE : FETCH_BAD;
}

enum fetch_step fetch_walk_run(struct fetch_walk *walk)
{
	struct imap_lexer *lex = &walk->lex;
	enum fetch_step step = FETCH_DONE;

	lex_spaces(lex);
	if (!lex_byte(lex, '(', "FETCH has no list"))
		return FETCH_BAD;
	lex_spaces(lex);
	while (step == FETCH_DONE && !lex_is_at(lex, ')')) {
		step = one_item(walk);
		lex_spaces(lex);
	}
	if (step != FETCH_DONE)
		return lex->cut ? FETCH_LITERAL : step;
	lex->cur++;
	lex_spaces(lex);
	if (!lex_at_end(lex))
		(void)lex_fail(lex, "something follows the list of FETCH");
	return lex_at_end(lex) ? FETCH_DONE : FETCH_BAD;
}
