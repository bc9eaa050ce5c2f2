/* SPDX-License-Identifier: MIT */
/*
 * imap-response.h - what a server can say, as types, and the small values within.
 *
 * Spans in a response borrow from the parser and are good until it is fed again. What the server
 * left out is 0 or empty; where that could be a value, `has` tells.
 */
#ifndef FETCH_AGENT_IMAP_IMAP_RESPONSE_H
#define FETCH_AGENT_IMAP_IMAP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"

enum imap_status {
	IMAP_STATUS_OK,
	IMAP_STATUS_NO,
	IMAP_STATUS_BAD,
	IMAP_STATUS_BYE,
	IMAP_STATUS_PREAUTH,
};

/* Response codes; the name on the wire is imap_code_name(). */
enum imap_code {
	IMAP_CODE_NONE,	   /* the text has no [code] */
	IMAP_CODE_UNKNOWN, /* one that is not listed: see code_name and args */
	IMAP_CODE_ALERT,
	IMAP_CODE_ALREADYEXISTS,
	IMAP_CODE_APPENDUID,
	IMAP_CODE_AUTHENTICATIONFAILED,
	IMAP_CODE_AUTHORIZATIONFAILED,
	IMAP_CODE_BADCHARSET,
	IMAP_CODE_BADEVENT,
	IMAP_CODE_CANNOT,
	IMAP_CODE_CAPABILITY, /* args: words for imap_capability_parse() */
	IMAP_CODE_CLIENTBUG,
	IMAP_CODE_CLOSED,
	IMAP_CODE_COMPRESSIONACTIVE,
	IMAP_CODE_CONTACTADMIN,
	IMAP_CODE_COPYUID,
	IMAP_CODE_CORRUPTION,
	IMAP_CODE_EXPIRED,
	IMAP_CODE_EXPUNGEISSUED,
	IMAP_CODE_HASCHILDREN,
	IMAP_CODE_HIGHESTMODSEQ, /* number */
	IMAP_CODE_INUSE,
	IMAP_CODE_LIMIT,
	IMAP_CODE_MAILBOXID,
	IMAP_CODE_MODIFIED,
	IMAP_CODE_NOMODSEQ,
	IMAP_CODE_NONEXISTENT,
	IMAP_CODE_NOPERM,
	IMAP_CODE_NOTIFICATIONOVERFLOW,
	IMAP_CODE_OVERQUOTA,
	IMAP_CODE_PARSE,
	IMAP_CODE_PERMANENTFLAGS, /* args: the words within the parentheses */
	IMAP_CODE_PRIVACYREQUIRED,
	IMAP_CODE_READ_ONLY,
	IMAP_CODE_READ_WRITE,
	IMAP_CODE_REFERRAL,
	IMAP_CODE_SERVERBUG,
	IMAP_CODE_THROTTLED,
	IMAP_CODE_TRYCREATE,
	IMAP_CODE_UIDNEXT, /* number */
	IMAP_CODE_UIDNOTSTICKY,
	IMAP_CODE_UIDVALIDITY, /* number */
	IMAP_CODE_UNAVAILABLE,
	IMAP_CODE_UNKNOWN_CTE,
	IMAP_CODE_UNSEEN, /* number */
	IMAP_CODE_WEBALERT,
};

enum imap_flag {
	IMAP_FLAG_SEEN = 1 << 0,
	IMAP_FLAG_ANSWERED = 1 << 1,
	IMAP_FLAG_FLAGGED = 1 << 2,
	IMAP_FLAG_DELETED = 1 << 3,
	IMAP_FLAG_DRAFT = 1 << 4,
	IMAP_FLAG_RECENT = 1 << 5,
	IMAP_FLAG_ANY = 1 << 6, /* \* among PERMANENTFLAGS: new keywords can be made */
};

enum imap_attribute { /* of a mailbox, in LIST */
		      IMAP_ATTRIBUTE_NOSELECT = 1 << 0,
		      IMAP_ATTRIBUTE_NONEXISTENT = 1 << 1, /* sets NOSELECT too (RFC 5258 3) */
		      IMAP_ATTRIBUTE_NOINFERIORS = 1 << 2,
		      IMAP_ATTRIBUTE_HASCHILDREN = 1 << 3,
		      IMAP_ATTRIBUTE_HASNOCHILDREN = 1 << 4,
		      IMAP_ATTRIBUTE_MARKED = 1 << 5,
		      IMAP_ATTRIBUTE_UNMARKED = 1 << 6,
		      IMAP_ATTRIBUTE_SUBSCRIBED = 1 << 7,
		      IMAP_ATTRIBUTE_REMOTE = 1 << 8,
		      IMAP_ATTRIBUTE_ALL = 1 << 9, /* SPECIAL-USE from here */
		      IMAP_ATTRIBUTE_ARCHIVE = 1 << 10,
		      IMAP_ATTRIBUTE_DRAFTS = 1 << 11,
		      IMAP_ATTRIBUTE_FLAGGED = 1 << 12,
		      IMAP_ATTRIBUTE_IMPORTANT = 1 << 13,
		      IMAP_ATTRIBUTE_INBOX = 1 << 14, /* XLIST */
		      IMAP_ATTRIBUTE_JUNK = 1 << 15,
		      IMAP_ATTRIBUTE_SENT = 1 << 16,
		      IMAP_ATTRIBUTE_TRASH = 1 << 17,
};

/*
 * Numbers as the server sent them, already checked: "1:5,7" or "1 2 3 5 7". Walk a copy with
 * imap_set_next(); an empty span is the empty set.
 */
struct imap_set {
	struct span text;
};

struct imap_text {
	enum imap_status status;
	enum imap_code code;
	struct span code_name; /* as sent; empty without a code */
	struct span args;      /* of the code, without the space before it; may be empty */
	uint64_t number;       /* where the code has one; 0 when the server's made no sense */
	struct span text;      /* for people, after the code; bytes: whatever the server said */
};

struct imap_list {
	unsigned attributes; /* enum imap_attribute */
	bool lsub;	     /* answer to LSUB: attributes mean less (RFC 3501 7.2.3) */
	char delimiter;	     /* '\0': the namespace is flat */
	struct span name;    /* as the server spells it, unquoted: give this back to it */
	struct span utf8;    /* for people and for patterns; the name itself when not decodable */
};

enum imap_mailbox_has {
	IMAP_MAILBOX_MESSAGES = 1 << 0,
	IMAP_MAILBOX_RECENT = 1 << 1,
	IMAP_MAILBOX_UIDNEXT = 1 << 2,
	IMAP_MAILBOX_UIDVALIDITY = 1 << 3,
	IMAP_MAILBOX_UNSEEN = 1 << 4,
	IMAP_MAILBOX_HIGHESTMODSEQ = 1 << 5,
	IMAP_MAILBOX_SIZE = 1 << 6,
	IMAP_MAILBOX_DELETED = 1 << 7,
};

struct imap_mailbox { /* answer to STATUS */
	struct span name;
	struct span utf8;
	unsigned has; /* enum imap_mailbox_has: which of these were sent */
	uint64_t messages, recent, uidnext, uidvalidity, unseen, highestmodseq, size, deleted;
};

enum imap_esearch_has {
	IMAP_ESEARCH_MIN = 1 << 0,
	IMAP_ESEARCH_MAX = 1 << 1,
	IMAP_ESEARCH_COUNT = 1 << 2,
	IMAP_ESEARCH_ALL = 1 << 3,
	IMAP_ESEARCH_MODSEQ = 1 << 4,
};

struct imap_search { /* SEARCH, ESEARCH; also SORT */
	bool more; /* a piece: the rest of this answer follows as further responses of this kind */
	bool uid;  /* ESEARCH: numbers are UIDs. SEARCH does not say */
	struct span tag;     /* ESEARCH: the command's, or empty */
	struct imap_set set; /* results; empty when there are none */
	unsigned has;	     /* enum imap_esearch_has; MODSEQ also with SEARCH */
	uint64_t min, max, count, modseq;
};

struct imap_vanished {
	bool more;
	bool earlier;	      /* answer to QRESYNC or UID FETCH ... VANISHED */
	struct imap_set uids; /* may name UIDs we never saw; ranges may be huge */
};

enum imap_fetch_has {
	IMAP_FETCH_UID = 1 << 0,
	IMAP_FETCH_FLAGS = 1 << 1,
	IMAP_FETCH_SIZE = 1 << 2,
	IMAP_FETCH_INTERNALDATE = 1 << 3, /* absent too when the date cannot be read */
	IMAP_FETCH_MODSEQ = 1 << 4,
	IMAP_FETCH_GM_MSGID = 1 << 5,
	IMAP_FETCH_EMAILID = 1 << 6,
};

struct imap_fetch {
	uint32_t seq;
	unsigned has; /* enum imap_fetch_has */
	uint32_t uid; /* 0: not sent */
	unsigned flags;
	struct span flag_words; /* all of them, for imap_word_next() */
	uint64_t size;		/* RFC822.SIZE: advice, Exchange estimates it */
	int64_t internaldate;	/* seconds since 1970 */
	uint64_t modseq;
	uint64_t gm_msgid;
	struct span emailid; /* RFC 8474 */
	size_t bodies;	     /* how many went to the body sink in this response */
};

enum imap_kind {
	IMAP_OTHER,	   /* untagged, nothing we use (NAMESPACE, QUOTA, ...); name and raw */
	IMAP_CONTINUATION, /* raw: what follows "+ ", base64 or text, may be empty */
	IMAP_TAGGED,	   /* tag, text */
	IMAP_CONDITION,	   /* untagged OK, NO, BAD, BYE, PREAUTH: text */
	IMAP_CAPABILITY,   /* raw: words for imap_capability_parse() */
	IMAP_ENABLED,	   /* raw: words */
	IMAP_FLAGS,	   /* flags; raw: words */
	IMAP_LIST,
	IMAP_MAILBOX, /* STATUS */
	IMAP_SEARCH,
	IMAP_ESEARCH, /* search */
	IMAP_EXISTS,  /* number */
	IMAP_RECENT,  /* number */
	IMAP_EXPUNGE, /* number */
	IMAP_VANISHED,
	IMAP_FETCH,
	IMAP_ID, /* raw: the list, or NIL; for the log */
};

/* All spans borrow from the parser and are good until it is fed again. */
struct imap_response {
	enum imap_kind kind;
	struct span tag;  /* IMAP_TAGGED */
	struct span name; /* untagged: the word that says what it is, as sent */
	struct span raw;  /* what follows the name, without the line end */
	union {
		struct imap_text text;
		unsigned flags; /* enum imap_flag */
		struct imap_list list;
		struct imap_mailbox mailbox;
		struct imap_search search;
		uint32_t number;
		struct imap_vanished vanished;
		struct imap_fetch fetch;
	};
};

/* The next range (first <= last), removed from *set; false at the end. */
bool imap_set_next(struct imap_set *set, uint32_t *first_out, uint32_t *last_out);

/* The next of words separated by spaces, removed from *words; false at the end. */
bool imap_word_next(struct span *words, struct span *word_out);

/* The flags among words (parentheses around them or not); keywords count for nothing. */
unsigned imap_flags_parse(struct span words);

/* "17-Jul-1996 02:44:25 -0700" to seconds since 1970. */
bool imap_date_parse(struct span text, int64_t *seconds_out);

const char *imap_status_name(enum imap_status status); /* "OK", ... */

/* The reverse, in any case; IMAP_CODE_UNKNOWN for what is not listed. */
enum imap_code imap_code_parse(struct span name);

const char *imap_code_name(enum imap_code code); /* "ALERT", ...; "" for NONE and UNKNOWN */

#endif
