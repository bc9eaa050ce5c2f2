/* SPDX-License-Identifier: MIT */
/*
 * scrub.h - text that may be shown to anybody: secrets are taken out, and who and where is replaced
 * by names that stay the same throughout: user1@domain1, id2, ip3.
 *
 * It is meant to take out too much rather than too little: a word that only looks like a token goes
 * too. Lines are looked at one by one.
 */
#ifndef TOKEN_HELPER_BUNDLE_SCRUB_H
#define TOKEN_HELPER_BUNDLE_SCRUB_H

#include "common/buffer.h"

struct scrub;

struct scrub *scrub_new(void);
void scrub_free(struct scrub *scrub);

/* A domain that is somebody's, also where it stands without an address before it. */
void scrub_know_domain(struct scrub *scrub, struct span domain);

/* A machine that is somebody's: its short name too, as a log has it. */
void scrub_know_host(struct scrub *scrub, struct span name);

/* Learns the domains of all addresses in text, so that they are known before they are met alone. */
void scrub_learn(struct scrub *scrub, struct span text);

/* Appends text, line by line, as it may be shown. */
void scrub_append(struct scrub *scrub, struct span text, struct buffer *out);

#endif
