/* SPDX-License-Identifier: MIT */
/* address.c - see address.h. */
#include "fetch-agent/delivery/address.h"

#include <string.h>

#include "common/utf8.h"

#include "common/banned.h"

#define COMMENT_DEPTH_MAX 16

/* Words ------------------------------------------------------------------------------------------
 */

enum token_kind {
	TOKEN_END,
	TOKEN_ATOM,
	TOKEN_QUOTED,  /* without its quotes, quoted pairs still in it */
	TOKEN_LITERAL, /* a domain's, without its brackets */
	TOKEN_SPECIAL, /* one byte */
	TOKEN_BAD,
};

struct token {
	enum token_kind kind;
	struct span text;
};

static bool is_ascii_atext(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') ||
	       (byte != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", byte) != NULL);
}

/* The length of the character of an atom at the start of text: RFC 6532 admits UTF-8. */
static size_t atext_len(struct span text)
{
	uint32_t code;
	size_t len;

	if (text.len == 0 || is_ascii_atext(text.ptr[0]))
		return text.len == 0 ? 0 : 1;
	len = utf8_char(text, &code);
	return len > 1 && !utf8_is_steering(code) ? len : 0;
}

static size_t atom_len(struct span text)
{
	size_t len = 0, more;

	while ((more = atext_len((struct span){text.ptr + len, text.len - len})) > 0)
		len += more;
	return len;
}

/* What a quoted string or a domain literal has up to its end; text.len: it has none. */
static size_t quoted_len(struct span text, char end)
{
	size_t len = 0;

	while (len < text.len && text.ptr[len] != end)
		len += text.ptr[len] == '\\' && len + 1 < text.len ? 2 : 1;
	return len;
}

/* The comment that starts at text's first byte; 0: it does not end. */
static size_t comment_len(struct span text)
{
	size_t depth = 0, at = 0;

	while (at < text.len) {
		char byte = text.ptr[at];

		at += byte == '\\' && at + 1 < text.len ? 2 : 1;
		depth += byte == '(';
		depth -= byte == ')';
		if (depth == 0 || depth > COMMENT_DEPTH_MAX)
			return depth == 0 ? at : 0;
	}
	return 0;
}

/* Moves *at over white space, line ends and comments. False: a comment that does not end. */
static bool skip_blank(struct span value, size_t *at)
{
	while (*at < value.len) {
		size_t len = 1;

		if (value.ptr[*at] == '(')
			len = comment_len((struct span){value.ptr + *at, value.len - *at});
		else if (memchr(" \t\r\n", value.ptr[*at], 4) == NULL)
			return true;
		if (len == 0)
			return false;
		*at += len;
	}
	return true;
}

static struct token enclosed(struct span value, size_t *at, enum token_kind kind, char end)
{
	struct span rest = {value.ptr + *at + 1, value.len - *at - 1};
	size_t len = quoted_len(rest, end);

	*at += len < rest.len ? len + 2 : rest.len + 1;
	return (struct token){len < rest.len ? kind : TOKEN_BAD, {rest.ptr, len}};
}

static struct token next_token(struct span value, size_t *at)
{
	struct token token = {TOKEN_BAD, {NULL, 0}};

	if (!skip_blank(value, at)) {
		*at = value.len;
		return token;
	}
	if (*at == value.len)
		return (struct token){TOKEN_END, {NULL, 0}};
	if (value.ptr[*at] == '"')
		return enclosed(value, at, TOKEN_QUOTED, '"');
	if (value.ptr[*at] == '[')
		return enclosed(value, at, TOKEN_LITERAL, ']');
	token.text = (struct span){value.ptr + *at, value.len - *at};
	token.text.len = atom_len(token.text);
	if (token.text.len > 0) {
		token.kind = TOKEN_ATOM;
	} else {
		token.text.len = 1;
		if (token.text.ptr[0] != '\0' && strchr(".@<>,:;", token.text.ptr[0]) != NULL)
			token.kind = TOKEN_SPECIAL;
	}
	*at += token.text.len;
	return token;
}

static bool is_special(const struct token *token, char byte)
{
	return token->kind == TOKEN_SPECIAL && token->text.ptr[0] == byte;
}

/* One address ------------------------------------------------------------------------------------
 */

enum spec_part {
	SPEC_NOTHING,
	SPEC_LOCAL_WORD,
	SPEC_LOCAL_DOT,
	SPEC_AT,
	SPEC_DOMAIN_WORD,
	SPEC_DOMAIN_DOT,
	SPEC_DOMAIN_LITERAL,
	SPEC_ROUTE, /* RFC 5322 4.4: "@a,@b:" before it; passed over */
	SPEC_BAD,
};

struct spec {
	enum spec_part part;
	struct buffer local; /* as it is meant, unquoted */
	struct buffer domain;
};

static void spec_reset(struct spec *spec)
{
	spec->part = SPEC_NOTHING;
	buffer_clear(&spec->local);
	buffer_clear(&spec->domain);
}

static bool append_unquoted(struct buffer *out, struct span quoted)
{
	for (size_t i = 0; i < quoted.len; i++) {
		/* A fold inside a quoted string is no part of it. */
		if (quoted.ptr[i] == '\r' || quoted.ptr[i] == '\n')
			continue;
		if (quoted.ptr[i] == '\\' && i + 1 < quoted.len)
			i++;
		(void)buffer_append_byte(out, quoted.ptr[i]);
	}
	return buffer_ok(out);
}

/* Dots may stand anywhere in a local part: some mail providers gave out such addresses. */
static enum spec_part after_local(struct spec *spec, const struct token *token)
{
	if (is_special(token, '.'))
		return buffer_append_byte(&spec->local, '.') ? SPEC_LOCAL_DOT : SPEC_BAD;
	if (is_special(token, '@'))
		return SPEC_AT;
	if (spec->part == SPEC_LOCAL_WORD)
		return SPEC_BAD; /* two words: a name, no address */
	if (token->kind == TOKEN_QUOTED)
		return append_unquoted(&spec->local, token->text) ? SPEC_LOCAL_WORD : SPEC_BAD;
	return token->kind == TOKEN_ATOM && buffer_append_span(&spec->local, token->text)
		       ? SPEC_LOCAL_WORD
		       : SPEC_BAD;
}

static enum spec_part after_domain(struct spec *spec, const struct token *token)
{
	if (spec->part == SPEC_DOMAIN_WORD)
		return is_special(token, '.') && buffer_append_byte(&spec->domain, '.')
			       ? SPEC_DOMAIN_DOT
			       : SPEC_BAD;
	if (token->kind == TOKEN_ATOM && buffer_append_span(&spec->domain, token->text))
		return SPEC_DOMAIN_WORD;
	if (token->kind == TOKEN_LITERAL && spec->part == SPEC_AT &&
	    buffer_printf(&spec->domain, "[%.*s]", (int)token->text.len, token->text.ptr))
		return SPEC_DOMAIN_LITERAL;
	return SPEC_BAD;
}

static void spec_feed(struct spec *spec, const struct token *token)
{
	switch (spec->part) {
	case SPEC_NOTHING:
		spec->part = is_special(token, '@') ? SPEC_ROUTE : after_local(spec, token);
		break;
	case SPEC_LOCAL_WORD:
	case SPEC_LOCAL_DOT:
		spec->part = after_local(spec, token);
		break;
	case SPEC_ROUTE:
		if (is_special(token, ':'))
			spec_reset(spec);
		break;
	case SPEC_AT:
	case SPEC_DOMAIN_WORD:
	case SPEC_DOMAIN_DOT:
		spec->part = after_domain(spec, token);
		break;
	case SPEC_DOMAIN_LITERAL:
	case SPEC_BAD:
		spec->part = SPEC_BAD;
		break;
	}
}

/* Writing it -------------------------------------------------------------------------------------
 */

static bool is_dot_atom(struct span text)
{
	size_t at = 0;

	for (;;) {
		size_t len = atom_len((struct span){text.ptr + at, text.len - at});

		at += len;
		if (len == 0 || at == text.len)
			return len > 0;
		if (text.ptr[at++] != '.')
			return false;
	}
}

/* RFC 5321 4.1.2's Quoted-string, without the spaces that it would admit. */
static bool append_quoted(struct buffer *out, struct span local)
{
	size_t len;

	(void)buffer_append_byte(out, '"');
	for (size_t at = 0; at < local.len; at += len) {
		struct span rest = {local.ptr + at, local.len - at};

		len = rest.ptr[0] > 32 && rest.ptr[0] < 127 ? 1 : atext_len(rest);
		if (len == 0)
			return false;
		if (rest.ptr[0] == '"' || rest.ptr[0] == '\\')
			(void)buffer_append_byte(out, '\\');
		(void)buffer_append(out, rest.ptr, len);
	}
	return buffer_append_byte(out, '"');
}

static bool is_domain(struct span domain)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._:[]";

	for (size_t i = 0; i < domain.len; i++) {
		if ((unsigned char)domain.ptr[i] < 0x80 &&
		    memchr(letters, domain.ptr[i], sizeof(letters) - 1) == NULL)
			return false;
	}
	return true;
}

/* The address into out; false: it is none that SMTP could carry. */
static bool spec_write(const struct spec *spec, struct buffer *out)
{
	struct span local = buffer_span(&spec->local), domain = buffer_span(&spec->domain);

	buffer_clear(out);
	if (spec->part == SPEC_BAD || spec->part == SPEC_AT || spec->part == SPEC_DOMAIN_DOT ||
	    spec->part == SPEC_ROUTE || spec->part == SPEC_NOTHING || local.len == 0 ||
	    !is_domain(domain))
		return false;
	if (is_dot_atom(local))
		(void)buffer_append_span(out, local);
	else if (!append_quoted(out, local))
		return false;
	if (domain.len > 0)
		(void)buffer_append_byte(out, '@');
	(void)buffer_append_span(out, domain);
	return buffer_ok(out) && out->len <= ADDRESS_MAX;
}

/* The list ---------------------------------------------------------------------------------------
 */

/* What stands between angle brackets; true when they are closed. */
static bool read_angle(struct span value, size_t *at, struct spec *spec)
{
	struct token token;

	spec_reset(spec);
	while ((token = next_token(value, at)).kind != TOKEN_END) {
		if (is_special(&token, '>'))
			return true;
		spec_feed(spec, &token);
	}
	return false;
}

enum element {
	ELEMENT_ADDRESS,
	ELEMENT_NULL, /* <> */
	ELEMENT_NAME, /* of a group */
	ELEMENT_NONE, /* the end, with nothing before it */
};

/* One element of the list with what ends it. */
static enum element read_element(struct span value, size_t *at, struct spec *spec)
{
	bool angle = false, null = false, any = false;
	struct token token;

	spec_reset(spec);
	while ((token = next_token(value, at)).kind != TOKEN_END) {
		any = true;
		if (is_special(&token, ',') || is_special(&token, ';'))
			break;
		if (is_special(&token, ':'))
			return ELEMENT_NAME;
		if (is_special(&token, '<') && !angle) {
			angle = true;
			if (!read_angle(value, at, spec))
				spec->part = SPEC_BAD;
			null = spec->part == SPEC_NOTHING;
		} else if (!angle) {
			spec_feed(spec, &token);
		}
	}
	if (!any)
		return ELEMENT_NONE;
	return null ? ELEMENT_NULL : ELEMENT_ADDRESS;
}

bool address_next(struct span value, size_t *at, struct buffer *out)
{
	struct spec spec = {.local = BUFFER_INIT(ADDRESS_MAX), .domain = BUFFER_INIT(ADDRESS_MAX)};
	enum element element;
	bool found = false;

	while (!found && (element = read_element(value, at, &spec)) != ELEMENT_NONE) {
		found = element == ELEMENT_NULL ||
			(element == ELEMENT_ADDRESS && spec_write(&spec, out));
		if (element == ELEMENT_NULL)
			buffer_clear(out);
	}
	buffer_release(&spec.local);
	buffer_release(&spec.domain);
	return found;
}

bool address_is_usable(const char *text)
{
	struct buffer address = BUFFER_INIT(2 * ADDRESS_MAX + 2);
	size_t at = 0;
	/* What is written differently has something that is no part of the address. */
	bool usable = address_next(span_from_str(text), &at, &address) && at == strlen(text) &&
		      address.len > 0 && span_equals(buffer_span(&address), text);

	buffer_release(&address);
	return usable;
}

void address_split(const char *address, struct span *local_out, struct span *domain_out)
{
	const char *at = strrchr(address, '@');

	*local_out = span_from_str(address);
	*domain_out = (struct span){NULL, 0};
	if (at == NULL || address[strlen(address) - 1] == '"')
		return;
	local_out->len = (size_t)(at - address);
	*domain_out = span_from_str(at + 1);
}

void address_word(const char *text, struct buffer *out)
{
	struct span rest = span_from_str(text);
	bool dot_before = true;

	while (rest.len > 0) {
		uint32_t code;
		size_t len = utf8_char(rest, &code);
		bool dot = rest.ptr[0] == '.' && rest.len > 1 && !dot_before;

		(void)buffer_append_byte(out,
					 dot || is_ascii_atext(rest.ptr[0]) ? rest.ptr[0] : '_');
		dot_before = dot;
		len = len > 0 ? len : 1;
		rest.ptr += len;
		rest.len -= len;
	}
}
