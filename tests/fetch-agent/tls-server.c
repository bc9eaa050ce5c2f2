/* SPDX-License-Identifier: MIT */
/* tls-server.c - see tls-server.h. */
#include "tests/fetch-agent/tls-server.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/banned.h"

static X509 *certificate_new(EVP_PKEY *key, const char *for_names)
{
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	X509_EXTENSION *names;

	assert_int_equal(X509_set_version(certificate, 2), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	(void)X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	/* A common name does not count beside names. */
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
						    (const unsigned char *)"common.example.test",
						    -1, -1, 0),
			 1);
	assert_int_equal(X509_set_issuer_name(certificate, name), 1);
	assert_int_equal(X509_set_pubkey(certificate, key), 1);
	names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, for_names);
	assert_non_null(names);
	assert_int_equal(X509_add_ext(certificate, names, -1), 1);
	X509_EXTENSION_free(names);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	return certificate;
}

SSL_CTX *tls_server_new(const char *names, char *ca_file)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = certificate_new(key, names);
	FILE *file = fdopen(mkstemp(ca_file), "w");
	SSL_CTX *server = SSL_CTX_new(TLS_server_method());

	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, certificate), 1);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(SSL_CTX_use_certificate(server, certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(server, key), 1);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return server;
}
