/* SPDX-License-Identifier: MIT */
/* service.c - see service.h. */
#include "common/service.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/banned.h"

void service_fill_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

void service_notify(const char *state)
{
	const char *path = secure_getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len;
	int fd;

	if (path == NULL || (path[0] != '/' && path[0] != '@'))
		return;
	len = strlen(path);
	if (len >= sizeof(addr.sun_path))
		return;
	memcpy(addr.sun_path, path, len);
	if (path[0] == '@')
		addr.sun_path[0] = '\0'; /* abstract namespace, unix(7) */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&addr,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	(void)close(fd);
}

void service_notify_reloading(void)
{
	char state[96];
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	(void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
		       (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
	service_notify(state);
}

static long env_number(const char *name)
{
	const char *text = secure_getenv(name);
	char *end;
	long number;

	if (text == NULL)
		return -1;
	errno = 0;
	number = strtol(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' ? number : -1;
}

int service_listen_fds(void)
{
	long pid = env_number("LISTEN_PID");
	long count = env_number("LISTEN_FDS");

	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	if (pid != (long)getpid() || count <= 0 || count > 1000)
		return 0;
	for (int fd = SERVICE_FIRST_FD; fd < SERVICE_FIRST_FD + (int)count; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return (int)count;
}

int64_t service_watchdog_ms(void)
{
	long pid = env_number("WATCHDOG_PID");
	long allowed_us = env_number("WATCHDOG_USEC");

	(void)unsetenv("WATCHDOG_PID");
	(void)unsetenv("WATCHDOG_USEC");
	if (allowed_us <= 0 || (pid != -1 && pid != (long)getpid()))
		return 0;
	return allowed_us >= 2000 ? allowed_us / 2000 : 1;
}
