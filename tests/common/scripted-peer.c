/* SPDX-License-Identifier: MIT */
/* scripted-peer.c - see scripted-peer.h. */
#include "tests/common/scripted-peer.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/helper-protocol.h"

#include "common/banned.h"

static void give_up(const char *what)
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
		give_up(path);
	return fd;
}

/* One whole request, framing included; false when the other side goes first. */
static bool read_request(int fd, struct buffer *request)
{
	struct span payload;
	size_t consumed;
	char byte;

	buffer_clear(request);
	while (read(fd, &byte, 1) == 1) {
		(void)buffer_append_byte(request, byte);
		if (netstring_parse(buffer_span(request), HELPER_REQUEST_MAX, &payload,
				    &consumed) == PARSE_DONE)
			return true;
	}
	return false;
}

static void write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n <= 0)
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

static void play(int fd, const struct peer_act *act, int requests, struct buffer *request)
{
	size_t len = act->bytes == NULL ? 0 : act->len > 0 ? act->len : strlen(act->bytes);
	size_t piece = act->manner == PEER_DRIP ? 1 : len;
	char byte;

	if (act->manner == PEER_SLAM || !read_request(fd, request))
		return;
	write_all(requests, request->data, request->len);
	for (size_t at = 0; at < len; at += piece)
		write_all(fd, act->bytes + at, piece);
	if (act->manner == PEER_SAY_AND_GO)
		return;
	while (read(fd, &byte, 1) == 1)
		;
}

static void serve(int listener, const struct peer_act *acts, size_t count, int requests)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX + 64);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0;; i++) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			_exit(0);
		play(fd, &acts[i < count ? i : count - 1], requests, &request);
		(void)close(fd);
	}
}

void peer_start(struct scripted_peer *peer, const struct peer_act *acts, size_t count)
{
	const char *tmp = getenv("TMPDIR");
	int ends[2];
	int listener;

	(void)snprintf(peer->dir, sizeof(peer->dir), "%.40s/mailoauth-XXXXXX",
		       tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
	if (mkdtemp(peer->dir) == NULL || pipe(ends) < 0)
		give_up("scripted peer");
	(void)snprintf(peer->path, sizeof(peer->path), "%s/socket", peer->dir);
	listener = listen_on(peer->path);
	peer->pid = fork();
	if (peer->pid < 0)
		give_up("fork");
	if (peer->pid == 0)
		serve(listener, acts, count, ends[1]);
	(void)close(listener);
	(void)close(ends[1]);
	peer->requests = ends[0];
}

void peer_stop(struct scripted_peer *peer)
{
	(void)kill(peer->pid, SIGKILL);
	(void)waitpid(peer->pid, NULL, 0);
	(void)close(peer->requests);
	(void)unlink(peer->path);
	(void)rmdir(peer->dir);
}

char *peer_request(const struct scripted_peer *peer, int ms)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX + 64);
	struct pollfd pfd = {.fd = peer->requests, .events = POLLIN};
	char *text = NULL;
	const char *colon;

	if (poll(&pfd, 1, ms) == 1 && read_request(peer->requests, &request)) {
		colon = strchr(request.data, ':');
		text = strndup(colon + 1, (size_t)(request.data + request.len - colon - 2));
	}
	buffer_release(&request);
	return text;
}

char *peer_netstring(const char *payload)
{
	struct buffer framed = BUFFER_INIT(HELPER_REPLY_MAX + 64);

	if (!netstring_append(&framed, span_from_str(payload)))
		give_up("netstring");
	return framed.data;
}
