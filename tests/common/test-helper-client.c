/* SPDX-License-Identifier: MIT */
/* test-helper-client.c - one question, one answer, one deadline, against peers that behave and
 * peers that do not. */
#include "common/helper-client.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/daemon-command.h"
#include "common/helper-protocol.h"
#include "tests/common/scripted-peer.h"

#include "common/banned.h"

#define SOON_MS	 100
#define LATER_MS 10000

static enum outcome ask(const char *path, const char *request, int ms, struct buffer *reply,
			struct err *err)
{
	const char *sockets[] = {path, NULL};
	struct helper_client client = {.sockets = sockets};

	return helper_client_call(&client, span_from_str(request), deadline_in_ms(ms), reply, err);
}

/* What one act leads to. The line must name the socket. */
static enum outcome outcome_of(struct peer_act act, int ms, struct err *err)
{
	struct buffer reply = BUFFER_INIT_SECRET(HELPER_REPLY_MAX);
	struct scripted_peer peer;
	enum outcome what;

	peer_start(&peer, &act, 1);
	(void)buffer_set(&reply, "before", 6);
	what = ask(peer.process.path, "token user=a", ms, &reply, err);
	if (what != OUTCOME_OK) {
		assert_string_equal(reply.data, "before");
		assert_non_null(strstr(err->text, peer.process.path));
	}
	buffer_release(&reply);
	peer_stop(&peer);
	return what;
}

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count;
}

static void asks_and_is_answered(void **state)
{
	static const struct peer_act acts[] = {{PEER_SAY, "8:OK a=1 b,", 0},
					       {PEER_DRIP, "3:OK ,", 0},
					       {PEER_SAY_AND_GO, "3:OK ,", 0}};
	struct buffer reply = BUFFER_INIT_SECRET(HELPER_REPLY_MAX);
	struct scripted_peer peer;
	struct err err = ERR_INIT;
	char *request;
	int before;

	(void)state;
	peer_start(&peer, acts, 3);
	before = open_descriptors();
	assert_int_equal(ask(peer.process.path, "token user=a", LATER_MS, &reply, &err),
			 OUTCOME_OK);
	assert_string_equal(reply.data, "OK a=1 b");
	assert_int_equal(reply.max, HELPER_REPLY_MAX);
	assert_true(reply.secret);
	request = peer_request(&peer, LATER_MS);
	assert_string_equal(request, "token user=a");
	free(request);
	assert_int_equal(ask(peer.process.path, "", LATER_MS, &reply, &err), OUTCOME_OK);
	assert_string_equal(reply.data, "OK ");
	assert_int_equal(ask(peer.process.path, "ping ", LATER_MS, &reply, NULL), OUTCOME_OK);
	assert_int_equal(open_descriptors(), before);
	buffer_release(&reply);
	peer_stop(&peer);
}

static void longest_request_and_reply(void **state)
{
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	char *request = calloc(1, HELPER_REQUEST_MAX + 1);
	char *payload = calloc(1, HELPER_REPLY_MAX + 1);
	struct peer_act act = {.manner = PEER_SAY};
	struct scripted_peer peer;
	char *seen;

	(void)state;
	memset(request, 'r', HELPER_REQUEST_MAX);
	memset(payload, 'p', HELPER_REPLY_MAX);
	act.bytes = peer_netstring(payload);
	peer_start(&peer, &act, 1);
	assert_int_equal(ask(peer.process.path, request, LATER_MS, &reply, NULL), OUTCOME_OK);
	assert_int_equal(reply.len, HELPER_REPLY_MAX);
	assert_string_equal(reply.data, payload);
	seen = peer_request(&peer, LATER_MS);
	assert_string_equal(seen, request);
	peer_stop(&peer);
	free(seen);
	free((void *)(uintptr_t)act.bytes);
	free(request);
	free(payload);
	buffer_release(&reply);
}

static void hung_peer_costs_the_deadline_and_no_more(void **state)
{
	struct deadline generous = deadline_in_ms(LATER_MS / 2);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(outcome_of((struct peer_act){PEER_SAY, NULL, 0}, SOON_MS, &err),
			 OUTCOME_RETRY);
	assert_non_null(strstr(err.text, "in time"));
	assert_int_equal(outcome_of((struct peer_act){PEER_SAY, "90:half of", 0}, SOON_MS, &err),
			 OUTCOME_RETRY);
	assert_false(deadline_passed(generous));
}

static void strange_peers(void **state)
{
	static const struct {
		struct peer_act act;
		enum outcome what;
	} table[] = {
		{{PEER_SAY, "HTTP/1.1 400 Bad Request\r\n", 0}, OUTCOME_PROTOCOL},
		{{PEER_SAY, "100001:", 0}, OUTCOME_PROTOCOL},
		{{PEER_SAY, "99999999999999999999:", 0}, OUTCOME_PROTOCOL},
		{{PEER_SAY, "3:OK x", 0}, OUTCOME_PROTOCOL},
		{{PEER_SAY, "3:OK ,3:OK ,", 0}, OUTCOME_PROTOCOL},
		{{PEER_SAY, "\0\0\0\0", 4}, OUTCOME_PROTOCOL},
		{{PEER_SAY_AND_GO, NULL, 0}, OUTCOME_RETRY},
		{{PEER_SAY_AND_GO, "9:OK", 0}, OUTCOME_RETRY},
		{{PEER_SLAM, NULL, 0}, OUTCOME_RETRY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(outcome_of(table[i].act, LATER_MS, &err), table[i].what);
		assert_true(err.text[0] != '\0');
	}
}

/* A long request towards a peer that has gone: no SIGPIPE, which would end this program. */
static void no_sigpipe(void **state)
{
	struct peer_act act = {PEER_SLAM, NULL, 0};
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	char *request = calloc(1, 4000001);
	struct scripted_peer peer;

	(void)state;
	memset(request, 'r', 4000000);
	peer_start(&peer, &act, 1);
	assert_int_equal(ask(peer.process.path, request, LATER_MS, &reply, NULL), OUTCOME_RETRY);
	peer_stop(&peer);
	free(request);
	buffer_release(&reply);
}

static void nobody_there(void **state)
{
	const char *two[] = {"/nonexistent/a", "/dev/null/b", NULL};
	const char *none[] = {NULL};
	struct helper_client client = {.sockets = two};
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct err err = ERR_INIT;
	int before = open_descriptors();

	(void)state;
	assert_int_equal(helper_client_call(&client, span_from_str("ping "),
					    deadline_in_ms(LATER_MS), &reply, &err),
			 OUTCOME_RETRY);
	assert_non_null(strstr(err.text, "mailoauthd is not running: there is neither "
					 "/nonexistent/a nor /dev/null/b; run: "));
	assert_non_null(strstr(err.text, daemon_command(DAEMON_START)));
	client.bare = true;
	assert_int_equal(helper_client_call(&client, span_from_str("ping "),
					    deadline_in_ms(LATER_MS), &reply, &err),
			 OUTCOME_RETRY);
	assert_string_equal(err.text, "mailoauthd is not running: there is neither /nonexistent/a "
				      "nor /dev/null/b");
	client.sockets = none;
	assert_int_equal(helper_client_call(&client, span_from_str("ping "),
					    deadline_in_ms(LATER_MS), &reply, &err),
			 OUTCOME_RETRY);
	assert_int_equal(ask("/nonexistent/a", "ping ", LATER_MS, &reply, &err), OUTCOME_RETRY);
	assert_non_null(strstr(err.text, "there is no /nonexistent/a"));
	assert_int_equal(open_descriptors(), before);
	buffer_release(&reply);
}

static void first_that_exists_is_used(void **state)
{
	struct peer_act act = {PEER_SAY, "3:OK ,", 0};
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct scripted_peer peer;
	const char *sockets[] = {"/nonexistent/a", "/dev/null/b", NULL, "/nonexistent/c", NULL};
	struct helper_client client = {.sockets = sockets};
	struct err err = ERR_INIT;

	(void)state;
	peer_start(&peer, &act, 1);
	sockets[2] = peer.process.path;
	assert_int_equal(helper_client_call(&client, span_from_str("ping "),
					    deadline_in_ms(LATER_MS), &reply, &err),
			 OUTCOME_OK);
	/* A file that is no socket exists: it is an error, not a reason to go on. */
	sockets[0] = "/dev/null";
	assert_int_equal(helper_client_call(&client, span_from_str("ping "),
					    deadline_in_ms(LATER_MS), &reply, &err),
			 OUTCOME_RETRY);
	assert_non_null(strstr(err.text, "mailoauthd does not answer on /dev/null ("));
	peer_stop(&peer);
	buffer_release(&reply);
}

static void long_path_is_said_to_be_long(void **state)
{
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct err err = ERR_INIT;
	char path[200];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(ask(path, "ping ", LATER_MS, &reply, &err), OUTCOME_CONFIG);
	path[108] = '\0';
	assert_int_equal(ask(path, "ping ", LATER_MS, &reply, &err), OUTCOME_CONFIG);
	path[107] = '\0';
	assert_int_equal(ask(path, "ping ", LATER_MS, &reply, &err), OUTCOME_RETRY);
	buffer_release(&reply);
}

/* connect(2) says EAGAIN when the listener's queue is full: it is waited for, up to the deadline.
 */
static void full_queue(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct err err = ERR_INIT;
	char dir[] = "/tmp/mailoauth-XXXXXX";
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int waiting[2];

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(ask(addr.sun_path, "ping ", SOON_MS, &reply, &err), OUTCOME_RETRY);
	assert_non_null(strstr(err.text, "refused"));
	assert_int_equal(listen(listener, 0), 0);
	for (size_t i = 0; i < 2; i++) {
		waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(waiting[i], (struct sockaddr *)&addr, sizeof(addr));
	}
	assert_int_equal(ask(addr.sun_path, "ping ", SOON_MS, &reply, &err), OUTCOME_RETRY);
	assert_non_null(strstr(err.text, "in time"));
	for (size_t i = 0; i < 2; i++)
		(void)close(waiting[i]);
	(void)close(listener);
	(void)unlink(addr.sun_path);
	(void)rmdir(dir);
	buffer_release(&reply);
}

/* Root may open anything, so the asking is done by a child that is nobody. */
static void forbidden_socket(void **state)
{
	struct peer_act act = {PEER_SAY, "3:OK ,", 0};
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct scripted_peer peer;
	struct err err = ERR_INIT;
	int status = -1;
	pid_t pid;

	(void)state;
	peer_start(&peer, &act, 1);
	assert_int_equal(chmod(peer.process.path, 0), 0);
	pid = fork();
	if (pid == 0) {
		enum outcome what;

		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(99);
		what = ask(peer.process.path, "ping ", LATER_MS, &reply, &err);
		_exit(strstr(err.text, peer.process.path) != NULL ? (int)what : 98);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), OUTCOME_DENIED);
	peer_stop(&peer);
}

static void default_places(void **state)
{
	(void)state;
	assert_string_equal(helper_client_default.sockets[0], "/private/mailoauth");
	assert_string_equal(helper_client_default.sockets[1], HELPER_SOCKET_SYSTEM);
	assert_null(helper_client_default.sockets[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_and_is_answered),
		cmocka_unit_test(longest_request_and_reply),
		cmocka_unit_test(hung_peer_costs_the_deadline_and_no_more),
		cmocka_unit_test(strange_peers),
		cmocka_unit_test(no_sigpipe),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(first_that_exists_is_used),
		cmocka_unit_test(long_path_is_said_to_be_long),
		cmocka_unit_test(full_queue),
		cmocka_unit_test(forbidden_socket),
		cmocka_unit_test(default_places),
	};

	return cmocka_run_group_tests_name("helper-client", tests, NULL, NULL);
}
