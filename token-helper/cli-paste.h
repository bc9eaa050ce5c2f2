/* SPDX-License-Identifier: MIT */
/*
 * cli-paste.h - what somebody pastes from the address line of the browser's error page.
 *
 * A pure function of bytes. It decides only whether asking the daemon makes sense; the daemon reads
 * the redirect itself.
 */
#ifndef TOKEN_HELPER_CLI_PASTE_H
#define TOKEN_HELPER_CLI_PASTE_H

#include <stdbool.h>

#include "common/buffer.h"

enum paste {
	PASTE_EMPTY,	   /* nothing but spaces */
	PASTE_REDIRECT,	   /* has a code= or an error= */
	PASTE_SIGN_IN_URL, /* our own URL came back: nobody has signed in yet */
	PASTE_OTHER,
};

/* PASTE_REDIRECT: *redirect_out is the line without spaces, quotes and angle brackets around it.
 * Borrows from line. */
enum paste paste_parse(struct span line, struct span *redirect_out);

/* True when query has a parameter of that name: the part before '=', compared as it is written. */
bool query_has(struct span query, const char *name);

#endif
