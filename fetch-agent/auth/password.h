/* SPDX-License-Identifier: MIT */
/*
 * password.h - a password from a file, or from what a program prints. Asynchronous.
 *
 * It is read anew for every login, so that a changed one needs no restart. A program is run without
 * a shell; its first line is the password; what it says on stderr goes where ours goes.
 */
#ifndef FETCH_AGENT_AUTH_PASSWORD_H
#define FETCH_AGENT_AUTH_PASSWORD_H

#include <event2/event.h>

#include "common/config.h"
#include "common/deadline.h"

#define PASSWORD_MAX 4096

struct password_ask;

/* OUTCOME_OK: *password may be moved away. Else it is empty; err says what to do. Called once, from
 * the event loop; the ask is gone when it returns. */
typedef void password_done_fn(void *ctx, enum outcome what, struct buffer *password,
			      const struct err *err);

/* file, or else command (borrowed until done). */
struct password_ask *password_get(struct event_base *base, const char *file,
				  const struct words *command, struct deadline deadline,
				  password_done_fn *done, void *ctx);
void password_cancel(struct password_ask *ask); /* NULL is nothing */

#endif
