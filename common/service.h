/* SPDX-License-Identifier: MIT */
/*
 * service.h - being started by systemd, without linking it: sd_notify(3) and sd_listen_fds(3) are
 * documented, stable, and a datagram and two environment variables. Without systemd every function
 * does nothing.
 */
#ifndef COMMON_SERVICE_H
#define COMMON_SERVICE_H

/* "READY=1", "STATUS=…", "RELOADING=1", "STOPPING=1"; lines joined by \n. Failure is ignored:
 * nobody depends on it. */
void service_notify(const char *state);

/* "RELOADING=1" with the time stamp that Type=notify-reload wants. */
void service_notify_reloading(void);

/* How many listening sockets were passed: descriptors 3 … 3+n-1, made close-on-exec here. Asks
 * once; unsets the variables. */
#define SERVICE_FIRST_FD 3
int service_listen_fds(void);

#endif
