/* SPDX-License-Identifier: MIT */
/*
 * helper-protocol.h - the words on mailoauthd's sockets, both directions.
 *
 * Guest half: libc only. Normative text: token-helper/PROTOCOL.md. Framing and replies are
 * Postfix's socketmap protocol (socketmap_table(5)): netstrings that hold "name SP key" and "STATUS
 * SP text". Inside, requests and successful replies are fields: "key=value key=value", values
 * percent-encoded. The parsers are pure functions of bytes and keep no state.
 */
#ifndef COMMON_HELPER_PROTOCOL_H
#define COMMON_HELPER_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/outcome.h"

#define HELPER_REQUEST_MAX 16384  /* bytes of a request's payload */
#define HELPER_REPLY_MAX   100000 /* bytes of a reply's payload: what Postfix accepts */
#define HELPER_TOKEN_MAX   9000	  /* bytes of an access token that fits every server's AUTH line */
#define HELPER_VERB_MAX	   32

/* Netstrings ---------------------------------------------------------------------------------- */

enum parse {
	PARSE_DONE,
	PARSE_MORE, /* nothing consumed: call again with more bytes */
	PARSE_BAD,  /* never becomes valid: close the connection */
};

/*
 * "LEN:payload," at the start of bytes (https://cr.yp.to/proto/netstrings.txt). LEN has no leading
 * zeros and is at most max_payload. On PARSE_DONE *payload_out borrows from bytes and *consumed_out
 * counts the whole netstring.
 */
enum parse netstring_parse(struct span bytes, size_t max_payload, struct span *payload_out,
			   size_t *consumed_out);
bool netstring_append(struct buffer *out, struct span payload);

/* Fields -------------------------------------------------------------------------------------- */

/*
 * Appends " key=value", or "key=value" at the start of an empty buffer. Bytes of the value outside
 * printable ASCII, and '%' and ' ', become %XX. key: [a-z_]+, the caller's own literal.
 */
bool fields_append(struct buffer *out, const char *key, struct span value);
bool fields_append_str(struct buffer *out, const char *key, const char *value);
bool fields_append_int(struct buffer *out, const char *key, int64_t value);

/* The decoded value of the first `key` in fields. False: no such key, or its value is malformed or
 * longer than value_out's ceiling. An empty value is a value. value_out is replaced; keeps its
 * secrecy. */
bool fields_get(struct span fields, const char *key, struct buffer *value_out);

/* The same for a decimal number 0..max. */
bool fields_get_u64(struct span fields, const char *key, uint64_t max, uint64_t *out);

/* True when bytes are well-formed fields: unique keys of [a-z_]{1,32}, at most 32 of them, valid
 * escapes. "" is. */
bool fields_valid(struct span fields);

/* Requests ------------------------------------------------------------------------------------ */

struct helper_request {
	struct span verb; /* [a-z-]{1,HELPER_VERB_MAX}: a map name, to Postfix */
	struct span key;  /* fields, or for "login" a plain lookup key; may be empty */
};

/* Splits a request's payload at the first space. False when malformed. Borrows. */
bool helper_request_parse(struct span payload, struct helper_request *out);

/* Replies ------------------------------------------------------------------------------------- */

enum helper_status {
	HELPER_OK,
	HELPER_NOTFOUND,
	HELPER_TEMP, /* also "TIMEOUT" */
	HELPER_PERM,
};

struct helper_reply {
	enum helper_status status;
	enum outcome outcome; /* OK: OUTCOME_OK; TEMP, PERM: from the reason's first word, else
				 RETRY, CONFIG */
	struct span text; /* OK: the data. TEMP, PERM: the line for people, without the outcome's
			     word */
};

/* False when malformed. Borrows. */
bool helper_reply_parse(struct span payload, struct helper_reply *out);

/* The payload of a failure: "TEMP retry TEXT" for OUTCOME_RETRY and OUTCOME_NOMEM, "PERM <outcome>
 * TEXT" else. */
bool helper_reply_append_failure(struct buffer *out, enum outcome what, const char *text);

/* Fingerprints -------------------------------------------------------------------------------- */

/*
 * FNV-1a, 64 bits: says "the token that you gave me" in a report about it without repeating the
 * token. Not a cryptographic hash and not used as one: a peer that lies about it can only make the
 * daemon refresh, which is rate-limited.
 */
uint64_t token_fingerprint(struct span token);

/* RFC 6750 2.1 b64token, at most HELPER_TOKEN_MAX bytes, at least 1. */
bool token_is_valid(struct span token);

#endif
