/* SPDX-License-Identifier: MIT */
/* imap-untagged.c - see imap-untagged.h. */
#include "fetch-agent/imap/imap-untagged.h"

#include <string.h>

#include "common/scanner.h"
#include "fetch-agent/imap/imap-encode.h"

#include "common/banned.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The bracket that ends a code: not one within quotes or parentheses, if there is another. */
static const char *find_code_end(struct span text)
{
	bool quoted = false;
	size_t depth = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '"')
			quoted = !quoted;
		else if (!quoted && c == '(')
			depth++;
		else if (!quoted && c == ')' && depth > 0)
			depth--;
		else if (!quoted && c == ']' && depth == 0)
			return text.ptr + i;
	}
	return text.len > 0 ? memchr(text.ptr, ']', text.len) : NULL;
}

static uint64_t code_number(struct span args)
{
	struct scanner scan = scanner_over(args);
	uint64_t value;

	return scan_u64(&scan, IMAP_NUMBER_MAX, &value) && scanner_at_end(&scan) ? value : 0;
}

static struct span without_parentheses(struct span args)
{
	if (args.len < 2 || args.ptr[0] != '(' || args.ptr[args.len - 1] != ')')
		return args;
	return (struct span){args.ptr + 1, args.len - 2};
}

static void parse_code(struct span code, struct imap_text *text)
{
	const char *space = memchr(code.ptr, ' ', code.len);

	text->code_name = code;
	if (space != NULL) {
		struct imap_lexer lex = {.cur = space, .end = code.ptr + code.len};

		text->code_name.len = (size_t)(space - code.ptr);
		lex_spaces(&lex);
		text->args = lex_rest(&lex);
		text->number = code_number(text->args);
	}
	text->code = imap_code_parse(text->code_name);
	if (text->code == IMAP_CODE_PERMANENTFLAGS)
		text->args = without_parentheses(text->args);
}

/* What does not look like a code is text: no server's words are a reason to hang up. */
static bool parse_text(struct imap_parsing *parsing)
{
	struct imap_lexer *lex = &parsing->lex;
	struct imap_text *text = &parsing->response->text;
	const char *close = NULL;

	lex_spaces(lex);
	if (lex_is_at(lex, '['))
		close = find_code_end(lex_rest(lex));
	if (close != NULL && close > lex->cur + 1) {
		parse_code((struct span){lex->cur + 1, (size_t)(close - lex->cur - 1)}, text);
		lex->cur = close + 1;
		lex_spaces(lex);
	}
	text->text = lex_rest(lex);
	return true;
}

static bool parse_words(struct imap_parsing *parsing)
{
	struct span words = parsing->response->raw;
	struct span word;

	while (imap_word_next(&words, &word)) {
		if (!lex_count_item(&parsing->lex))
			return false;
	}
	return true;
}

static bool parse_flags(struct imap_parsing *parsing)
{
	struct span words;

	if (!lex_words(&parsing->lex, &words))
		return false;
	parsing->response->raw = words;
	parsing->response->flags = imap_flags_parse(words);
	return true;
}

static bool parse_nothing(struct imap_parsing *parsing)
{
	(void)parsing;
	return true;
}

static unsigned attributes_parse(struct span words)
{
	static const struct {
		const char *word;
		unsigned attributes;
	} table[] = {
		{"\\Noselect", IMAP_ATTRIBUTE_NOSELECT},
		{"\\NonExistent", IMAP_ATTRIBUTE_NONEXISTENT | IMAP_ATTRIBUTE_NOSELECT},
		{"\\Noinferiors", IMAP_ATTRIBUTE_NOINFERIORS},
		{"\\HasChildren", IMAP_ATTRIBUTE_HASCHILDREN},
		{"\\HasNoChildren", IMAP_ATTRIBUTE_HASNOCHILDREN},
		{"\\Marked", IMAP_ATTRIBUTE_MARKED},
		{"\\Unmarked", IMAP_ATTRIBUTE_UNMARKED},
		{"\\Subscribed", IMAP_ATTRIBUTE_SUBSCRIBED},
		{"\\Remote", IMAP_ATTRIBUTE_REMOTE},
		{"\\All", IMAP_ATTRIBUTE_ALL},
		{"\\AllMail", IMAP_ATTRIBUTE_ALL},
		{"\\Archive", IMAP_ATTRIBUTE_ARCHIVE},
		{"\\Drafts", IMAP_ATTRIBUTE_DRAFTS},
		{"\\Flagged", IMAP_ATTRIBUTE_FLAGGED},
		{"\\Starred", IMAP_ATTRIBUTE_FLAGGED},
		{"\\Important", IMAP_ATTRIBUTE_IMPORTANT},
		{"\\Inbox", IMAP_ATTRIBUTE_INBOX},
		{"\\Junk", IMAP_ATTRIBUTE_JUNK},
		{"\\Spam", IMAP_ATTRIBUTE_JUNK},
		{"\\Sent", IMAP_ATTRIBUTE_SENT},
		{"\\Trash", IMAP_ATTRIBUTE_TRASH},
	};
	unsigned attributes = 0;
	struct span word;

	while (imap_word_next(&words, &word)) {
		for (size_t i = 0; i < COUNT(table); i++) {
			if (span_equals_nocase(word, table[i].word))
				attributes |= table[i].attributes;
		}
	}
	return attributes;
}

static bool parse_delimiter(struct imap_lexer *lex, char *out)
{
	struct imap_string string;

	lex_spaces(lex);
	if (!lex_astring(lex, &string))
		return false;
	if (string.form == IMAP_STRING_NIL || string.bytes.len == 0)
		*out = '\0';
	else
		*out = string.bytes.ptr[string.bytes.len - 1];
	return true;
}

/* Some servers do not quote names with spaces: the name ends where a list or the response does. */
static bool bare_name(struct imap_lexer *lex, struct imap_string *out)
{
	struct span rest = lex_rest(lex);

	for (size_t i = 0; i + 1 < rest.len; i++) {
		if (rest.ptr[i] == ' ' && rest.ptr[i + 1] == '(')
			rest.len = i;
	}
	while (rest.len > 0 && rest.ptr[rest.len - 1] == ' ')
		rest.len--;
	if (rest.len == 0)
		return lex_fail(lex, "the name of a mailbox is missing");
	*out = (struct imap_string){IMAP_STRING_BARE, rest, 0};
	lex->cur = rest.ptr + rest.len;
	return true;
}

static bool parse_name(struct imap_parsing *parsing, struct span *name_out, struct span *utf8_out)
{
	struct imap_names *names = parsing->names;
	struct imap_lexer *lex = &parsing->lex;
	struct imap_string string;
	bool is_string;

	lex_spaces(lex);
	is_string = lex_is_at(lex, '"') || lex_is_at_literal(lex);
	if (!(is_string ? lex_string(lex, &string) : bare_name(lex, &string)))
		return false;
	if (!imap_string_value(&string, &names->name, name_out))
		return lex_fail(lex, "out of memory");
	buffer_clear(&names->utf8);
	*utf8_out = *name_out;
	if (!names->is_utf8 && imap_utf7_decode(&names->utf8, *name_out))
		*utf8_out = buffer_span(&names->utf8);
	return true;
}

/* What RFC 5258 adds behind the name (CHILDINFO, OLDNAME) is passed over. */
static bool parse_list(struct imap_parsing *parsing)
{
	struct imap_response *response = parsing->response;
	struct imap_list *list = &response->list;
	struct span words;

	if (!lex_words(&parsing->lex, &words))
		return false;
	list->attributes = attributes_parse(words);
	list->lsub = span_equals_nocase(response->name, "LSUB");
	return parse_delimiter(&parsing->lex, &list->delimiter) &&
	       parse_name(parsing, &list->name, &list->utf8);
}

static bool status_item(struct imap_lexer *lex, struct imap_mailbox *mailbox)
{
	const struct {
		const char *name;
		enum imap_mailbox_has has;
		uint64_t *value;
	} table[] = {
		{"MESSAGES", IMAP_MAILBOX_MESSAGES, &mailbox->messages},
		{"RECENT", IMAP_MAILBOX_RECENT, &mailbox->recent},
		{"UIDNEXT", IMAP_MAILBOX_UIDNEXT, &mailbox->uidnext},
		{"UIDVALIDITY", IMAP_MAILBOX_UIDVALIDITY, &mailbox->uidvalidity},
		{"UNSEEN", IMAP_MAILBOX_UNSEEN, &mailbox->unseen},
		{"HIGHESTMODSEQ", IMAP_MAILBOX_HIGHESTMODSEQ, &mailbox->highestmodseq},
		{"SIZE", IMAP_MAILBOX_SIZE, &mailbox->size},
		{"DELETED", IMAP_MAILBOX_DELETED, &mailbox->deleted},
	};
	struct span word;

	if (!lex_word(lex, &word) || !lex_count_item(lex))
		return false;
	lex_spaces(lex);
	for (size_t i = 0; i < COUNT(table); i++) {
		if (span_equals_nocase(word, table[i].name)) {
			mailbox->has |= (unsigned)table[i].has;
			return lex_number(lex, IMAP_NUMBER_MAX, table[i].value);
		}
	}
	return lex_skip_value(lex);
}

static bool parse_status(struct imap_parsing *parsing)
{
	struct imap_mailbox *mailbox = &parsing->response->mailbox;
	struct imap_lexer *lex = &parsing->lex;

	if (!parse_name(parsing, &mailbox->name, &mailbox->utf8))
		return false;
	lex_spaces(lex);
	if (!lex_byte(lex, '(', "STATUS has no list"))
		return false;
	for (lex_spaces(lex); !lex_is_at(lex, ')'); lex_spaces(lex)) {
		if (!status_item(lex, mailbox))
			return false;
	}
	return true;
}

/* Numbers apart by spaces, then perhaps (MODSEQ n). */
static bool parse_search(struct imap_parsing *parsing)
{
	struct imap_search *search = &parsing->response->search;
	struct imap_lexer *lex = &parsing->lex;
	const char *start = lex->cur;
	struct imap_set walk;
	uint32_t first;
	uint32_t last;
	struct span word;

	while (lex->cur < lex->end && (*lex->cur == ' ' || (*lex->cur >= '0' && *lex->cur <= '9')))
		lex->cur++;
	search->set.text = (struct span){start, (size_t)(lex->cur - start)};
	walk = search->set;
	while (imap_set_next(&walk, &first, &last))
		;
	if (walk.text.len > 0)
		return lex_fail(lex, "a search result is no number");
	if (lex_at_end(lex))
		return true;
	if (!lex_byte(lex, '(', "a search result is no number"))
		return false;
	if (!lex_word(lex, &word) || !span_equals_nocase(word, "MODSEQ"))
		return lex_fail(lex, "something follows the search results");
	lex_spaces(lex);
	search->has |= IMAP_ESEARCH_MODSEQ;
	return lex_number(lex, IMAP_NUMBER_MAX, &search->modseq) &&
	       lex_byte(lex, ')', "a list does not end");
}

static bool esearch_item(struct imap_lexer *lex, struct imap_search *search)
{
	const struct {
		const char *name;
		enum imap_esearch_has has;
		uint64_t *value;
	} table[] = {
		{"MIN", IMAP_ESEARCH_MIN, &search->min},
		{"MAX", IMAP_ESEARCH_MAX, &search->max},
		{"COUNT", IMAP_ESEARCH_COUNT, &search->count},
		{"MODSEQ", IMAP_ESEARCH_MODSEQ, &search->modseq},
	};
	struct span word;

	if (!lex_word(lex, &word) || !lex_count_item(lex))
		return false;
	if (span_equals_nocase(word, "UID")) {
		search->uid = true;
		return true;
	}
	lex_spaces(lex);
	if (span_equals_nocase(word, "ALL")) {
		search->has |= IMAP_ESEARCH_ALL;
		return lex_set(lex, &search->set);
	}
	for (size_t i = 0; i < COUNT(table); i++) {
		if (span_equals_nocase(word, table[i].name)) {
			search->has |= (unsigned)table[i].has;
			return lex_number(lex, IMAP_NUMBER_MAX, table[i].value);
		}
	}
	return lex_skip_value(lex);
}

/* (TAG "a1") */
static bool parse_correlator(struct imap_parsing *parsing)
{
	struct imap_lexer *lex = &parsing->lex;
	struct imap_string string;
	struct span word;

	lex->cur++;
	if (!lex_word(lex, &word))
		return false;
	lex_spaces(lex);
	if (!lex_astring(lex, &string))
		return false;
	if (span_equals_nocase(word, "TAG") &&
	    !imap_string_value(&string, &parsing->names->name, &parsing->response->search.tag))
		return lex_fail(lex, "out of memory");
	lex_spaces(lex);
	return lex_byte(lex, ')', "a list does not end");
}

static bool parse_esearch(struct imap_parsing *parsing)
{
	struct imap_lexer *lex = &parsing->lex;

	lex_spaces(lex);
	if (lex_is_at(lex, '(') && !parse_correlator(parsing))
		return false;
	for (lex_spaces(lex); !lex_at_end(lex); lex_spaces(lex)) {
		if (!esearch_item(lex, &parsing->response->search))
			return false;
	}
	return true;
}

static bool parse_vanished(struct imap_parsing *parsing)
{
	struct imap_vanished *vanished = &parsing->response->vanished;
	struct imap_lexer *lex = &parsing->lex;
	struct span words;

	if (lex_is_at(lex, '(')) {
		if (!lex_words(lex, &words))
			return false;
		vanished->earlier = span_equals_nocase(words, "EARLIER");
	}
	lex_spaces(lex);
	if (!lex_set(lex, &vanished->uids))
		return false;
	lex_spaces(lex);
	return lex_at_end(lex) || lex_fail(lex, "something follows the set");
}

struct kind {
	const char *word;
	enum imap_kind kind;
	bool (*parse)(struct imap_parsing *parsing);
};

static const struct kind plain_kinds[] = {
	{"CAPABILITY", IMAP_CAPABILITY, parse_words},
	{"ENABLED", IMAP_ENABLED, parse_words},
	{"ESEARCH", IMAP_ESEARCH, parse_esearch},
	{"FLAGS", IMAP_FLAGS, parse_flags},
	{"ID", IMAP_ID, parse_nothing},
	{"LIST", IMAP_LIST, parse_list},
	{"LSUB", IMAP_LIST, parse_list},
	{"SEARCH", IMAP_SEARCH, parse_search},
	{"SORT", IMAP_SEARCH, parse_search},
	{"STATUS", IMAP_MAILBOX, parse_status},
	{"VANISHED", IMAP_VANISHED, parse_vanished},
	{"XLIST", IMAP_LIST, parse_list},
};

static const struct kind numbered_kinds[] = {
	{"EXISTS", IMAP_EXISTS, parse_nothing},
	{"EXPUNGE", IMAP_EXPUNGE, parse_nothing},
	{"FETCH", IMAP_FETCH, parse_nothing},
	{"RECENT", IMAP_RECENT, parse_nothing},
};

static const struct kind *find_kind(const struct kind *table, size_t count, struct span word)
{
	for (size_t i = 0; i < count; i++) {
		if (span_equals_nocase(word, table[i].word))
			return &table[i];
	}
	return NULL;
}

static bool find_status(struct span word, enum imap_status last, enum imap_status *out)
{
	for (int i = 0; i <= (int)last; i++) {
		if (span_equals_nocase(word, imap_status_name((enum imap_status)i))) {
			*out = (enum imap_status)i;
			return true;
		}
	}
	return false;
}

static void set_raw(struct imap_parsing *parsing)
{
	lex_spaces(&parsing->lex);
	parsing->response->raw = lex_rest(&parsing->lex);
}

static bool classify_continuation(struct imap_parsing *parsing)
{
	struct imap_lexer *lex = &parsing->lex;

	parsing->response->kind = IMAP_CONTINUATION;
	lex->cur++;
	if (!lex_at_end(lex) && !lex_is_at(lex, ' '))
		return lex_fail(lex, "no IMAP server"); /* "+OK": POP3 */
	set_raw(parsing);
	return false;
}

static bool classify_tagged(struct imap_parsing *parsing)
{
	struct imap_response *response = parsing->response;
	struct imap_lexer *lex = &parsing->lex;
	struct span word;

	response->kind = IMAP_TAGGED;
	if (!lex_word(lex, &response->tag))
		return false;
	lex_spaces(lex);
	if (!lex_word(lex, &word) || !find_status(word, IMAP_STATUS_BAD, &response->text.status))
		return lex_fail(lex, "neither \"* \", \"+ \" nor a tag with OK, NO or BAD");
	set_raw(parsing);
	return false;
}

static bool classify_numbered(struct imap_parsing *parsing)
{
	struct imap_response *response = parsing->response;
	const struct kind *kind;
	uint64_t number = 0;

	if (!lex_number(&parsing->lex, UINT32_MAX, &number))
		return false;
	lex_spaces(&parsing->lex);
	if (!lex_word(&parsing->lex, &response->name))
		return false;
	kind = find_kind(numbered_kinds, COUNT(numbered_kinds), response->name);
	if (kind != NULL) {
		response->kind = kind->kind;
		response->number = (uint32_t)number;
	}
	set_raw(parsing);
	return true;
}

static bool classify_plain(struct imap_parsing *parsing)
{
	struct imap_response *response = parsing->response;
	const struct kind *kind;
	bool is_text;

	if (!lex_word(&parsing->lex, &response->name))
		return false;
	is_text = find_status(response->name, IMAP_STATUS_PREAUTH, &response->text.status);
	kind = find_kind(plain_kinds, COUNT(plain_kinds), response->name);
	if (is_text)
		response->kind = IMAP_CONDITION;
	else if (kind != NULL)
		response->kind = kind->kind;
	set_raw(parsing);
	return !is_text;
}

bool imap_response_classify(struct imap_parsing *parsing)
{
	struct imap_lexer *lex = &parsing->lex;

	*parsing->response = (struct imap_response){.kind = IMAP_OTHER};
	if (lex_is_at(lex, '+'))
		return classify_continuation(parsing);
	if (!lex_is_at(lex, '*'))
		return classify_tagged(parsing);
	lex->cur++;
	if (!lex_is_at(lex, ' '))
		return lex_fail(lex, "no space after *");
	lex_spaces(lex);
	if (lex->cur < lex->end && *lex->cur >= '0' && *lex->cur <= '9')
		return classify_numbered(parsing);
	return classify_plain(parsing);
}

bool imap_response_parse(struct imap_parsing *parsing)
{
	const struct kind *kind;

	switch (parsing->response->kind) {
	case IMAP_TAGGED:
	case IMAP_CONDITION:
		return parse_text(parsing);
	case IMAP_CONTINUATION:
		return true;
	default:
		kind = find_kind(plain_kinds, COUNT(plain_kinds), parsing->response->name);
		return kind == NULL || parsing->response->kind == IMAP_OTHER ||
		       kind->parse(parsing);
	}
}
