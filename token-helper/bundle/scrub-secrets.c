/* SPDX-License-Identifier: MIT */
/*
 * scrub-secrets.c - passwords, tokens, and what looks like them, by what stands around them and by
 * their characters. See scrub-text.h.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"
#include "token-helper/bundle/scrub-text.h"

#include "common/banned.h"

#define REMOVED	   "[removed]"
#define OPAQUE_MIN 20 /* characters of a word that can be a token */
#define PIECE_MAX  24 /* of a host's label */

static bool is_token_char(char c)
{
	return isalnum((unsigned char)c) || (c != '\0' && strchr("._~+/=-!*%$", c) != NULL);
}

/* Every label is short and the last is a word: a host, however many digits it has. */
static bool is_host(const char *word, size_t len)
{
	size_t label = 0, letters = 0;
	bool dot = false;

	for (size_t i = 0; i < len; i++) {
		if (word[i] == '.') {
			if (label == 0)
				return false;
			dot = true;
			label = letters = 0;
			continue;
		}
		if (!scrub_is_host_char(word[i]) || ++label > PIECE_MAX)
			return false;
		letters += isalpha((unsigned char)word[i]) != 0;
	}
	return dot && label >= 2 && letters == label && label <= 12;
}

static const char *const token_starts[] = {"eyJ", "ya29.", "M.C", "0.A",     "1.A",
					   "1//", "EwA",   "EwB", "GOCSPX-", "gAAAA"};

/* Random text changes between cases and has digits; words of people and programs do so seldom. */
static bool is_random(const char *word, size_t len)
{
	size_t digits = 0, changes = 0;

	for (size_t i = 0; i < len; i++) {
		digits += isdigit((unsigned char)word[i]) != 0;
		changes += i > 0 && isalpha((unsigned char)word[i]) &&
			   isalpha((unsigned char)word[i - 1]) &&
			   (isupper((unsigned char)word[i]) != 0) !=
				   (isupper((unsigned char)word[i - 1]) != 0);
	}
	return len >= 64 || (digits > 0 && len >= OPAQUE_MIN && digits < len) || changes * 3 > len;
}

static bool has_token_start(const char *word, size_t len)
{
	for (size_t i = 0; i < COUNT(token_starts) && len >= OPAQUE_MIN; i++) {
		if (strncmp(word, token_starts[i], strlen(token_starts[i])) == 0)
			return true;
	}
	return false;
}

/* "common/oauth2/v2.0/token": base64 has capitals, and longer pieces. */
static bool is_path(const char *word, size_t len)
{
	size_t piece = 0;

	for (size_t i = 0; i < len; i++) {
		piece = word[i] == '/' ? 0 : piece + 1;
		if (piece >= OPAQUE_MIN || isupper((unsigned char)word[i]) ||
		    strchr("+=!*%$", word[i]) != NULL)
			return false;
	}
	return memchr(word, '/', len) != NULL;
}

static bool is_opaque(const char *word, size_t len)
{
	if (len < OPAQUE_MIN)
		return false;
	return has_token_start(word, len) ||
	       (!is_host(word, len) && !is_path(word, len) && is_random(word, len));
}

/* The host of a URL, and what goes on behind it is looked at alone. */
size_t scrub_host(struct span text, size_t at, struct buffer *out)
{
	size_t len = scrub_run(text, at, scrub_is_host_char);
	bool ends = at + len >= text.len || strchr("/:])> \t\"',", text.ptr[at + len]) != NULL;

	if (!ends || has_token_start(text.ptr + at, scrub_run(text, at, is_token_char)) ||
	    !is_host(text.ptr + at, len))
		return 0;
	(void)buffer_append(out, text.ptr + at, len);
	return len;
}

/* A path is looked at piece by piece, and so is name=value: a name may be long. */
size_t scrub_opaque(struct span text, size_t at, struct buffer *out)
{
	size_t len = scrub_run(text, at, is_token_char);
	size_t piece = 0;

	if (len == 0)
		return 0;
	if (text.ptr[at] == '/' || memchr(text.ptr + at, '=', len) != NULL) {
		while (piece < len && (piece == 0 || strchr("/=", text.ptr[at + piece]) == NULL))
			piece++;
		if (text.ptr[at] == '/' || piece < OPAQUE_MIN)
			len = piece;
	}
	if (!is_opaque(text.ptr + at + (text.ptr[at] == '/'), len - (text.ptr[at] == '/')))
		return 0;
	if (text.ptr[at] == '/')
		(void)buffer_append_byte(out, '/');
	(void)buffer_append_str(out, REMOVED);
	return len;
}

/* "Bearer TOKEN", whatever it looks like. */
static size_t scheme_length(struct span text, size_t at)
{
	static const char *const schemes[] = {"Bearer ", "Basic ", "Bearer%20"};

	for (size_t i = 0; i < COUNT(schemes); i++) {
		if (scrub_starts(text, at, schemes[i]))
			return strlen(schemes[i]);
	}
	return 0;
}

size_t scrub_bearer(struct span text, size_t at, struct buffer *out)
{
	size_t len = scheme_length(text, at);
	size_t token = len > 0 ? scrub_run(text, at + len, is_token_char) : 0;

	if (token < 8)
		return 0;
	(void)buffer_append(out, text.ptr + at, len);
	(void)buffer_append_str(out, REMOVED);
	return len + token;
}

static const char *const secret_words[] = {
	"password",  "passwd",	      "passphrase", "secret",	   "token",  "verifier",
	"assertion", "authorization", "cookie",	    "private_key", "apikey", "api_key",
};
static const char *const secret_names[] = {"code",	"pass",	       "pwd",
					   "user_code", "device_code", "auth"};
/* What such words are also part of without a secret. */
static const char *const plain_ends[] = {
	"_file", "_file_old", "_command",   "_url",	"_endpoint", "_maps",	"_expires",
	"_type", "_audience", "_algorithm", "_options", "_filter",   "_expiry", "_obtained",
};
static const char *const plain_values[] = {"true", "false", "null", "yes", "no", "none", "0", "1"};

static bool ends_in(struct span word, const char *end)
{
	size_t len = strlen(end);

	return word.len >= len && strncasecmp(word.ptr + word.len - len, end, len) == 0;
}

static bool is_secret_name(struct span word)
{
	char *copy;
	bool hit = false;

	for (size_t i = 0; i < COUNT(plain_ends); i++) {
		if (ends_in(word, plain_ends[i]))
			return false;
	}
	for (size_t i = 0; i < COUNT(secret_names); i++) {
		if (span_equals_nocase(word, secret_names[i]))
			return true;
	}
	copy = xspandup(word);
	for (size_t i = 0; i < COUNT(secret_words) && !hit; i++)
		hit = strcasestr(copy, secret_words[i]) != NULL;
	free(copy);
	return hit;
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* The value that begins at `at`: in quotes to the closing one, behind " = " to the end of the line,
 * else one word. */
static size_t value_length(struct span text, size_t at, bool whole_line)
{
	size_t len = 0;
	char quote = at < text.len && strchr("\"'", text.ptr[at]) != NULL ? text.ptr[at] : '\0';

	if (scrub_starts(text, at, "\\\"")) { /* JSON in a string of JSON */
		const char *close = memmem(text.ptr + at + 2, text.len - at - 2, "\\\"", 2);

		return close != NULL ? (size_t)(close - text.ptr) + 2 - at : text.len - at;
	}
	if (quote != '\0') {
		for (len = 1; at + len < text.len && text.ptr[at + len] != quote; len++) {
			if (text.ptr[at + len] == '\\' && at + len + 1 < text.len)
				len++;
		}
		return at + len < text.len ? len + 1 : text.len - at;
	}
	while (at + len < text.len &&
	       (whole_line || strchr(" \t,;&}])>\"'", text.ptr[at + len]) == NULL))
		len++;
	return len;
}

/* name = value, "name": "value", name=value, where the name says that it is a secret. */
size_t scrub_named(struct span text, size_t at, struct buffer *out)
{
	size_t name = scrub_run(text, at, is_name_char);
	size_t end = at + name;
	size_t scheme, value;
	char mark;

	if (name == 0 || !is_secret_name((struct span){text.ptr + at, name}))
		return 0;
	while (end < text.len && strchr("\"' \t\\", text.ptr[end]) != NULL)
		end++;
	if (end >= text.len || (text.ptr[end] != '=' && text.ptr[end] != ':'))
		return 0;
	mark = text.ptr[end++];
	while (end < text.len && strchr(" \t", text.ptr[end]) != NULL)
		end++;
	scheme = scheme_length(text, end);
	value = scheme + value_length(text, end + scheme, mark == '=' && text.ptr[end - 1] == ' ');
	for (size_t i = 0; i < COUNT(plain_values); i++) {
		if (span_equals_nocase((struct span){text.ptr + end, value}, plain_values[i]))
			return 0;
	}
	if (value == 0)
		return 0;
	(void)buffer_append(out, text.ptr + at, end - at);
	(void)buffer_append_str(out, text.ptr[end] == '"' ? "\"" REMOVED "\"" : REMOVED);
	return end - at + value;
}

/*
 * Postfix's tables in main.cf itself: what static: answers is "user:password" in a password map,
 * and so is what stands behind "=" in inline:. Behind an address scrub_password_behind() knows it
 * too.
 */
size_t scrub_map_password(struct span text, size_t at, struct buffer *out)
{
	bool is_static = scrub_starts(text, at, "static:");
	size_t from = at + (is_static ? 7 : 1), len;

	if ((!is_static && text.ptr[at] != '=') ||
	    memmem(text.ptr, text.len, "password_maps", 13) == NULL)
		return 0;
	while (!is_static && from < text.len && strchr(" \t", text.ptr[from]) != NULL)
		from++;
	if (!is_static) {
		if (memmem(text.ptr, at, "inline:", 7) == NULL)
			return 0;
		while (from < text.len && strchr(" \t@:}", text.ptr[from]) == NULL)
			from++;
		if (from >= text.len || text.ptr[from++] != ':')
			return 0;
	}
	for (len = 0; from + len < text.len; len++) {
		if (strchr(is_static && text.ptr[from] == '{' ? "}" : " \t,}",
			   text.ptr[from + len]))
			break;
	}
	if (len == 0)
		return 0;
	(void)buffer_append(out, text.ptr + at, from - at);
	(void)buffer_append_str(out, REMOVED);
	return from + len - at;
}

/* A URL: scheme and host as they are, who logs in and all after "?" or "#" taken out. */
size_t scrub_url_part(struct span text, size_t at, struct buffer *out)
{
	size_t len = 1;

	if (text.ptr[at] != '?' && text.ptr[at] != '#')
		return 0;
	while (at + len < text.len && strchr(" \t\"'<>)]}", text.ptr[at + len]) == NULL)
		len++;
	if (len < 3 || memchr(text.ptr + at, '=', len) == NULL)
		return 0;
	(void)buffer_append_byte(out, text.ptr[at]);
	(void)buffer_append_str(out, REMOVED);
	return len;
}

size_t scrub_userinfo(struct span text, size_t at, struct buffer *out)
{
	size_t len = 3;

	if (!scrub_starts(text, at, "://"))
		return 0;
	while (at + len < text.len && strchr("/ \t\"'<>@", text.ptr[at + len]) == NULL)
		len++;
	if (at + len >= text.len || text.ptr[at + len] != '@')
		return 0;
	(void)buffer_append_str(out, "://" REMOVED "@");
	return len + 1;
}

/* What follows an address and a colon without a blank is a password, in a password map. */
size_t scrub_password_behind(struct span text, size_t at, struct buffer *out)
{
	size_t len = 0;

	if (at + 1 >= text.len || text.ptr[at] != ':')
		return 0;
	while (at + 1 + len < text.len && strchr(" \t\"'}>,\n", text.ptr[at + 1 + len]) == NULL)
		len++;
	if (len == 0)
		return 0;
	(void)buffer_append_str(out, ":" REMOVED);
	return 1 + len;
}
