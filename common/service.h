/* SPDX-License-Identifier: MIT */
/*
 * service.h - being started by systemd, without linking it: sd_notify(3), sd_listen_fds(3) and
 * sd_watchdog_enabled(3) are documented, stable, and a datagram and two environment variables.
 * Without systemd every function does nothing, but service_fill_stdio(), which is for who starts us
 * with less than systemd does.
 */
#ifndef COMMON_SERVICE_H
#define COMMON_SERVICE_H

#include <stdint.h>

/* Opens /dev/null where 0, 1 or 2 is closed, as what is opened next would stand there: a socket
 * that processes which we fork take for theirs, and keep open. Before anything is opened. */
void service_fill_stdio(void);

/* "READY=1", "STATUS=…", "RELOADING=1", "STOPPING=1"; lines joined by \n. Failure is ignored:
 * nobody depends on it. */
void service_notify(const char *state);

/* "RELOADING=1" with the time stamp that Type=notify-reload wants. */
void service_notify_reloading(void);

/* How many listening sockets were passed: descriptors 3 … 3+n-1, made close-on-exec here. Asks
 * once; unsets the variables. */
#define SERVICE_FIRST_FD 3
int service_listen_fds(void);

/* How often "WATCHDOG=1" is to be said, in milliseconds: twice in the time that WatchdogSec= of the
 * unit allows. 0: nobody waits for it. Asks once; unsets the variables. */
int64_t service_watchdog_ms(void);

#endif
