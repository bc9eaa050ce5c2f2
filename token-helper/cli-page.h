/* SPDX-License-Identifier: MIT */
/*
 * cli-page.h - the pages that the browser sees at the end of an authorization.
 *
 * Plain HTML that a screen reader reads well: no script, one small style that follows the system's
 * light or dark, nothing loaded from anywhere. Every word that is not ours is escaped. None has a
 * secret in it.
 */
#ifndef TOKEN_HELPER_CLI_PAGE_H
#define TOKEN_HELPER_CLI_PAGE_H

#include <stdbool.h>

#include "common/buffer.h"

#define PAGE_MAX 65536

/* What an authorization came to. Strings are borrowed. */
struct authorized {
	const char *account;
	const char *identity; /* NULL: the provider does not say who signed in */
	const char *scope;    /* NULL: unknown */
	const char *until;    /* the access token's expiry, in words; NULL: unknown */
	bool refresh_token;   /* false: it will not last */
};

/* The Content-Security-Policy under which the pages look as they should: their style, by its hash,
 * and nothing else. */
void page_append_policy(struct buffer *out);

/* Appends str with & < > " ' escaped and control characters as U+FFFD. */
void page_append_escaped(struct buffer *html, const char *str);

void page_success(struct buffer *html, const struct authorized *done);

/* Why an authorization did not come about. Strings are borrowed. */
struct unauthorized {
	const char *account;
	const char *why;     /* as on the terminal; a command after "; run: " stands by itself */
	const char *meaning; /* of its diagnosis; NULL: none */
	const char *remedy;  /* NULL: none */
	bool waiting; /* the authorization goes on: this page may be followed by a good one */
};

void page_failure(struct buffer *html, const struct unauthorized *failure);

/* The redirect's path without a redirect, another path, another method. */
void page_not_here(struct buffer *html);

/* A redirect after the one that counted. */
void page_over(struct buffer *html);

#endif
