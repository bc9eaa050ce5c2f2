/* SPDX-License-Identifier: MIT */
/* tls.c - see tls.h. */
#include "fetch-agent/net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/banned.h"

#define RECORD_MAX 16384 /* RFC 8446 5.1, plain */
#define AHEAD_MAX  32768 /* of which OpenSSL moves what is left for each record */

static bool pin_of(X509 *certificate, struct tls_pin *pin_out)
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	bool digested = len > 0 && SHA256(der, (size_t)len, pin_out->digest) != NULL;

	OPENSSL_free(der);
	return digested;
}

/* In place of X509_verify_cert(), which is asked all the same: the chain that it makes is what
 * tls_failure() looks at. */
static int verify_pinned(X509_STORE_CTX *store, void *context)
{
	const struct tls_pins *pins = context;
	int trusted = X509_verify_cert(store);
	struct tls_pin pin;

	if (trusted != 1 && !pins->only)
		return trusted;
	if (pin_of(X509_STORE_CTX_get0_cert(store), &pin) && tls_pins_have(pins, &pin)) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

void tls_context_pin(SSL_CTX *context, struct tls_pins *pins)
{
	SSL_CTX_set_cert_verify_callback(context, verify_pinned, pins);
}

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
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_default_read_buffer_len(context, AHEAD_MAX);
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

/* SSL_set_tlsext_host_name() without its cast, which drops a const: OpenSSL copies the name. */
static bool indicate_name(SSL *ssl, const char *host)
{
	return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
			(void *)(uintptr_t)host) == 1;
}

SSL *tls_session_new(SSL_CTX *context, const char *host, struct err *err)
{
	SSL *ssl = SSL_new(context);
	bool expected = false;

	if (ssl != NULL && is_address(host))
		expected = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	else if (ssl != NULL)
		expected = SSL_set1_host(ssl, host) == 1 && indicate_name(ssl, host);
	if (expected) {
		SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		return ssl;
	}
	(void)err_set(err, OUTCOME_CONFIG, "TLS: cannot expect the name %s", host);
	SSL_free(ssl);
	return NULL;
}

static enum outcome not_trusted(const SSL *ssl, long verdict, struct err *err)
{
	const STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	char text[TLS_PIN_TEXT] = "unknown";
	struct tls_pin pin;

	if (sk_X509_num(chain) > 0 && pin_of(sk_X509_value(chain, 0), &pin))
		tls_pin_format(&pin, text);
	if (verdict == X509_V_ERR_APPLICATION_VERIFICATION)
		return err_set(err, OUTCOME_CONFIG,
			       "the server's key is none of those under tls_pin: it is %s; ask who "
			       "runs the server before you add that",
			       text);
	return err_set(
		err, OUTCOME_CONFIG,
		"the server's certificate is not trusted: %s; if it should be, see ca_file and "
		"tls_pin (its key is %s)",
		X509_verify_cert_error_string(verdict), text);
}

enum outcome tls_failure(const SSL *ssl, unsigned long code, int number, struct err *err)
{
	long verdict = ssl != NULL ? SSL_get_verify_result(ssl) : X509_V_OK;
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

	if (verdict != X509_V_OK)
		return not_trusted(ssl, verdict, err);
	if (reason != NULL)
		return err_set(err, OUTCOME_RETRY, "TLS: %s", reason);
	return err_set(err, OUTCOME_RETRY, "%s",
		       number != 0 ? strerror(number) : "the server closed the connection");
}

enum outcome tls_read_more(SSL *ssl, struct evbuffer *input, bool *more, struct err *err)
{
	struct evbuffer_iovec space;
	int len, what, number;

	*more = false;
	if (!SSL_is_init_finished(ssl) || SSL_has_pending(ssl) != 1 ||
	    evbuffer_reserve_space(input, RECORD_MAX, &space, 1) != 1)
		return OUTCOME_OK;
	ERR_clear_error();
	errno = 0;
	len = SSL_read(ssl, space.iov_base, RECORD_MAX);
	number = errno;
	if (len > 0) {
		space.iov_len = (size_t)len;
		*more = evbuffer_commit_space(input, &space, 1) == 0;
		return OUTCOME_OK;
	}
	what = SSL_get_error(ssl, len);
	if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE)
		return OUTCOME_OK;
	return tls_failure(ssl, ERR_get_error(), what == SSL_ERROR_SYSCALL ? number : 0, err);
}
