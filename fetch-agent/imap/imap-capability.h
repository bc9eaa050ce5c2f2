/* SPDX-License-Identifier: MIT */
/*
 * imap-capability.h - what a server says it can do.
 *
 * Words are compared whole and without case. What is learned before STARTTLS or before login is
 * forgotten there (RFC 3501 6.2.1): make a new struct, do not add to an old one.
 */
#ifndef FETCH_AGENT_IMAP_IMAP_CAPABILITY_H
#define FETCH_AGENT_IMAP_IMAP_CAPABILITY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"

enum imap_can {
	IMAP_CAN_IMAP4REV1 = 1 << 0,
	IMAP_CAN_IMAP4REV2 = 1 << 1,
	IMAP_CAN_STARTTLS = 1 << 2,
	IMAP_CAN_SASL_IR = 1 << 3,
	IMAP_CAN_ID = 1 << 4,
	IMAP_CAN_ENABLE = 1 << 5,
	IMAP_CAN_IDLE = 1 << 6,
	IMAP_CAN_NOTIFY = 1 << 7,
	IMAP_CAN_NAMESPACE = 1 << 8,
	IMAP_CAN_UIDPLUS = 1 << 9,
	IMAP_CAN_UNSELECT = 1 << 10,
	IMAP_CAN_MOVE = 1 << 11,
	IMAP_CAN_CONDSTORE = 1 << 12,
	IMAP_CAN_QRESYNC = 1 << 13, /* has CONDSTORE set too (RFC 7162 3.2.3) */
	IMAP_CAN_ESEARCH = 1 << 14,
	IMAP_CAN_SPECIAL_USE = 1 << 15,
	IMAP_CAN_LIST_EXTENDED = 1 << 16,
	IMAP_CAN_LIST_STATUS = 1 << 17,
	IMAP_CAN_LITERAL_PLUS = 1 << 18,
	IMAP_CAN_LITERAL_MINUS = 1 << 19,
	IMAP_CAN_COMPRESS_DEFLATE = 1 << 20,
	IMAP_CAN_UTF8_ACCEPT = 1 << 21, /* also by UTF8=ONLY */
	IMAP_CAN_UTF8_ONLY = 1 << 22,
	IMAP_CAN_BINARY = 1 << 23,
	IMAP_CAN_OBJECTID = 1 << 24,
	IMAP_CAN_X_GM_EXT_1 = 1 << 25,
	IMAP_CAN_STATUS_SIZE = 1 << 26,
	IMAP_CAN_PARTIAL = 1 << 27,
	IMAP_CANNOT_LOGIN = 1 << 28, /* LOGINDISABLED */
};

#define IMAP_MECHANISMS_MAX 512

struct imap_capability {
	uint32_t can; /* enum imap_can */
	/* AUTH= words in the server's order, upper case, one space between: for
	 * sasl_client_start(). A word that does not fit or is no mechanism name (RFC 4422 3.1) is
	 * left out. */
	char mechanisms[IMAP_MECHANISMS_MAX];
};

/*
 * words: of the response CAPABILITY, its response code, or ENABLED. IMAP4rev2 brings SASL-IR, and,
 * where IMAP4rev1 is not offered beside it, all that rev2 contains.
 */
struct imap_capability imap_capability_parse(struct span words);

/* Is mechanism (upper case) among those offered? */
bool imap_capability_has_mechanism(const struct imap_capability *cap, const char *mechanism);

#endif
