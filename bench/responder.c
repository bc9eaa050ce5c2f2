/* SPDX-License-Identifier: MIT */
/* responder.c - see responder.h. */
#include "bench/responder.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/banned.h"

static void respond(int listener, struct span answer)
{
	char request[16384];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			_exit(1);
		if (read(fd, request, sizeof(request)) > 0)
			(void)send(fd, answer.ptr, answer.len, MSG_NOSIGNAL);
		(void)close(fd);
	}
}

pid_t responder_start(const char *path, struct span answer)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (listener < 0 || bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(listener, 128) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		respond(listener, answer);
	(void)close(listener);
	return pid;
}
