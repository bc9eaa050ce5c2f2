/* SPDX-License-Identifier: MIT */
/*
 * address.h - the addresses of a header field, as much of RFC 5322 3.4 as an envelope needs.
 *
 * What comes out may stand between the angle brackets of an SMTP command: no control character, no
 * space, no comment, quotes only where RFC 5321 4.1.2 wants them. What could not is no address.
 */
#ifndef FETCH_AGENT_DELIVERY_ADDRESS_H
#define FETCH_AGENT_DELIVERY_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buffer.h"

#define ADDRESS_MAX 320 /* longer is no address */

/*
 * Walks the addresses of a field's value, groups' members among them: *at is 0 at first. *out is
 * overwritten: "" is "<>"; one without a domain is a user of the machine. What is no usable address
 * is passed over. False at the end.
 */
bool address_next(struct span value, size_t *at, struct buffer *out);
/* text is one address, alone. */
bool address_is_usable(const char *text);
/* Local part and domain; without '@' domain_out is empty. */
void address_split(const char *address, struct span *local_out, struct span *domain_out);

/* A word that may stand in a local part: every other character of text is '_', so is a dot at an
 * end or after a dot. */
void address_word(const char *text, struct buffer *out);

#endif
