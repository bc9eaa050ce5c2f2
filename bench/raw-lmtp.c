/* SPDX-License-Identifier: MIT
 *
 * raw-lmtp.c - the least that handing messages over by LMTP can cost: the files of a directory, one
 * transaction each over one connection, and the commands of the next one sent behind each message,
 * so that the server never waits. For measuring only: the first thing that is not as expected ends
 * it.
 *
 *   raw-lmtp PORT DIRECTORY RECIPIENT
 *
 * Prints how many messages were taken.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#define FILE_MAX_BYTES (16 * 1024 * 1024)

static FILE *server;
static unsigned long taken;

static void lmtp_open(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((in_port_t)strtoul(port, NULL, 10))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		err(EX_UNAVAILABLE, "127.0.0.1:%s", port);
	server = fdopen(fd, "r");
	if (!server)
		err(EX_OSERR, "fdopen");
}

/* The last line of a reply that begins with `wanted`. */
static void await(char wanted)
{
	char line[4096];

	do
		if (!fgets(line, sizeof(line), server) || line[0] != wanted)
			errx(EX_PROTOCOL, "a reply that begins with %c is missing", wanted);
	while (line[3] == '-');
}

/* Past the stream, which is for reading alone. */
static void send_out(const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fileno(server), bytes, len);

		if (n < 0)
			err(EX_IOERR, "write");
		bytes += n;
		len -= (size_t)n;
	}
}

/* LF to CRLF, and a dot before a dot that begins a line: how many bytes there are then. */
static size_t encode(const char *bytes, size_t len, char *out)
{
	size_t at = 0;
	bool begins = true;

	for (size_t i = 0; i < len; i++) {
		if (begins && bytes[i] == '.')
			out[at++] = '.';
		if (bytes[i] == '\n')
			out[at++] = '\r';
		out[at++] = bytes[i];
		begins = bytes[i] == '\n';
	}
	return at;
}

static size_t load(DIR *directory, const char *name, char *bytes)
{
	int fd = openat(dirfd(directory), name, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, bytes, FILE_MAX_BYTES);

	if (len < 0)
		err(EX_NOINPUT, "%s", name);
	close(fd);
	return (size_t)len;
}

int main(int argc, char **argv)
{
	static char file[FILE_MAX_BYTES], wire[2 * FILE_MAX_BYTES + 8192];
	DIR *directory = argc == 4 ? opendir(argv[2]) : NULL;
	char begin[4096];
	const struct dirent *entry;
	size_t begin_len;

	if (!directory)
		errx(EX_USAGE, "usage: raw-lmtp PORT DIRECTORY RECIPIENT");
	begin_len =
		(size_t)snprintf(begin, sizeof(begin),
				 "MAIL FROM:<a@example.test>\r\nRCPT TO:<%s>\r\nDATA\r\n", argv[3]);
	lmtp_open(argv[1]);
	await('2');
	send_out("LHLO bench\r\n", 12);
	await('2');
	send_out(begin, begin_len);
	while ((entry = readdir(directory))) {
		size_t len;

		if (entry->d_name[0] == '.')
			continue;
		len = encode(file, load(directory, entry->d_name, file), wire);
		memcpy(wire + len, ".\r\n", 3);
		memcpy(wire + len + 3, begin, begin_len);
		await('2');
		await('2');
		await('3');
		send_out(wire, len + 3 + begin_len);
		await('2');
		taken++;
	}
	printf("%lu\n", taken);
	return 0;
}
