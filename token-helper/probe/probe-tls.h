/* SPDX-License-Identifier: MIT */
/* probe-tls.h - TLS 1.2 or newer with the system's authorities, and what can be said of it. */
#ifndef TOKEN_HELPER_PROBE_PROBE_TLS_H
#define TOKEN_HELPER_PROBE_PROBE_TLS_H

#include <openssl/ssl.h>

#include "common/buffer.h"
#include "common/outcome.h"

/* A client session on fd that expects host's certificate. Gives both. */
enum outcome probe_tls_new(const char *host, int fd, SSL_CTX **context_out, SSL **ssl_out,
			   struct err *err);

/* After SSL_get_error() said why, and errno was number. OUTCOME_CONFIG: the certificate's fault. */
enum outcome probe_tls_failure(const SSL *ssl, int why, int number, struct err *err);

/* "TLSv1.3, certificate of smtp.example by Example CA until 2027-01-02 03:04:05Z" */
void probe_tls_describe(const SSL *ssl, struct buffer *text);

#endif
