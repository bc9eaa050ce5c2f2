/* SPDX-License-Identifier: MIT */
/* scrub.c - see scrub.h: line by line, and at each place of a line what scrub-text.h knows. */
#include "token-helper/bundle/scrub.h"

#include <ctype.h>

#include "common/scanner.h"
#include "token-helper/bundle/scrub-text.h"

#include "common/banned.h"

static bool begins_word(struct span text, size_t at)
{
	return at == 0 || !isalnum((unsigned char)text.ptr[at - 1]);
}

/* How much of the line was taken; 0: what stands there is harmless. The order matters: what is
 * certainly a secret comes before what only looks like one. */
static size_t take(struct scrub *scrub, struct span text, size_t at, struct buffer *out)
{
	size_t used = scrub_url_part(text, at, out);

	if (used == 0)
		used = scrub_userinfo(text, at, out);
	if (used == 0)
		used = scrub_map_password(text, at, out);
	if (used == 0 && begins_word(text, at)) {
		used = scrub_bearer(text, at, out);
		if (used == 0)
			used = scrub_named(text, at, out);
		if (used == 0)
			used = scrub_place(scrub, text, at, out);
		if (used == 0)
			used = scrub_guid(scrub, text, at, out);
		if (used == 0)
			used = scrub_address(scrub, text, at, out);
		if (used == 0)
			used = scrub_google_id(scrub, text, at, out);
		if (used == 0)
			used = scrub_ip(scrub, text, at, out);
		if (used == 0)
			used = scrub_known_domain(scrub, text, at, out);
		if (used == 0)
			used = scrub_known_host(scrub, text, at, out);
		if (used == 0)
			used = scrub_host(text, at, out);
		if (used == 0)
			used = scrub_opaque(text, at, out);
	}
	return used;
}

static void scrub_line(struct scrub *scrub, struct span line, struct buffer *out)
{
	size_t at = 0;

	while (at < line.len) {
		size_t used = take(scrub, line, at, out);

		if (used == 0) {
			(void)buffer_append_byte(out, line.ptr[at]);
			used = 1;
		}
		at += used;
	}
}

void scrub_append(struct scrub *scrub, struct span text, struct buffer *out)
{
	struct scanner scan = scanner_over(text);
	struct span line;

	while (scan_line(&scan, &line)) {
		scrub_line(scrub, line, out);
		(void)buffer_append_byte(out, '\n');
	}
}
