/* SPDX-License-Identifier: MIT */
/*
 * cli-stage.h - runs the real mailoauth while the test plays the daemon on one side and the browser
 * on the other.
 *
 * One process, no threads, no sleeping: each step waits for what must come next, under one
 * deadline, and fails the test when something else comes.
 */
#ifndef TESTS_TOKEN_HELPER_CLI_STAGE_H
#define TESTS_TOKEN_HELPER_CLI_STAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/buffer.h"
#include "common/deadline.h"

struct stage {
	char dir[64];
	char socket[96];
	int listener; /* the daemon's */
	int call;     /* the request being answered; -1: none */
	pid_t tool;
	int in, out, err;		/* the tool's standard streams */
	struct buffer said, complained; /* what it wrote there */
	struct buffer request;		/* the last one */
	struct deadline deadline;
};

void stage_open(struct stage *stage);
void stage_close(struct stage *stage); /* everything gone, the tool too */

/* argv ended by NULL, without the program's name and the socket; env ("A=b") ended by NULL, may be
 * NULL. */
void stage_start(struct stage *stage, const char *const argv[], const char *const env[]);

/* Waits for a request that begins with `start`; it stays in stage->request. */
void stage_expect(struct stage *stage, const char *start);
void stage_answer(struct stage *stage, const char *payload);
void stage_answer_raw(struct stage *stage, const char *bytes); /* not framed */

/* The number after "port=" in the last request. */
unsigned stage_port(const struct stage *stage);

/* Waits until the tool has written `text` on standard output, or on standard error. */
void stage_until_said(struct stage *stage, const char *text);
void stage_until_complained(struct stage *stage, const char *text);

void stage_type(struct stage *stage, const char *text);
void stage_end_input(struct stage *stage);

/* Connects to the tool's listener; -1: refused. */
int stage_connect(int family, unsigned port);
int stage_send(unsigned port, const char *bytes); /* over IPv4; gives the connection */
/* Reads to the end; closes. */
void stage_read(const struct stage *stage, int fd, struct buffer *answer);

/* Waits for the tool's end: its exit status, or -1 when a signal ended it. */
int stage_wait(struct stage *stage);

#endif
