/* SPDX-License-Identifier: MIT */
/*
 * tls.h - TLS towards mail servers: 1.2 or newer, the certificate always verified, and against the
 * name that was dialled (RFC 8314 5.2, RFC 9525). There is no switch to turn that off; a server's
 * key may be demanded in addition, or instead.
 */
#ifndef FETCH_AGENT_NET_TLS_H
#define FETCH_AGENT_NET_TLS_H

#include <event2/buffer.h>
#include <openssl/ssl.h>
#include <stdbool.h>

#include "common/outcome.h"
#include "fetch-agent/net/tls-pin.h"

/* ca_file NULL: the system's authorities. NULL: err says why. The caller frees with SSL_CTX_free().
 */
SSL_CTX *tls_context_new(const char *ca_file, struct err *err);

/* Demands one of the pins of every server. Borrowed as long as the context lives. */
void tls_context_pin(SSL_CTX *context, struct tls_pins *pins);

/* A client session that expects host's certificate. NULL: err says why. */
SSL *tls_session_new(SSL_CTX *context, const char *host, struct err *err);

/*
 * OpenSSL reads ahead, as much as the socket has. A bufferevent takes one record at a time, and
 * would then wait for a socket that has no more to say: whoever was told of input, or enables
 * reading, takes the rest with this, record by record, into input. OUTCOME_OK: *more, if there was
 * a whole one. Else the connection is over, and err says why, as tls_failure() does.
 */
enum outcome tls_read_more(SSL *ssl, struct evbuffer *input, bool *more, struct err *err);

/*
 * Why a handshake or connection failed: the certificate's fault if it is that, else OpenSSL's words
 * for code (bufferevent_get_openssl_error()), else errno's for number (0: the peer closed it). ssl
 * may be NULL.
 */
enum outcome tls_failure(const SSL *ssl, unsigned long code, int number, struct err *err);

#endif
