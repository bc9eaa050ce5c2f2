/* SPDX-License-Identifier: MIT */
/*
 * redirect.c - what a browser brought back, or a person pasted. See authorization_parse_redirect().
 *
 * The order of the checks matters: nothing the text says counts, not even an error, before its
 * state is ours.
 */
#include "token-helper/oauth/authorization.h"

#include <string.h>

#include "common/scanner.h"
#include "token-helper/oauth/diagnose.h"
#include "token-helper/oauth/issuer.h"
#include "token-helper/oauth/server-words.h"

#include "common/banned.h"

#define REDIRECT_MAX   16384
#define PARAMETERS_MAX 64

enum parameter {
	PARAMETER_CODE,
	PARAMETER_STATE,
	PARAMETER_ISS,
	PARAMETER_ERROR,
	PARAMETER_DESCRIPTION,
	PARAMETER_CHALLENGE, /* only in the URL that we made ourselves */
	PARAMETER_COUNT,
};

static const char *const parameter_names[PARAMETER_COUNT] = {
	[PARAMETER_CODE] = "code",
	[PARAMETER_STATE] = "state",
	[PARAMETER_ISS] = "iss",
	[PARAMETER_ERROR] = "error",
	[PARAMETER_DESCRIPTION] = "error_description",
	[PARAMETER_CHALLENGE] = "code_challenge",
};

struct redirect {
	struct buffer values[PARAMETER_COUNT];
	bool seen[PARAMETER_COUNT];
};

static void redirect_init(struct redirect *redirect)
{
	*redirect = (struct redirect){0};
	for (size_t i = 0; i < PARAMETER_COUNT; i++)
		buffer_init_secret(&redirect->values[i], REDIRECT_MAX);
}

static void redirect_release(struct redirect *redirect)
{
	for (size_t i = 0; i < PARAMETER_COUNT; i++)
		buffer_release(&redirect->values[i]);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool form_decode(struct span text, struct buffer *out)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '%') {
			int high = i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
			int low = high >= 0 ? hex_value(text.ptr[i + 2]) : -1;

			if (low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		if (!buffer_append_byte(out, c))
			return false;
	}
	return true;
}

/* A terminal breaks a long URL into lines, and a paste keeps the breaks. No URL has white space of
 * its own. */
static bool without_space(struct span text, struct buffer *out)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\0')
			return false;
		if (strchr(" \t\r\n", text.ptr[i]) == NULL && !buffer_append_byte(out, text.ptr[i]))
			return false;
	}
	return buffer_ok(out);
}

static struct span part_from(struct span text, const char *at)
{
	return (struct span){at, text.len - (size_t)(at - text.ptr)};
}

/* The query of a URL (browsers hide its "http://"), or its fragment when it has no query, or a bare
 * query. */
static struct span query_of(struct span text)
{
	const char *hash = text.len > 0 ? memchr(text.ptr, '#', text.len) : NULL;
	struct span fragment = hash != NULL ? part_from(text, hash + 1) : (struct span){"", 0};
	const char *equals, *question;

	if (hash != NULL)
		text.len = (size_t)(hash - text.ptr);
	if (text.len == 0)
		return fragment;
	equals = memchr(text.ptr, '=', text.len);
	question = memchr(text.ptr, '?', text.len);
	if (question != NULL && (equals == NULL || question < equals))
		text = part_from(text, question + 1);
	else if (equals == NULL)
		text.len = 0;
	return text.len > 0 ? text : fragment;
}

static bool keep_parameter(struct redirect *redirect, struct span name, struct span value)
{
	for (size_t i = 0; i < PARAMETER_COUNT; i++) {
		if (!span_equals(name, parameter_names[i]))
			continue;
		if (redirect->seen[i] || memchr(value.ptr, '\0', value.len) != NULL)
			return false;
		redirect->seen[i] = true;
		return buffer_set(&redirect->values[i], value.ptr, value.len);
	}
	return true;
}

static bool read_pair(struct redirect *redirect, struct span pair)
{
	struct buffer name = BUFFER_INIT(REDIRECT_MAX);
	struct buffer value = BUFFER_INIT_SECRET(REDIRECT_MAX);
	const char *equals = pair.len > 0 ? memchr(pair.ptr, '=', pair.len) : NULL;
	struct span left = pair;
	struct span right = {"", 0};
	bool ok;

	if (equals != NULL) {
		left.len = (size_t)(equals - pair.ptr);
		right = part_from(pair, equals + 1);
	}
	ok = form_decode(left, &name) && form_decode(right, &value) &&
	     keep_parameter(redirect, buffer_span(&name), buffer_span(&value));
	buffer_release(&name);
	buffer_release(&value);
	return ok;
}

static bool read_pairs(struct redirect *redirect, struct span query)
{
	struct scanner scan = scanner_over(query);
	struct span pair;

	for (int n = 0; n < PARAMETERS_MAX && !scanner_at_end(&scan); n++) {
		if (!scan_until(&scan, '&', REDIRECT_MAX, &pair) &&
		    !scan_take(&scan, scanner_left(&scan), &pair))
			return false;
		if (!read_pair(redirect, pair))
			return false;
	}
	return scanner_at_end(&scan);
}

/* Is this a redirect at all? Says what a person should paste instead. */
static enum outcome check_shape(const struct redirect *redirect, struct err *err)
{
	bool code = redirect->values[PARAMETER_CODE].len > 0;
	bool error = redirect->values[PARAMETER_ERROR].len > 0;
	char words[SERVER_WORDS_MAX + 1];

	if (redirect->seen[PARAMETER_CHALLENGE])
		return err_set(err, OUTCOME_PROTOCOL,
			       "that is the address of the sign-in page; what is needed is the "
			       "address that the browser shows after the sign-in");
	if (code && error)
		return err_set(err, OUTCOME_PROTOCOL, "the redirect has both a code and an error");
	if (!code && !error)
		return err_set(err, OUTCOME_PROTOCOL,
			       "that is not the redirect of an authorization: there is no code in "
			       "it (paste the whole address that the browser shows after the "
			       "sign-in)");
	if (redirect->values[PARAMETER_STATE].len > 0)
		return OUTCOME_OK;
	server_words(buffer_span(&redirect->values[PARAMETER_ERROR]), words);
	return err_set(err, OUTCOME_PROTOCOL, "the redirect has no state%s%s",
		       error ? ", and says " : "", words);
}

/* The server's words, and what they usually mean. */
static enum outcome refused(const struct redirect *redirect, struct err *err)
{
	char words[SERVER_WORDS_MAX + 1], error[SERVER_WORDS_MAX + 1];
	struct err line = ERR_INIT;

	server_words(buffer_span(&redirect->values[PARAMETER_ERROR]), error);
	server_words(buffer_span(&redirect->values[PARAMETER_DESCRIPTION]), words);
	(void)err_set(&line, OUTCOME_CONSENT, "the authorization server says %s%s%s", error,
		      words[0] != '\0' ? ": " : "", words);
	if (!oauth_diagnose(GRANT_AUTHORIZATION_CODE, &line))
		(void)err_set(&line, OUTCOME_CONSENT,
			      "%s; authorize again; if it happens again, look the error up at the "
			      "provider",
			      line.text);
	return err_set(err, OUTCOME_CONSENT, "%s", line.text);
}

static enum outcome check_meaning(const struct redirect *redirect, const struct authorization *auth,
				  const struct oauth_client *client, struct err *err)
{
	char words[SERVER_WORDS_MAX + 1];

	if (auth->state.len == 0 ||
	    !equal_constant_time(buffer_span(&redirect->values[PARAMETER_STATE]),
				 buffer_span(&auth->state)))
		return err_set(err, OUTCOME_DENIED,
			       "the redirect belongs to another attempt to authorize (its state is "
			       "not ours): use the address of the latest attempt");
	if (redirect->seen[PARAMETER_ISS] && client->issuer != NULL &&
	    !issuer_matches(client->issuer, buffer_span(&redirect->values[PARAMETER_ISS]),
			    (struct span){"", 0})) {
		server_words(buffer_span(&redirect->values[PARAMETER_ISS]), words);
		return err_set(err, OUTCOME_CONSENT,
			       "the redirect comes from another authorization server: %s instead "
			       "of %s; authorize again",
			       words, client->issuer);
	}
	if (redirect->values[PARAMETER_ERROR].len == 0)
		return OUTCOME_OK;
	return refused(redirect, err);
}

enum outcome authorization_parse_redirect(const struct authorization *auth,
					  const struct oauth_client *client, struct span text,
					  struct buffer *code, struct err *err)
{
	struct buffer tidy = BUFFER_INIT_SECRET(REDIRECT_MAX);
	struct redirect redirect;
	enum outcome what;

	redirect_init(&redirect);
	if (!without_space(text, &tidy) || !read_pairs(&redirect, query_of(buffer_span(&tidy))))
		what = err_set(err, OUTCOME_PROTOCOL,
			       "that is not the redirect of an authorization: it is malformed, too "
			       "long, or says something twice");
	else
		what = check_shape(&redirect, err);
	if (what == OUTCOME_OK)
		what = check_meaning(&redirect, auth, client, err);
	if (what == OUTCOME_OK) {
		struct span value = buffer_span(&redirect.values[PARAMETER_CODE]);

		if (!buffer_set(code, value.ptr, value.len))
			what = err_set(err, OUTCOME_NOMEM, "the authorization code is too long");
	}
	buffer_release(&tidy);
	redirect_release(&redirect);
	return what;
}
