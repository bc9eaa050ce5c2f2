/* SPDX-License-Identifier: MIT */
/* tls-contexts.c - see tls-contexts.h. */
#include "fetch-agent/net/tls-contexts.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "fetch-agent/net/tls.h"

#include "common/banned.h"

struct known {
	char *ca_file; /* "": the system's */
	SSL_CTX *context;
};

struct tls_contexts {
	struct known *known;
	size_t count;
};

struct tls_contexts *tls_contexts_new(void)
{
	return xcalloc(1, sizeof(struct tls_contexts));
}

void tls_contexts_forget(struct tls_contexts *contexts)
{
	for (size_t i = 0; i < contexts->count; i++) {
		free(contexts->known[i].ca_file);
		SSL_CTX_free(contexts->known[i].context);
	}
	free(contexts->known);
	*contexts = (struct tls_contexts){0};
}

void tls_contexts_free(struct tls_contexts *contexts)
{
	if (contexts == NULL)
		return;
	tls_contexts_forget(contexts);
	free(contexts);
}

static void remember(struct tls_contexts *contexts, const char *ca_file, SSL_CTX *context)
{
	contexts->known =
		xreallocarray(contexts->known, contexts->count + 1, sizeof(*contexts->known));
	contexts->known[contexts->count++] = (struct known){xstrdup(ca_file), context};
}

SSL_CTX *tls_contexts_get(struct tls_contexts *contexts, const char *ca_file, struct err *err)
{
	const char *name = ca_file != NULL ? ca_file : "";
	SSL_CTX *context = NULL;

	for (size_t i = 0; i < contexts->count && context == NULL; i++) {
		if (strcmp(contexts->known[i].ca_file, name) == 0)
			context = contexts->known[i].context;
	}
	if (context == NULL) {
		context = tls_context_new(ca_file, err);
		if (context == NULL)
			return NULL;
		remember(contexts, name, context);
	}
	(void)SSL_CTX_up_ref(context);
	return context;
}
