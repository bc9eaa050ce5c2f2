/* SPDX-License-Identifier: MIT */
/*
 * test-listener.c - the socket that everybody asks at: a dead one is replaced, what somebody else
 * has there is left alone.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "tests/common/scratch.h"
#include "token-helper/server/listener.h"

#include "common/banned.h"

struct place {
	char top[32];
	char *path;
};

static int setup(void **state)
{
	struct place *place = xcalloc(1, sizeof(*place));

	assert_true(scratch_make(place->top, sizeof(place->top), "listener"));
	place->path = xasprintf("%s/run/socket", place->top);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	assert_true(scratch_remove(place->top));
	free(place->path);
	free(place);
	return 0;
}

static int open_at(const char *path)
{
	struct err err = ERR_INIT;
	int fd = -1;

	if (listener_open(path, &fd, &err) != OUTCOME_OK)
		fail_msg("%s", err.text);
	return fd;
}

static void assert_refused(const char *path, const char *why)
{
	struct err err = ERR_INIT;
	int fd = -7;

	assert_int_equal(listener_open(path, &fd, &err), OUTCOME_CONFIG);
	assert_int_equal(fd, -7);
	if (strstr(err.text, why) == NULL || strstr(err.text, path) == NULL)
		fail_msg("%s", err.text);
}

static bool somebody_listens(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool listens;

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	listens = connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0;
	(void)close(fd);
	return listens;
}

/* Everybody may ask, whatever our umask is; the directory is made when there is none. */
static void everybody_reaches_it(void **state)
{
	struct place *place = *state;
	mode_t before = umask(077);
	char *dir = xasprintf("%s/run", place->top);
	int fd = open_at(place->path);
	struct stat st;

	(void)umask(before);
	assert_int_equal(stat(place->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0666);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_true(somebody_listens(place->path));
	(void)close(fd);
	free(dir);
}

static void a_dead_socket_is_replaced(void **state)
{
	struct place *place = *state;
	int fd;

	(void)close(open_at(place->path)); /* as kill -9 leaves it */
	assert_false(somebody_listens(place->path));
	fd = open_at(place->path);
	assert_true(somebody_listens(place->path));
	(void)close(fd);
}

static void a_living_one_is_not_taken_away(void **state)
{
	struct place *place = *state;
	int fd = open_at(place->path);

	assert_refused(place->path, "another daemon listens there");
	assert_true(somebody_listens(place->path));
	(void)close(fd);
}

static void what_is_no_socket_stays(void **state)
{
	struct place *place = *state;
	char *file = xasprintf("%s/file", place->top);
	char *link = xasprintf("%s/link", place->top);
	struct stat st;
	int fd = open_at(place->path);

	assert_int_equal(close(fd), 0);
	assert_int_equal(mkdir(file, 0700), 0);
	assert_int_equal(symlink(place->path, link), 0);
	assert_refused(file, "no socket");
	assert_refused(link, "no socket"); /* not what it leads to either */
	assert_int_equal(lstat(file, &st), 0);
	assert_int_equal(lstat(link, &st), 0);
	assert_int_equal(lstat(place->path, &st), 0);
	free(file);
	free(link);
}

static void where_there_can_be_none(void **state)
{
	struct place *place = *state;
	char *deep = xasprintf("%s/a/b/socket", place->top);
	char long_name[200];

	assert_refused(deep, strerror(ENOENT)); /* one directory is made, not a way to it */
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[0] = '/';
	long_name[sizeof(long_name) - 1] = '\0';
	assert_refused(long_name, "longer than");
	free(deep);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everybody_reaches_it),	      TEST(a_dead_socket_is_replaced),
		TEST(a_living_one_is_not_taken_away), TEST(what_is_no_socket_stays),
		TEST(where_there_can_be_none),
	};

	return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
