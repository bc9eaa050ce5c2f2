/* SPDX-License-Identifier: MIT */
/*
 * token-answer.c - what an answer of a token endpoint means. See token-request.h.
 *
 * A refresh token that the server sent is read first and kept even when the rest of the answer is
 * of no use: the server may have retired the old one, and then this is the only copy.
 */
#include "token-helper/oauth/token-request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/helper-protocol.h"
#include "common/xalloc.h"
#include "token-helper/json/json-reader.h"
#include "token-helper/oauth/server-words.h"

#include "common/banned.h"

#define STORED_TOKEN_MAX   16384 /* GRANT_TOKEN_MAX, which oauth/ does not include */
#define EXPIRES_MAX_S	   31536000
#define MICROSOFT_RESOURCE "https://outlook.office"

/* Errors that the request is refused with for good. One that is not here is OUTCOME_CONFIG. */
static const struct {
	const char *error;
	enum outcome outcome;
} error_table[] = {
	{"invalid_grant", OUTCOME_CONSENT},
	{"interaction_required", OUTCOME_CONSENT},
	{"consent_required", OUTCOME_CONSENT},
	{"login_required", OUTCOME_CONSENT},
	{"INVALID_REFRESH_TOKEN", OUTCOME_CONSENT}, /* Yahoo */
	{"temporarily_unavailable", OUTCOME_RETRY},
	{"server_error", OUTCOME_RETRY},
	{"slow_down", OUTCOME_RETRY},
	{"authorization_pending", OUTCOME_RETRY},
	{"access_denied", OUTCOME_CONSENT},
	{"authorization_declined", OUTCOME_CONSENT}, /* Microsoft's access_denied */
	{"expired_token", OUTCOME_CONSENT},
	{"bad_verification_code", OUTCOME_CONSENT}, /* Microsoft: a device code it does not know */
	{"invalid_client", OUTCOME_CONFIG},
	{"unauthorized_client", OUTCOME_CONFIG},
	{"unsupported_grant_type", OUTCOME_CONFIG},
	{"invalid_scope", OUTCOME_CONFIG},
	{"invalid_request", OUTCOME_CONFIG},
	{"invalid_resource", OUTCOME_CONFIG},
};

static enum outcome outcome_of_error(const char *error)
{
	for (size_t i = 0; i < sizeof(error_table) / sizeof(error_table[0]); i++) {
		if (strcmp(error_table[i].error, error) == 0)
			return error_table[i].outcome;
	}
	return OUTCOME_CONFIG;
}

void token_set_init(struct token_set *set)
{
	*set = (struct token_set){
		.access_token = BUFFER_INIT_SECRET(STORED_TOKEN_MAX),
		.refresh_token = BUFFER_INIT_SECRET(STORED_TOKEN_MAX),
		.id_token = BUFFER_INIT_SECRET(STORED_TOKEN_MAX),
	};
}

void token_set_move(struct token_set *to, struct token_set *from)
{
	token_set_release(to);
	*to = *from;
	token_set_init(from);
}

void token_set_release(struct token_set *set)
{
	buffer_release(&set->access_token);
	buffer_release(&set->refresh_token);
	buffer_release(&set->id_token);
	free(set->scope);
	token_set_init(set);
}

void token_answer_release(struct token_answer *answer)
{
	token_set_release(&answer->set);
}

static enum outcome fail(struct token_answer *answer, enum outcome what, const char *host,
			 const char *text)
{
	answer->outcome =
		err_set(&answer->err, what, "%s answered HTTP %d %s", host, answer->status, text);
	return what;
}

/* Errors --------------------------------------------------------------------------------------- */

static bool status_is_transient(int status)
{
	return status == 408 || status == 429 || status >= 500 || (status >= 300 && status < 400);
}

static void read_correlation(struct json_object *root, struct span description,
			     struct token_answer *answer)
{
	struct span id;

	if (json_get_string(root, "correlation_id", &id) && id.len > 0 &&
	    id.len < sizeof(answer->correlation) &&
	    strspn(id.ptr, "0123456789abcdefABCDEF-") == id.len)
		(void)snprintf(answer->correlation, sizeof(answer->correlation), "%s", id.ptr);
	else
		server_words_correlation(description, answer->correlation,
					 sizeof(answer->correlation));
}

/* The code, for comparing and for texts. One that is too long or not NQSCHAR-like is no code of any
 * table. */
static void read_error_code(struct span code, struct token_answer *answer)
{
	size_t len = code.len < sizeof(answer->error) ? code.len : sizeof(answer->error) - 1;

	for (size_t i = 0; i < len; i++) {
		char c = code.ptr[i];

		answer->error[i] = c > ' ' && c < 0x7f ? c : '?';
	}
	answer->error[len] = '\0';
}

static void read_error(struct json_object *root, const char *host, struct token_answer *answer)
{
	char words[SERVER_WORDS_MAX + 1] = "";
	struct span description = {"", 0};
	struct span code;
	enum outcome what;
	char *text;

	(void)json_get_string(root, "error", &code);
	(void)json_get_string(root, "error_description", &description);
	read_error_code(code, answer);
	read_correlation(root, description, answer);
	server_words(description, words);
	what = status_is_transient(answer->status) ? OUTCOME_RETRY
						   : outcome_of_error(answer->error);
	text = xasprintf("%s%s%s", answer->error, words[0] != '\0' ? ": " : "", words);
	(void)fail(answer, what, host, text);
	free(text);
}

/* A captive portal, a proxy's page, an API gateway: somebody else answered. */
static void not_a_token_answer(const struct http_response *response, const char *host,
			       struct token_answer *answer, const char *why)
{
	char *text = xasprintf("and %s (%s) where a token was expected: %s",
			       response->content_type[0] != '\0' ? response->content_type
								 : "no content type",
			       "a proxy's page, or a wrong token_url?", why);

	(void)fail(answer, OUTCOME_RETRY, host, text);
	free(text);
}

/* Scopes --------------------------------------------------------------------------------------- */

static bool next_word(const char **at, struct span *word)
{
	*at += strspn(*at, " ");
	*word = (struct span){*at, strcspn(*at, " ")};
	*at += word->len;
	return word->len > 0;
}

static struct span last_segment(struct span scope)
{
	const char *slash = memrchr(scope.ptr, '/', scope.len);

	return slash != NULL ? (struct span){slash + 1, scope.len - (size_t)(slash + 1 - scope.ptr)}
			     : scope;
}

static bool is_microsoft_mail(struct span scope)
{
	size_t len = strlen(MICROSOFT_RESOURCE);

	return scope.len > len && strncasecmp(scope.ptr, MICROSOFT_RESOURCE, len) == 0;
}

static bool same_nocase(struct span a, struct span b)
{
	return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

/* Microsoft answers with outlook.office.com or outlook.office365.com, whichever was asked for. */
static bool scope_covers(struct span granted, struct span wanted)
{
	if (same_nocase(granted, wanted))
		return true;
	return is_microsoft_mail(granted) && is_microsoft_mail(wanted) &&
	       same_nocase(last_segment(granted), last_segment(wanted));
}

static bool scope_has(const char *scope, struct span wanted)
{
	struct span word;

	while (next_word(&scope, &word)) {
		if (scope_covers(word, wanted))
			return true;
	}
	return false;
}

static enum outcome check_scope(const struct oauth_client *client, const char *host,
				struct token_answer *answer)
{
	const char *at = client->required_scope;
	struct span wanted;
	enum outcome what;
	char *text;

	/* RFC 6749 5.1: no scope in the answer means that it is the one asked for. */
	if (at == NULL || answer->set.scope == NULL)
		return OUTCOME_OK;
	while (next_word(&at, &wanted)) {
		if (scope_has(answer->set.scope, wanted))
			continue;
		text = xasprintf("but did not grant %.*s (granted: %.300s): authorize again and "
				 "leave every permission ticked",
				 (int)wanted.len, wanted.ptr, answer->set.scope);
		what = fail(answer, OUTCOME_CONSENT, host, text);
		free(text);
		return what;
	}
	return OUTCOME_OK;
}

/* Tokens --------------------------------------------------------------------------------------- */

/* RFC 6749 A.17: 1*VSCHAR. */
static bool is_vschar(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e)
			return false;
	}
	return true;
}

static enum outcome read_refresh_token(struct json_object *root, const char *host,
				       struct token_answer *answer)
{
	struct span token = {"", 0};
	char *text;

	if (!json_get_string(root, "refresh_token", &token))
		return OUTCOME_OK;
	if (is_vschar(token) && buffer_set(&answer->set.refresh_token, token.ptr, token.len))
		return OUTCOME_OK;
	buffer_clear(&answer->set.refresh_token);
	text = xasprintf(
		"with a refresh token that cannot be used: %zu bytes, at most %d printable "
		"ones are",
		token.len, STORED_TOKEN_MAX);
	(void)fail(answer, OUTCOME_CONFIG, host, text);
	free(text);
	return OUTCOME_CONFIG;
}

static enum outcome read_access_token(struct span token, const char *host,
				      struct token_answer *answer)
{
	enum outcome what = OUTCOME_OK;
	char *text;

	if (token_is_valid(token) && buffer_set(&answer->set.access_token, token.ptr, token.len))
		return what;
	text = xasprintf("with an access token of %zu bytes, and mail servers take at most %d, of "
			 "RFC 6750's b64token",
			 token.len, HELPER_TOKEN_MAX);
	what = fail(answer, OUTCOME_CONFIG, host, text);
	free(text);
	return what;
}

static enum outcome check_token_type(struct json_object *root, const char *host,
				     struct token_answer *answer)
{
	struct span type;

	if (json_get_string(root, "token_type", &type) && span_equals_nocase(type, "bearer"))
		return OUTCOME_OK;
	return fail(answer, OUTCOME_CONFIG, host,
		    "with a token whose token_type is not \"Bearer\": no mail server takes it");
}

static int64_t read_expires_in(struct json_object *root)
{
	int64_t seconds = 0;

	if (!json_get_number(root, "expires_in", &seconds) || seconds <= 0)
		return TOKEN_EXPIRES_DEFAULT_S;
	return seconds < EXPIRES_MAX_S ? seconds : EXPIRES_MAX_S;
}

/* RFC 6749 3.3 has printable ASCII only; anything else is nothing that we could have asked for.
 * Gives. */
static char *read_scope(struct json_object *root)
{
	struct span text;
	char *scope;

	if (!json_get_string(root, "scope", &text) || text.len == 0)
		return NULL;
	scope = xspandup(text);
	for (size_t i = 0; i < text.len; i++) {
		if (scope[i] < 0x20 || scope[i] > 0x7e)
			scope[i] = '?';
	}
	return scope;
}

static void read_set(struct json_object *root, const struct oauth_client *client,
		     struct span access_token, const char *host, struct token_answer *answer)
{
	struct token_set *set = &answer->set;
	enum outcome refresh = read_refresh_token(root, host, answer);
	struct span text;

	set->expires_in_s = read_expires_in(root);
	/* An id_token past the ceiling is as good as none: userinfo may say who it is. */
	if (json_get_string(root, "id_token", &text) &&
	    !buffer_set(&set->id_token, text.ptr, text.len))
		buffer_clear(&set->id_token);
	set->scope = read_scope(root);
	if (refresh == OUTCOME_OK && check_token_type(root, host, answer) == OUTCOME_OK &&
	    read_access_token(access_token, host, answer) == OUTCOME_OK)
		answer->outcome = check_scope(client, host, answer);
}

static void read_answer(struct json_object *root, const struct oauth_client *client,
			const struct http_response *response, const char *host,
			struct token_answer *answer)
{
	struct span text;

	/* `error` counts on every status: some servers send it with 200. */
	if (json_get_string(root, "error", &text) && text.len > 0)
		read_error(root, host, answer);
	else if (response->status / 100 != 2)
		not_a_token_answer(response, host, answer, "no OAuth error in it");
	else if (json_get_string(root, "access_token", &text) && text.len > 0)
		read_set(root, client, text, host, answer);
	else if (read_refresh_token(root, host, answer) == OUTCOME_OK)
		not_a_token_answer(response, host, answer, "no access_token in it");
}

void token_answer_parse(const struct oauth_client *client, const struct http_response *response,
			struct token_answer *answer)
{
	struct json_object *root;
	const char *why = "";
	char host[256];

	*answer = (struct token_answer){
		.status = response->status,
		.retry_after_s = response->retry_after_s,
		.is_dated = response->is_dated,
		.clock_ahead_s = response->clock_ahead_s,
		.duration_ms = response->duration_ms,
	};
	token_set_init(&answer->set);
	if (response->outcome != OUTCOME_OK) {
		answer->outcome =
			response->outcome == OUTCOME_CONFIG ? OUTCOME_CONFIG : OUTCOME_RETRY;
		answer->err = response->err;
		answer->status = 0;
		return;
	}
	http_url_host(client->token_url, host, sizeof(host));
	root = json_read(buffer_span(response->body), HTTP_BODY_MAX, &why);
	if (root == NULL)
		not_a_token_answer(response, host, answer, why);
	else
		read_answer(root, client, response, host, answer);
	json_release(root);
}
