/* SPDX-License-Identifier: MIT
 *
 * keep-message.c - the cheapest program that mail can be handed to: standard input into a new file
 * of the directory DIR, unsynced. What is measured with it is the program that runs it.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char bytes[65536];
	char path[4096];
	ssize_t len;
	int fd;

	if (argc != 2)
		errx(EX_USAGE, "usage: keep-message DIR");
	snprintf(path, sizeof(path), "%s/XXXXXX", argv[1]);
	fd = mkstemp(path);
	if (fd < 0)
		err(EX_TEMPFAIL, "%s", path);
	while ((len = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0)
		if (write(fd, bytes, (size_t)len) != len)
			err(EX_TEMPFAIL, "write");
	return len == 0 && close(fd) == 0 ? EX_OK : EX_TEMPFAIL;
}
