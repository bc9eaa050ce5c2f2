/* SPDX-License-Identifier: MIT */
/* imap-capability.c - see imap-capability.h. */
#include "fetch-agent/imap/imap-capability.h"

#include <stddef.h>
#include <string.h>

#include "fetch-agent/imap/imap-response.h"

#include "common/banned.h"

#define COUNT(table)  (sizeof(table) / sizeof((table)[0]))
#define MECHANISM_MAX 20 /* RFC 4422 3.1 */

/* What IMAP4rev2 made part of the protocol (RFC 9051 appendix E). */
#define REV2_CONTAINS                                                                              \
	(IMAP_CAN_ENABLE | IMAP_CAN_IDLE | IMAP_CAN_NAMESPACE | IMAP_CAN_UIDPLUS |                 \
	 IMAP_CAN_UNSELECT | IMAP_CAN_MOVE | IMAP_CAN_ESEARCH | IMAP_CAN_SPECIAL_USE |             \
	 IMAP_CAN_LIST_EXTENDED | IMAP_CAN_LIST_STATUS | IMAP_CAN_LITERAL_MINUS |                  \
	 IMAP_CAN_STATUS_SIZE)

static const struct {
	const char *word;
	uint32_t can;
} words_known[] = {
	{"IMAP4rev1", IMAP_CAN_IMAP4REV1},
	{"IMAP4rev2", IMAP_CAN_IMAP4REV2 | IMAP_CAN_SASL_IR},
	{"STARTTLS", IMAP_CAN_STARTTLS},
	{"SASL-IR", IMAP_CAN_SASL_IR},
	{"LOGINDISABLED", IMAP_CANNOT_LOGIN},
	{"ID", IMAP_CAN_ID},
	{"ENABLE", IMAP_CAN_ENABLE},
	{"IDLE", IMAP_CAN_IDLE},
	{"NOTIFY", IMAP_CAN_NOTIFY},
	{"NAMESPACE", IMAP_CAN_NAMESPACE},
	{"UIDPLUS", IMAP_CAN_UIDPLUS},
	{"UNSELECT", IMAP_CAN_UNSELECT},
	{"MOVE", IMAP_CAN_MOVE},
	{"CONDSTORE", IMAP_CAN_CONDSTORE},
	{"QRESYNC", IMAP_CAN_QRESYNC | IMAP_CAN_CONDSTORE},
	{"ESEARCH", IMAP_CAN_ESEARCH},
	{"SPECIAL-USE", IMAP_CAN_SPECIAL_USE},
	{"LIST-EXTENDED", IMAP_CAN_LIST_EXTENDED},
	{"LIST-STATUS", IMAP_CAN_LIST_STATUS},
	{"LITERAL+", IMAP_CAN_LITERAL_PLUS},
	{"LITERAL-", IMAP_CAN_LITERAL_MINUS},
	{"COMPRESS=DEFLATE", IMAP_CAN_COMPRESS_DEFLATE},
	{"UTF8=ACCEPT", IMAP_CAN_UTF8_ACCEPT},
	{"UTF8=ONLY", IMAP_CAN_UTF8_ACCEPT | IMAP_CAN_UTF8_ONLY},
	{"BINARY", IMAP_CAN_BINARY},
	{"OBJECTID", IMAP_CAN_OBJECTID},
	{"X-GM-EXT-1", IMAP_CAN_X_GM_EXT_1},
	{"STATUS=SIZE", IMAP_CAN_STATUS_SIZE},
	{"PARTIAL", IMAP_CAN_PARTIAL},
};

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool is_mechanism_byte(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static void add_mechanism(struct imap_capability *cap, struct span name)
{
	size_t used = strlen(cap->mechanisms);

	if (name.len == 0 || name.len > MECHANISM_MAX ||
	    used + 1 + name.len + 1 > sizeof(cap->mechanisms))
		return;
	for (size_t i = 0; i < name.len; i++) {
		if (!is_mechanism_byte(upper(name.ptr[i])))
			return;
	}
	if (used > 0)
		cap->mechanisms[used++] = ' ';
	for (size_t i = 0; i < name.len; i++)
		cap->mechanisms[used++] = upper(name.ptr[i]);
	cap->mechanisms[used] = '\0';
}

struct imap_capability imap_capability_parse(struct span words)
{
	struct imap_capability cap = {.can = 0};
	struct span word;

	while (imap_word_next(&words, &word)) {
		if (word.len > 5 && span_equals_nocase((struct span){word.ptr, 5}, "AUTH=")) {
			add_mechanism(&cap, (struct span){word.ptr + 5, word.len - 5});
			continue;
		}
		for (size_t i = 0; i < COUNT(words_known); i++) {
			if (span_equals_nocase(word, words_known[i].word))
				cap.can |= words_known[i].can;
		}
	}
	if ((cap.can & IMAP_CAN_IMAP4REV2) != 0 && (cap.can & IMAP_CAN_IMAP4REV1) == 0)
		cap.can |= REV2_CONTAINS;
	return cap;
}

bool imap_capability_has_mechanism(const struct imap_capability *cap, const char *mechanism)
{
	struct span words = span_from_str(cap->mechanisms);
	struct span word;

	while (imap_word_next(&words, &word)) {
		if (span_equals(word, mechanism))
			return true;
	}
	return false;
}
