/* SPDX-License-Identifier: MIT */
/*
 * introduce.h - what is said right after login and costs no round trip: who we are (ID, RFC 2971:
 * name and version, nothing about the system) and UTF8=ACCEPT (RFC 6855), where they are offered.
 *
 * CONDSTORE and QRESYNC are not enabled: they change what servers send, and nothing here reads it.
 */
#ifndef FETCH_AGENT_INTRODUCE_H
#define FETCH_AGENT_INTRODUCE_H

#include "fetch-agent/fetch-config.h"
#include "fetch-agent/imap/imap-capability.h"
#include "fetch-agent/imap/imap-session.h"

/* Can the section's folders not be named before the server has said how names are written? */
bool introduce_must_wait(const struct imap_capability *capability,
			 const struct fetch_source *source);

/*
 * Sets how the session encodes and sends what there is to send. done (NULL: nobody waits) is called
 * with ENABLE's answer, which may be NO; only with introduce_must_wait() can it be waited for.
 */
void introduce(struct imap_session *session, const struct imap_capability *capability,
	       imap_done_fn *done, void *ctx);

#endif
