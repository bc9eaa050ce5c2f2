/* SPDX-License-Identifier: MIT */
/* scrub.c - see scrub.h. */
#include "token-helper/bundle/scrub.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"

#include "common/banned.h"

#define REMOVED	   "[removed]"
#define OPAQUE_MIN 20	/* characters of a word that can be a token */
#define NAMES_MAX  4096 /* of a kind that are told apart */
#define PIECE_MAX  24	/* of a host's label */
#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))

/* What is replaced by a name and a number. */
enum kind { KIND_USER, KIND_DOMAIN, KIND_ID, KIND_IP, KIND_HOST, KIND_COUNT };

static const char *const kind_names[KIND_COUNT] = {"user", "domain", "id", "ip", "host"};

struct names {
	char **name;
	size_t count;
};

struct scrub {
	struct names names[KIND_COUNT];
};

/* Domains that say nothing of who it is. */
static const char *const public_domains[] = {
	"office365.com", "office.com",	   "google.com",  "googleapis.com", "microsoftonline.com",
	"gmail.com",	 "googlemail.com", "outlook.com", "hotmail.com",    "live.com",
	"yahoo.com",	 "aol.com",	   "icloud.com",  "gmx.net",	    "fastmail.com",
	"yandex.com",	 "mail.ru",
};

struct scrub *scrub_new(void)
{
	return xcalloc(1, sizeof(struct scrub));
}

void scrub_free(struct scrub *scrub)
{
	for (int k = 0; scrub != NULL && k < KIND_COUNT; k++) {
		for (size_t i = 0; i < scrub->names[k].count; i++)
			free(scrub->names[k].name[i]);
		free(scrub->names[k].name);
	}
	free(scrub);
}

/* Its number, from 1; ASCII case does not count. */
static size_t number_of(struct scrub *scrub, enum kind kind, struct span text)
{
	struct names *names = &scrub->names[kind];

	for (size_t i = 0; i < names->count; i++) {
		if (span_equals_nocase(text, names->name[i]))
			return i + 1;
	}
	if (names->count == NAMES_MAX)
		return 0;
	names->name = xreallocarray(names->name, names->count + 1, sizeof(names->name[0]));
	names->name[names->count++] = xspandup(text);
	return names->count;
}

static void put_name(struct scrub *scrub, enum kind kind, struct span text, struct buffer *out)
{
	(void)buffer_printf(out, "%s%zu", kind_names[kind], number_of(scrub, kind, text));
}

/* Characters ------------------------------------------------------------------------------------
 */

static bool is_host_char(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '.';
}

static bool is_local_char(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 || /* UTF-8: RFC 6531 */
	       (c != '\0' && strchr(".!#$%&'*+/=?^_`{|}~-", c) != NULL);
}

static bool is_token_char(char c)
{
	return isalnum((unsigned char)c) || (c != '\0' && strchr("._~+/=-!*%$", c) != NULL);
}

static size_t run(struct span text, size_t at, bool (*is)(char c))
{
	size_t len = 0;

	while (at + len < text.len && is(text.ptr[at + len]))
		len++;
	return len;
}

static bool starts(struct span text, size_t at, const char *word)
{
	size_t len = strlen(word);

	return text.len - at >= len && strncasecmp(text.ptr + at, word, len) == 0;
}

/* Addresses and domains --------------------------------------------------------------------------
 */

/* One of them, or a name in it. */
static bool is_public(struct span domain)
{
	for (size_t i = 0; i < COUNT(public_domains); i++) {
		size_t len = strlen(public_domains[i]);

		if (domain.len >= len &&
		    strncasecmp(domain.ptr + domain.len - len, public_domains[i], len) == 0 &&
		    (domain.len == len || domain.ptr[domain.len - len - 1] == '.'))
			return true;
	}
	return false;
}

void scrub_know_domain(struct scrub *scrub, struct span domain)
{
	while (domain.len > 0 && domain.ptr[domain.len - 1] == '.')
		domain.len--;
	if (domain.len > 0 && !is_public(domain) && memchr(domain.ptr, '.', domain.len) != NULL)
		(void)number_of(scrub, KIND_DOMAIN, domain);
}

struct address {
	struct span whole, domain;
};

static bool is_label_char(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

/* "user=" before an address is no part of it; "owner-list+bob=" is (VERP), as is "SRS0=". */
static size_t label_at(struct span text, size_t at)
{
	size_t len = run(text, at, is_label_char);

	return len > 0 && at + len < text.len && text.ptr[at + len] == '=' ? len + 1 : 0;
}

/* "local@domain" at `at`, or with "%40" for "@", as in a URL. */
static bool address_at(struct span text, size_t at, struct address *out)
{
	bool starts_one = text.ptr[at] != '/' && label_at(text, at) == 0;
	size_t local = starts_one ? run(text, at, is_local_char) : 0, sign = 1, after;
	const char *coded = local > 0 ? memmem(text.ptr + at, local, "%40", 3) : NULL;

	if (at + local < text.len && text.ptr[at + local] == '@') {
		coded = NULL;
	} else if (coded != NULL) {
		local = (size_t)(coded - text.ptr) - at;
		sign = 3;
	} else {
		return false;
	}
	after = run(text, at + local + sign, is_host_char);
	while (after > 0 && strchr(".-", text.ptr[at + local + sign + after - 1]) != NULL)
		after--;
	out->whole = (struct span){text.ptr + at, local + sign + after};
	out->domain = (struct span){text.ptr + at + local + sign, after};
	return local > 0 && after > 0;
}

void scrub_learn(struct scrub *scrub, struct span text)
{
	for (size_t at = 0; at < text.len; at++) {
		struct address address;

		if (address_at(text, at, &address)) {
			scrub_know_domain(scrub, address.domain);
			at += address.whole.len - 1;
		} else {
			size_t label = label_at(text, at);

			if (label > 0)
				at += label - 1;
			else if (text.ptr[at] != '/')
				at += run(text, at, is_local_char);
		}
	}
}

static void put_domain(struct scrub *scrub, struct span domain, struct buffer *out)
{
	if (is_public(domain))
		(void)buffer_append_span(out, domain);
	else
		put_name(scrub, KIND_DOMAIN, domain, out);
}

/* What follows an address and a colon without a blank is a password, in a password map. */
static size_t skip_password(struct span text, size_t at, struct buffer *out)
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

static size_t take_address(struct scrub *scrub, struct span text, size_t at, struct buffer *out)
{
	struct address address;

	if (!address_at(text, at, &address))
		return 0;
	put_name(scrub, KIND_USER, address.whole, out);
	(void)buffer_append_byte(out, '@');
	put_domain(scrub, address.domain, out);
	return address.whole.len + skip_password(text, at + address.whole.len, out);
}

/* Words that stand where a host's name does, and elsewhere too: they must not become one. */
static bool names_nobody(struct span name)
{
	return name.len == 0 || span_equals_nocase(name, "localhost") ||
	       span_equals_nocase(name, "unknown");
}

void scrub_know_host(struct scrub *scrub, struct span name)
{
	if (!names_nobody(name))
		(void)number_of(scrub, KIND_HOST, name);
}

/* A host that is known by its short name: the second column of a log. */
static size_t take_known_host(struct scrub *scrub, struct span text, size_t at, struct buffer *out)
{
	size_t len = run(text, at, is_host_char);
	const struct names *names = &scrub->names[KIND_HOST];

	for (size_t i = 0; i < names->count; i++) {
		if (span_equals_nocase((struct span){text.ptr + at, len}, names->name[i])) {
			(void)buffer_printf(out, "%s%zu", kind_names[KIND_HOST], i + 1);
			return len;
		}
	}
	return 0;
}

/* "mail.contoso.example" where contoso.example is known. */
static size_t take_known_domain(struct scrub *scrub, struct span text, size_t at,
				struct buffer *out)
{
	size_t len = run(text, at, is_host_char);
	const struct names *names = &scrub->names[KIND_DOMAIN];

	while (len > 0 && text.ptr[at + len - 1] == '.')
		len--;
	for (size_t i = 0; i < names->count; i++) {
		size_t known = strlen(names->name[i]);

		if (len < known ||
		    strncasecmp(text.ptr + at + len - known, names->name[i], known) != 0 ||
		    (len > known && text.ptr[at + len - known - 1] != '.'))
			continue;
		if (len > known)
			put_name(scrub, KIND_HOST, (struct span){text.ptr + at, len}, out);
		if (len > known)
			(void)buffer_append_byte(out, '.');
		(void)buffer_printf(out, "%s%zu", kind_names[KIND_DOMAIN], i + 1);
		return len;
	}
	return 0;
}

/* Numbers ---------------------------------------------------------------------------------------
 */

static bool is_hex(char c)
{
	return isxdigit((unsigned char)c) != 0;
}

static bool is_alnum(char c)
{
	return isalnum((unsigned char)c) != 0;
}

/* 8-4-4-4-12: a tenant, a client, an object. */
static size_t take_guid(struct scrub *scrub, struct span text, size_t at, struct buffer *out)
{
	static const size_t groups[] = {8, 4, 4, 4, 12};
	size_t len = 0;

	for (size_t i = 0; i < COUNT(groups); i++) {
		if (i > 0 && (at + len >= text.len || text.ptr[at + len++] != '-'))
			return 0;
		if (run(text, at + len, is_hex) < groups[i])
			return 0;
		len += groups[i];
	}
	put_name(scrub, KIND_ID, (struct span){text.ptr + at, len}, out);
	return len;
}

static size_t take_google_id(struct scrub *scrub, struct span text, size_t at, struct buffer *out)
{
	static const char suffix[] = ".apps.googleusercontent.com";
	size_t len = run(text, at, is_host_char);
	size_t tail = sizeof(suffix) - 1;

	if (len <= tail || !starts(text, at + len - tail, suffix))
		return 0;
	put_name(scrub, KIND_ID, (struct span){text.ptr + at, len}, out);
	(void)buffer_append_str(out, suffix);
	return len;
}

static bool is_ip_char(char c)
{
	return isdigit((unsigned char)c) || c == '.';
}

static bool is_ip6_char(char c)
{
	return isxdigit((unsigned char)c) || c == ':' || c == '.';
}

static size_t count_char(const char *text, size_t len, char c)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += text[i] == c;
	return count;
}

/* Loopback stays: it says something, and of nobody. */
static size_t take_ip(struct scrub *scrub, struct span text, size_t at, struct buffer *out)
{
	size_t len = run(text, at, is_ip_char);
	struct span ip;

	if (len < 7 || count_char(text.ptr + at, len, '.') != 3) {
		len = run(text, at, is_ip6_char);
		/* A time of day has two colons, and an address seldom so few. */
		if (len < 3 || (count_char(text.ptr + at, len, ':') < 3 &&
				memmem(text.ptr + at, len, "::", 2) == NULL))
			return 0;
	}
	ip = (struct span){text.ptr + at, len};
	if (starts(text, at, "127.") || span_equals(ip, "::1") || span_equals(ip, "0.0.0.0"))
		(void)buffer_append_span(out, ip);
	else
		put_name(scrub, KIND_IP, ip, out);
	return len;
}

/* Secrets ---------------------------------------------------------------------------------------
 */

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
		if (!is_host_char(word[i]) || ++label > PIECE_MAX)
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
static size_t take_host(struct span text, size_t at, struct buffer *out)
{
	size_t len = run(text, at, is_host_char);
	bool ends = at + len >= text.len || strchr("/:])> \t\"',", text.ptr[at + len]) != NULL;

	if (!ends || has_token_start(text.ptr + at, run(text, at, is_token_char)) ||
	    !is_host(text.ptr + at, len))
		return 0;
	(void)buffer_append(out, text.ptr + at, len);
	return len;
}

/* A path is looked at piece by piece, and so is name=value: a name may be long. */
static size_t take_opaque(struct span text, size_t at, struct buffer *out)
{
	size_t len = run(text, at, is_token_char);
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
		if (starts(text, at, schemes[i]))
			return strlen(schemes[i]);
	}
	return 0;
}

static size_t take_bearer(struct span text, size_t at, struct buffer *out)
{
	size_t len = scheme_length(text, at);
	size_t token = len > 0 ? run(text, at + len, is_token_char) : 0;

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

	if (starts(text, at, "\\\"")) { /* JSON in a string of JSON */
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
static size_t take_named(struct span text, size_t at, struct buffer *out)
{
	size_t name = run(text, at, is_name_char);
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
 * and so is what stands behind "=" in inline:. Behind an address skip_password() knows it too.
 */
static size_t take_map_password(struct span text, size_t at, struct buffer *out)
{
	bool is_static = starts(text, at, "static:");
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
static size_t take_url_part(struct span text, size_t at, struct buffer *out)
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

static size_t take_userinfo(struct span text, size_t at, struct buffer *out)
{
	size_t len = 3;

	if (!starts(text, at, "://"))
		return 0;
	while (at + len < text.len && strchr("/ \t\"'<>@", text.ptr[at + len]) == NULL)
		len++;
	if (at + len >= text.len || text.ptr[at + len] != '@')
		return 0;
	(void)buffer_append_str(out, "://" REMOVED "@");
	return len + 1;
}

/* People's directories, and the other side's name in Postfix's log. */
static size_t take_place(struct scrub *scrub, struct span text, size_t at, struct buffer *out)
{
	static const struct {
		const char *before;
		enum kind kind;
	} places[] = {
		{"/home/", KIND_USER},
		{"client=", KIND_HOST},
		{"helo=<", KIND_HOST},
		{"connect from ", KIND_HOST},
	};

	for (size_t i = 0; i < COUNT(places); i++) {
		size_t before = strlen(places[i].before);
		size_t len = starts(text, at, places[i].before)
				     ? run(text, at + before, is_host_char)
				     : 0;

		if (names_nobody((struct span){text.ptr + at + before, len}))
			continue;
		(void)buffer_append(out, text.ptr + at, before);
		put_name(scrub, places[i].kind, (struct span){text.ptr + at + before, len}, out);
		return before + len;
	}
	return 0;
}

/* All of it --------------------------------------------------------------------------------------
 */

static bool begins_word(struct span text, size_t at)
{
	return at == 0 || !is_alnum(text.ptr[at - 1]);
}

/* How much of the line was taken; 0: what stands there is harmless. The order matters: what is
 * certainly a secret comes before what only looks like one. */
static size_t take(struct scrub *scrub, struct span text, size_t at, struct buffer *out)
{
	size_t used = take_url_part(text, at, out);

	if (used == 0)
		used = take_userinfo(text, at, out);
	if (used == 0)
		used = take_map_password(text, at, out);
	if (used == 0 && begins_word(text, at)) {
		used = take_bearer(text, at, out);
		if (used == 0)
			used = take_named(text, at, out);
		if (used == 0)
			used = take_place(scrub, text, at, out);
		if (used == 0)
			used = take_guid(scrub, text, at, out);
		if (used == 0)
			used = take_address(scrub, text, at, out);
		if (used == 0)
			used = take_google_id(scrub, text, at, out);
		if (used == 0)
			used = take_ip(scrub, text, at, out);
		if (used == 0)
			used = take_known_domain(scrub, text, at, out);
		if (used == 0)
			used = take_known_host(scrub, text, at, out);
		if (used == 0)
			used = take_host(text, at, out);
		if (used == 0)
			used = take_opaque(text, at, out);
	}
	return used;
}

static void scrub_line(struct scrub *scrub, struct span line, struct buffer *out)
{
	size_t at = 0;

	while (at < line.len) {
		size_t used = take(scrub, line, at, out);

		if (used == 0) {
			(void)buffer_append_byte(out, line.ptr[at]);
			used = 1;
		}
		at += used;
	}
}

void scrub_append(struct scrub *scrub, struct span text, struct buffer *out)
{
	while (text.len > 0) {
		const char *end = memchr(text.ptr, '\n', text.len);
		size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;

		scrub_line(scrub, (struct span){text.ptr, len}, out);
		(void)buffer_append_byte(out, '\n');
		len += end != NULL;
		text = (struct span){text.ptr + len, text.len - len};
	}
}
