/* SPDX-License-Identifier: MIT */
/*
 * fake-http.h - a server on loopback that says what a test tells it to, in a child process.
 *
 * For what real authorization servers do not do on demand. Each connection is read until its
 * request is complete, the request is handed to the test, and then the script is played.
 */
#ifndef TESTS_TOKEN_HELPER_FAKE_HTTP_H
#define TESTS_TOKEN_HELPER_FAKE_HTTP_H

#include <stddef.h>
#include <sys/types.h>

enum fake_http_manner {
	FAKE_HTTP_SEND,	   /* the text, then close */
	FAKE_HTTP_TRICKLE, /* the text, a byte every 20 ms */
	FAKE_HTTP_FLOOD,   /* the text, then 64 MiB of 'x' */
	FAKE_HTTP_SILENCE, /* nothing, for ever */
	FAKE_HTTP_TLS,	   /* `openssl s_server` with a certificate of its own for localhost, which
			      sends the text */
};

struct fake_http {
	pid_t pid;
	int port;
	int requests;	  /* read end: what clients sent */
	char ca_file[64]; /* TLS: the certificate */
};

/* text: borrowed until the fork. */
void fake_http_start(struct fake_http *fake, enum fake_http_manner manner, const char *text);

/* All requests since the start, as one NUL-terminated text; ends the server. Gives. */
char *fake_http_stop(struct fake_http *fake);

#endif
