/* SPDX-License-Identifier: MIT */
/* client-auth.c - see client-auth.h. */
#include "token-helper/oauth/client-auth.h"

#include <openssl/rand.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "token-helper/http/http-client.h"
#include "token-helper/oauth/authorization.h"

#include "common/banned.h"

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#define ID_OCTETS      16

typedef enum outcome append_fn(const struct client_proof *proof, struct buffer *form,
			       struct buffer *userpwd, struct err *err);

/* The methods --------------------------------------------------------------------------------- */

static void append_id(const struct client_proof *proof, struct buffer *form)
{
	if (proof->client_id != NULL)
		(void)form_append(form, "client_id", span_from_str(proof->client_id));
}

static enum outcome append_none(const struct client_proof *proof, struct buffer *form,
				struct buffer *userpwd, struct err *err)
{
	(void)userpwd;
	(void)err;
	append_id(proof, form);
	return OUTCOME_OK;
}

static enum outcome append_post(const struct client_proof *proof, struct buffer *form,
				struct buffer *userpwd, struct err *err)
{
	(void)userpwd;
	(void)err;
	(void)form_append(form, "client_secret", proof->text);
	append_id(proof, form);
	return OUTCOME_OK;
}

/* The id goes into the header only: RFC 6749 2.3 wants one method in a request. */
static enum outcome append_basic(const struct client_proof *proof, struct buffer *form,
				 struct buffer *userpwd, struct err *err)
{
	(void)form;
	(void)err;
	(void)form_encode(userpwd, span_from_str(proof->client_id));
	(void)buffer_append_byte(userpwd, ':');
	(void)form_encode(userpwd, proof->text);
	return OUTCOME_OK;
}

static enum outcome append_assertion(const struct client_proof *proof, struct buffer *form,
				     struct buffer *userpwd, struct err *err)
{
	(void)userpwd;
	(void)err;
	(void)form_append(form, "client_assertion_type", span_from_str(ASSERTION_TYPE));
	(void)form_append(form, "client_assertion", proof->text);
	append_id(proof, form);
	return OUTCOME_OK;
}

static enum outcome make_assertion(const struct client_proof *proof, struct buffer *jwt,
				   struct err *err)
{
	struct buffer id = BUFFER_INIT(32);
	unsigned char octets[ID_OCTETS];
	int64_t issued_s = clock_now_s() - JWT_SKEW_S;
	struct jwt_claims claims = {
		.issuer = span_from_str(proof->client_id),
		.subject = span_from_str(proof->client_id),
		.audience = span_from_str(proof->audience),
		.issued_s = issued_s,
		.not_before_s = issued_s,
		.expires_s = issued_s + JWT_SKEW_S + JWT_LIFE_S,
	};
	enum outcome outcome;

	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return err_set(err, OUTCOME_RETRY, "no random numbers to be had");
	(void)base64url_encode((struct span){(const char *)octets, sizeof(octets)}, &id);
	claims.id = buffer_span(&id);
	outcome = jwt_sign(proof->credential->key, proof->algorithm, NULL, &claims, jwt, err);
	buffer_release(&id);
	return outcome;
}

static enum outcome append_private_key_jwt(const struct client_proof *proof, struct buffer *form,
					   struct buffer *userpwd, struct err *err)
{
	struct buffer jwt = BUFFER_INIT_SECRET(JWT_MAX);
	struct client_proof made = *proof;
	enum outcome outcome = make_assertion(proof, &jwt, err);

	made.text = buffer_span(&jwt);
	if (outcome == OUTCOME_OK)
		outcome = append_assertion(&made, form, userpwd, err);
	buffer_release(&jwt);
	return outcome;
}

static const struct {
	const char *name; /* in the configuration */
	enum client_material material;
	append_fn *append;
} methods[CLIENT_AUTH_COUNT] = {
	[CLIENT_AUTH_NONE] = {"none", MATERIAL_NONE, append_none},
	[CLIENT_AUTH_POST] = {"post", MATERIAL_SECRET, append_post},
	[CLIENT_AUTH_BASIC] = {"basic", MATERIAL_SECRET, append_basic},
	[CLIENT_AUTH_PRIVATE_KEY_JWT] = {"private_key_jwt", MATERIAL_KEY, append_private_key_jwt},
	[CLIENT_AUTH_ASSERTION] = {"assertion", MATERIAL_ASSERTION, append_assertion},
};

const char *client_auth_name(enum client_auth_method method)
{
	return methods[method].name;
}

enum client_material client_auth_material(enum client_auth_method method)
{
	return methods[method].material;
}

enum outcome client_auth_append(enum client_auth_method method, const struct client_proof *proof,
				struct buffer *form, struct buffer *userpwd, struct err *err)
{
	enum outcome outcome = methods[method].append(proof, form, userpwd, err);

	if (outcome == OUTCOME_OK && (!buffer_ok(form) || !buffer_ok(userpwd)))
		return err_set(err, OUTCOME_NOMEM,
			       "the token request is too long: look at scope, client_id and the "
			       "client's secret");
	return outcome;
}

/* Life ---------------------------------------------------------------------------------------- */

struct client_auth *client_auth_new(enum client_auth_method method)
{
	struct client_auth *auth = xcalloc(1, sizeof(*auth));

	auth->method = method;
	auth->references = 1;
	return auth;
}

struct client_auth *client_auth_hold(struct client_auth *auth)
{
	if (auth != NULL)
		auth->references++;
	return auth;
}

void client_auth_drop(struct client_auth *auth)
{
	if (auth == NULL || --auth->references > 0)
		return;
	for (size_t i = 0; i < auth->count; i++) {
		buffer_release(&auth->credentials[i].secret);
		signing_key_free(auth->credentials[i].key);
		free(auth->credentials[i].file);
		words_release(&auth->credentials[i].command);
	}
	free(auth->audience);
	free(auth);
}

struct client_credential *client_auth_add(struct client_auth *auth, const char *label)
{
	struct client_credential *credential = &auth->credentials[auth->count++];

	credential->label = label;
	buffer_init_secret(&credential->secret, CLIENT_SECRET_MAX);
	return credential;
}
