/* SPDX-License-Identifier: MIT */
/*
 * test-ledger.c - what the next run makes of messages that a crash left between the note that they
 * are published and their publishing, also when `deliver` is another by then.
 */
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
#include <sqlite3.h>

#include "common/xalloc.h"
#include "fetch-agent/ledger.h"
#include "tests/common/scratch.h"

#include "common/banned.h"

struct place {
	char top[32];
	char *here, *there; /* Maildirs */
	struct state *state;
	struct ledger ledger;
	struct ledger_view view;
};

static char *path_of(const struct place *place, const char *name)
{
	return xasprintf("%s/%s", place->top, name);
}

/* Every run opens its Maildir anew. NULL: something else. */
static void open_ledger_of(struct place *place, const char *mailbox, const char *maildir)
{
	ledger_view_release(&place->view);
	maildir_close(place->ledger.maildir);
	place->view = (struct ledger_view){0};
	place->ledger = (struct ledger){.state = place->state,
					.source = "inbox",
					.mailbox = mailbox,
					.folder_name = "INBOX",
					.tells = true};
	if (maildir != NULL)
		assert_int_equal(maildir_open(maildir, &place->ledger.maildir, NULL), OUTCOME_OK);
	assert_int_equal(ledger_open(&place->ledger, &place->view, NULL), OUTCOME_OK);
}

static void open_ledger(struct place *place, const char *maildir)
{
	open_ledger_of(place, "relay at imap.example", maildir);
}

static void write_message(struct place *place, uint32_t uid)
{
	struct maildir_message message = MAILDIR_MESSAGE_INIT;

	assert_int_equal(maildir_message_begin(place->ledger.maildir, &place->ledger.origin, uid, 1,
					       true, &message, NULL),
			 OUTCOME_OK);
	assert_int_equal(maildir_message_end(place->ledger.maildir, &place->ledger.origin, &message,
					     uid, NULL),
			 OUTCOME_OK);
}

/* Two messages are noted as being published in `here`, and are still in tmp/. */
static int setup(void **state)
{
	struct place *place = xcalloc(1, sizeof(*place));
	uint32_t uids[] = {1, 2};
	struct uid_list publishing = {.uid = uids, .count = 2, .size = 2};
	char *db;

	assert_true(scratch_make(place->top, sizeof(place->top), "ledger"));
	place->here = path_of(place, "here");
	place->there = path_of(place, "there");
	db = path_of(place, "fetch.db");
	assert_int_equal(state_open(db, STATE_WORK, &place->state, NULL), OUTCOME_OK);
	free(db);
	open_ledger(place, place->here);
	assert_int_equal(ledger_renew(&place->ledger, 7, &place->view, NULL), OUTCOME_OK);
	write_message(place, 1);
	write_message(place, 2);
	assert_int_equal(state_advance(place->state, &place->ledger.folder,
				       &(struct state_step){.published = STATE_TELLING,
							    .publishing = &publishing,
							    .maildir = place->here,
							    .last_uid = 2},
				       NULL),
			 OUTCOME_OK);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	ledger_view_release(&place->view);
	maildir_close(place->ledger.maildir);
	state_close(place->state);
	assert_true(scratch_remove(place->top));
	free(place->here);
	free(place->there);
	free(place);
	return 0;
}

static size_t published_in(const struct place *place, const char *maildir)
{
	struct maildir *there;
	struct uid_list uids = {0};
	size_t count = 0;

	assert_int_equal(maildir_open(maildir, &there, NULL), OUTCOME_OK);
	for (uint32_t uid = 1; uid <= 2; uid++) {
		char *name = xasprintf("%s/new/7.U%u_%s.mailoauth", maildir, uid,
				       place->ledger.origin.hash);

		count += access(name, F_OK) == 0;
		free(name);
	}
	maildir_close(there);
	uid_list_release(&uids);
	return count;
}

static void assert_told_next(const struct place *place)
{
	assert_int_equal(place->view.tell.count, 2);
	assert_int_equal(place->view.unpublished.count, 0);
	assert_int_equal(place->view.aside.count, 0);
}

static void publishes_in_the_same_maildir(void **state)
{
	struct place *place = *state;

	open_ledger(place, place->here);
	assert_int_equal(published_in(place, place->here), 2);
	assert_told_next(place);
}

static void publishes_where_it_was_to_be(void **state)
{
	struct place *place = *state;

	open_ledger(place, place->there);
	assert_int_equal(published_in(place, place->here), 2);
	assert_int_equal(published_in(place, place->there), 0);
	assert_told_next(place);
}

static void publishes_though_lmtp_comes_next(void **state)
{
	struct place *place = *state;

	open_ledger(place, NULL);
	assert_int_equal(published_in(place, place->here), 2);
	assert_told_next(place);
}

/* Neither lost nor taken for delivered: they are due. */
static void fetches_again_what_is_gone(void **state)
{
	struct place *place = *state;
	char *away = path_of(place, "away");

	assert_int_equal(rename(place->here, away), 0);
	open_ledger(place, place->there);
	assert_int_equal(place->view.unpublished.count, 2);
	assert_int_equal(place->view.tell.count, 0);
	assert_int_equal(place->view.aside.count, 2);
	assert_int_equal(place->view.aside.entry[0].kind, STATE_ASIDE_LATER);
	assert_int_equal(place->view.aside.entry[0].next_s, 0);
	assert_int_not_equal(access(place->here, F_OK), 0); /* nor is it made */
	open_ledger(place, place->there);
	assert_int_equal(place->view.unpublished.count, 0); /* said once */
	free(away);
}

/* The server of another mailbox is not told of its predecessor's UIDs, though the folder's
 * UIDVALIDITY is the same; what was under way arrives under its old name. */
static void another_mailbox_has_other_uids(void **state)
{
	struct place *place = *state;

	open_ledger_of(place, "second at imap.example", place->here);
	assert_string_equal(place->view.former_mailbox, "relay at imap.example");
	assert_int_equal(published_in(place, place->here), 2);
	assert_int_equal(ledger_renew(&place->ledger, 7, &place->view, NULL), OUTCOME_OK);
	assert_null(place->view.former_mailbox);
	assert_int_equal(place->view.tell.count, 0);
	assert_int_equal(place->view.skip.count, 0); /* those in the Maildir are not its own */
	assert_int_equal(place->ledger.folder.last_uid, 0);
	assert_int_equal(published_in(place, place->here), 0); /* nor have they its name */
	open_ledger_of(place, "second at imap.example", place->here);
	assert_null(place->view.former_mailbox);
}

/* As a file of an older version, or one that `import --take-state` made: it is whose it is now. */
static void a_mailbox_that_is_not_noted_is_adopted(void **state)
{
	struct place *place = *state;
	char *db = path_of(place, "fetch.db");
	sqlite3 *file;

	assert_int_equal(sqlite3_open(db, &file), SQLITE_OK);
	assert_int_equal(sqlite3_exec(file, "DELETE FROM mailbox", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(file), SQLITE_OK);
	free(db);
	for (int i = 0; i < 2; i++) {
		open_ledger(place, place->here);
		assert_null(place->view.former_mailbox);
		assert_told_next(place);
	}
	open_ledger_of(place, "second at imap.example", place->here);
	assert_non_null(place->view.former_mailbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(publishes_in_the_same_maildir, setup, teardown),
		cmocka_unit_test_setup_teardown(publishes_where_it_was_to_be, setup, teardown),
		cmocka_unit_test_setup_teardown(publishes_though_lmtp_comes_next, setup, teardown),
		cmocka_unit_test_setup_teardown(fetches_again_what_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(another_mailbox_has_other_uids, setup, teardown),
		cmocka_unit_test_setup_teardown(a_mailbox_that_is_not_noted_is_adopted, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
