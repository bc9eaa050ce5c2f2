/* SPDX-License-Identifier: MIT */
/* authorization.c - starting: the secrets of one attempt, and the URL. See authorization.h;
 * redirect.c reads what comes back. */
#include "token-helper/oauth/authorization.h"

#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "token-helper/http/http-client.h"

#include "common/banned.h"

#define RANDOM_OCTETS 32
#define ENCODED_MAX   64 /* room for 43 characters */

bool pkce_challenge(struct span verifier, struct buffer *challenge)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	if (SHA256((const unsigned char *)verifier.ptr, verifier.len, digest) == NULL)
		return false;
	buffer_clear(challenge);
	return base64url_encode((struct span){(const char *)digest, sizeof(digest)}, challenge);
}

static bool random_text(struct buffer *out)
{
	unsigned char octets[RANDOM_OCTETS];
	bool ok = RAND_bytes(octets, sizeof(octets)) == 1;

	buffer_init_secret(out, ENCODED_MAX);
	if (ok)
		ok = base64url_encode((struct span){(const char *)octets, sizeof(octets)}, out);
	wipe(octets, sizeof(octets));
	return ok;
}

enum outcome authorization_start(struct authorization *auth, const char *redirect_uri,
				 struct err *err)
{
	bool ok;

	*auth = (struct authorization){
		.state = BUFFER_INIT_SECRET(ENCODED_MAX),
		.nonce = BUFFER_INIT_SECRET(ENCODED_MAX),
		.verifier = BUFFER_INIT_SECRET(ENCODED_MAX),
	};
	/* RFC 6749 3.1.2: no fragment. The code comes back there in clear, so http is for loopback
	 * only. */
	if (redirect_uri == NULL || !http_url_is_allowed(redirect_uri) ||
	    strchr(redirect_uri, '#') != NULL)
		return err_set(err, OUTCOME_CONFIG,
			       "the redirect URI must be https, or http on a loopback host, "
			       "without user, password and fragment");
	ok = random_text(&auth->state) && random_text(&auth->nonce) && random_text(&auth->verifier);
	if (!ok) {
		authorization_release(auth);
		return err_set(err, OUTCOME_RETRY, "no random numbers to be had");
	}
	auth->redirect_uri = xstrdup(redirect_uri);
	return OUTCOME_OK;
}

void authorization_release(struct authorization *auth)
{
	buffer_release(&auth->state);
	buffer_release(&auth->nonce);
	buffer_release(&auth->verifier);
	free(auth->redirect_uri);
	auth->redirect_uri = NULL;
}

static bool has_parameter(const char *parameters, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = parameters; at != NULL && *at != '\0';) {
		if (strncmp(at, name, len) == 0 && at[len] == '=')
			return true;
		at = strchr(at, '&');
		if (at != NULL)
			at++;
	}
	return false;
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = words; at != NULL && *at != '\0';) {
		at += strspn(at, " ");
		if (strcspn(at, " ") == len && strncmp(at, word, len) == 0)
			return true;
		at += strcspn(at, " ");
	}
	return false;
}

/* RFC 6749 3.1: no parameter twice, none empty. What the preset says in authorize_extra has
 * precedence. */
static void append_parameter(struct buffer *query, const struct oauth_client *client,
			     const char *name, struct span value)
{
	if (value.len > 0 && !has_parameter(client->authorize_extra, name))
		(void)form_append(query, name, value);
}

static void append_all(const struct authorization *auth, const struct oauth_client *client,
		       struct span challenge, struct buffer *query)
{
	(void)form_append(query, "response_type", span_from_str("code"));
	(void)form_append(query, "client_id", span_from_str(client->client_id));
	(void)form_append(query, "redirect_uri", span_from_str(auth->redirect_uri));
	(void)form_append(query, "state", buffer_span(&auth->state));
	(void)form_append(query, "code_challenge", challenge);
	(void)form_append(query, "code_challenge_method", span_from_str("S256"));
	append_parameter(query, client, "scope", span_from_str(client->scope));
	append_parameter(query, client, "resource", span_from_str(client->resource));
	append_parameter(query, client, "login_hint", span_from_str(client->login_hint));
	if (has_word(client->scope, "openid"))
		(void)form_append(query, "nonce", buffer_span(&auth->nonce));
	if (client->authorize_extra != NULL && client->authorize_extra[0] != '\0') {
		(void)buffer_append_byte(query, '&');
		(void)buffer_append_str(query, client->authorize_extra);
	}
}

enum outcome authorization_url(const struct authorization *auth, const struct oauth_client *client,
			       struct buffer *url, struct err *err)
{
	struct buffer challenge = BUFFER_INIT(ENCODED_MAX);
	struct buffer query = BUFFER_INIT_SECRET(16384);
	bool ok;

	if (client->authorize_url == NULL || !http_url_is_allowed(client->authorize_url))
		return err_set(err, OUTCOME_CONFIG,
			       "authorize_url is missing, or not an https URL");
	if (client->client_id == NULL || client->client_id[0] == '\0')
		return err_set(err, OUTCOME_CONFIG, "client_id is missing");
	ok = pkce_challenge(buffer_span(&auth->verifier), &challenge);
	append_all(auth, client, buffer_span(&challenge), &query);
	(void)buffer_append_str(url, client->authorize_url);
	(void)buffer_append_byte(url, strchr(client->authorize_url, '?') != NULL ? '&' : '?');
	(void)buffer_append_span(url, buffer_span(&query));
	ok = ok && buffer_ok(&query) && buffer_ok(url);
	buffer_release(&challenge);
	buffer_release(&query);
	return ok ? OUTCOME_OK : err_set(err, OUTCOME_NOMEM, "the authorization URL is too long");
}
