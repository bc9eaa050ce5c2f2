/* SPDX-License-Identifier: MIT */
/* daemon-stage.c - see daemon-stage.h. */
#include "tests/token-helper/daemon-stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/helper-protocol.h"
#include "common/xalloc.h"
#include "tests/common/scratch.h"
#include "token-helper/store/store.h"

#include "common/banned.h"

#define PATIENCE_MS 20000

/* The endpoint -------------------------------------------------------------------------------- */

static void read_request(int fd, struct endpoint *endpoint)
{
	char *request = endpoint->request;
	size_t size = sizeof(endpoint->request);
	size_t len = 0;

	for (;;) {
		ssize_t n = recv(fd, request + len, size - 1 - len, 0);
		const char *end;
		const char *length;

		if (n <= 0)
			return;
		len += (size_t)n;
		request[len] = '\0';
		end = strstr(request, "\r\n\r\n");
		length = strstr(request, "Content-Length: ");
		if (end != NULL && length != NULL &&
		    len - (size_t)(end + 4 - request) >= strtoul(length + 16, NULL, 10))
			return;
	}
}

static void answer(int fd, const struct endpoint *endpoint)
{
	struct buffer text = BUFFER_INIT(8192);
	const char *from = endpoint->answer;
	const char *mark;

	while ((mark = strstr(from, "%d")) != NULL) {
		(void)buffer_append(&text, from, (size_t)(mark - from));
		(void)buffer_printf(&text, "%d", endpoint->requests);
		from = mark + 2;
	}
	(void)buffer_append_str(&text, from);
	(void)send(fd, text.data, text.len, MSG_NOSIGNAL);
	buffer_release(&text);
}

static void serve(int listener, struct endpoint *endpoint)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			_exit(1);
		read_request(fd, endpoint);
		endpoint->requests++;
		(void)sem_post(&endpoint->arrived);
		if (endpoint->held)
			(void)sem_wait(&endpoint->release);
		answer(fd, endpoint);
		close(fd);
	}
}

static void open_endpoint(struct stage *stage)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	stage->endpoint = mmap(NULL, sizeof(struct endpoint), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(stage->endpoint != MAP_FAILED);
	assert_int_equal(sem_init(&stage->endpoint->arrived, 1, 0), 0);
	assert_int_equal(sem_init(&stage->endpoint->release, 1, 0), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	stage->port = ntohs(addr.sin_port);
	stage->endpoint_pid = fork();
	if (stage->endpoint_pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(fd, stage->endpoint);
	}
	close(fd);
}

void stage_answer(struct stage *stage, const char *status, const char *extra, const char *body)
{
	(void)snprintf(stage->endpoint->answer, sizeof(stage->endpoint->answer),
		       "HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sConnection: close\r\n"
		       "\r\n%s",
		       status, extra, body);
}

void stage_answer_tokens(struct stage *stage)
{
	stage_answer(stage, "200 OK", "",
		     "{\"access_token\":\"at-%d\",\"token_type\":\"Bearer\",\"expires_in\":3600,"
		     "\"refresh_token\":\"rt-%d\"}");
}

/* Files --------------------------------------------------------------------------------------- */

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

void stage_configure(struct stage *stage, const char *text)
{
	struct buffer conf = BUFFER_INIT(1 << 20);
	const char *mark;

	(void)buffer_printf(&conf, "[daemon]\nsocket = %s\nstore = %s/store\nuser = root\n",
			    stage->socket, stage->dir);
	while ((mark = strstr(text, "@URL@")) != NULL) {
		(void)buffer_append(&conf, text, (size_t)(mark - text));
		(void)buffer_printf(&conf, "http://127.0.0.1:%d", stage->port);
		text = mark + 5;
	}
	assert_true(buffer_append_str(&conf, text));
	write_text(stage->conf, buffer_cstr(&conf));
	buffer_release(&conf);
}

char *stage_account(const char *name, const char *more)
{
	return xasprintf("[account %s]\nprovider = custom\nissuer = @URL@\n"
			 "authorize_url = @URL@/auth\ntoken_url = @URL@/token\nclient_id = c1\n"
			 "scope = mail\nverify_identity = no\nuser = %s@example.test\n"
			 "use = smtp imap\nsmtp_host = smtp.example.test\n"
			 "imap_host = imap.example.test imap2.example.test\n%s",
			 name, name, more);
}

void stage_grant(struct stage *stage, const char *name, int64_t lives_s)
{
	char *dir = xasprintf("%s/store", stage->dir);
	struct store *store;
	struct store_slot *slot;
	struct grant grant;
	struct err err;

	grant_init(&grant);
	(void)buffer_append_str(&grant.refresh_token, "rt-0");
	(void)buffer_append_str(&grant.access_token, "at-0");
	grant.access_obtained_s = clock_now_s() + lives_s - 3600;
	grant.access_expires_s = clock_now_s() + lives_s;
	grant.authorized_s = grant.refresh_obtained_s = grant.access_obtained_s;
	grant.client_id = xstrdup("c1");
	grant.token_url = xasprintf("http://127.0.0.1:%d/token", stage->port);
	assert_int_equal(store_open(dir, NULL, &store, &err), OUTCOME_OK);
	assert_int_equal(store_reserve(store, name, &slot, &err), OUTCOME_OK);
	assert_int_equal(store_commit(slot, &grant, &err), OUTCOME_OK);
	store_close(store);
	grant_release(&grant);
	free(dir);
}

static void slurp(const char *path, struct buffer *text)
{
	FILE *file = fopen(path, "re");
	char chunk[4096];
	size_t n;

	assert_non_null(file);
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		(void)buffer_append(text, chunk, n);
	(void)fclose(file);
}

void stage_read_grant(struct stage *stage, const char *name, struct grant *grant)
{
	char *path = xasprintf("%s/store/%s.grant", stage->dir, name);
	struct buffer json = BUFFER_INIT(1 << 20);
	struct err err;

	slurp(path, &json);
	grant_init(grant);
	assert_int_equal(grant_decode(buffer_span(&json), name, grant, &err), OUTCOME_OK);
	buffer_release(&json);
	free(path);
}

bool stage_log_has(struct stage *stage, const char *text)
{
	char *path = xasprintf("%s/log", stage->dir);
	struct buffer log = BUFFER_INIT(1 << 22);
	bool has;

	slurp(path, &log);
	has = strstr(buffer_cstr(&log), text) != NULL;
	if (!has)
		print_message("# the log lacks \"%s\":\n# %s\n", text, buffer_cstr(&log));
	buffer_release(&log);
	free(path);
	return has;
}

/* Life ---------------------------------------------------------------------------------------- */

static void open_notify(struct stage *stage)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/notify", stage->dir);
	stage->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(stage->notify, (struct sockaddr *)&addr, sizeof(addr)), 0);
}

void stage_open(struct stage *stage)
{
	char *path;

	memset(stage, 0, sizeof(*stage));
	assert_true(scratch_make_in_memory(stage->dir, sizeof(stage->dir), "daemon"));
	(void)snprintf(stage->socket, sizeof(stage->socket), "%s/socket", stage->dir);
	(void)snprintf(stage->conf, sizeof(stage->conf), "%s/mailoauth.conf", stage->dir);
	path = xasprintf("%s/store", stage->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
	path = xasprintf("%s/providers", stage->dir);
	assert_int_equal(symlink(TEST_PROVIDERS, path), 0);
	free(path);
	assert_int_equal(chmod(stage->dir, 0755), 0);
	open_notify(stage);
	open_endpoint(stage);
	stage_answer_tokens(stage);
}

static void end(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

void stage_close(struct stage *stage)
{
	char store[96];

	end(stage->daemon);
	end(stage->endpoint_pid);
	close(stage->notify);
	(void)munmap(stage->endpoint, sizeof(struct endpoint));
	(void)snprintf(store, sizeof(store), "%s/store", stage->dir);
	(void)umount2(store, MNT_DETACH); /* of a test that mounted there and failed */
	(void)scratch_remove(stage->dir);
}

/* sd_listen_fds(3): the descriptor is 3, and meant for this process. */
static void pass_socket(int fd)
{
	char pid[32];

	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", "1", 1);
	if (fd == 3)
		(void)fcntl(fd, F_SETFD, 0);
	else
		(void)dup2(fd, 3);
}

static void become_daemon(struct stage *stage)
{
	char *log = xasprintf("%s/log", stage->dir);
	char *notify = xasprintf("%s/notify", stage->dir);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setenv("NOTIFY_SOCKET", notify, 1);
	(void)unsetenv("JOURNAL_STREAM");
	if (stage->watchdog_us != NULL)
		(void)setenv("WATCHDOG_USEC", stage->watchdog_us, 1);
	(void)dup2(fd, STDERR_FILENO);
	if (stage->passed > 0)
		pass_socket(stage->passed);
	execl(TEST_MAILOAUTHD, TEST_MAILOAUTHD, "-c", stage->conf, (char *)NULL);
	_exit(127);
}

void stage_await(struct stage *stage, const char *state)
{
	struct pollfd poll_fd = {.fd = stage->notify, .events = POLLIN};
	char text[256];
	ssize_t n;

	do {
		if (poll(&poll_fd, 1, PATIENCE_MS) != 1) {
			(void)stage_log_has(stage, state);
			fail_msg("no %s from the daemon", state);
		}
		n = recv(stage->notify, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = '\0';
	} while (strstr(text, state) != text);
}

void stage_start(struct stage *stage)
{
	stage->daemon = fork();
	if (stage->daemon == 0)
		become_daemon(stage);
	stage_await(stage, "READY=1");
}

int stage_wait(struct stage *stage)
{
	int status = -1;

	if (waitpid(stage->daemon, &status, 0) != stage->daemon)
		return -1;
	stage->daemon = 0;
	if (status != 0)
		(void)stage_log_has(stage, "a clean end");
	return status;
}

int stage_stop(struct stage *stage)
{
	(void)kill(stage->daemon, SIGTERM);
	return stage_wait(stage);
}

/* Clients ------------------------------------------------------------------------------------- */

int stage_connect(struct stage *stage)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", stage->socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

void stage_send_raw(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return; /* the daemon may close while we send rubbish */
		bytes += n;
		len -= (size_t)n;
	}
}

void stage_send(int fd, const char *request)
{
	struct buffer framed = BUFFER_INIT(1 << 20);

	assert_true(netstring_append(&framed, span_from_str(request)));
	stage_send_raw(fd, framed.data, framed.len);
	buffer_release(&framed);
}

/* One netstring and not a byte more, so that pipelined replies can be read one by one. */
char *stage_receive(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	struct buffer in = BUFFER_INIT(200000);
	struct span payload;
	size_t consumed;
	char *text = NULL;
	char byte;

	for (;;) {
		if (poll(&poll_fd, 1, PATIENCE_MS) != 1)
			fail_msg("no reply after \"%s\"", buffer_cstr(&in));
		if (recv(fd, &byte, 1, 0) != 1)
			break;
		(void)buffer_append_byte(&in, byte);
		if (netstring_parse(buffer_span(&in), HELPER_REPLY_MAX, &payload, &consumed) ==
		    PARSE_DONE) {
			text = xspandup(payload);
			break;
		}
	}
	buffer_release(&in);
	return text;
}

char *stage_ask(struct stage *stage, const char *request)
{
	int fd = stage_connect(stage);
	char *reply;

	stage_send(fd, request);
	reply = stage_receive(fd);
	close(fd);
	return reply;
}
