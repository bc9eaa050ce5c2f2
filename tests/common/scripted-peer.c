/* SPDX-License-Identifier: MIT */
/* scripted-peer.c - see scripted-peer.h. */
#include "tests/common/scripted-peer.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/helper-protocol.h"

#include "common/banned.h"

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

/* What the process gets. */
struct script {
	const struct peer_act *acts;
	size_t count;
	int requests;
};

static void serve(int listener, void *context)
{
	const struct script *script = context;
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX + 64);
	size_t last = script->count - 1;
	int fd;

	for (size_t i = 0; (fd = accept(listener, NULL, NULL)) >= 0; i++) {
		play(fd, &script->acts[i < last ? i : last], script->requests, &request);
		(void)close(fd);
	}
}

void peer_start(struct scripted_peer *peer, const struct peer_act *acts, size_t count)
{
	struct script script = {.acts = acts, .count = count};
	int ends[2];

	if (pipe(ends) < 0)
		peer_process_give_up("pipe");
	script.requests = ends[1];
	peer_process_start(&peer->process, serve, &script);
	(void)close(ends[1]);
	peer->requests = ends[0];
}

void peer_stop(struct scripted_peer *peer)
{
	(void)kill(peer->process.pid, SIGKILL);
	(void)peer_process_end(&peer->process);
	(void)close(peer->requests);
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
		peer_process_give_up("netstring");
	return framed.data;
}
