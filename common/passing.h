/* SPDX-License-Identifier: MIT */
/*
 * passing.h - datagrams with descriptors, between two processes of ours (unix(7), SCM_RIGHTS).
 *
 * Host half. The other process may be a stranger by now: it decides how many descriptors come, and
 * the kernel has room for more than were asked for, as it rounds up.
 */
#ifndef COMMON_PASSING_H
#define COMMON_PASSING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PASSING_MAX 4 /* descriptors in a datagram; what comes beyond is closed */

/* A datagram of len bytes and the descriptors, at most PASSING_MAX, which stay the caller's; count
 * 0: none. False: errno says why not, or not all of it was taken. */
bool passing_send(int fd, const void *bytes, size_t len, const int *fds, size_t count);

/* As recv(2), EINTR too. fds: the count_out that came are the caller's to close; the rest is -1. */
ssize_t passing_receive(int fd, void *bytes, size_t size, int fds[PASSING_MAX], size_t *count_out);

#endif
