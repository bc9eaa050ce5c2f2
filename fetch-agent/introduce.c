/* SPDX-License-Identifier: MIT */
/* introduce.c - see introduce.h. */
#include "fetch-agent/introduce.h"

#include "common/banned.h"

static enum imap_literals literals_of(const struct imap_capability *capability)
{
	if ((capability->can & IMAP_CAN_LITERAL_PLUS) != 0)
		return IMAP_LITERALS_PLUS;
	return (capability->can & IMAP_CAN_LITERAL_MINUS) != 0 ? IMAP_LITERALS_MINUS
							       : IMAP_LITERALS_SYNC;
}

static bool enables_utf8(const struct imap_capability *capability)
{
	return (capability->can & IMAP_CAN_UTF8_ACCEPT) != 0 &&
	       (capability->can & IMAP_CAN_ENABLE) != 0;
}

/* Is it written alike in modified UTF-7 and in UTF-8? */
static bool is_plain(const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name == '&' || (unsigned char)*name >= 0x80)
			return false;
	}
	return true;
}

bool introduce_must_wait(const struct imap_capability *capability,
			 const struct fetch_source *source)
{
	if (!enables_utf8(capability))
		return false;
	for (size_t i = 0; i < source->folders.count; i++) {
		if (!is_plain(source->folders.word[i]))
			return true;
	}
	return false;
}

static void nobody_waits(void *ctx, const struct imap_text *result)
{
	(void)ctx;
	(void)result;
}

void introduce(struct imap_session *session, const struct imap_capability *capability,
	       imap_done_fn *done, void *ctx)
{
	imap_session_set_encoding(session, literals_of(capability), false);
	if ((capability->can & IMAP_CAN_ID) != 0)
		imap_session_say(session,
				 "ID (\"name\" \"mailoauth-fetch\" \"version\" \"" PACKAGE_VERSION
				 "\")",
				 nobody_waits, NULL);
	if (enables_utf8(capability)) /* the session heeds the answer */
		imap_session_say(session, "ENABLE UTF8=ACCEPT", done != NULL ? done : nobody_waits,
				 ctx);
}
