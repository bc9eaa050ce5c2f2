/* SPDX-License-Identifier: MIT */
/*
 * grant-json.c - a grant as JSON and back.
 *
 * Written by hand into a secret buffer, because json-c would leave copies of the tokens in freed
 * memory. Every byte string survives the round trip, whatever it holds: a refresh token is never
 * lost to an encoding.
 */
#include "token-helper/store/store.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

#define GRANT_VERSION	2
#define GRANT_TEXT_MAX	8192   /* bytes of a scope, a URL, a name */
#define GRANT_JSON_MAX	524288 /* every token and text at its maximum, most bytes escaped */
#define COUNT(table)	(sizeof(table) / sizeof((table)[0]))
#define FIELD(type, at) ((type *)(void *)((char *)grant + (at)))

struct member {
	const char *key;
	size_t at; /* offset in struct grant */
};

struct number_member {
	const char *key;
	size_t at;
	int64_t since; /* the version that brought it: one from before may lack it */
};

static const struct member token_members[] = {
	{"refresh_token", offsetof(struct grant, refresh_token)},
	{"previous_refresh_token", offsetof(struct grant, previous_refresh_token)},
	{"access_token", offsetof(struct grant, access_token)},
};

static const struct number_member number_members[] = {
	{"access_expires", offsetof(struct grant, access_expires_s), 1},
	{"access_obtained", offsetof(struct grant, access_obtained_s), 1},
	{"refresh_obtained", offsetof(struct grant, refresh_obtained_s), 1},
	{"authorized", offsetof(struct grant, authorized_s), 1},
	{"generation", offsetof(struct grant, generation), 1},
	{"refused_at", offsetof(struct grant, refused_s), 2},
	{"refused_count", offsetof(struct grant, refused_count), 2},
};

static const struct member text_members[] = {
	{"scope", offsetof(struct grant, scope)},
	{"identity", offsetof(struct grant, identity)},
	{"issuer", offsetof(struct grant, issuer)},
	{"subject", offsetof(struct grant, subject)},
	{"grant", offsetof(struct grant, kind)},
	{"client_id", offsetof(struct grant, client_id)},
	{"token_url", offsetof(struct grant, token_url)},
	{"redirect", offsetof(struct grant, redirect)},
	{"refused", offsetof(struct grant, refused)},
};

static void append_string(struct buffer *out, struct span bytes)
{
	(void)buffer_append_byte(out, '"');
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char byte = (unsigned char)bytes.ptr[i];

		if (byte == '"' || byte == '\\') {
			(void)buffer_append_byte(out, '\\');
			(void)buffer_append_byte(out, (char)byte);
		} else if (byte < 0x20) {
			(void)buffer_printf(out, "\\u%04x", byte);
		} else {
			(void)buffer_append_byte(out, (char)byte);
		}
	}
	(void)buffer_append_byte(out, '"');
}

static void append_member(struct buffer *out, const char *key, struct span value)
{
	(void)buffer_printf(out, ",\n\t\"%s\": ", key);
	append_string(out, value);
}

enum outcome grant_encode(const struct grant *grant, const char *account, struct buffer *json_out,
			  struct err *err)
{
	buffer_clear(json_out);
	(void)buffer_printf(json_out, "{\n\t\"version\": %d", GRANT_VERSION);
	append_member(json_out, "account", span_from_str(account));
	for (size_t i = 0; i < COUNT(token_members); i++) {
		const struct buffer *token =
			(const void *)((const char *)grant + token_members[i].at);

		if (token->len > 0)
			append_member(json_out, token_members[i].key, buffer_span(token));
	}
	for (size_t i = 0; i < COUNT(number_members); i++) {
		const int64_t *number = (const void *)((const char *)grant + number_members[i].at);

		(void)buffer_printf(json_out, ",\n\t\"%s\": %lld", number_members[i].key,
				    (long long)*number);
	}
	for (size_t i = 0; i < COUNT(text_members); i++) {
		char *const *text = (const void *)((const char *)grant + text_members[i].at);

		if (*text != NULL)
			append_member(json_out, text_members[i].key, span_from_str(*text));
	}
	if (!buffer_append_str(json_out, "\n}\n"))
		return err_set(err, OUTCOME_NOMEM, "the grant of %s is too large to be stored",
			       account);
	return OUTCOME_OK;
}

static enum outcome bad_member(const char *key, struct err *err)
{
	return err_set(err, OUTCOME_CONFIG, "\"%s\" is not as it was written", key);
}

static enum outcome read_tokens(struct json_object *root, struct grant *grant, struct err *err)
{
	for (size_t i = 0; i < COUNT(token_members); i++) {
		struct span value;

		if (!json_has(root, token_members[i].key))
			continue;
		if (!json_get_string(root, token_members[i].key, &value) || value.len == 0 ||
		    !buffer_set(FIELD(struct buffer, token_members[i].at), value.ptr, value.len))
			return bad_member(token_members[i].key, err);
	}
	return OUTCOME_OK;
}

static enum outcome read_numbers(struct json_object *root, int64_t version, struct grant *grant,
				 struct err *err)
{
	for (size_t i = 0; i < COUNT(number_members); i++) {
		int64_t value;

		if (version < number_members[i].since)
			continue;
		if (!json_get_int(root, number_members[i].key, &value) || value < 0)
			return bad_member(number_members[i].key, err);
		*FIELD(int64_t, number_members[i].at) = value;
	}
	return OUTCOME_OK;
}

static enum outcome read_texts(struct json_object *root, struct grant *grant, struct err *err)
{
	for (size_t i = 0; i < COUNT(text_members); i++) {
		struct span value;

		if (!json_has(root, text_members[i].key))
			continue;
		if (!json_get_string(root, text_members[i].key, &value) ||
		    value.len > GRANT_TEXT_MAX || memchr(value.ptr, '\0', value.len) != NULL)
			return bad_member(text_members[i].key, err);
		*FIELD(char *, text_members[i].at) = xspandup(value);
	}
	return OUTCOME_OK;
}

static enum outcome read_members(struct json_object *root, const char *account, struct grant *grant,
				 struct err *err)
{
	int64_t version = 0;
	struct span name;
	enum outcome what;

	if (!json_get_int(root, "version", &version))
		return bad_member("version", err);
	if (version > GRANT_VERSION)
		return err_set(
			err, OUTCOME_CONFIG,
			"it was written by a newer mailoauth (version %lld of the file, this "
			"program knows %d): use that one again",
			(long long)version, GRANT_VERSION);
	if (version < 1)
		return bad_member("version", err);
	if (!json_get_string(root, "account", &name) || !span_equals(name, account))
		return err_set(err, OUTCOME_CONFIG, "it belongs to another account");
	what = read_tokens(root, grant, err);
	if (what == OUTCOME_OK)
		what = read_numbers(root, version, grant, err);
	if (what == OUTCOME_OK)
		what = read_texts(root, grant, err);
	return what;
}

enum outcome grant_decode(struct span json, const char *account, struct grant *grant,
			  struct err *err)
{
	struct json_object *root;
	struct grant fresh;
	const char *why = "";
	enum outcome what;

	root = json_read(json, GRANT_JSON_MAX, &why);
	if (root == NULL)
		return err_set(err, OUTCOME_CONFIG, "not a grant: %s", why);
	grant_init(&fresh);
	what = read_members(root, account, &fresh, err);
	json_release(root);
	if (what != OUTCOME_OK) {
		grant_release(&fresh);
		return what;
	}
	grant_release(grant);
	*grant = fresh;
	return OUTCOME_OK;
}
