/* SPDX-License-Identifier: MIT */
/* fake-http.c - see fake-http.h. */
#include "tests/token-helper/fake-http.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/xalloc.h"

#include "common/banned.h"

#define REQUEST_MAX 262144
#define FLOOD_BYTES (64UL << 20)

static void send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

static bool request_is_complete(const char *request, size_t len)
{
	const char *end = memmem(request, len, "\r\n\r\n", 4);
	const char *length = strcasestr(request, "\r\nContent-Length:");

	if (end == NULL)
		return false;
	return length == NULL ||
	       len - (size_t)(end + 4 - request) >= strtoul(length + 17, NULL, 10);
}

static void read_request(int fd, int report)
{
	char *request = xcalloc(1, REQUEST_MAX + 1);
	size_t len = 0;
	ssize_t n;

	while (len < REQUEST_MAX && !request_is_complete(request, len)) {
		n = recv(fd, request + len, REQUEST_MAX - len, 0);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (write(report, request, len) < 0)
		_exit(1);
	free(request);
}

static void flood(int fd)
{
	static char block[65536];

	memset(block, 'x', sizeof(block));
	for (size_t sent = 0; sent < FLOOD_BYTES; sent += sizeof(block))
		send_all(fd, block, sizeof(block));
}

static void play(int fd, enum fake_http_manner manner, const char *text)
{
	const struct timespec pace = {0, 20000000};

	if (manner == FAKE_HTTP_SILENCE) {
		pause();
	} else if (manner == FAKE_HTTP_TRICKLE) {
		for (; *text != '\0'; text++) {
			send_all(fd, text, 1);
			(void)nanosleep(&pace, NULL);
		}
	} else {
		send_all(fd, text, strlen(text));
		if (manner == FAKE_HTTP_FLOOD)
			flood(fd);
	}
}

static void serve(int listener, int report, enum fake_http_manner manner, const char *text)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			_exit(1);
		read_request(fd, report);
		play(fd, manner, text);
		(void)shutdown(fd, SHUT_WR);
		close(fd);
	}
}

static int listen_on_loopback(int *port_out)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*port_out = ntohs(addr.sin_port);
	return fd;
}

static void start_plain(struct fake_http *fake, enum fake_http_manner manner, const char *text,
			const int report[2])
{
	int listener = listen_on_loopback(&fake->port);

	fake->pid = fork();
	if (fake->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(listener, report[1], manner, text);
	}
	close(listener);
}

/* A certificate for localhost that nobody has signed. Key and certificate in one file. */
static void make_certificate(const char *path)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
		execlp("openssl", "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
		       "-days", "2", "-subj", "/CN=localhost", "-addext",
		       "subjectAltName=DNS:localhost", "-keyout", path, "-out", path, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Reads "ACCEPT [::]:PORT" or the like from the server's output. */
static int read_port(int fd)
{
	char text[4096] = "";
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(text) - 1) {
		char *accept, *colon;

		n = read(fd, text + len, sizeof(text) - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
		text[len] = '\0';
		accept = strstr(text, "ACCEPT");
		if (accept == NULL || strchr(accept, '\n') == NULL)
			continue;
		*strchr(accept, '\n') = '\0';
		colon = strrchr(accept, ':');
		return colon != NULL ? (int)strtol(colon + 1, NULL, 10) : 0;
	}
	return 0;
}

static void start_tls(struct fake_http *fake, const char *text, const int report[2])
{
	int input[2];
	int fd;

	(void)snprintf(fake->ca_file, sizeof(fake->ca_file), "/tmp/mailoauth-cert-XXXXXX");
	fd = mkstemp(fake->ca_file);
	assert_true(fd >= 0);
	close(fd);
	make_certificate(fake->ca_file);
	assert_int_equal(pipe(input), 0);
	fake->pid = fork();
	if (fake->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)dup2(input[0], 0);
		(void)dup2(report[1], 1);
		(void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
		close(input[1]);
		execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert",
		       fake->ca_file, "-key", fake->ca_file, "-naccept", "1", (char *)NULL);
		_exit(127);
	}
	assert_int_equal(write(input[1], text, strlen(text)), strlen(text));
	close(input[0]);
	close(input[1]);
	fake->port = read_port(report[0]);
	assert_true(fake->port > 0);
}

void fake_http_start(struct fake_http *fake, enum fake_http_manner manner, const char *text)
{
	int report[2];

	*fake = (struct fake_http){0};
	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	(void)fcntl(report[1], F_SETPIPE_SZ, 1 << 20);
	if (manner == FAKE_HTTP_TLS)
		start_tls(fake, text, report);
	else
		start_plain(fake, manner, text, report);
	close(report[1]);
	fake->requests = report[0];
}

char *fake_http_stop(struct fake_http *fake)
{
	char *text = xcalloc(1, REQUEST_MAX + 1);
	size_t len = 0;
	ssize_t n;

	assert_int_equal(kill(fake->pid, SIGKILL), 0);
	assert_int_equal(waitpid(fake->pid, NULL, 0), fake->pid);
	while (len < REQUEST_MAX && (n = read(fake->requests, text + len, REQUEST_MAX - len)) > 0)
		len += (size_t)n;
	close(fake->requests);
	if (fake->ca_file[0] != '\0')
		(void)unlink(fake->ca_file);
	return text;
}
