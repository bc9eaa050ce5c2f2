/* SPDX-License-Identifier: MIT */
/*
 * test-maildir-faults.c - each system call on a Maildir fails once: what is said to be delivered is
 * there, whole and once; what is noted as delivered is there when the next run has begun; and
 * nothing is taken for absent that could not be looked for.
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "fetch-agent/ledger.h"
#include "tests/common/failing-calls.h"
#include "tests/common/scratch.h"

#include "common/banned.h"

#define UID	    42u
#define UIDVALIDITY 7u
#define SIZE	    150001 /* more than is held in memory: several write(2) */

static const int errors[] = {EIO, ENOSPC, EMFILE, EINTR};

struct place {
	char top[32];
	char *path;
	struct state *state;
	struct ledger ledger;
	struct ledger_view view;
	char *text;
};

static int setup(void **state)
{
	struct place *place = xcalloc(1, sizeof(*place));
	char *db;

	assert_true(scratch_make(place->top, sizeof(place->top), "faults"));
	place->path = xasprintf("%s/mail", place->top);
	place->text = xcalloc(1, SIZE);
	for (size_t i = 0; i < SIZE; i++)
		place->text[i] = (char)('a' + i % 23);
	db = xasprintf("%s/fetch.db", place->top);
	assert_int_equal(state_open(db, STATE_WORK, &place->state, NULL), OUTCOME_OK);
	free(db);
	*state = place;
	return 0;
}

static void shut(struct place *place)
{
	ledger_view_release(&place->view);
	place->view = (struct ledger_view){0};
	maildir_close(place->ledger.maildir);
	place->ledger.maildir = NULL;
}

static void remove_all(const char *path)
{
	if (access(path, F_OK) == 0)
		assert_true(scratch_remove(path));
}

static int teardown(void **state)
{
	struct place *place = *state;

	failing_calls_arm(0, 0);
	shut(place);
	state_close(place->state);
	remove_all(place->top);
	free(place->path);
	free(place->text);
	free(place);
	return 0;
}

static bool failed(void)
{
	return strcmp(failing_calls_failed(), "none") != 0;
}

/* A run: its ledger, of a folder of its own for each round. */
static enum outcome begin(struct place *place, const char *folder, struct err *err)
{
	enum outcome what;

	place->ledger = (struct ledger){.state = place->state,
					.source = "inbox",
					.mailbox = "relay at imap.example",
					.folder_name = folder,
					.tells = true};
	what = maildir_open(place->path, &place->ledger.maildir, err);
	if (what == OUTCOME_OK)
		what = ledger_open(&place->ledger, &place->view, err);
	if (what == OUTCOME_OK && place->ledger.folder.uidvalidity == 0)
		what = ledger_renew(&place->ledger, UIDVALIDITY, &place->view, err);
	return what;
}

static enum outcome write_message(struct place *place, struct err *err)
{
	struct maildir_message message = MAILDIR_MESSAGE_INIT;
	struct maildir *maildir = place->ledger.maildir;
	enum outcome what =
		maildir_message_begin(maildir, &place->ledger.origin, 0, 1, true, &message, err);

	if (what == OUTCOME_OK)
		what = maildir_message_write(maildir, &message, (struct span){place->text, SIZE},
					     err);
	if (what == OUTCOME_OK)
		what = maildir_message_end(maildir, &place->ledger.origin, &message, UID, err);
	if (what != OUTCOME_OK)
		maildir_message_drop(maildir, &place->ledger.origin, &message);
	return what;
}

static enum outcome deliver(struct place *place, struct err *err)
{
	struct ledger_group group = {.last_uid = UID};
	enum outcome what = write_message(place, err);

	if (what == OUTCOME_OK) {
		uid_list_add(&group.delivered, UID);
		what = ledger_deliver(&place->ledger, &group, err);
	}
	ledger_group_release(&group);
	return what;
}

static bool is_there(const struct place *place, const char *part)
{
	char *name = xasprintf("%s/%s/%u.U%u_%s.mailoauth", place->path, part, UIDVALIDITY, UID,
			       strcmp(part, "tmp") == 0 ? place->ledger.origin.writer
							: place->ledger.origin.hash);
	char *got = xcalloc(1, SIZE + 1);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	bool there = fd >= 0;

	if (there) {
		assert_int_equal(read(fd, got, SIZE + 1), SIZE);
		assert_memory_equal(got, place->text, SIZE);
		(void)close(fd);
	}
	free(name);
	free(got);
	return there;
}

/* The n-th call of a run, from its beginning, fails; the next run is well. False: it has not so
 * many. */
static bool run_without(struct place *place, size_t n, int error)
{
	char *folder = xasprintf("folder-%d-%zu", error, n);
	struct err err = ERR_INIT;
	enum outcome what;
	const char *call;

	failing_calls_arm(n, error);
	what = begin(place, folder, &err);
	if (what == OUTCOME_OK)
		what = deliver(place, &err);
	call = failing_calls_failed();
	failing_calls_arm(0, 0);
	if (what == OUTCOME_OK && !is_there(place, "new"))
		fail_msg("call %zu, %s: %s, and it is not there", n, call, strerror(error));
	if (what != OUTCOME_OK)
		assert_non_null(strstr(err.text, strerror(error)));
	shut(place);
	assert_int_equal(begin(place, folder, NULL), OUTCOME_OK);
	if (is_there(place, "new") != (place->view.tell.count == 1))
		fail_msg("call %zu, %s: %s, and what is noted is not what is there", n, call,
			 strerror(error));
	if (place->view.tell.count == 0)
		assert_int_equal(deliver(place, NULL), OUTCOME_OK);
	assert_true(is_there(place, "new"));
	assert_false(is_there(place, "tmp"));
	shut(place);
	remove_all(place->path);
	free(folder);
	return strcmp(call, "none") != 0;
}

static void what_is_noted_is_there(void **state)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		size_t n = 1;

		while (run_without(*state, n, errors[i]))
			n++;
		assert_true(n > 12);
	}
}

static void lose_the_state(struct place *place, size_t n)
{
	char *db = xasprintf("%s/fetch-%zu.db", place->top, n);

	shut(place);
	state_close(place->state);
	assert_int_equal(state_open(db, STATE_WORK, &place->state, NULL), OUTCOME_OK);
	free(db);
}

/* Fetched long ago, and the state was lost since: it must not come again because a directory could
 * not be read. */
static void what_is_there_is_found_or_nothing_begins(void **state)
{
	struct place *place = *state;
	bool more = true;

	assert_int_equal(begin(place, "INBOX", NULL), OUTCOME_OK);
	assert_int_equal(deliver(place, NULL), OUTCOME_OK);
	for (size_t n = 1; more; n++) {
		struct err err = ERR_INIT;

		lose_the_state(place, n);
		failing_calls_arm(n, EMFILE);
		if (begin(place, "INBOX", &err) != OUTCOME_OK) {
			assert_non_null(strstr(err.text, strerror(EMFILE)));
			shut(place);
			failing_calls_arm(0, 0);
			assert_int_equal(begin(place, "INBOX", NULL), OUTCOME_OK);
			more = true;
		} else {
			more = failed();
		}
		failing_calls_arm(0, 0);
		assert_int_equal(place->view.skip.count, 1);
	}
}

static void bytes_may_go_in_any_pieces(void **state)
{
	struct place *place = *state;

	failing_calls_cut(1000);
	assert_int_equal(begin(place, "INBOX", NULL), OUTCOME_OK);
	assert_int_equal(deliver(place, NULL), OUTCOME_OK);
	failing_calls_cut(0);
	assert_true(is_there(place, "new"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_noted_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_there_is_found_or_nothing_begins, setup,
						teardown),
		cmocka_unit_test_setup_teardown(bytes_may_go_in_any_pieces, setup, teardown),
	};

	return cmocka_run_group_tests_name("maildir-faults", tests, NULL, NULL);
}
