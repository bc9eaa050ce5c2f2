/* SPDX-License-Identifier: MIT */
/* metadata.c - see metadata.h. */
#include "token-helper/oauth/metadata.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/url.h"
#include "common/xalloc.h"
#include "token-helper/json/json-reader.h"
#include "token-helper/oauth/server-words.h"

#include "common/banned.h"

#define METADATA_URL_MAX 2048
#define OAUTH_PART	 "/.well-known/oauth-authorization-server"
#define OPENID_PART	 "/.well-known/openid-configuration"

static const struct member {
	const char *name;
	size_t at; /* in struct metadata */
} members[] = {
	{"token_endpoint", offsetof(struct metadata, token_url)}, /* the one that must be there */
	{"authorization_endpoint", offsetof(struct metadata, authorize_url)},
	{"device_authorization_endpoint", offsetof(struct metadata, device_url)},
	{"revocation_endpoint", offsetof(struct metadata, revoke_url)},
	{"userinfo_endpoint", offsetof(struct metadata, userinfo_url)},
};

static char **url_at(struct metadata *metadata, size_t at)
{
	return (char **)(void *)((char *)metadata + at);
}

void metadata_release(struct metadata *metadata)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		free(*url_at(metadata, members[i].at));
	*metadata = (struct metadata){0};
}

void metadata_copy(const struct metadata *from, struct metadata *to)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const char *const *url = (const void *)((const char *)from + members[i].at);

		*url_at(to, members[i].at) = xstrdup(*url);
	}
}

char *metadata_url(const char *issuer, unsigned attempt)
{
	const char *authority = strstr(issuer, "://");
	size_t len = strlen(issuer);
	size_t origin;

	if (authority == NULL || attempt > 1)
		return NULL;
	origin = (size_t)(authority - issuer) + 3;
	origin += strcspn(issuer + origin, "/");
	if (issuer[len - 1] == '/')
		len--;
	if (attempt == 0)
		return xasprintf("%.*s" OAUTH_PART "%.*s", (int)origin, issuer, (int)(len - origin),
				 issuer + origin);
	return xasprintf("%.*s" OPENID_PART, (int)len, issuer);
}

static enum outcome check_issuer(struct json_object *root, const char *issuer, struct err *err)
{
	char words[SERVER_WORDS_MAX + 1];
	struct span actual = {"", 0};

	if (!json_get_string(root, "issuer", &actual))
		return err_set(err, OUTCOME_PROTOCOL, "it names no issuer");
	if (span_equals(actual, issuer))
		return OUTCOME_OK;
	server_words(actual, words);
	return err_set(err, OUTCOME_CONFIG,
		       "it is that of %s, not of %s: write issuer exactly as the server does, if "
		       "that is the one you mean",
		       words, issuer);
}

static enum outcome read_url(struct json_object *root, const struct member *member,
			     struct metadata *metadata, struct err *err)
{
	struct span value;
	char *url;

	if (!json_get_string(root, member->name, &value))
		return OUTCOME_OK;
	url = value.len <= METADATA_URL_MAX && memchr(value.ptr, '\0', value.len) == NULL
		      ? xspandup(value)
		      : NULL;
	if (url == NULL || !url_is_safe(url) || !http_url_is_allowed(url)) {
		free(url);
		return err_set(err, OUTCOME_PROTOCOL, "its %s is no https URL", member->name);
	}
	*url_at(metadata, member->at) = url;
	return OUTCOME_OK;
}

static enum outcome read_document(struct json_object *root, const char *issuer,
				  struct metadata *metadata, struct err *err)
{
	enum outcome outcome = check_issuer(root, issuer, err);

	for (size_t i = 0; outcome == OUTCOME_OK && i < sizeof(members) / sizeof(members[0]); i++)
		outcome = read_url(root, &members[i], metadata, err);
	if (outcome == OUTCOME_OK && metadata->token_url == NULL)
		outcome = err_set(err, OUTCOME_PROTOCOL, "it names no token_endpoint");
	return outcome;
}

enum outcome metadata_parse(const char *issuer, const struct http_response *response,
			    struct metadata *metadata, struct err *err)
{
	struct metadata fresh = {0};
	struct json_object *root;
	const char *why = "";
	enum outcome outcome;

	if (response->outcome != OUTCOME_OK) {
		*err = response->err;
		return response->outcome;
	}
	if (response->status != 200)
		return err_set(err,
			       response->status >= 500 || response->status == 429 ? OUTCOME_RETRY
										  : OUTCOME_CONFIG,
			       "HTTP %d", response->status);
	root = json_read(buffer_span(response->body), HTTP_BODY_MAX, &why);
	if (root == NULL)
		return err_set(err, OUTCOME_PROTOCOL, "not JSON: %s", why);
	outcome = read_document(root, issuer, &fresh, err);
	json_release(root);
	if (outcome == OUTCOME_OK)
		*metadata = fresh;
	else
		metadata_release(&fresh);
	return outcome;
}
