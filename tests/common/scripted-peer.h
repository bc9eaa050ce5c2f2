/* SPDX-License-Identifier: MIT */
/*
 * scripted-peer.h - a process that plays mailoauthd, line by line as the test says.
 *
 * Each connection plays the next act of the script; the last act is played for ever. What it was
 * asked can be read back.
 */
#ifndef TESTS_COMMON_SCRIPTED_PEER_H
#define TESTS_COMMON_SCRIPTED_PEER_H

#include <stddef.h>

#include "tests/common/peer-process.h"

enum peer_manner {
	PEER_SAY,	 /* reads a request, sends the bytes, waits for the other side to hang up */
	PEER_SAY_AND_GO, /* reads a request, sends the bytes, hangs up */
	PEER_DRIP,	 /* as PEER_SAY, one byte a write */
	PEER_SLAM,	 /* hangs up at once, without reading */
};

struct peer_act {
	enum peer_manner manner;
	const char *bytes; /* sent as they are; NULL: nothing */
	size_t len;	   /* 0: strlen(bytes) */
};

struct scripted_peer {
	struct peer_process process;
	int requests; /* what the peer was asked comes out here, one netstring after the other */
};

/* acts: borrowed until the fork. Exits the test program when the system does not play along. */
void peer_start(struct scripted_peer *peer, const struct peer_act *acts, size_t count);
void peer_stop(struct scripted_peer *peer);

/* The next request's payload, a string to be freed; NULL when none comes within ms. */
char *peer_request(const struct scripted_peer *peer, int ms);

/* "LEN:payload," as a string to be freed. */
char *peer_netstring(const char *payload);

#endif
