/* SPDX-License-Identifier: MIT
 *
 * raw-fetch.c - the least that fetching a mailbox can cost: one command for everything, its
 * literals into files, nothing else. No state, no conversion of line ends, no second command. For
 * measuring only: the first thing that is not as expected ends it. Its round trips: TCP, TLS, and
 * one for all commands. LOGOUT is none of these: Dovecot ends at once and drops what it had still
 * to send when that is said before all has come.
 *
 *   raw-fetch PORT CA-FILE null | unsynced MAILDIR | synced MAILDIR
 *
 * The first line of standard input is what follows AUTHENTICATE: mechanism and initial response.
 * "synced" makes each group of 256 durable before its messages get their names, and their names
 * after that.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#define GROUP		256
#define LINE_MAX_BYTES	8192
#define LOGIN_MAX_BYTES 8192
#define STALL_S		120

enum keeping { KEEP_NOTHING, KEEP_UNSYNCED, KEEP_SYNCED };

struct fetch {
	enum keeping keeping;
	int tmp, new; /* directories */
	int file;     /* of the message that is coming */
	unsigned long messages, named;
	unsigned long long literal_left;
	char line[LINE_MAX_BYTES];
	size_t line_len;
	bool done;
};

static SSL *tls_open(const char *port, const char *ca_file)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((in_port_t)strtoul(port, NULL, 10))};
	struct timeval stall = {.tv_sec = STALL_S};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL *tls;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &stall, sizeof(stall)) != 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		err(EX_UNAVAILABLE, "127.0.0.1:%s", port);
	if (!context || SSL_CTX_load_verify_locations(context, ca_file, NULL) != 1)
		errx(EX_NOINPUT, "%s: no certificates", ca_file);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	tls = SSL_new(context);
	if (!tls || SSL_set_fd(tls, fd) != 1 || SSL_connect(tls) != 1)
		errx(EX_PROTOCOL, "no TLS with 127.0.0.1:%s", port);
	return tls;
}

/* All commands at once. */
static void say(SSL *tls)
{
	char login[LOGIN_MAX_BYTES], commands[LOGIN_MAX_BYTES + 128];
	int len;

	if (!fgets(login, sizeof(login), stdin))
		errx(EX_NOINPUT, "no login on standard input");
	login[strcspn(login, "\n")] = '\0';
	len = snprintf(commands, sizeof(commands),
		       "a AUTHENTICATE %s\r\nb EXAMINE INBOX\r\nc UID FETCH 1:* BODY.PEEK[]\r\n",
		       login);
	if (SSL_write(tls, commands, len) != len)
		errx(EX_PROTOCOL, "cannot send");
}

/* Gives the messages that have come whole their names. */
static void name_messages(struct fetch *fetch)
{
	char name[32];

	if (fetch->keeping == KEEP_SYNCED && fetch->named < fetch->messages &&
	    syncfs(fetch->tmp) != 0)
		err(EX_IOERR, "syncfs");
	while (fetch->named < fetch->messages) {
		snprintf(name, sizeof(name), "%lu", ++fetch->named);
		if (renameat(fetch->tmp, name, fetch->new, name) != 0)
			err(EX_IOERR, "rename %s", name);
	}
	if (fetch->keeping == KEEP_SYNCED && fsync(fetch->new) != 0)
		err(EX_IOERR, "fsync");
}

static void message_begin(struct fetch *fetch)
{
	char name[32];

	if (fetch->keeping == KEEP_NOTHING)
		return;
	snprintf(name, sizeof(name), "%lu", fetch->messages + 1);
	fetch->file = openat(fetch->tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fetch->file < 0)
		err(EX_CANTCREAT, "tmp/%s", name);
}

static void message_end(struct fetch *fetch)
{
	fetch->messages++;
	if (fetch->keeping == KEEP_NOTHING)
		return;
	if (close(fetch->file) != 0)
		err(EX_IOERR, "close");
	if (fetch->keeping == KEEP_UNSYNCED || fetch->messages % GROUP == 0)
		name_messages(fetch);
}

static void line_end(struct fetch *fetch)
{
	const char *brace;

	fetch->line[fetch->line_len] = '\0';
	fetch->line_len = 0;
	if (fetch->line[0] != '*' && fetch->line[0] != ')' &&
	    strncmp(fetch->line + 1, " OK ", 4) != 0)
		errx(EX_PROTOCOL, "the server says: %s", fetch->line);
	fetch->done = strncmp(fetch->line, "c OK ", 5) == 0;
	brace = strrchr(fetch->line, '{');
	if (!brace || strstr(fetch->line, " FETCH (") == NULL)
		return;
	fetch->literal_left = strtoull(brace + 1, NULL, 10);
	message_begin(fetch);
	if (fetch->literal_left == 0)
		message_end(fetch);
}

/* What of the bytes belongs to the current line: how many there were. */
static size_t take_line(struct fetch *fetch, const char *bytes, size_t len)
{
	const char *newline = memchr(bytes, '\n', len);
	size_t count = newline ? (size_t)(newline - bytes) : len;

	if (count >= sizeof(fetch->line) - fetch->line_len)
		errx(EX_PROTOCOL, "a line of more than %d bytes", LINE_MAX_BYTES);
	memcpy(fetch->line + fetch->line_len, bytes, count);
	fetch->line_len += count;
	if (newline)
		line_end(fetch);
	return newline ? count + 1 : count;
}

static size_t take_literal(struct fetch *fetch, const char *bytes, size_t len)
{
	size_t count = len < fetch->literal_left ? len : (size_t)fetch->literal_left;

	if (fetch->keeping != KEEP_NOTHING && write(fetch->file, bytes, count) != (ssize_t)count)
		err(EX_IOERR, "write");
	fetch->literal_left -= count;
	if (fetch->literal_left == 0)
		message_end(fetch);
	return count;
}

static void take_all(struct fetch *fetch, SSL *tls)
{
	static char bytes[65536];
	int len;

	while (!fetch->done) {
		len = SSL_read(tls, bytes, sizeof(bytes));
		if (len <= 0)
			errx(EX_PROTOCOL, "the connection ends after %lu messages",
			     fetch->messages);
		for (size_t at = 0; at < (size_t)len;)
			at += (fetch->literal_left > 0 ? take_literal : take_line)(
				fetch, bytes + at, (size_t)len - at);
	}
	(void)SSL_write(tls, "d LOGOUT\r\n", 10);
	if (fetch->keeping != KEEP_NOTHING)
		name_messages(fetch);
}

static int directory(const char *maildir, const char *name)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", maildir, name);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		err(EX_CANTCREAT, "%s", path);
	return fd;
}

int main(int argc, char **argv)
{
	static const char *const keepings[] = {"null", "unsynced", "synced"};
	struct fetch fetch = {.tmp = -1, .new = -1, .file = -1};
	SSL *tls;

	while (argc > 3 && fetch.keeping <= KEEP_SYNCED &&
	       strcmp(argv[3], keepings[fetch.keeping]) != 0)
		fetch.keeping++;
	if (argc < 4 || fetch.keeping > KEEP_SYNCED ||
	    argc != (fetch.keeping == KEEP_NOTHING ? 4 : 5))
		errx(EX_USAGE,
		     "usage: raw-fetch PORT CA-FILE null | unsynced MAILDIR | synced MAILDIR");
	if (fetch.keeping != KEEP_NOTHING) {
		fetch.tmp = directory(argv[4], "tmp");
		fetch.new = directory(argv[4], "new");
	}
	tls = tls_open(argv[1], argv[2]);
	say(tls);
	take_all(&fetch, tls);
	printf("%lu\n", fetch.messages);
	return 0;
}
