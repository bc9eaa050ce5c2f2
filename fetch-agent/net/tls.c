/* SPDX-License-Identifier: MIT */
/* tls.c - see tls.h. */
#include "fetch-agent/net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

#include "common/banned.h"

SSL_CTX *tls_context_new(const char *ca_file, struct err *err)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	int trusted;

	if (context == NULL) {
		(void)err_set(err, OUTCOME_NOMEM, "TLS: no context");
		return NULL;
	}
	(void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	(void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS |
						SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
						SSL_MODE_ENABLE_PARTIAL_WRITE);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	trusted = ca_file != NULL ? SSL_CTX_load_verify_file(context, ca_file)
				  : SSL_CTX_set_default_verify_paths(context);
	if (trusted != 1) {
		(void)err_set(err, OUTCOME_CONFIG, "%s: cannot read certificates: %s",
			      ca_file != NULL ? ca_file : "the system's authorities",
			      ERR_reason_error_string(ERR_peek_error()));
		ERR_clear_error();
		SSL_CTX_free(context);
		return NULL;
	}
	return context;
}

static bool is_address(const char *host)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

SSL *tls_session_new(SSL_CTX *context, const char *host, struct err *err)
{
	SSL *ssl = SSL_new(context);
	bool expected = false;

	if (ssl != NULL && is_address(host))
		expected = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	else if (ssl != NULL)
		expected =
			SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
	if (expected) {
		SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		return ssl;
	}
	(void)err_set(err, OUTCOME_CONFIG, "TLS: cannot expect the name %s", host);
	SSL_free(ssl);
	return NULL;
}

enum outcome tls_failure(const SSL *ssl, unsigned long code, int number, struct err *err)
{
	long verdict = ssl != NULL ? SSL_get_verify_result(ssl) : X509_V_OK;
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

	if (verdict != X509_V_OK)
		return err_set(err, OUTCOME_CONFIG, "the server's certificate is not trusted: %s",
			       X509_verify_cert_error_string(verdict));
	if (reason != NULL)
		return err_set(err, OUTCOME_RETRY, "TLS: %s", reason);
	return err_set(err, OUTCOME_RETRY, "%s",
		       number != 0 ? strerror(number) : "the server closed the connection");
}
