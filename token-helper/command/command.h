/* SPDX-License-Identifier: MIT */
/*
 * command.h - runs a program of the administrator's and takes what it prints: a secret, an
 * assertion.
 *
 * Without a shell, in a process group of its own, with nothing on standard input unless it is given
 * something to read, beside the event loop. What it prints has a ceiling, how long it runs a
 * deadline; past either its whole group is killed. It inherits our environment but for what systemd
 * meant for us alone.
 */
#ifndef TOKEN_HELPER_COMMAND_COMMAND_H
#define TOKEN_HELPER_COMMAND_COMMAND_H

#include "common/buffer.h"
#include "common/config.h"
#include "common/outcome.h"

#define COMMAND_COMPLAINT_MAX 512 /* bytes of standard error that are kept */

struct command;
struct event_base;

struct command_result {
	enum outcome outcome;  /* OK: output is not empty. CONFIG: it cannot be started. RETRY:
				  anything else, whatever it is may pass */
	struct err err;	       /* not OK: the program and what became of it; nothing it printed */
	struct buffer *output; /* secret; standard output without the newline at its end; borrowed,
				  may be moved out */
	struct span complaint; /* the start of standard error; borrowed. A stranger's words */
};

typedef void command_done_fn(void *context, struct command_result *result);

/* Never NULL; done is called later, from the loop, once; the command is then gone. argv (borrowed
 * for the call): the first word is a path. output_max 0: what it prints is of no interest, and it
 * may print nothing. */
struct command *command_run(struct event_base *base, const struct words *argv, size_t output_max,
			    int64_t timeout_ms, command_done_fn *done, void *context);
/* The same, with input (borrowed for the call; no secret: it goes through a file in memory) to
 * read. */
struct command *command_feed(struct event_base *base, const struct words *argv, struct span input,
			     int64_t timeout_ms, command_done_fn *done, void *context);
void command_cancel(struct command *command); /* kills; done is not called; NULL is fine */

#endif
