/* SPDX-License-Identifier: MIT */
/*
 * test-maildir.c - what reaches the file, however the bytes are cut, and what a second publishing
 * does.
 */
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
#include "fetch-agent/delivery/maildir.h"
#include "tests/common/scratch.h"

#include "common/banned.h"

struct place {
	char top[32];
	char *path;
	struct maildir *maildir;
	struct maildir_origin origin;
};

static int setup(void **state)
{
	struct place *place = xcalloc(1, sizeof(*place));

	assert_true(scratch_make(place->top, sizeof(place->top), "maildir"));
	place->path = xasprintf("%s/mail", place->top);
	assert_int_equal(maildir_open(place->path, &place->maildir, NULL), OUTCOME_OK);
	maildir_origin_set(&place->origin, "inbox", "relay", "INBOX", 7);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	maildir_close(place->maildir);
	assert_true(scratch_remove(place->top));
	free(place->path);
	free(place);
	return 0;
}

/* Writes text in pieces of `step` bytes and publishes it; its content is left in got. */
static size_t deliver(struct place *place, const char *text, size_t len, size_t step, bool to_lf,
		      char *got, size_t size)
{
	struct maildir_message message = MAILDIR_MESSAGE_INIT;
	uint32_t uid = 42;
	char *path;
	ssize_t n;
	int fd;

	assert_int_equal(
		maildir_message_begin(place->maildir, &place->origin, 0, 3, to_lf, &message, NULL),
		OUTCOME_OK);
	for (size_t at = 0; at < len; at += step)
		assert_int_equal(
			maildir_message_write(
				place->maildir, &message,
				(struct span){text + at, len - at < step ? len - at : step}, NULL),
			OUTCOME_OK);
	assert_int_equal(maildir_message_end(place->maildir, &place->origin, &message, uid, NULL),
			 OUTCOME_OK);
	assert_int_equal(maildir_sync(place->maildir, &place->origin, &uid, 1, NULL), OUTCOME_OK);
	assert_int_equal(maildir_publish(place->maildir, &place->origin, &uid, 1, NULL),
			 OUTCOME_OK);
	path = xasprintf("%s/new/7.U42_%s.mailoauth", place->path, place->origin.hash);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	n = read(fd, got, size);
	(void)close(fd);
	assert_int_equal(unlink(path), 0);
	free(path);
	return (size_t)n;
}

static void line_ends_however_cut(void **state)
{
	static const char wire[] = "a\r\nb\rc\r\r\n\r\n\n\rd\r\n\r";
	static const char stored[] = "a\nb\rc\r\n\n\n\rd\n\r";
	char got[64];

	for (size_t step = 1; step < sizeof(wire); step++) {
		size_t len = deliver(*state, wire, sizeof(wire) - 1, step, true, got, sizeof(got));

		assert_int_equal(len, sizeof(stored) - 1);
		assert_memory_equal(got, stored, len);
		len = deliver(*state, wire, sizeof(wire) - 1, step, false, got, sizeof(got));
		assert_int_equal(len, sizeof(wire) - 1);
		assert_memory_equal(got, wire, len);
	}
}

static void larger_than_what_is_held(void **state)
{
	size_t size = 200001;
	char *text = xcalloc(1, size), *got = xcalloc(1, size + 1);

	for (size_t i = 0; i < size; i++)
		text[i] = (char)('a' + i % 23);
	assert_int_equal(deliver(*state, text, size, 7001, true, got, size + 1), size);
	assert_memory_equal(got, text, size);
	free(text);
	free(got);
}

static void count(void *context, uint32_t uid)
{
	uint32_t *sum = context;

	*sum += uid;
}

static void write_one(struct place *place, uint32_t uid)
{
	struct maildir_message message = MAILDIR_MESSAGE_INIT;

	assert_int_equal(
		maildir_message_begin(place->maildir, &place->origin, uid, 1, true, &message, NULL),
		OUTCOME_OK);
	assert_int_equal(maildir_message_end(place->maildir, &place->origin, &message, uid, NULL),
			 OUTCOME_OK);
}

static void published_twice_is_published_once(void **state)
{
	struct place *place = *state;
	uint32_t uids[] = {1, 2}, sum = 0;

	write_one(place, 1);
	write_one(place, 2);
	assert_int_equal(maildir_publish(place->maildir, &place->origin, uids, 1, NULL),
			 OUTCOME_OK);
	assert_int_equal(maildir_publish(place->maildir, &place->origin, uids, 2, NULL),
			 OUTCOME_OK);
	assert_int_equal(maildir_scan(place->maildir, &place->origin, count, &sum, NULL),
			 OUTCOME_OK);
	assert_int_equal(sum, 3);
}

static void sweep_takes_its_own(void **state)
{
	struct place *place = *state;
	struct maildir_origin other;
	uint32_t uid = 5, sum = 0;

	maildir_origin_set(&other, "inbox", "relay", "Sent", 7);
	assert_string_not_equal(other.hash, place->origin.hash);
	write_one(place, uid);
	maildir_sweep(place->maildir, &other);
	assert_int_equal(maildir_sync(place->maildir, &place->origin, &uid, 1, NULL), OUTCOME_OK);
	maildir_sweep(place->maildir, &place->origin);
	assert_int_equal(maildir_publish(place->maildir, &place->origin, &uid, 1, NULL),
			 OUTCOME_OK);
	assert_int_equal(maildir_scan(place->maildir, &place->origin, count, &sum, NULL),
			 OUTCOME_OK);
	assert_int_equal(sum, 0);
}

/* What is under way is of another name than what the other section has under way, and of the same
 * when it is there. */
static void two_sections_do_not_meet(void **state)
{
	struct place *place = *state;
	struct maildir_origin other;
	uint32_t uid = 5, sum = 0;

	write_one(place, uid);
	maildir_origin_set(&other, "again", "relay", "INBOX", 7);
	assert_string_equal(other.hash, place->origin.hash);
	maildir_sweep(place->maildir, &other);
	assert_int_equal(maildir_publish(place->maildir, &other, &uid, 1, NULL), OUTCOME_OK);
	assert_int_equal(maildir_scan(place->maildir, &other, count, &sum, NULL), OUTCOME_OK);
	assert_int_equal(sum, 0);
	assert_int_equal(maildir_publish(place->maildir, &place->origin, &uid, 1, NULL),
			 OUTCOME_OK);
	place->origin = other;
	write_one(place, uid);
	assert_int_equal(maildir_publish(place->maildir, &other, &uid, 1, NULL), OUTCOME_OK);
	assert_int_equal(maildir_scan(place->maildir, &other, count, &sum, NULL), OUTCOME_OK);
	assert_int_equal(sum, uid);
}

/* A run of a version whose names in tmp/ had no section ended behind its note. */
static void what_was_noted_by_an_earlier_version_is_published(void **state)
{
	struct place *place = *state;
	struct maildir_origin then = place->origin;
	uint32_t uid = 5, sum = 0;

	memcpy(place->origin.writer, then.hash, sizeof(then.hash));
	write_one(place, uid);
	assert_int_equal(maildir_publish(place->maildir, &then, &uid, 1, NULL), OUTCOME_OK);
	assert_int_equal(maildir_scan(place->maildir, &then, count, &sum, NULL), OUTCOME_OK);
	assert_int_equal(sum, uid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(line_ends_however_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(larger_than_what_is_held, setup, teardown),
		cmocka_unit_test_setup_teardown(published_twice_is_published_once, setup, teardown),
		cmocka_unit_test_setup_teardown(sweep_takes_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(two_sections_do_not_meet, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_noted_by_an_earlier_version_is_published,
						setup, teardown),
	};

	return cmocka_run_group_tests_name("maildir", tests, NULL, NULL);
}
