/* SPDX-License-Identifier: MIT */
/*
 * tls-server.h - the server's side of TLS for tests: a key, and a certificate for some names that
 * is its own authority, good for an hour around now.
 */
#ifndef TESTS_FETCH_AGENT_TLS_SERVER_H
#define TESTS_FETCH_AGENT_TLS_SERVER_H

#include <openssl/ssl.h>

/* Writes the certificate to ca_file, a template of mkstemp(3), which the caller unlinks. names as
 * in x509v3_config(5): "DNS:mail.example.test,IP:127.0.0.1". The caller frees with SSL_CTX_free().
 */
SSL_CTX *tls_server_new(const char *names, char *ca_file);

#endif
