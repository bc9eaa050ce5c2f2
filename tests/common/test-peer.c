/* SPDX-License-Identifier: MIT */
/* test-peer.c - names of users and groups, and the kernel's word on who is at the other end. */
#include "common/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/banned.h"

static enum outcome resolve(const char *text, struct peer_list *list, struct err *err)
{
	struct words words = {0};
	enum outcome outcome;

	words_split(text, &words);
	outcome = peer_list_resolve(&words, list, err);
	words_release(&words);
	return outcome;
}

static void names_are_users_before_groups(void **state)
{
	struct peer_list list = {0};
	struct err err;

	(void)state;
	assert_int_equal(resolve("root @root tty", &list, &err), OUTCOME_OK);
	assert_int_equal(list.uid_count, 1);
	assert_int_equal(list.uids[0], 0);
	assert_int_equal(list.gid_count, 2); /* tty is no user */
	assert_int_equal(list.gids[0], 0);
	peer_list_release(&list);
	assert_int_equal(list.uid_count, 0);
}

static void an_unknown_name_is_said(void **state)
{
	struct peer_list list = {0};
	struct err err;

	(void)state;
	assert_int_equal(resolve("root no-such-name", &list, &err), OUTCOME_CONFIG);
	assert_non_null(strstr(err.text, "no-such-name"));
	peer_list_release(&list);
	assert_int_equal(resolve("@no-such-group", &list, &err), OUTCOME_CONFIG);
	assert_non_null(strstr(err.text, "@no-such-group"));
	peer_list_release(&list);
}

static void uids_and_any_gid_match(void **state)
{
	uid_t uids[] = {10, 20};
	gid_t allowed[] = {30};
	gid_t mine[] = {5, 30};
	struct peer_list list = {uids, 2, allowed, 1};
	struct peer_list nobody = {0};

	(void)state;
	assert_true(peer_list_has(&list, &(struct peer){.uid = 20}));
	assert_false(peer_list_has(&list, &(struct peer){.uid = 30}));
	assert_true(peer_list_has(&list, &(struct peer){.uid = 7, .gids = mine, .gid_count = 2}));
	assert_false(peer_list_has(&list, &(struct peer){.uid = 7, .gids = mine, .gid_count = 1}));
	assert_false(peer_list_has(&nobody, &(struct peer){.uid = 0}));
}

static void the_kernel_says_who(void **state)
{
	struct peer peer;
	struct err err;
	int fds[2];
	bool primary = false;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(peer_of_socket(fds[0], &peer, &err), OUTCOME_OK);
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.pid, getpid());
	for (size_t i = 0; i < peer.gid_count; i++)
		primary |= peer.gids[i] == getegid();
	assert_true(primary);
	assert_int_equal(peer.gid_count, (size_t)getgroups(0, NULL) + 1);
	peer_release(&peer);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(peer_of_socket(-1, &peer, &err), OUTCOME_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_users_before_groups),
		cmocka_unit_test(an_unknown_name_is_said),
		cmocka_unit_test(uids_and_any_gid_match),
		cmocka_unit_test(the_kernel_says_who),
	};

	return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
