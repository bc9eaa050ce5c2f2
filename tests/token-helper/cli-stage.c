/* SPDX-License-Identifier: MIT */
/* cli-stage.c - see cli-stage.h. */
#include "tests/token-helper/cli-stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/helper-protocol.h"

#include "common/banned.h"

#define STAGE_LIMIT_MS 20000
#define ARGS_MAX       16

static const char *tool_path(void)
{
	const char *path = getenv("MAILOAUTH_TOOL");

	return path != NULL ? path : "./mailoauth";
}

void stage_open(struct stage *stage)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	*stage = (struct stage){.listener = -1, .call = -1, .in = -1, .out = -1, .err = -1};
	(void)snprintf(stage->dir, sizeof(stage->dir), "/tmp/mailoauth-cli-XXXXXX");
	assert_non_null(mkdtemp(stage->dir));
	(void)snprintf(stage->socket, sizeof(stage->socket), "%s/socket", stage->dir);
	memcpy(addr.sun_path, stage->socket, strlen(stage->socket) + 1);
	stage->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(stage->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(stage->listener, 8), 0);
	buffer_init(&stage->said, 1 << 20);
	buffer_init(&stage->complained, 1 << 20);
	buffer_init(&stage->request, 1 << 20);
	stage->deadline = deadline_in_ms(STAGE_LIMIT_MS);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void stage_close(struct stage *stage)
{
	if (stage->tool > 0) {
		(void)kill(stage->tool, SIGKILL);
		(void)waitpid(stage->tool, NULL, 0);
	}
	close_fd(&stage->listener);
	close_fd(&stage->call);
	close_fd(&stage->in);
	close_fd(&stage->out);
	close_fd(&stage->err);
	buffer_release(&stage->said);
	buffer_release(&stage->complained);
	buffer_release(&stage->request);
	(void)unlink(stage->socket);
	(void)rmdir(stage->dir);
}

/* The tool's environment is the test's own choice: no display, no SSH session unless asked for. */
static void become_tool(const struct stage *stage, const int fds[3], const char *const argv[],
			const char *const env[])
{
	char *args[ARGS_MAX + 4] = {(char *)(uintptr_t) "mailoauth", (char *)(uintptr_t) "-S",
				    (char *)(uintptr_t)stage->socket};
	size_t n = 3;

	for (int fd = 0; fd < 3; fd++)
		(void)dup2(fds[fd], fd);
	for (; *argv != NULL && n < ARGS_MAX + 3; argv++)
		args[n++] = (char *)(uintptr_t)*argv;
	(void)clearenv();
	(void)setenv("PATH", "/usr/bin:/bin", 1);
	for (; env != NULL && *env != NULL; env++)
		(void)putenv((char *)(uintptr_t)*env);
	(void)execv(tool_path(), args);
	_exit(127);
}

void stage_start(struct stage *stage, const char *const argv[], const char *const env[])
{
	int in[2], out[2], err[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	stage->tool = fork();
	assert_true(stage->tool >= 0);
	if (stage->tool == 0)
		become_tool(stage, (const int[]){in[0], out[1], err[1]}, argv, env);
	(void)close(in[0]);
	(void)close(out[1]);
	(void)close(err[1]);
	stage->in = in[1];
	stage->out = out[0];
	stage->err = err[0];
}

static void wait_for(const struct stage *stage, int fd, const char *what)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	int n;

	do {
		n = poll(&pfd, 1, deadline_remaining_ms(stage->deadline));
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		fail_msg("waited in vain for: %s\nstdout: %s\nstderr: %s", what,
			 buffer_cstr(&stage->said), buffer_cstr(&stage->complained));
}

/* One read; false at the end. */
static bool read_some(const struct stage *stage, int fd, struct buffer *into, const char *what)
{
	char chunk[4096];
	ssize_t n;

	wait_for(stage, fd, what);
	n = read(fd, chunk, sizeof(chunk));
	if (n <= 0)
		return false;
	assert_true(buffer_append(into, chunk, (size_t)n));
	return true;
}

void stage_expect(struct stage *stage, const char *start)
{
	struct buffer raw = BUFFER_INIT(1 << 17);
	struct span payload;
	size_t consumed;

	wait_for(stage, stage->listener, start);
	stage->call = accept4(stage->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(stage->call >= 0);
	while (netstring_parse(buffer_span(&raw), HELPER_REQUEST_MAX, &payload, &consumed) !=
	       PARSE_DONE)
		assert_true(read_some(stage, stage->call, &raw, start));
	assert_int_equal(consumed, raw.len);
	assert_true(buffer_set(&stage->request, payload.ptr, payload.len));
	if (strncmp(buffer_cstr(&stage->request), start, strlen(start)) != 0)
		fail_msg("expected %s, got %s", start, buffer_cstr(&stage->request));
	buffer_release(&raw);
}

static void write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		assert_true(n > 0);
		bytes += n;
		len -= (size_t)n;
	}
}

void stage_answer_raw(struct stage *stage, const char *bytes)
{
	write_all(stage->call, bytes, strlen(bytes));
	close_fd(&stage->call);
}

void stage_answer(struct stage *stage, const char *payload)
{
	struct buffer framed = BUFFER_INIT(1 << 17);

	assert_true(netstring_append(&framed, span_from_str(payload)));
	stage_answer_raw(stage, buffer_cstr(&framed));
	buffer_release(&framed);
}

unsigned stage_port(const struct stage *stage)
{
	uint64_t port;
	const char *fields = strchr(buffer_cstr(&stage->request), ' ');

	assert_non_null(fields);
	assert_true(fields_get_u64(span_from_str(fields + 1), "port", 65535, &port));
	return (unsigned)port;
}

void stage_until_said(struct stage *stage, const char *text)
{
	while (strstr(buffer_cstr(&stage->said), text) == NULL)
		assert_true(read_some(stage, stage->out, &stage->said, text));
}

void stage_until_complained(struct stage *stage, const char *text)
{
	while (strstr(buffer_cstr(&stage->complained), text) == NULL)
		assert_true(read_some(stage, stage->err, &stage->complained, text));
}

void stage_type(struct stage *stage, const char *text)
{
	write_all(stage->in, text, strlen(text));
}

void stage_end_input(struct stage *stage)
{
	close_fd(&stage->in);
}

int stage_connect(int family, unsigned port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
				  .sin6_port = htons((uint16_t)port),
				  .sin6_addr = in6addr_loopback};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return -1;
	rc = family == AF_INET ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
			       : connect(fd, (struct sockaddr *)&v6, sizeof(v6));
	if (rc != 0)
		close_fd(&fd);
	return fd;
}

int stage_send(unsigned port, const char *bytes)
{
	int fd = stage_connect(AF_INET, port);

	assert_true(fd >= 0);
	write_all(fd, bytes, strlen(bytes));
	return fd;
}

void stage_read(const struct stage *stage, int fd, struct buffer *answer)
{
	buffer_clear(answer);
	while (read_some(stage, fd, answer, "the browser's page"))
		;
	(void)close(fd);
}

int stage_wait(struct stage *stage)
{
	int status;

	while (read_some(stage, stage->out, &stage->said, "the end of standard output"))
		;
	while (read_some(stage, stage->err, &stage->complained, "the end of standard error"))
		;
	assert_int_equal(waitpid(stage->tool, &status, 0), stage->tool);
	stage->tool = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
