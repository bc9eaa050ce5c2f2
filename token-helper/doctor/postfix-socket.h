/* SPDX-License-Identifier: MIT */
/* postfix-socket.h - the daemon's socket as a service of Postfix sees it, and what to do when it
 * does not see one. */
#ifndef TOKEN_HELPER_DOCTOR_POSTFIX_SOCKET_H
#define TOKEN_HELPER_DOCTOR_POSTFIX_SOCKET_H

#include "common/buffer.h"
#include "common/config.h"
#include "common/outcome.h"
#include "token-helper/postfix/postfix.h"

/* What makes the unit for Postfix's usual chroot listen. */
#define POSTFIX_SOCKET_START                                                                       \
	"systemctl enable mailoauthd-postfix.socket && systemctl stop mailoauthd && systemctl "    \
	"start mailoauthd-postfix.socket mailoauthd"

/* As jail_try() says it, of the service's process. Only for root. */
enum outcome postfix_socket_try(const struct postfix *postfix,
				const struct postfix_service *service, struct err *err);

/*
 * What makes the socket reachable for the service: appends a command, or advice in words where it
 * takes an editor. listens: [daemon]'s socket in the configuration at conf.
 */
void postfix_socket_remedy(const struct postfix *postfix, const struct postfix_service *service,
			   const struct words *listens, const char *conf, struct buffer *command,
			   struct buffer *advice);

/* " in the chroot DIR", or "". Returns text. */
const char *postfix_socket_where(const struct postfix *postfix,
				 const struct postfix_service *service, char *text, size_t size);

#endif
