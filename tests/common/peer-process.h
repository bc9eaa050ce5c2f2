/* SPDX-License-Identifier: MIT */
/*
 * peer-process.h - a process that plays the other side of a socket, and the socket.
 *
 * It listens before peer_process_start() returns, so a test never waits for it to come up, and dies
 * with the test. Whatever the system refuses ends the process that asked: status 99.
 */
#ifndef TESTS_COMMON_PEER_PROCESS_H
#define TESTS_COMMON_PEER_PROCESS_H

#include <sys/types.h>

struct peer_process {
	pid_t pid;
	char dir[64];
	char path[96]; /* of the socket, in dir */
};

/* What the process does with who connects; its return is the end of the process. */
typedef void peer_play_fn(int listener, void *context);

void peer_process_start(struct peer_process *process, peer_play_fn *play, void *context);

/* Waits for its end, and clears away. waitpid(2)'s status. */
int peer_process_end(struct peer_process *process);

/* perror(3), and the end of the process. */
void peer_process_give_up(const char *what) __attribute__((noreturn));

#endif
