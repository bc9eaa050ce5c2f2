/* SPDX-License-Identifier: MIT */
/* peer-process.c - see peer-process.h. */
#include "tests/common/peer-process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/banned.h"

void peer_process_give_up(const char *what)
{
	perror(what);
	_exit(99);
}

static int listen_on(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 64) < 0)
		peer_process_give_up(path);
	return fd;
}

void peer_process_start(struct peer_process *process, peer_play_fn *play, void *context)
{
	const char *tmp = getenv("TMPDIR");
	int listener;

	(void)snprintf(process->dir, sizeof(process->dir), "%.40s/mailoauth-XXXXXX",
		       tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
	if (mkdtemp(process->dir) == NULL)
		peer_process_give_up(process->dir);
	(void)snprintf(process->path, sizeof(process->path), "%s/socket", process->dir);
	listener = listen_on(process->path);
	process->pid = fork();
	if (process->pid < 0)
		peer_process_give_up("fork");
	if (process->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)signal(SIGPIPE, SIG_IGN);
		play(listener, context);
		_exit(0);
	}
	(void)close(listener);
}

int peer_process_end(struct peer_process *process)
{
	int status = -1;

	(void)waitpid(process->pid, &status, 0);
	(void)unlink(process->path);
	(void)rmdir(process->dir);
	return status;
}
