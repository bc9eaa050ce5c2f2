/* SPDX-License-Identifier: MIT */
/*
 * scrub-text.h - what stands at one place of a line, and is not to be seen: secrets, which go, and
 * names, which become a kind and a number.
 *
 * Each scrub_WHAT() looks at what begins at `at`, appends what is to stand there, and gives how
 * many bytes of the text that was for; 0: it is none of that, and nothing was appended. In which
 * order they are asked is for scrub.c.
 */
#ifndef TOKEN_HELPER_BUNDLE_SCRUB_TEXT_H
#define TOKEN_HELPER_BUNDLE_SCRUB_TEXT_H

#include "token-helper/bundle/scrub.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

bool scrub_is_host_char(char c);

/* How many characters from at on are of that sort. */
size_t scrub_run(struct span text, size_t at, bool (*is)(char c));
bool scrub_starts(struct span text, size_t at, const char *word); /* in any case */

/* Secrets: scrub-secrets.c. */
size_t scrub_url_part(struct span text, size_t at, struct buffer *out); /* behind "?" or "#" */
size_t scrub_userinfo(struct span text, size_t at, struct buffer *out); /* "://WHO@" */
size_t scrub_map_password(struct span text, size_t at, struct buffer *out);
size_t scrub_bearer(struct span text, size_t at, struct buffer *out);
size_t scrub_named(struct span text, size_t at,
		   struct buffer *out); /* a name says that it is one */
size_t scrub_opaque(struct span text, size_t at, struct buffer *out); /* it looks like one */
size_t scrub_password_behind(struct span text, size_t at, struct buffer *out); /* an address */

/* No secret, though it may look like one: it stays as it is. */
size_t scrub_host(struct span text, size_t at, struct buffer *out);

/* Names: scrub-names.c. */
size_t scrub_place(struct scrub *scrub, struct span text, size_t at, struct buffer *out);
size_t scrub_guid(struct scrub *scrub, struct span text, size_t at, struct buffer *out);
size_t scrub_address(struct scrub *scrub, struct span text, size_t at, struct buffer *out);
size_t scrub_google_id(struct scrub *scrub, struct span text, size_t at, struct buffer *out);
size_t scrub_ip(struct scrub *scrub, struct span text, size_t at, struct buffer *out);
size_t scrub_known_domain(struct scrub *scrub, struct span text, size_t at, struct buffer *out);
size_t scrub_known_host(struct scrub *scrub, struct span text, size_t at, struct buffer *out);

#endif
