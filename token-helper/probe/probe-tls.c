/* SPDX-License-Identifier: MIT */
/* probe-tls.c - see probe-tls.h. */
#include "token-helper/probe/probe-tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "common/banned.h"

#define NAME_SIZE 256

static bool is_address(const char *host)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool expect_host(SSL *ssl, const char *host)
{
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	return SSL_set1_host(ssl, host) == 1 &&
	       /* SSL_set_tlsext_host_name() without its cast, which drops a const: it copies. */
	       SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
			(void *)(uintptr_t)host) == 1;
}

enum outcome probe_tls_new(const char *host, int fd, SSL_CTX **context_out, SSL **ssl_out,
			   struct err *err)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = NULL;

	if (context != NULL) {
		(void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
		(void)SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
							SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	}
	if (context != NULL && SSL_CTX_set_default_verify_paths(context) == 1)
		ssl = SSL_new(context);
	if (ssl != NULL && expect_host(ssl, host) && SSL_set_fd(ssl, fd) == 1) {
		*context_out = context;
		*ssl_out = ssl;
		return OUTCOME_OK;
	}
	SSL_free(ssl);
	SSL_CTX_free(context);
	ERR_clear_error();
	return err_set(err, OUTCOME_CONFIG, "OpenSSL cannot prepare TLS with %s", host);
}

/* The common name, or the organization where there is none. */
static void append_name(struct buffer *text, const X509_NAME *name)
{
	char word[NAME_SIZE] = "";
	const int parts[] = {NID_commonName, NID_organizationName};

	for (size_t i = 0; word[0] == '\0' && i < sizeof(parts) / sizeof(parts[0]); i++)
		(void)X509_NAME_get_text_by_NID(name, parts[i], word, sizeof(word));
	(void)buffer_append_str(text, word[0] != '\0' ? word : "nobody named");
}

static void append_until(struct buffer *text, const X509 *certificate)
{
	char when[32];
	struct tm until;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &until) == 1 &&
	    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%SZ", &until) > 0)
		(void)buffer_printf(text, " until %s", when);
}

static void append_certificate(struct buffer *text, const X509 *certificate)
{
	(void)buffer_append_str(text, " certificate of ");
	append_name(text, X509_get_subject_name(certificate));
	(void)buffer_append_str(text, " by ");
	append_name(text, X509_get_issuer_name(certificate));
	append_until(text, certificate);
}

static enum outcome not_trusted(const SSL *ssl, long verdict, struct err *err)
{
	const STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	struct buffer text = BUFFER_INIT(4 * NAME_SIZE);

	if (sk_X509_num(chain) > 0)
		append_certificate(&text, sk_X509_value(chain, 0));
	(void)err_set(err, OUTCOME_CONFIG, "the server's certificate is not trusted: %s%s%s%s",
		      X509_verify_cert_error_string(verdict), text.len > 0 ? " (it is the" : "",
		      buffer_cstr(&text), text.len > 0 ? ")" : "");
	buffer_release(&text);
	return OUTCOME_CONFIG;
}

enum outcome probe_tls_failure(const SSL *ssl, int why, int number, struct err *err)
{
	long verdict = SSL_get_verify_result(ssl);
	unsigned long code = ERR_get_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	if (verdict != X509_V_OK)
		return not_trusted(ssl, verdict, err);
	if (why == SSL_ERROR_SSL && reason != NULL)
		return err_set(err, OUTCOME_RETRY, "TLS: %s", reason);
	if (why == SSL_ERROR_SYSCALL && number != 0)
		return err_set(err, OUTCOME_RETRY, "%s", strerror(number));
	return err_set(err, OUTCOME_RETRY, "the server closed the connection");
}

void probe_tls_describe(const SSL *ssl, struct buffer *text)
{
	X509 *certificate = SSL_get1_peer_certificate(ssl);

	(void)buffer_printf(text, "%s,", SSL_get_version(ssl));
	if (certificate != NULL)
		append_certificate(text, certificate);
	X509_free(certificate);
}
