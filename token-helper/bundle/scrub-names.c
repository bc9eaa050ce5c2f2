/* SPDX-License-Identifier: MIT */
/*
 * scrub-names.c - addresses, domains, hosts and numbers of people and organizations: each becomes
 * its kind and a number, the same wherever it stands. See scrub-text.h.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"
#include "token-helper/bundle/scrub-text.h"

#include "common/banned.h"

#define NAMES_MAX 4096 /* of a kind that are told apart */

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

static bool is_local_char(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 || /* UTF-8: RFC 6531 */
	       (c != '\0' && strchr(".!#$%&'*+/=?^_`{|}~-", c) != NULL);
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
	size_t len = scrub_run(text, at, is_label_char);

	return len > 0 && at + len < text.len && text.ptr[at + len] == '=' ? len + 1 : 0;
}

/* "local@domain" at `at`, or with "%40" for "@", as in a URL. */
static bool address_at(struct span text, size_t at, struct address *out)
{
	bool starts_one = text.ptr[at] != '/' && label_at(text, at) == 0;
	size_t local = starts_one ? scrub_run(text, at, is_local_char) : 0, sign = 1, after;
	const char *coded = local > 0 ? memmem(text.ptr + at, local, "%40", 3) : NULL;

	if (at + local < text.len && text.ptr[at + local] == '@') {
		coded = NULL;
	} else if (coded != NULL) {
		local = (size_t)(coded - text.ptr) - at;
		sign = 3;
	} else {
		return false;
	}
	after = scrub_run(text, at + local + sign, scrub_is_host_char);
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
				at += scrub_run(text, at, is_local_char);
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

size_t scrub_address(struct scrub *scrub, struct span text, size_t at, struct buffer *out)
{
	struct address address;

	if (!address_at(text, at, &address))
		return 0;
	put_name(scrub, KIND_USER, address.whole, out);
	(void)buffer_append_byte(out, '@');
	put_domain(scrub, address.domain, out);
	return address.whole.len + scrub_password_behind(text, at + address.whole.len, out);
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
size_t scrub_known_host(struct scrub *scrub, struct span text, size_t at, struct buffer *out)
{
	size_t len = scrub_run(text, at, scrub_is_host_char);
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
size_t scrub_known_domain(struct scrub *scrub, struct span text, size_t at, struct buffer *out)
{
	size_t len = scrub_run(text, at, scrub_is_host_char);
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

/* 8-4-4-4-12: a tenant, a client, an object. */
size_t scrub_guid(struct scrub *scrub, struct span text, size_t at, struct buffer *out)
{
	static const size_t groups[] = {8, 4, 4, 4, 12};
	size_t len = 0;

	for (size_t i = 0; i < COUNT(groups); i++) {
		if (i > 0 && (at + len >= text.len || text.ptr[at + len++] != '-'))
			return 0;
		if (scrub_run(text, at + len, is_hex) < groups[i])
			return 0;
		len += groups[i];
	}
	put_name(scrub, KIND_ID, (struct span){text.ptr + at, len}, out);
	return len;
}

size_t scrub_google_id(struct scrub *scrub, struct span text, size_t at, struct buffer *out)
{
	static const char suffix[] = ".apps.googleusercontent.com";
	size_t len = scrub_run(text, at, scrub_is_host_char);
	size_t tail = sizeof(suffix) - 1;

	if (len <= tail || !scrub_starts(text, at + len - tail, suffix))
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
size_t scrub_ip(struct scrub *scrub, struct span text, size_t at, struct buffer *out)
{
	size_t len = scrub_run(text, at, is_ip_char);
	struct span ip;

	if (len < 7 || count_char(text.ptr + at, len, '.') != 3) {
		len = scrub_run(text, at, is_ip6_char);
		/* A time of day has two colons, and an address seldom so few. */
		if (len < 3 || (count_char(text.ptr + at, len, ':') < 3 &&
				memmem(text.ptr + at, len, "::", 2) == NULL))
			return 0;
	}
	ip = (struct span){text.ptr + at, len};
	if (scrub_starts(text, at, "127.") || span_equals(ip, "::1") || span_equals(ip, "0.0.0.0"))
		(void)buffer_append_span(out, ip);
	else
		put_name(scrub, KIND_IP, ip, out);
	return len;
}

/* People's directories, and the other side's name in Postfix's log. */
size_t scrub_place(struct scrub *scrub, struct span text, size_t at, struct buffer *out)
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
		size_t len = scrub_starts(text, at, places[i].before)
				     ? scrub_run(text, at + before, scrub_is_host_char)
				     : 0;

		if (names_nobody((struct span){text.ptr + at + before, len}))
			continue;
		(void)buffer_append(out, text.ptr + at, before);
		put_name(scrub, places[i].kind, (struct span){text.ptr + at + before, len}, out);
		return before + len;
	}
	return 0;
}
