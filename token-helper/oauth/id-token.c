/* SPDX-License-Identifier: MIT */
/* id-token.c - see id-token.h. */
#include "token-helper/oauth/id-token.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/scanner.h"
#include "common/xalloc.h"
#include "token-helper/json/json-reader.h"
#include "token-helper/oauth/authorization.h"
#include "token-helper/oauth/issuer.h"
#include "token-helper/oauth/server-words.h"

#include "common/banned.h"

#define ID_TOKEN_MAX  16384
#define CLAIM_MAX     512 /* bytes of a name, a subject, an issuer */
#define AUDIENCES_MAX 16
#define CLOCK_SKEW_S  120

void identity_release(struct identity *identity)
{
	free(identity->issuer);
	free(identity->subject);
	free(identity->name);
	free(identity->names);
	*identity = (struct identity){0};
}

/* The text ------------------------------------------------------------------------------------- */

/* The claims of header.claims.signature; the signature may go unread, see the header file. */
static struct json_object *read_claims(struct span id_token, struct err *err)
{
	struct buffer text = BUFFER_INIT_SECRET(ID_TOKEN_MAX);
	struct scanner scan = scanner_over(id_token);
	struct json_object *claims = NULL;
	struct span header, payload;
	const char *why = "three parts in base64url were expected";

	if (id_token.len <= ID_TOKEN_MAX && scan_until(&scan, '.', ID_TOKEN_MAX, &header) &&
	    scan_until(&scan, '.', ID_TOKEN_MAX, &payload) &&
	    (scanner_at_end(&scan) || memchr(scan.cur, '.', scanner_left(&scan)) == NULL) &&
	    base64url_decode(payload, &text))
		claims = json_read(buffer_span(&text), ID_TOKEN_MAX, &why);
	if (claims == NULL)
		(void)err_set(err, OUTCOME_PROTOCOL, "the id_token is not a signed JWT: %s", why);
	buffer_release(&text);
	return claims;
}

/* A claim that may be kept and shown: present, not empty, one line that reads as what it is. */
static bool get_text(struct json_object *claims, const char *claim, struct span *out)
{
	struct span text;

	if (!json_get_string(claims, claim, &text) || text.len == 0 || text.len > CLAIM_MAX ||
	    !words_are_plain(text))
		return false;
	*out = text;
	return true;
}

/* Whose it is ---------------------------------------------------------------------------------- */

static enum outcome missing(const char *claim, struct err *err)
{
	return err_set(err, OUTCOME_PROTOCOL, "the id_token has no usable %s", claim);
}

static enum outcome check_issuer(struct json_object *claims, const struct oauth_client *client,
				 struct err *err)
{
	struct span issuer, tenant = {"", 0};
	char words[SERVER_WORDS_MAX + 1];

	if (!get_text(claims, "iss", &issuer))
		return missing("iss", err);
	(void)get_text(claims, "tid", &tenant);
	if (client->issuer == NULL || issuer_matches(client->issuer, issuer, tenant))
		return OUTCOME_OK;
	server_words(issuer, words);
	return err_set(err, OUTCOME_CONSENT, "the id_token comes from %s, not from %s", words,
		       client->issuer);
}

static bool audience_has(struct json_object *list, const char *client_id)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		if (json_object_is_type(one, json_type_string) &&
		    span_equals((struct span){json_object_get_string(one),
					      (size_t)json_object_get_string_len(one)},
				client_id))
			return true;
	}
	return false;
}

/* OpenID Connect Core 3.1.3.7 (3) to (5). */
static enum outcome check_audience(struct json_object *claims, const char *client_id,
				   struct err *err)
{
	struct json_object *list = json_member_array(claims, "aud");
	size_t count = list != NULL ? json_object_array_length(list) : 1;
	struct span audience, party;
	bool ours;

	if (list == NULL && !json_get_string(claims, "aud", &audience))
		return missing("aud", err);
	if (count == 0 || count > AUDIENCES_MAX)
		return missing("aud", err);
	ours = list != NULL ? audience_has(list, client_id) : span_equals(audience, client_id);
	if (json_get_string(claims, "azp", &party))
		ours = ours && span_equals(party, client_id);
	else
		ours = ours && count == 1;
	if (!ours)
		return err_set(err, OUTCOME_CONSENT,
			       "the id_token was made for another client than %s (aud, azp)",
			       client_id);
	return OUTCOME_OK;
}

static enum outcome check_age(struct json_object *claims, int64_t now_s, struct err *err)
{
	int64_t expires_s;

	if (!json_get_number(claims, "exp", &expires_s))
		return missing("exp", err);
	if (expires_s + CLOCK_SKEW_S < now_s)
		return err_set(err, OUTCOME_CONSENT,
			       "the id_token expired %lld s ago by this machine's clock: is the "
			       "clock right?",
			       (long long)(now_s - expires_s));
	return OUTCOME_OK;
}

static enum outcome check_nonce(struct json_object *claims, struct span nonce, struct err *err)
{
	struct span actual;

	if (nonce.len == 0)
		return OUTCOME_OK;
	if (!json_get_string(claims, "nonce", &actual))
		return missing("nonce", err);
	if (!equal_constant_time(actual, nonce))
		return err_set(err, OUTCOME_CONSENT,
			       "the id_token belongs to another attempt to authorize (nonce)");
	return OUTCOME_OK;
}

/* Who it is ------------------------------------------------------------------------------------ */

static bool next_word(const char **at, struct span *word)
{
	*at += strspn(*at, " ");
	*word = (struct span){*at, strcspn(*at, " ")};
	*at += word->len;
	return word->len > 0;
}

/* Anybody can call himself by an address that nobody has verified. */
static bool claim_is_unverified(struct json_object *claims, const char *claim)
{
	return strcmp(claim, "email") == 0 && json_is_false(claims, "email_verified");
}

static void read_names(struct json_object *claims, const struct oauth_client *client,
		       struct identity *identity)
{
	const char *at = client->identity_claims != NULL ? client->identity_claims : "";
	struct buffer names = BUFFER_INIT(AUDIENCES_MAX * CLAIM_MAX);
	struct span word, value;

	while (next_word(&at, &word)) {
		char *claim = xspandup(word);

		if (get_text(claims, claim, &value) && !claim_is_unverified(claims, claim)) {
			if (identity->name == NULL)
				identity->name = xspandup(value);
			else
				(void)buffer_append_byte(&names, '\n');
			(void)buffer_append_span(&names, value);
		}
		free(claim);
	}
	if (names.len > 0)
		identity->names = xstrdup(buffer_cstr(&names));
	buffer_release(&names);
}

static enum outcome read_subject(struct json_object *claims, const char *source,
				 struct identity *identity, struct err *err)
{
	struct span sub, tid, oid;

	if (!get_text(claims, "sub", &sub))
		return err_set(err, OUTCOME_PROTOCOL, "the %s has no usable sub", source);
	/* Microsoft's sub differs from one client to the next; these two name the person for good.
	 */
	if (get_text(claims, "tid", &tid) && get_text(claims, "oid", &oid))
		identity->subject =
			xasprintf("%.*s/%.*s", (int)tid.len, tid.ptr, (int)oid.len, oid.ptr);
	else
		identity->subject = xspandup(sub);
	return OUTCOME_OK;
}

enum outcome identity_from_claims(struct json_object *claims, const struct oauth_client *client,
				  const char *source, struct identity *identity, struct err *err)
{
	struct identity fresh = {0};
	struct span issuer;
	enum outcome what = read_subject(claims, source, &fresh, err);

	if (what != OUTCOME_OK)
		return what;
	if (get_text(claims, "iss", &issuer))
		fresh.issuer = xspandup(issuer);
	read_names(claims, client, &fresh);
	*identity = fresh;
	return OUTCOME_OK;
}

enum outcome id_token_read(struct span id_token, const struct oauth_client *client,
			   struct span nonce, int64_t now_s, struct identity *identity,
			   struct err *err)
{
	struct json_object *claims = read_claims(id_token, err);
	enum outcome what;

	if (claims == NULL)
		return OUTCOME_PROTOCOL;
	what = check_issuer(claims, client, err);
	if (what == OUTCOME_OK)
		what = check_audience(claims, client->client_id, err);
	if (what == OUTCOME_OK)
		what = check_age(claims, now_s, err);
	if (what == OUTCOME_OK)
		what = check_nonce(claims, nonce, err);
	if (what == OUTCOME_OK)
		what = identity_from_claims(claims, client, "id_token", identity, err);
	json_release(claims);
	return what;
}

static bool is_expected(const char *expected, struct span name)
{
	struct span word;

	while (next_word(&expected, &word)) {
		if (word.len == name.len && strncasecmp(word.ptr, name.ptr, name.len) == 0)
			return true;
	}
	return false;
}

bool identity_matches(const struct identity *identity, const struct oauth_client *client)
{
	const char *at = identity->names;

	if (client->identity == NULL)
		return true;
	while (at != NULL && *at != '\0') {
		size_t len = strcspn(at, "\n");

		if (is_expected(client->identity, (struct span){at, len}))
			return true;
		at += len;
		at += *at == '\n' ? 1 : 0;
	}
	return false;
}
