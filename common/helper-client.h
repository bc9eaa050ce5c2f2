/* SPDX-License-Identifier: MIT */
/*
 * helper-client.h - one question to mailoauthd, one answer, under one deadline.
 *
 * Guest half: libc only, no state, no SIGPIPE, every descriptor close-on-exec and gone on return.
 * Blocking (poll(2) under the deadline): for the plugin and the command-line tool. The fetch agent
 * has its own asynchronous client.
 */
#ifndef COMMON_HELPER_CLIENT_H
#define COMMON_HELPER_CLIENT_H

#include "common/buffer.h"
#include "common/deadline.h"
#include "common/outcome.h"

/*
 * Where the daemon listens, in the order in which they are tried:
 * $queue_directory/private/mailoauth as seen from inside Postfix's jail, and the system socket. The
 * first that exists is used: a socket that refuses the connection is an error, not a reason to go
 * on.
 */
#define HELPER_SOCKET_IN_JAIL "/private/mailoauth"
/* HELPER_SOCKET_SYSTEM is set by the build: RUNSTATEDIR/mailoauth/socket */

/* Socket paths, NULL-terminated; borrows. */
struct helper_client {
	const char *const *sockets;
	bool bare; /* errors say what is wrong, and not what to type: the caller knows that better
		    */
};

/* The two compiled-in places. */
extern const struct helper_client helper_client_default;

/*
 * Sends the request (payload, not yet framed) and waits for the reply's payload, which replaces
 * *reply (its ceiling and secrecy are the caller's; HELPER_REPLY_MAX suffices). The reply is not
 * interpreted: helper_reply_parse() does that.
 *
 * OUTCOME_OK; OUTCOME_RETRY: nobody listens, no answer before the deadline, connection lost (err
 * names the socket, and what to look at); OUTCOME_DENIED: the socket may not be opened by this
 * user; OUTCOME_PROTOCOL: what answers there is not mailoauthd; OUTCOME_CONFIG: a socket's path is
 * too long for the system; OUTCOME_NOMEM. On failure *reply is as it was.
 */
enum outcome helper_client_call(const struct helper_client *client, struct span request,
				struct deadline deadline, struct buffer *reply, struct err *err);

#endif
