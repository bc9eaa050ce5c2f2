/* SPDX-License-Identifier: MIT */
/*
 * tls-contexts.h - one TLS context for each file of authorities: the system's alone are a megabyte
 * when loaded, too much for every connection of a thousand.
 */
#ifndef FETCH_AGENT_NET_TLS_CONTEXTS_H
#define FETCH_AGENT_NET_TLS_CONTEXTS_H

#include <openssl/ssl.h>

#include "common/outcome.h"

struct tls_contexts;

struct tls_contexts *tls_contexts_new(void);
void tls_contexts_free(struct tls_contexts *contexts); /* NULL is nothing */

/* As tls_context_new(), a reference of the caller's: to be freed. */
SSL_CTX *tls_contexts_get(struct tls_contexts *contexts, const char *ca_file, struct err *err);
/* The files are read again for connections to come. */
void tls_contexts_forget(struct tls_contexts *contexts);

#endif
