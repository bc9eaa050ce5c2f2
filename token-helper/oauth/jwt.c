/* SPDX-License-Identifier: MIT */
/* jwt.c - see jwt.h. */
#include "token-helper/oauth/jwt.h"

#include <json-c/json.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <time.h>

#include "common/xalloc.h"
#include "token-helper/oauth/authorization.h"

#include "common/banned.h"

#define SALT_BYTES 32 /* RFC 7518 3.5: as long as the hash */

struct signing_key {
	EVP_PKEY *key;
	char *sha1, *sha256; /* of the certificate, base64url; NULL: there is none */
	int64_t expires_s;
};

/* Keys ---------------------------------------------------------------------------------------- */

void signing_key_free(struct signing_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->key);
	free(key->sha1);
	free(key->sha256);
	free(key);
}

int64_t signing_key_expires_s(const struct signing_key *key)
{
	return key->expires_s;
}

/* Without it OpenSSL would ask for a passphrase on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
	(void)buffer, (void)size, (void)writing;
	*(bool *)context = true;
	return -1;
}

static enum outcome read_key(struct span pem, struct signing_key *key, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	bool wanted_passphrase = false;

	if (bio == NULL)
		return err_set(err, OUTCOME_RETRY, "out of memory");
	key->key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &wanted_passphrase);
	BIO_free(bio);
	ERR_clear_error();
	if (key->key == NULL && wanted_passphrase)
		return err_set(err, OUTCOME_CONFIG,
			       "has a passphrase, which nobody is there to type: take it off with "
			       "openssl pkey");
	if (key->key == NULL)
		return err_set(err, OUTCOME_CONFIG,
			       "has no private key in PEM (-----BEGIN PRIVATE KEY-----)");
	if (EVP_PKEY_get_base_id(key->key) != EVP_PKEY_RSA)
		return err_set(err, OUTCOME_CONFIG, "is no RSA key");
	if (EVP_PKEY_get_bits(key->key) < JWT_RSA_BITS)
		return err_set(err, OUTCOME_CONFIG, "has %d bits: at least %d are needed",
			       EVP_PKEY_get_bits(key->key), JWT_RSA_BITS);
	return OUTCOME_OK;
}

/* base64url of the certificate's hash. Gives; NULL when OpenSSL fails. */
static char *thumbprint(const X509 *certificate, const EVP_MD *hash)
{
	struct buffer text = BUFFER_INIT(64);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char *copy = NULL;

	if (X509_digest(certificate, hash, digest, &len) == 1 &&
	    base64url_encode((struct span){(const char *)digest, len}, &text))
		copy = xstrdup(buffer_cstr(&text));
	buffer_release(&text);
	return copy;
}

static int64_t end_of(const X509 *certificate)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm);
}

static enum outcome take_certificate(const X509 *certificate, struct signing_key *key,
				     struct err *err)
{
	if (X509_check_private_key(certificate, key->key) != 1) {
		ERR_clear_error();
		return err_set(err, OUTCOME_CONFIG, "certificate and key do not belong together");
	}
	key->sha1 = thumbprint(certificate, EVP_sha1());
	key->sha256 = thumbprint(certificate, EVP_sha256());
	key->expires_s = end_of(certificate);
	if (key->sha1 == NULL || key->sha256 == NULL)
		return err_set(err, OUTCOME_RETRY, "the certificate's thumbprint cannot be made");
	return OUTCOME_OK;
}

static enum outcome read_certificate(struct span pem, struct signing_key *key, struct err *err)
{
	bool wanted_passphrase = false;
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	X509 *certificate;
	enum outcome outcome;

	if (bio == NULL)
		return err_set(err, OUTCOME_RETRY, "out of memory");
	certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, &wanted_passphrase);
	BIO_free(bio);
	ERR_clear_error();
	if (certificate == NULL)
		return err_set(err, OUTCOME_CONFIG,
			       "has no certificate in PEM (-----BEGIN CERTIFICATE-----)");
	outcome = take_certificate(certificate, key, err);
	X509_free(certificate);
	return outcome;
}

enum outcome signing_key_new(struct span key_pem, struct span certificate_pem,
			     struct signing_key **key_out, struct err *err)
{
	struct signing_key *key = xcalloc(1, sizeof(*key));
	enum outcome outcome = read_key(key_pem, key, err);

	if (outcome == OUTCOME_OK && certificate_pem.len > 0)
		outcome = read_certificate(certificate_pem, key, err);
	if (outcome == OUTCOME_OK)
		*key_out = key;
	else
		signing_key_free(key);
	return outcome;
}

/* Signing ------------------------------------------------------------------------------------- */

static void add_string(struct json_object *object, const char *name, struct span value)
{
	if (value.len > 0)
		json_object_object_add(object, name,
				       json_object_new_string_len(value.ptr, (int)value.len));
}

/* Takes object. */
static void append_part(struct buffer *jwt, struct json_object *object)
{
	const char *text = json_object_to_json_string_ext(
		object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	(void)base64url_encode(span_from_str(text), jwt);
	json_object_put(object);
}

static void append_header(struct buffer *jwt, const struct signing_key *key,
			  enum jwt_algorithm algorithm, const char *key_id)
{
	struct json_object *header = json_object_new_object();
	bool pss = algorithm == JWT_PS256;

	add_string(header, "alg", span_from_str(pss ? "PS256" : "RS256"));
	add_string(header, "typ", span_from_str("JWT"));
	add_string(header, "kid", span_from_str(key_id));
	add_string(header, pss ? "x5t#S256" : "x5t", span_from_str(pss ? key->sha256 : key->sha1));
	append_part(jwt, header);
}

static void append_claims(struct buffer *jwt, const struct jwt_claims *claims)
{
	struct json_object *object = json_object_new_object();

	add_string(object, "iss", claims->issuer);
	add_string(object, "sub", claims->subject);
	add_string(object, "aud", claims->audience);
	add_string(object, "scope", claims->scope);
	add_string(object, "jti", claims->id);
	json_object_object_add(object, "iat", json_object_new_int64(claims->issued_s));
	if (claims->not_before_s != 0)
		json_object_object_add(object, "nbf", json_object_new_int64(claims->not_before_s));
	json_object_object_add(object, "exp", json_object_new_int64(claims->expires_s));
	append_part(jwt, object);
}

static bool use_pss(EVP_PKEY_CTX *padding)
{
	return EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, SALT_BYTES) > 0;
}

/* The signature of what stands in jwt. */
static bool sign(const struct signing_key *key, enum jwt_algorithm algorithm,
		 const struct buffer *jwt, struct buffer *signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *padding; /* context's */
	size_t len = (size_t)EVP_PKEY_get_size(key->key);
	unsigned char *bytes = xcalloc(1, len);
	bool ok = context != NULL &&
		  EVP_DigestSignInit(context, &padding, EVP_sha256(), NULL, key->key) == 1 &&
		  (algorithm == JWT_RS256 || use_pss(padding)) &&
		  EVP_DigestSign(context, bytes, &len, (const unsigned char *)jwt->data,
				 jwt->len) == 1 &&
		  buffer_set(signature, bytes, len);

	EVP_MD_CTX_free(context);
	ERR_clear_error();
	wipe(bytes, len);
	free(bytes);
	return ok;
}

enum outcome jwt_sign(const struct signing_key *key, enum jwt_algorithm algorithm,
		      const char *key_id, const struct jwt_claims *claims, struct buffer *jwt,
		      struct err *err)
{
	struct buffer signature = BUFFER_INIT_SECRET(4096);
	bool signed_it;

	buffer_clear(jwt);
	append_header(jwt, key, algorithm, key_id);
	(void)buffer_append_byte(jwt, '.');
	append_claims(jwt, claims);
	signed_it = buffer_ok(jwt) && sign(key, algorithm, jwt, &signature);
	(void)buffer_append_byte(jwt, '.');
	(void)base64url_encode(buffer_span(&signature), jwt);
	buffer_release(&signature);
	if (!buffer_ok(jwt))
		return err_set(err, OUTCOME_NOMEM, "the assertion is too long");
	return signed_it ? OUTCOME_OK
			 : err_set(err, OUTCOME_RETRY, "the assertion cannot be signed");
}
