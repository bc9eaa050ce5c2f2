/* SPDX-License-Identifier: MIT */
/*
 * test-state.c - what a folder's row and its messages say after each step, and what a database
 * that is opened again says: nothing else may be relied on after a crash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "common/xalloc.h"
#include "fetch-agent/state/state.h"

#include "common/banned.h"

struct place {
	char top[32];
	char *path;
	struct state *state;
	struct state_folder folder;
};

static void reopen(struct place *place)
{
	state_close(place->state);
	assert_int_equal(state_open(place->path, STATE_WORK, &place->state, NULL), OUTCOME_OK);
	assert_int_equal(state_folder_get(place->state, "inbox", "INBOX", &place->folder, NULL),
			 OUTCOME_OK);
}

static int setup(void **state)
{
	struct place *place = xcalloc(1, sizeof(*place));

	(void)snprintf(place->top, sizeof(place->top), "/tmp/mo-state-XXXXXX");
	assert_non_null(mkdtemp(place->top));
	place->path = xasprintf("%s/fetch.db", place->top);
	reopen(place);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
	struct place *place = *state;

	state_close(place->state);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char *path = xasprintf("%s%s", place->path, ends[i]);

		(void)unlink(path);
		free(path);
	}
	(void)rmdir(place->top);
	free(place->path);
	free(place);
	return 0;
}

static void advance(struct place *place, const struct state_step *step)
{
	assert_int_equal(state_advance(place->state, &place->folder, step, NULL), OUTCOME_OK);
	reopen(place);
}

/* "1 2 5": those in this state. */
static void assert_messages(struct place *place, enum state_message what, const char *wanted)
{
	struct uid_list uids = {0};
	char text[64] = "";
	size_t len = 0;

	assert_int_equal(state_messages(place->state, &place->folder, what, &uids, NULL),
			 OUTCOME_OK);
	for (size_t i = 0; i < uids.count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u", i > 0 ? " " : "",
					uids.uid[i]);
	assert_string_equal(text, wanted);
	uid_list_release(&uids);
}

static struct uid_list list_of(uint32_t *uids, size_t count)
{
	return (struct uid_list){.uid = uids, .count = count, .size = count};
}

static void publishes_then_tells_then_settles(void **state)
{
	struct place *place = *state;
	uint32_t first[] = {1, 2}, second[] = {3}, told[] = {1, 2};
	struct uid_list publishing = list_of(first, 2), next = list_of(second, 1),
			done = list_of(told, 2);

	advance(place, &(struct state_step){.published = STATE_TELLING,
					    .publishing = &publishing,
					    .last_uid = 2});
	assert_messages(place, STATE_PUBLISHING, "1 2");
	assert_int_equal(place->folder.last_uid, 2);
	advance(place, &(struct state_step){.published = STATE_TELLING, .publishing = &next});
	assert_messages(place, STATE_PUBLISHING, "3");
	assert_messages(place, STATE_TELLING, "1 2");
	assert_int_equal(place->folder.last_uid, 2); /* never falls */
	advance(place, &(struct state_step){.published = STATE_TELLING, .told = &done});
	assert_messages(place, STATE_PUBLISHING, "");
	assert_messages(place, STATE_TELLING, "3");
	assert_messages(place, STATE_DECIDED, ""); /* below last_uid: no row is needed */
}

static void keeps_what_is_decided_above_the_last(void **state)
{
	struct place *place = *state;
	uint32_t uids[] = {4, 9};
	struct uid_list decided = list_of(uids, 2);

	advance(place, &(struct state_step){
			       .published = STATE_DECIDED, .decided = &decided, .last_uid = 4});
	assert_messages(place, STATE_DECIDED, "9");
	advance(place, &(struct state_step){.published = STATE_DECIDED, .last_uid = 9});
	assert_messages(place, STATE_DECIDED, "");
}

static void hands_over(void **state)
{
	struct place *place = *state;
	uint32_t all[] = {1, 2, 3}, one[] = {1};
	struct uid_list handing = list_of(all, 3), delivered = list_of(one, 1);
	struct state_aside_list aside = {0}, found = {0};

	advance(place, &(struct state_step){.published = STATE_TELLING, .handing = &handing});
	assert_messages(place, STATE_HANDING, "1 2 3");
	state_aside_add(&aside, &(struct state_aside){.uid = 2, .kind = STATE_ASIDE_REFUSED});
	advance(place, &(struct state_step){.published = STATE_TELLING,
					    .delivered = &delivered,
					    .aside = &aside,
					    .last_uid = 2});
	assert_messages(place, STATE_TELLING, "1");
	assert_messages(place, STATE_HANDING, "3"); /* a crash here: 3 may come twice */
	assert_int_equal(state_aside_all(place->state, &place->folder, &found, NULL), OUTCOME_OK);
	assert_int_equal(found.count, 1);
	assert_non_null(state_aside_find(&found, 2));
	advance(place, &(struct state_step){.published = STATE_TELLING, .forget_handing = true});
	assert_messages(place, STATE_HANDING, "");
	assert_messages(place, STATE_TELLING, "1");
	state_aside_release(&aside);
	state_aside_release(&found);
}

static void takes_aside_entries_off_a_list(void **state)
{
	struct state_aside_list list = {0};

	(void)state;
	for (uint32_t uid = 3; uid > 0; uid--)
		state_aside_add(&list, &(struct state_aside){.uid = uid, .text = "why"});
	state_aside_remove(&list, 2);
	state_aside_remove(&list, 7);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.entry[0].uid, 3);
	assert_int_equal(list.entry[1].uid, 1);
	state_aside_release(&list);
}

static void rewinds(void **state)
{
	struct place *place = *state;
	uint32_t uids[] = {5}, telling[] = {6};
	struct uid_list decided = list_of(uids, 1), delivered = list_of(telling, 1);

	advance(place, &(struct state_step){.published = STATE_TELLING,
					    .decided = &decided,
					    .delivered = &delivered,
					    .last_uid = 3});
	assert_int_equal(state_folder_rewind(place->state, &place->folder, NULL), OUTCOME_OK);
	reopen(place);
	assert_int_equal(place->folder.last_uid, 0);
	assert_messages(place, STATE_DECIDED, "");
	assert_messages(place, STATE_TELLING, "6");
}

/* "1 3": whom of these the state recognises; durably. */
static void assert_recognised(struct place *place, const struct state_identity *identities,
			      size_t count, const char *wanted)
{
	struct uid_list known = {0};
	char text[64] = "";
	size_t len = 0;

	assert_int_equal(
		state_recognise(place->state, &place->folder, identities, count, &known, NULL),
		OUTCOME_OK);
	reopen(place);
	uid_list_sort(&known);
	for (size_t i = 0; i < known.count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u", i > 0 ? " " : "",
					known.uid[i]);
	assert_string_equal(text, wanted);
	uid_list_release(&known);
}

/* Two resets without a pass in between keep what was known before the first. */
static void remembers_over_resets(void **state)
{
	struct place *place = *state;
	struct state_identity stays = {.uid = 1, .header = "a"}, told = {.uid = 2, .header = "b"};
	struct state_identity both[] = {stays, told};
	uint32_t gone[] = {2};
	struct uid_list removed = list_of(gone, 1);
	bool any = true;

	advance(place, &(struct state_step){.published = STATE_TELLING,
					    .identities = both,
					    .identity_count = 2,
					    .last_uid = 2});
	advance(place, &(struct state_step){
			       .published = STATE_TELLING, .told = &removed, .forget_told = true});
	assert_recognised(place, both, 2, ""); /* not yet */
	assert_int_equal(state_folder_reset(place->state, &place->folder, 8, NULL, NULL),
			 OUTCOME_OK);
	assert_int_equal(state_folder_reset(place->state, &place->folder, 9, NULL, NULL),
			 OUTCOME_OK);
	reopen(place);
	assert_int_equal(place->folder.uidvalidity, 9);
	assert_int_equal(place->folder.last_uid, 0);
	assert_recognised(place, &told, 1, "");
	assert_recognised(place, both, 2, "1");
	assert_messages(place, STATE_DECIDED, "1");
	assert_int_equal(state_folder_reset(place->state, &place->folder, 10, NULL, NULL),
			 OUTCOME_OK);
	assert_int_equal(state_former_any(place->state, &place->folder, &any, NULL), OUTCOME_OK);
	assert_true(any);
	advance(place, &(struct state_step){.published = STATE_TELLING, .forget_former = true});
	assert_int_equal(state_former_any(place->state, &place->folder, &any, NULL), OUTCOME_OK);
	assert_false(any);
}

/* Two messages that are the same in every byte, of which one was delivered: the other is new. */
static void counts_copies(void **state)
{
	struct place *place = *state;
	struct state_identity delivered[] = {{.uid = 1, .header = "a", .trace = "x"},
					     {.uid = 2, .header = "b", .trace = "y"}};
	struct state_identity listed[] = {{.uid = 11, .header = "a", .trace = "x"},
					  {.uid = 12, .header = "a", .trace = "x"},
					  {.uid = 13, .header = "rewritten", .trace = "y"},
					  {.uid = 14, .header = "b", .trace = "y"}};

	advance(place, &(struct state_step){.published = STATE_DECIDED,
					    .identities = delivered,
					    .identity_count = 2,
					    .last_uid = 2});
	assert_int_equal(state_folder_reset(place->state, &place->folder, 8, NULL, NULL),
			 OUTCOME_OK);
	assert_recognised(place, listed, 4, "11 14");
	assert_recognised(place, &listed[1], 2, "");
}

static struct state_census census_at(struct place *place, int64_t now_s)
{
	struct state_census census = {.present = -1};

	assert_int_equal(state_census(place->state, &place->folder, now_s, &census, NULL),
			 OUTCOME_OK);
	return census;
}

/* A sweep in which the server has first to last and nothing else. */
static void sweep(struct place *place, int64_t now_s, uint32_t first, uint32_t last,
		  size_t batches_wanted)
{
	struct state_sweep sweep = {0};
	size_t batches = 0;

	for (;;) {
		assert_int_equal(
			state_sweep_next(place->state, &place->folder, &sweep, now_s, NULL),
			OUTCOME_OK);
		if (sweep.uids.count == 0)
			break;
		batches++;
		state_sweep_mark(&sweep, first, last);
	}
	assert_int_equal(batches, batches_wanted);
	state_sweep_release(&sweep);
	reopen(place);
}

static void add_identities(struct place *place, size_t count)
{
	struct state_identity *all = xcalloc(count, sizeof(*all));

	for (size_t i = 0; i < count; i++) {
		all[i].uid = (uint32_t)i + 1;
		(void)snprintf((char *)all[i].header, sizeof(all[i].header), "%zu", i + 1);
	}
	advance(place, &(struct state_step){.published = STATE_DECIDED,
					    .identities = all,
					    .identity_count = count,
					    .last_uid = (uint32_t)count});
	free(all);
}

/* Only what is gone now and was gone long before. */
static void forgets_what_is_gone_for_long(void **state)
{
	static const int64_t day_s = 86400, kept_s = STATE_GONE_DAYS * day_s;
	struct place *place = *state;
	struct state_identity third = {.uid = 13, .header = "3"};

	add_identities(place, 5);
	assert_int_equal(census_at(place, day_s).present, 5);
	sweep(place, day_s, 4, 5, 1);
	assert_int_equal(census_at(place, day_s).present, 2);
	sweep(place, 2 * day_s, 3, 5, 1); /* it was the server's mistake */
	assert_int_equal(census_at(place, day_s).present, 3);
	assert_false(census_at(place, day_s + kept_s - 1).overdue);
	assert_true(census_at(place, day_s + kept_s).overdue);
	sweep(place, day_s + kept_s, 2, 4, 1); /* 1 is forgotten; 5 is gone for the first time */
	assert_int_equal(census_at(place, day_s + kept_s).present, 3);
	assert_false(census_at(place, day_s + kept_s).overdue);
	assert_int_equal(state_folder_reset(place->state, &place->folder, 8, NULL, NULL),
			 OUTCOME_OK);
	assert_recognised(place, &(struct state_identity){.uid = 11, .header = "1"}, 1, "");
	assert_recognised(place, &third, 1, "13");
	assert_recognised(place, &(struct state_identity){.uid = 15, .header = "5"}, 1, "15");
	assert_int_equal(census_at(place, 0).present, 2); /* nothing is marked under new UIDs */
}

static void sweeps_in_batches(void **state)
{
	struct place *place = *state;

	add_identities(place, STATE_SWEEP_MAX + 2);
	sweep(place, 1, 1, STATE_SWEEP_MAX + 1, 2);
	assert_int_equal(census_at(place, 1).present, STATE_SWEEP_MAX + 1);
	sweep(place, 1, 2, UINT32_MAX, 2);
	assert_int_equal(census_at(place, 1).present, STATE_SWEEP_MAX + 1);
}

static void knows_where_it_publishes(void **state)
{
	struct place *place = *state;
	uint32_t uids[] = {1};
	struct uid_list publishing = list_of(uids, 1);
	char *path = NULL;

	assert_int_equal(state_maildir_get(place->state, &place->folder, &path, NULL), OUTCOME_OK);
	assert_null(path);
	for (const char *const *at = (const char *const[]){"/a", "/b", "/b", NULL}; *at != NULL;
	     at++) {
		advance(place, &(struct state_step){.published = STATE_DECIDED,
						    .publishing = &publishing,
						    .maildir = *at});
		assert_int_equal(state_maildir_get(place->state, &place->folder, &path, NULL),
				 OUTCOME_OK);
		assert_string_equal(path, *at);
		free(path);
	}
}

/* Of a version that had fewer tables, and was not at work since. */
static void an_older_file_can_be_looked_at(void **state)
{
	struct place *place = *state;
	struct state *look, *mend;
	int64_t count;
	sqlite3 *file;

	assert_int_equal(sqlite3_open(place->path, &file), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(file, "DROP TABLE gone; DROP TABLE mailbox", NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_close(file), SQLITE_OK);
	assert_int_equal(state_open(place->path, STATE_LOOK, &look, NULL), OUTCOME_OK);
	assert_false(state_run_get(look, "inbox", NULL, NULL));
	state_close(look);
	assert_int_equal(state_open(place->path, STATE_MEND, &mend, NULL), OUTCOME_OK);
	assert_int_equal(state_aside_retry(mend, "inbox", 0, &count, NULL), OUTCOME_OK);
	state_close(mend);
	reopen(place); /* makes what lacks */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(publishes_then_tells_then_settles, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_what_is_decided_above_the_last, setup,
						teardown),
		cmocka_unit_test_setup_teardown(hands_over, setup, teardown),
		cmocka_unit_test(takes_aside_entries_off_a_list),
		cmocka_unit_test_setup_teardown(rewinds, setup, teardown),
		cmocka_unit_test_setup_teardown(remembers_over_resets, setup, teardown),
		cmocka_unit_test_setup_teardown(counts_copies, setup, teardown),
		cmocka_unit_test_setup_teardown(forgets_what_is_gone_for_long, setup, teardown),
		cmocka_unit_test_setup_teardown(sweeps_in_batches, setup, teardown),
		cmocka_unit_test_setup_teardown(knows_where_it_publishes, setup, teardown),
		cmocka_unit_test_setup_teardown(an_older_file_can_be_looked_at, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
