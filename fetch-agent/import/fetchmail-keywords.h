/* SPDX-License-Identifier: MIT */
/*
 * fetchmail-keywords.h - the keywords of a .fetchmailrc: what follows each, where its value is
 * kept, and what is said of it. A new one is a row.
 */
#ifndef FETCH_AGENT_IMPORT_FETCHMAIL_KEYWORDS_H
#define FETCH_AGENT_IMPORT_FETCHMAIL_KEYWORDS_H

#include "common/buffer.h"

enum fetchmail_slot {
	SLOT_NONE, /* only said something of */
	SLOT_VIA,
	SLOT_PROTOCOL,
	SLOT_PORT,
	SLOT_AUTH,
	SLOT_TIMEOUT,
	SLOT_ENVELOPE,
	SLOT_QVIRTUAL,
	SLOT_LOCALDOMAINS,
	SLOT_INTERVAL,
	SLOT_PASSWORD,
	SLOT_FOLDER,
	SLOT_SMTPHOST,
	SLOT_LMTP,
	SLOT_SMTPADDRESS,
	SLOT_SMTPNAME,
	SLOT_MDA,
	SLOT_BSMTP,
	SLOT_LIMIT,
	SLOT_FETCHLIMIT,
	SLOT_SSL,
	SLOT_SSLPROTO,
	SLOT_CERTFILE,
	SLOT_KEEP,
	SLOT_FETCHALL,
	SLOT_IDLE,
	SLOT_INVISIBLE,
	SLOT_IDFILE,
	SLOT_COUNT,
};

enum fetchmail_shape {
	SHAPE_FLAG, /* nothing follows */
	SHAPE_ONE,
	SHAPE_LIST,
	SHAPE_ENVELOPE, /* a number, perhaps, and a header's name */
};

struct fetchmail_keyword {
	const char *name;
	enum fetchmail_shape shape;
	enum fetchmail_slot slot;
	const char *note;    /* NULL: it is carried over as it is */
	const char *no_note; /* the same for "no KEYWORD" */
};

/* Of a server or a user; after `set`. NULL: it is none. */
const struct fetchmail_keyword *fetchmail_keyword_find(struct span word);
const struct fetchmail_keyword *fetchmail_global_find(struct span word);

#endif
