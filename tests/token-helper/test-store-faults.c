/* SPDX-License-Identifier: MIT */
/*
 * test-store-faults.c - each system call of the store fails once: a grant that was there is there
 * afterwards, the old one or the new, and one that was reported as committed is the new one.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "tests/common/failing-calls.h"
#include "tests/common/scratch.h"
#include "token-helper/store/store.h"

#include "common/banned.h"

#define ACCOUNT	  "a"
#define TEMPORARY ".tmp-a"

/* What a disk, a quota, the limit of descriptors and an impatient signal say. */
static const int errors[] = {EIO, ENOSPC, EMFILE, EINTR};

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	return scratch_make(dir, sizeof(dir), "store-faults") ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	failing_calls_arm(0, 0);
	failing_calls_cut(0);
	return scratch_remove(dir) ? 0 : -1;
}

static void fill(struct grant *grant, int64_t generation)
{
	grant_release(grant);
	assert_true(buffer_printf(&grant->refresh_token, "refresh-%lld", (long long)generation));
	for (int i = 0; i < 3000; i++)
		assert_true(buffer_append_str(&grant->access_token, "abc"));
	grant->generation = generation;
}

static struct store *open_store(void)
{
	struct store *store = NULL;
	struct err err = ERR_INIT;

	if (store_open(dir, NULL, &store, &err) != OUTCOME_OK)
		fail_msg("store_open: %s", err.text);
	return store;
}

/* Its refresh token is of the same generation: no file is half one and half the other. */
static int64_t generation_in(struct store *store)
{
	struct err err = ERR_INIT;
	struct grant grant;
	int64_t generation;
	char token[64];

	grant_init(&grant);
	if (store_load(store, ACCOUNT, &grant, &err) != OUTCOME_OK)
		fail_msg("store_load: %s", err.text);
	generation = grant.generation;
	(void)snprintf(token, sizeof(token), "refresh-%lld", (long long)generation);
	if (generation > 0)
		assert_string_equal(buffer_cstr(&grant.refresh_token), token);
	grant_release(&grant);
	return generation;
}

static enum outcome try_commit(struct store *store, int64_t generation, struct err *err)
{
	struct store_slot *slot = NULL;
	enum outcome what = store_reserve(store, ACCOUNT, &slot, err);
	struct grant grant;

	grant_init(&grant);
	fill(&grant, generation);
	if (what == OUTCOME_OK)
		what = store_commit(slot, &grant, err);
	grant_release(&grant);
	return what;
}

static void put(int64_t generation)
{
	struct store *store = open_store();

	assert_int_equal(try_commit(store, generation, NULL), OUTCOME_OK);
	store_close(store);
}

/* A grant that is complete and not renamed yet, with the zeros of its reservation. */
static void leave_behind(int64_t generation)
{
	struct buffer json = BUFFER_INIT_SECRET(65536);
	char *path = xasprintf("%s/" TEMPORARY, dir);
	struct grant grant;
	int fd;

	grant_init(&grant);
	fill(&grant, generation);
	assert_int_equal(grant_encode(&grant, ACCOUNT, &json, NULL), OUTCOME_OK);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, json.data, json.len), json.len);
	assert_int_equal(ftruncate(fd, 90000), 0);
	(void)close(fd);
	free(path);
	buffer_release(&json);
	grant_release(&grant);
}

static bool left_behind(void)
{
	char *path = xasprintf("%s/" TEMPORARY, dir);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

/* The n-th call of a commit fails. False: it has not so many. */
static bool commit_without(size_t n, int error)
{
	struct store *store = open_store();
	int64_t before = generation_in(store), after;
	struct err err = ERR_INIT;
	enum outcome what;
	const char *call;

	failing_calls_arm(n, error);
	what = try_commit(store, before + 1, &err);
	call = failing_calls_failed();
	failing_calls_arm(0, 0);
	after = generation_in(store);
	if (what == OUTCOME_OK ? after != before + 1 : after < before || after > before + 1)
		fail_msg("call %zu, %s: %s, generation %lld after %lld", n, call, strerror(error),
			 (long long)after, (long long)before);
	if (what != OUTCOME_OK) {
		assert_int_equal(what, OUTCOME_RETRY);
		assert_non_null(strstr(err.text, strerror(error)));
	}
	/* Nothing of it is in the way of the next. */
	assert_int_equal(try_commit(store, after + 1, NULL), OUTCOME_OK);
	store_close(store);
	store = open_store();
	assert_int_equal(generation_in(store), after + 1);
	assert_false(left_behind());
	store_close(store);
	return strcmp(call, "none") != 0;
}

static void a_commit_keeps_the_old_or_the_new(void **state)
{
	(void)state;
	put(1);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		size_t n = 1;

		while (commit_without(n, errors[i]))
			n++;
		assert_true(n > 8); /* made, allocated, written, cut, synced, renamed, synced */
	}
}

/* The n-th call of an opening fails, and the next opening works. False: it has not so many. */
static bool open_without(size_t n, int error, int64_t wanted)
{
	struct store *store = NULL;
	struct err err = ERR_INIT;
	enum outcome what;
	const char *call;

	failing_calls_arm(n, error);
	what = store_open(dir, NULL, &store, &err);
	call = failing_calls_failed();
	failing_calls_arm(0, 0);
	if (what != OUTCOME_OK)
		assert_non_null(strstr(err.text, strerror(error)));
	store_close(store);
	store = open_store();
	if (generation_in(store) != wanted)
		fail_msg("call %zu, %s: %s, generation %lld instead of %lld", n, call,
			 strerror(error), (long long)generation_in(store), (long long)wanted);
	store_close(store);
	return strcmp(call, "none") != 0;
}

/* What a crash left is all that there is of a grant whose refresh token the server has replaced. */
static void an_opening_loses_nothing_that_was_left(void **state)
{
	int64_t generation = 1;

	(void)state;
	put(generation);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		size_t n = 0;

		do
			leave_behind(++generation);
		while (open_without(++n, errors[i], generation));
		assert_true(n > 8);
	}
}

static void a_reading_is_whole_or_said_to_have_failed(void **state)
{
	struct store *store;
	bool more = true;

	(void)state;
	put(7);
	store = open_store();
	for (size_t n = 1; more; n++) {
		struct err err = ERR_INIT;
		struct grant grant;

		grant_init(&grant);
		failing_calls_arm(n, EIO);
		if (store_load(store, ACCOUNT, &grant, &err) == OUTCOME_OK)
			assert_int_equal(grant.generation, 7);
		else
			assert_non_null(strstr(err.text, strerror(EIO)));
		more = strcmp(failing_calls_failed(), "none") != 0;
		grant_release(&grant);
	}
	failing_calls_arm(0, 0);
	store_close(store);
}

static void bytes_may_come_in_any_pieces(void **state)
{
	struct store *store;

	(void)state;
	failing_calls_cut(7);
	put(3);
	store = open_store();
	assert_int_equal(generation_in(store), 3);
	store_close(store);
	failing_calls_cut(0);
	leave_behind(4);
	failing_calls_cut(7);
	store = open_store();
	assert_int_equal(generation_in(store), 4);
	store_close(store);
}

/* The note of what people were told: the old one or the new. */
static void a_note_is_the_old_or_the_new(void **state)
{
	struct buffer text = BUFFER_INIT(64);
	struct store *store = open_store();
	bool more = true;

	(void)state;
	assert_int_equal(store_write_note(store, span_from_str("old"), NULL), OUTCOME_OK);
	for (size_t n = 1; more; n++) {
		enum outcome what;

		failing_calls_arm(n, ENOSPC);
		what = store_write_note(store, span_from_str("new"), NULL);
		more = strcmp(failing_calls_failed(), "none") != 0;
		failing_calls_arm(0, 0);
		assert_int_equal(store_read_note(store, &text, NULL), OUTCOME_OK);
		if (what == OUTCOME_OK || strcmp(buffer_cstr(&text), "old") != 0)
			assert_string_equal(buffer_cstr(&text), "new");
		assert_int_equal(store_write_note(store, span_from_str("old"), NULL), OUTCOME_OK);
	}
	buffer_release(&text);
	store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_commit_keeps_the_old_or_the_new),
		TEST(an_opening_loses_nothing_that_was_left),
		TEST(a_reading_is_whole_or_said_to_have_failed),
		TEST(bytes_may_come_in_any_pieces),
		TEST(a_note_is_the_old_or_the_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
