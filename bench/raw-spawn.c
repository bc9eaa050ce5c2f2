/* SPDX-License-Identifier: MIT
 *
 * raw-spawn.c - the least that a program for each message can cost: the files of a directory are
 * the standard input of one process each, and nothing else is done. For measuring only: the first
 * thing that is not as expected ends it.
 *
 *   raw-spawn PARALLEL DIRECTORY PROGRAM ARGUMENT...
 *
 * Prints how many programs ended well.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

static unsigned long ended_well;

static void await_one(void)
{
	int status;

	if (wait(&status) < 0)
		err(EX_OSERR, "wait");
	ended_well += WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void start(int input, char **argv)
{
	pid_t pid = vfork();

	if (pid < 0)
		err(EX_OSERR, "vfork");
	if (pid == 0) {
		if (dup2(input, STDIN_FILENO) == STDIN_FILENO)
			(void)execv(argv[0], argv);
		_exit(EX_OSERR);
	}
}

int main(int argc, char **argv)
{
	unsigned long parallel = argc > 3 ? strtoul(argv[1], NULL, 10) : 0, running = 0;
	DIR *directory = parallel > 0 ? opendir(argv[2]) : NULL;
	const struct dirent *entry;

	if (!directory)
		errx(EX_USAGE, "usage: raw-spawn PARALLEL DIRECTORY PROGRAM ARGUMENT...");
	while ((entry = readdir(directory))) {
		int input;

		if (entry->d_name[0] == '.')
			continue;
		input = openat(dirfd(directory), entry->d_name, O_RDONLY | O_CLOEXEC);
		if (input < 0)
			err(EX_NOINPUT, "%s/%s", argv[2], entry->d_name);
		if (running == parallel)
			await_one();
		else
			running++;
		start(input, argv + 3);
		close(input);
	}
	while (running-- > 0)
		await_one();
	printf("%lu\n", ended_well);
	return 0;
}
