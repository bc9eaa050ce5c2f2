/* SPDX-License-Identifier: MIT */
/* postfix-value.c - see postfix-value.h. */
#include "token-helper/postfix/postfix-value.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/banned.h"

#define COMPARED_MAX 4096
#define DEPTH_MAX    32
#define SPACE	     " \t\r\n"
#define SEPARATOR    ", \t\r\n"

struct expansion {
	postfix_lookup_fn *lookup;
	const void *context;
	struct buffer *out;
	int depth;
};

static bool expand(struct expansion *at, struct span text);

static struct span from(struct span text, size_t start)
{
	return (struct span){text.ptr + start, text.len - start};
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

struct span span_trim(struct span text)
{
	while (text.len > 0 && is_one_of(text.ptr[0], SPACE))
		text = from(text, 1);
	while (text.len > 0 && is_one_of(text.ptr[text.len - 1], SPACE))
		text.len--;
	return text;
}

bool postfix_braces(struct span text, struct span *inside_out, size_t *used_out)
{
	size_t depth = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '{') {
			depth++;
		} else if (text.ptr[i] == '}' && --depth == 0) {
			*inside_out = (struct span){text.ptr + 1, i - 1};
			*used_out = i + 1;
			return true;
		}
		if (depth == 0)
			return false;
	}
	return false;
}

static size_t name_length(struct span text)
{
	static const char name_bytes[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	size_t len = 0;

	while (len < text.len && is_one_of(text.ptr[len], name_bytes))
		len++;
	return len;
}

static bool expand_name(struct expansion *at, struct span name)
{
	const char *value = at->lookup(at->context, name);

	return value == NULL || expand(at, span_from_str(value));
}

static bool has_value(const struct expansion *at, struct span name)
{
	const char *value = at->lookup(at->context, name);

	return value != NULL && value[0] != '\0';
}

/* "{yes}:{no}", "{yes}", or text up to the end. */
static bool expand_choice(struct expansion *at, struct span text, bool first)
{
	struct span yes = text, no = {"", 0};
	size_t used;

	text = span_trim(text);
	if (text.len > 0 && text.ptr[0] == '{') {
		if (!postfix_braces(text, &yes, &used))
			return false;
		text = span_trim(from(text, used));
		if (text.len > 0 && text.ptr[0] != ':')
			return false;
		if (text.len > 0) {
			no = span_trim(from(text, 1));
			if (no.len > 0 && no.ptr[0] == '{' && !postfix_braces(no, &no, &used))
				return false;
		}
	}
	return expand(at, first ? yes : no);
}

/* Comparisons --------------------------------------------------------------------------------- */

enum { LESS = 1, EQUAL = 2, MORE = 4 };

static const struct {
	const char *name;
	int holds; /* for which relations */
} operators[] = {
	{"==", EQUAL},
	{"!=", LESS | MORE},
	{"<", LESS},
	{"<=", LESS | EQUAL},
	{">=", MORE | EQUAL},
	{">", MORE},
	{"==level", EQUAL},
	{"!=level", LESS | MORE},
	{"<level", LESS},
	{"<=level", LESS | EQUAL},
	{">=level", MORE | EQUAL},
	{">level", MORE},
};

/* "3.6" as 3006: what compatibility_level is written in. False: no such number. */
static bool read_number(const char *text, long *out)
{
	char *end;
	long minor = 0;
	long major = strtol(text, &end, 10);

	if (end == text)
		return false;
	if (*end == '.')
		minor = strtol(end + 1, &end, 10);
	*out = major * 1000 + minor;
	return *end == '\0' || *end == '.';
}

static int relation(const char *a, const char *b)
{
	long x, y;
	int order = read_number(a, &x) && read_number(b, &y) ? (x > y) - (x < y) : strcmp(a, b);

	return order < 0 ? LESS : order > 0 ? MORE : EQUAL;
}

static bool next_operand(struct expansion *at, struct span *rest, struct buffer *out)
{
	struct expansion inner = *at;
	struct span inside;
	size_t used;

	*rest = span_trim(*rest);
	if (rest->len == 0 || !postfix_braces(*rest, &inside, &used))
		return false;
	*rest = span_trim(from(*rest, used));
	inner.out = out;
	return expand(&inner, span_trim(inside));
}

static bool next_operator(struct span *rest, int *holds_out)
{
	size_t len = 0;

	while (len < rest->len && !is_one_of(rest->ptr[len], "{" SPACE))
		len++;
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (span_equals((struct span){rest->ptr, len}, operators[i].name)) {
			*holds_out = operators[i].holds;
			*rest = from(*rest, len);
			return true;
		}
	}
	return false;
}

static bool expand_choice(struct expansion *at, struct span text, bool first);

/* "{a} OPERATOR {b} ? {yes} : {no}" */
static bool expand_comparison(struct expansion *at, struct span rest)
{
	struct buffer a = BUFFER_INIT(COMPARED_MAX), b = BUFFER_INIT(COMPARED_MAX);
	int holds = 0;
	bool fine = next_operand(at, &rest, &a) && next_operator(&rest, &holds) &&
		    next_operand(at, &rest, &b) && rest.len > 0 && rest.ptr[0] == '?' &&
		    expand_choice(at, from(rest, 1),
				  (relation(buffer_cstr(&a), buffer_cstr(&b)) & holds) != 0);

	buffer_release(&a);
	buffer_release(&b);
	return fine;
}

static bool expand_braced(struct expansion *at, struct span inside)
{
	size_t len = name_length(inside);
	struct span name = {inside.ptr, len};
	struct span rest = from(inside, len);

	if (len == 0)
		return expand_comparison(at, inside);
	if (rest.len == 0)
		return expand_name(at, name);
	if (rest.ptr[0] == '?')
		return expand_choice(at, from(rest, 1), has_value(at, name));
	if (rest.ptr[0] == ':')
		return has_value(at, name) || expand_choice(at, from(rest, 1), true);
	return false;
}

/* After the '$'. */
static bool expand_dollar(struct expansion *at, struct span text, size_t *used_out)
{
	size_t len = name_length(text);
	const char *close;
	struct span inside;

	if (len > 0) {
		*used_out = len;
		return expand_name(at, (struct span){text.ptr, len});
	}
	if (text.len > 0 && text.ptr[0] == '$') {
		*used_out = 1;
		return buffer_append_byte(at->out, '$');
	}
	if (text.len > 0 && text.ptr[0] == '{')
		return postfix_braces(text, &inside, used_out) && expand_braced(at, inside);
	close = text.len > 0 && text.ptr[0] == '(' ? memchr(text.ptr, ')', text.len) : NULL;
	if (close == NULL)
		return false;
	*used_out = (size_t)(close - text.ptr) + 1;
	return expand_braced(at, (struct span){text.ptr + 1, *used_out - 2});
}

static bool expand(struct expansion *at, struct span text)
{
	bool fine = ++at->depth <= DEPTH_MAX;

	while (fine && text.len > 0) {
		const char *dollar = memchr(text.ptr, '$', text.len);
		size_t plain = dollar != NULL ? (size_t)(dollar - text.ptr) : text.len;
		size_t used = 0;

		fine = buffer_append(at->out, text.ptr, plain);
		text = from(text, plain);
		if (fine && text.len > 0) {
			fine = expand_dollar(at, from(text, 1), &used);
			text = from(text, fine ? used + 1 : text.len);
		}
	}
	at->depth--;
	return fine;
}

bool postfix_expand(const char *value, postfix_lookup_fn *lookup, const void *context,
		    struct buffer *out)
{
	struct expansion at = {.lookup = lookup, .context = context, .out = out};

	return expand(&at, span_from_str(value));
}

static bool next_word(struct span *rest, const char *separators, struct span *word_out)
{
	size_t len = 0, depth = 0;

	while (rest->len > 0 && is_one_of(rest->ptr[0], separators))
		*rest = from(*rest, 1);
	while (len < rest->len && (depth > 0 || !is_one_of(rest->ptr[len], separators))) {
		if (rest->ptr[len] == '{')
			depth++;
		else if (rest->ptr[len] == '}' && depth > 0)
			depth--;
		len++;
	}
	*word_out = (struct span){rest->ptr, len};
	*rest = from(*rest, len);
	return len > 0;
}

bool postfix_list_next(struct span *rest, struct span *word_out)
{
	return next_word(rest, SEPARATOR, word_out);
}

bool postfix_word_next(struct span *rest, struct span *word_out)
{
	return next_word(rest, SPACE, word_out);
}

bool postfix_list_has(const char *list, const char *word)
{
	struct span rest = span_from_str(list), at;

	while (postfix_list_next(&rest, &at)) {
		if (span_equals_nocase(at, word))
			return true;
	}
	return false;
}

bool postfix_demands_certificate(const char *level)
{
	static const char *const levels[] = {"dane-only", "fingerprint", "verify", "secure"};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcasecmp(level, levels[i]) == 0)
			return true;
	}
	return false;
}

bool postfix_demands_tls(const char *level)
{
	return strcasecmp(level, "encrypt") == 0 || postfix_demands_certificate(level);
}

/* Debian and Arch, Red Hat, SUSE, Alpine. */
const char *postfix_authorities(void)
{
	static const char *const files[] = {"/etc/ssl/certs/ca-certificates.crt",
					    "/etc/pki/tls/certs/ca-bundle.crt",
					    "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (access(files[i], R_OK) == 0)
			return files[i];
	}
	return NULL;
}
