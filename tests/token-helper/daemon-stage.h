/* SPDX-License-Identifier: MIT */
/*
 * daemon-stage.h - the real mailoauthd on a stage of its own: a directory, a store, a scripted
 * token endpoint on loopback, and clients that speak netstrings.
 *
 * Nothing sleeps to wait: the daemon says READY by sd_notify(3), the endpoint by semaphores.
 */
#ifndef TESTS_TOKEN_HELPER_DAEMON_STAGE_H
#define TESTS_TOKEN_HELPER_DAEMON_STAGE_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "token-helper/store/grant.h"

/* Shared with the endpoint's process. */
struct endpoint {
	int requests; /* how many have come */
	bool held;    /* wait for `release` before each answer */
	sem_t arrived, release;
	char answer[4096]; /* whole HTTP response; "%d" in it becomes the request's number */
	char request[8192];
};

struct stage {
	char dir[64];
	char socket[96];
	char conf[96];
	pid_t daemon;
	pid_t endpoint_pid;
	int port;
	int notify;
	int passed; /* a listening socket for the daemon, as systemd passes it; 0: none */
	const char *watchdog_us; /* WatchdogSec= of the unit; NULL: none */
	struct endpoint *endpoint;
};

/* Makes directory, store and endpoint. */
void stage_open(struct stage *stage);
void stage_close(struct stage *stage); /* ends what runs, removes the directory */

/* The answer of the endpoint from now on; the body is JSON. extra: header lines, "" or "X: y\r\n".
 */
void stage_answer(struct stage *stage, const char *status, const char *extra, const char *body);
void stage_answer_tokens(struct stage *stage); /* at-N and rt-N for request N */

/* Writes mailoauth.conf: a [daemon] section, then text, in which every "@URL@" is the endpoint's.
 */
void stage_configure(struct stage *stage, const char *text);
/* [account NAME] with all it needs, and more lines. To be freed. */
char *stage_account(const char *name, const char *more);

/* A grant in the store; the access token at-0 lives for lives_s from now. Not while the daemon
 * runs. */
void stage_grant(struct stage *stage, const char *name, int64_t lives_s);
/* What the file holds now. The caller releases. */
void stage_read_grant(struct stage *stage, const char *name, struct grant *grant);

void stage_start(struct stage *stage);			  /* returns when it is ready */
int stage_stop(struct stage *stage);			  /* SIGTERM; the exit status */
int stage_wait(struct stage *stage);			  /* until it has ended by itself */
void stage_await(struct stage *stage, const char *state); /* an sd_notify state */
bool stage_log_has(struct stage *stage, const char *text);

int stage_connect(struct stage *stage);
void stage_send(int fd, const char *request);
void stage_send_raw(int fd, const char *bytes, size_t len);
char *stage_receive(int fd); /* to be freed; NULL: closed without a reply */
char *stage_ask(struct stage *stage, const char *request); /* connect, send, receive */

#endif
