/* SPDX-License-Identifier: MIT */
/*
 * fuzz-daemon.c - all that a local stranger can do to mailoauthd: bytes on a connection, through
 * framing, verbs and accounts, with the real store and event loop.
 *
 * Beside not crashing: whatever comes, the replies are well-formed netstrings of well-formed
 * replies, a peer that is allowed nothing is told no token, and the connection ends. The token
 * endpoint is a loopback port that refuses.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/helper-protocol.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "tests/fuzz/require.h"
#include "token-helper/http/http-client.h"
#include "token-helper/server/connection.h"

#include "common/banned.h"

#define ACCOUNT(name)                                                                              \
	"[account " name "]\nprovider = custom\nissuer = http://127.0.0.1:1\n"                     \
	"authorize_url = http://127.0.0.1:1/a\ntoken_url = http://127.0.0.1:1/t\n"                 \
	"client_id = c1\nscope = mail\nverify_identity = no\nuser = " name "@example.test\n"       \
	"use = smtp imap\nsmtp_host = smtp.example.test\nimap_host = imap.example.test\n"
#define TOKEN	  "secret-token"
#define STRANGER  12345
#define TURNS_MAX 20000 /* of the event loop, for one input */

static char dir[64];
static const struct confinement unconfined;
static struct server_world world;
static struct connection_list connections;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void remove_dir(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
		_exit(127);
	}
	(void)waitpid(pid, NULL, 0);
}

static void write_config(const char *path)
{
	FILE *file = fopen(path, "we");

	require(file != NULL);
	require(fputs(ACCOUNT("relay") "alias = /etc/x\ndefault = yes\n" ACCOUNT("dead"), file) >=
		0);
	require(fclose(file) == 0);
}

static void write_grant(struct store *store)
{
	struct store_slot *slot;
	struct grant grant;
	struct err err;

	grant_init(&grant);
	(void)buffer_append_str(&grant.access_token, TOKEN);
	(void)buffer_append_str(&grant.refresh_token, "refresh");
	grant.access_obtained_s = clock_now_s();
	grant.access_expires_s = clock_now_s() + 86400;
	require(store_reserve(store, "relay", &slot, &err) == OUTCOME_OK);
	require(store_commit(slot, &grant, &err) == OUTCOME_OK);
	grant_release(&grant);
}

static enum outcome no_reload(void *context, struct err *err)
{
	(void)context;
	return err_set(err, OUTCOME_CONFIG, "there is nothing to reload");
}

static void set_stage(void)
{
	static const char *const presets[] = {TEST_PROVIDERS, NULL};
	static struct peer_list nobody;
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct helper_config *config;
	struct account_world shared = {0};
	struct err err;
	char *path;

	log_init("fuzz-daemon", LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	(void)snprintf(dir, sizeof(dir), "/tmp/mailoauth-fuzz-XXXXXX");
	require(mkdtemp(dir) != NULL);
	require(atexit(remove_dir) == 0);
	path = xasprintf("%s/mailoauth.conf", dir);
	write_config(path);
	config = helper_config_load(path, presets, &problems);
	require(config != NULL);
	require(store_open(dir, NULL, &shared.store, &err) == OUTCOME_OK);
	write_grant(shared.store);
	shared.base = event_base_new();
	shared.http = http_client_new(shared.base, "fuzz");
	world = (struct server_world){.base = shared.base,
				      .accounts = accounts_new(&shared),
				      .admin = &nobody,
				      .reload = no_reload,
				      .confinement = &unconfined};
	world.flows = flows_new(&shared, world.accounts);
	accounts_apply(world.accounts, config);
	helper_config_free(config);
	TAILQ_INIT(&connections);
	free(path);
}

/* A refusal repeats the names that it was asked with: only what the input cannot have brought is a
 * leak. */
static bool may_contain_token(struct span input)
{
	return memchr(input.ptr, '%', input.len) != NULL ||
	       memmem(input.ptr, input.len, TOKEN, strlen(TOKEN)) != NULL;
}

static void check_replies(struct span bytes, bool stranger, bool brought)
{
	struct helper_reply reply;
	struct span payload;
	size_t consumed;

	while (bytes.len > 0) {
		require(netstring_parse(bytes, HELPER_REPLY_MAX, &payload, &consumed) ==
			PARSE_DONE);
		require(helper_reply_parse(payload, &reply));
		if (stranger && reply.text.len > 0 && (reply.status == HELPER_OK || !brought))
			require(memmem(reply.text.ptr, reply.text.len, TOKEN, strlen(TOKEN)) ==
				NULL);
		bytes = (struct span){bytes.ptr + consumed, bytes.len - consumed};
	}
}

/* Sends what fits of bytes, half of the rest at a time, and hangs up its half after the last. */
static void send_more(int fd, struct span *bytes)
{
	size_t piece = bytes->len - bytes->len / 2;
	ssize_t n;

	if (bytes->len == 0)
		return;
	n = send(fd, bytes->ptr, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		*bytes = (struct span){bytes->ptr + n, bytes->len - (size_t)n};
	if (bytes->len == 0)
		(void)shutdown(fd, SHUT_WR);
}

/* True when the other side has closed. */
static bool receive_more(int fd, struct buffer *replies)
{
	char chunk[16384];
	ssize_t n;

	while ((n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT)) > 0)
		require(buffer_append(replies, chunk, (size_t)n));
	return n == 0;
}

/* Until the daemon's end is closed. False: a verb still waits for the token endpoint. */
static bool converse(int fd, struct span bytes, struct buffer *replies)
{
	if (bytes.len == 0)
		(void)shutdown(fd, SHUT_WR);
	for (int turn = 0; turn < TURNS_MAX && !TAILQ_EMPTY(&connections); turn++) {
		send_more(fd, &bytes);
		(void)event_base_loop(world.base, EVLOOP_NONBLOCK);
		(void)receive_more(fd, replies);
	}
	return TAILQ_EMPTY(&connections);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer replies = BUFFER_INIT(64 << 20);
	bool stranger = size % 4 == 0;
	struct peer peer;
	struct err err;
	int fds[2];

	if (world.base == NULL)
		set_stage();
	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	require(peer_of_socket(fds[0], &peer, &err) == OUTCOME_OK);
	if (stranger)
		peer.uid = STRANGER;
	connection_begin(&world, &connections, fds[0], &peer);
	require(converse(fds[1], (struct span){(const char *)data, size}, &replies));
	(void)receive_more(fds[1], &replies);
	check_replies(buffer_span(&replies), stranger,
		      may_contain_token((struct span){(const char *)data, size}));
	close(fds[1]);
	buffer_release(&replies);
	return 0;
}
