/* SPDX-License-Identifier: MIT */
/* helper-client.c - see helper-client.h. */
#include "common/helper-client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/daemon-command.h"
#include "common/helper-protocol.h"

#include "common/banned.h"

#define FRAME_MAX     24   /* bytes that a netstring adds to its payload, at most */
#define CHUNK_BYTES   8192 /* one read; most tokens fit */
#define BUSY_PAUSE_MS 5	   /* between attempts while the daemon's queue of connections is full */

static const char *const default_sockets[] = {
	HELPER_SOCKET_IN_JAIL,
	HELPER_SOCKET_SYSTEM,
	NULL,
};

const struct helper_client helper_client_default = {.sockets = default_sockets};

struct call {
	int fd;
	const char *path;
	struct deadline deadline;
	bool bare;
	struct err *err;
};

/* The end of a message: two strings. */
#define RUN(call, step) (call)->bare ? "" : "; run: ", (call)->bare ? "" : daemon_command(step)

/* What an errno of the socket means to the caller. */
static enum outcome call_failed(const struct call *call, int error)
{
	if (error == ENOMEM || error == ENOBUFS)
		return err_set(call->err, OUTCOME_NOMEM, "out of memory while asking mailoauthd");
	if (error == EACCES || error == EPERM)
		return err_set(
			call->err, OUTCOME_DENIED,
			"this user may not open mailoauthd's socket %s (%s): check its owner "
			"and mode with ls -l",
			call->path, strerror(error));
	return err_set(call->err, OUTCOME_RETRY, "mailoauthd does not answer on %s (%s)%s%s",
		       call->path, strerror(error),
		       RUN(call, error == ECONNREFUSED ? DAEMON_START : DAEMON_LOOK_AT));
}

static enum outcome call_timed_out(const struct call *call)
{
	return err_set(call->err, OUTCOME_RETRY, "mailoauthd did not answer in time on %s%s%s",
		       call->path, RUN(call, DAEMON_LOOK_AT));
}

/* Waits for the events, or only for the time with fd -1. 0, or ETIMEDOUT, or what poll(2) says. */
static int wait_until(int fd, short events, struct deadline deadline)
{
	struct pollfd pfd = {.fd = fd, .events = events};
	int n;

	do {
		n = poll(&pfd, 1, deadline_remaining_ms(deadline));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	return n == 0 ? ETIMEDOUT : 0;
}

/* 0 or an errno. */
static int connect_path(const struct call *call, const struct sockaddr_un *addr)
{
	while (connect(call->fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0) {
		if (errno == EINTR)
			continue;
		/* The listener's queue is full; a Unix socket cannot be polled for room in it. */
		if (errno != EAGAIN)
			return errno;
		if (deadline_passed(call->deadline))
			return ETIMEDOUT;
		(void)wait_until(-1, 0, deadline_in_ms(BUSY_PAUSE_MS));
	}
	return 0;
}

static enum outcome no_socket(const struct helper_client *client, const struct call *call)
{
	const char *const *sockets = client->sockets;

	if (sockets[0] == NULL)
		return err_set(call->err, OUTCOME_RETRY, "no socket of mailoauthd is known");
	if (sockets[1] == NULL)
		return err_set(call->err, OUTCOME_RETRY,
			       "mailoauthd is not running: there is no %s%s%s", sockets[0],
			       RUN(call, DAEMON_START));
	return err_set(call->err, OUTCOME_RETRY,
		       "mailoauthd is not running: there is neither %s nor %s%s%s", sockets[0],
		       sockets[1], RUN(call, DAEMON_START));
}

/* Connects to the first socket of the list that exists; call->path then names it. */
static enum outcome call_connect(const struct helper_client *client, struct call *call)
{
	for (const char *const *path = client->sockets; *path != NULL; path++) {
		struct sockaddr_un addr = {.sun_family = AF_UNIX};
		size_t len = strlen(*path);
		int error;

		if (len >= sizeof(addr.sun_path))
			return err_set(call->err, OUTCOME_CONFIG,
				       "the socket's name is longer than %zu bytes: %s",
				       sizeof(addr.sun_path) - 1, *path);
		memcpy(addr.sun_path, *path, len);
		call->path = *path;
		error = connect_path(call, &addr);
		if (error == 0)
			return OUTCOME_OK;
		if (error == ETIMEDOUT)
			return call_timed_out(call);
		if (error != ENOENT && error != ENOTDIR)
			return call_failed(call, error);
	}
	return no_socket(client, call);
}

/* Drops the first n bytes of what is still to be sent. */
static void msg_advance(struct msghdr *msg, size_t n)
{
	while (msg->msg_iovlen > 0 && n >= msg->msg_iov->iov_len) {
		n -= msg->msg_iov->iov_len;
		msg->msg_iov++;
		msg->msg_iovlen--;
	}
	if (msg->msg_iovlen > 0) {
		msg->msg_iov->iov_base = (char *)msg->msg_iov->iov_base + n;
		msg->msg_iov->iov_len -= n;
	}
}

static enum outcome call_send(const struct call *call, struct msghdr *msg)
{
	while (msg->msg_iovlen > 0) {
		ssize_t n = sendmsg(call->fd, msg, MSG_NOSIGNAL);
		int error = n < 0 ? errno : 0;

		if (n >= 0)
			msg_advance(msg, (size_t)n);
		else if (error == EAGAIN)
			error = wait_until(call->fd, POLLOUT, call->deadline);
		/* A daemon that hangs up may have said why: read that first. */
		if (error == EPIPE || error == ECONNRESET)
			return OUTCOME_OK;
		if (error == ETIMEDOUT)
			return call_timed_out(call);
		if (error != 0 && error != EINTR)
			return call_failed(call, error);
	}
	return OUTCOME_OK;
}

/* One read into raw. */
static enum outcome call_read(const struct call *call, struct buffer *raw)
{
	char chunk[CHUNK_BYTES];
	ssize_t n;
	int error = wait_until(call->fd, POLLIN, call->deadline);

	if (error == ETIMEDOUT)
		return call_timed_out(call);
	if (error != 0)
		return call_failed(call, error);
	n = recv(call->fd, chunk, sizeof(chunk), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return OUTCOME_OK;
	if (n < 0)
		return call_failed(call, errno);
	if (n == 0)
		return err_set(call->err, OUTCOME_RETRY,
			       "mailoauthd hung up on %s without an answer%s%s", call->path,
			       RUN(call, DAEMON_LOOK_AT));
	(void)buffer_append(raw, chunk, (size_t)n);
	if (raw->secret)
		wipe(chunk, (size_t)n);
	return OUTCOME_OK;
}

/* Reads until raw holds one whole netstring and nothing else. */
static enum outcome call_receive(const struct call *call, size_t max, struct buffer *raw,
				 struct span *payload_out)
{
	enum parse parsed = PARSE_MORE;
	size_t consumed = 0;

	while (parsed == PARSE_MORE) {
		enum outcome what = call_read(call, raw);

		if (what != OUTCOME_OK)
			return what;
		/* A raw buffer that is full holds more than the longest reply: not our daemon. */
		if (!buffer_ok(raw) && raw->len + CHUNK_BYTES <= raw->max)
			return err_set(call->err, OUTCOME_NOMEM,
				       "out of memory while asking mailoauthd");
		parsed = buffer_ok(raw)
				 ? netstring_parse(buffer_span(raw), max, payload_out, &consumed)
				 : PARSE_BAD;
	}
	if (parsed == PARSE_BAD || consumed != raw->len)
		return err_set(call->err, OUTCOME_PROTOCOL,
			       "what answers on %s does not speak mailoauthd's protocol",
			       call->path);
	return OUTCOME_OK;
}

/* raw is left with the payload alone, without a second copy of the secret. */
static void keep_payload(struct buffer *raw, struct span payload)
{
	size_t len = payload.len;

	buffer_consume(raw, (size_t)(payload.ptr - raw->data));
	raw->len = len;
	raw->data[len] = '\0';
}

static enum outcome call_exchange(const struct helper_client *client, struct call *call,
				  struct span request, struct buffer *reply)
{
	struct buffer raw = {.max = reply->max + FRAME_MAX, .secret = reply->secret};
	char head[FRAME_MAX];
	int n = snprintf(head, sizeof(head), "%zu:", request.len);
	struct iovec parts[] = {
		{.iov_base = head, .iov_len = (size_t)n},
		{.iov_base = (void *)(uintptr_t)request.ptr, .iov_len = request.len},
		{.iov_base = (char[]){','}, .iov_len = 1},
	};
	struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 3};
	enum outcome what = call_connect(client, call);
	struct span payload;

	if (what == OUTCOME_OK)
		what = call_send(call, &msg);
	if (what == OUTCOME_OK)
		what = call_receive(call, reply->max, &raw, &payload);
	if (what == OUTCOME_OK) {
		keep_payload(&raw, payload);
		raw.max = reply->max;
		buffer_move(reply, &raw);
	}
	buffer_release(&raw);
	return what;
}

enum outcome helper_client_call(const struct helper_client *client, struct span request,
				struct deadline deadline, struct buffer *reply, struct err *err)
{
	struct call call = {.fd = -1, .deadline = deadline, .bare = client->bare, .err = err};
	enum outcome what;

	call.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (call.fd < 0)
		return err_set(err, errno == ENOMEM ? OUTCOME_NOMEM : OUTCOME_RETRY,
			       "cannot make a socket to ask mailoauthd: %s", strerror(errno));
	what = call_exchange(client, &call, request, reply);
	(void)close(call.fd);
	return what;
}
