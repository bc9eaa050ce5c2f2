/* SPDX-License-Identifier: MIT */
/*
 * test-state.c - what a folder's row and its messages say after each step, and what a database
 * that is opened again says: nothing else may be relied on after a crash.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "common/buffer.h"
#include "common/xalloc.h"
#include "fetch-agent/state/state.h"
#include "tests/common/scratch.h"

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

	assert_true(scratch_make(place->top, sizeof(place->top), "state"));
	place->path = xasprintf("%s/fetch.db", place->top);
	reopen(place);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	state_close(place->state);
	assert_true(scratch_remove(place->top));
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

/* Failures ---------------------------------------------------------------------------------------
 */

static void only_one_is_at_work(void **state)
{
	struct place *place = *state;
	char *nowhere = xasprintf("%s/none/fetch.db", place->top);
	struct state *second = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(state_open(place->path, STATE_WORK, &second, &err), OUTCOME_DENIED);
	assert_null(second);
	assert_non_null(strstr(err.text, "another mailoauth-fetch"));
	assert_int_equal(state_open(nowhere, STATE_WORK, &second, &err), OUTCOME_CONFIG);
	assert_null(second);
	assert_non_null(strstr(err.text, nowhere));
	free(nowhere);
}

static void what_is_no_database_stays_as_it_is(void **state)
{
	static const char text[] =
		"a file of somebody's, as long as the head of a database: 0123456789"
		"0123456789012345678901234567890123456789";
	struct place *place = *state;
	struct state *other = NULL;
	struct err err = ERR_INIT;
	char got[sizeof(text)] = "";
	FILE *file;

	state_close(place->state);
	place->state = NULL;
	file = fopen(place->path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, sizeof(text), file), sizeof(text));
	assert_int_equal(fclose(file), 0);
	for (int use = STATE_WORK; use <= STATE_MEND; use++) {
		assert_int_equal(state_open(place->path, (enum state_use)use, &other, &err),
				 OUTCOME_CONFIG);
		assert_null(other);
		assert_non_null(strstr(err.text, place->path));
	}
	file = fopen(place->path, "re");
	assert_non_null(file);
	assert_int_equal(fread(got, 1, sizeof(got), file), sizeof(text));
	assert_int_equal(fclose(file), 0);
	assert_memory_equal(got, text, sizeof(text));
}

/* A group of which every part is written somewhere else. */
static enum outcome try_everything(struct place *place, struct err *err)
{
	static uint32_t first[] = {11, 12}, second[] = {13}, third[] = {14}, fourth[] = {15};
	struct uid_list publishing = list_of(first, 2), handing = list_of(second, 1),
			decided = list_of(third, 1), gone = list_of(fourth, 1);
	struct state_identity identity = {.uid = 11, .header = "a"};
	struct state_aside_list aside = {0};
	enum outcome what;

	state_aside_add(&aside, &(struct state_aside){.uid = 16, .text = "why"});
	what = state_advance(place->state, &place->folder,
			     &(struct state_step){.published = STATE_TELLING,
						  .publishing = &publishing,
						  .maildir = "/m",
						  .handing = &handing,
						  .decided = &decided,
						  .gone = &gone,
						  .aside = &aside,
						  .identities = &identity,
						  .identity_count = 1,
						  .forget_former = true,
						  .last_uid = 10},
			     err);
	state_aside_release(&aside);
	return what;
}

static void assert_nothing_of_it(struct place *place)
{
	assert_int_equal(place->folder.last_uid, 3);
	reopen(place);
	assert_int_equal(place->folder.last_uid, 3);
	assert_messages(place, STATE_PUBLISHING, "1 2");
	assert_messages(place, STATE_HANDING, "");
	assert_messages(place, STATE_DECIDED, "");
}

static void begin_something(struct place *place)
{
	uint32_t uids[] = {1, 2};
	struct uid_list publishing = list_of(uids, 2);

	advance(place, &(struct state_step){.published = STATE_TELLING,
					    .publishing = &publishing,
					    .last_uid = 3});
}

static void a_full_disk_takes_all_or_nothing(void **state)
{
	struct place *place = *state;
	char *wal = xasprintf("%s-wal", place->path);
	struct rlimit old, small;
	struct err err = ERR_INIT;
	enum outcome what;
	struct stat st;

	begin_something(place);
	advance(place, &(struct state_step){.published = STATE_PUBLISHING, .last_uid = 3});
	begin_something(place);
	assert_int_equal(state_folder_get(place->state, "inbox", "other", &place->folder, NULL),
			 OUTCOME_OK);
	assert_int_equal(state_folder_get(place->state, "inbox", "INBOX", &place->folder, NULL),
			 OUTCOME_OK);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){(rlim_t)st.st_size, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	what = try_everything(place, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(what, OUTCOME_RETRY);
	assert_non_null(strstr(err.text, place->path));
	assert_nothing_of_it(place);
	assert_int_equal(try_everything(place, NULL), OUTCOME_OK);
	assert_int_equal(place->folder.last_uid, 10);
	free(wal);
}

static void change_file(struct place *place, const char *sql)
{
	sqlite3 *file;

	assert_int_equal(sqlite3_open(place->path, &file), SQLITE_OK);
	assert_int_equal(sqlite3_exec(file, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(file), SQLITE_OK);
}

/* A table is missing under our hands: the step that needs it fails, and what was done of it before
 * is undone. */
static void a_step_that_fails_is_undone(void **state)
{
	static const char *const tables[] = {"maildir", "aside", "identity", "former"};
	struct place *place = *state;

	begin_something(place);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		char *drop = xasprintf("DROP TABLE %s", tables[i]);
		struct err err = ERR_INIT;

		change_file(place, drop);
		assert_int_not_equal(try_everything(place, &err), OUTCOME_OK);
		assert_non_null(strstr(err.text, tables[i]));
		assert_nothing_of_it(place); /* opening makes what lacks */
		free(drop);
	}
	assert_int_equal(try_everything(place, NULL), OUTCOME_OK);
}

/* What cannot be read is not taken for empty: nothing decided would mean that all comes again. */
static void a_reading_that_fails_is_no_empty_list(void **state)
{
	struct place *place = *state;
	struct state_aside_list aside = {0};
	struct uid_list uids = {0};
	struct state_census census;
	char *name = NULL;
	int64_t count;
	bool any;

	change_file(place, "DROP TABLE message; DROP TABLE aside; DROP TABLE former;"
			   "DROP TABLE gone; DROP TABLE maildir; DROP TABLE mailbox");
	assert_int_not_equal(
		state_messages(place->state, &place->folder, STATE_DECIDED, &uids, NULL),
		OUTCOME_OK);
	assert_int_not_equal(state_aside_all(place->state, &place->folder, &aside, NULL),
			     OUTCOME_OK);
	assert_int_not_equal(state_aside_retry(place->state, "inbox", 0, &count, NULL), OUTCOME_OK);
	assert_int_not_equal(state_former_any(place->state, &place->folder, &any, NULL),
			     OUTCOME_OK);
	assert_int_not_equal(state_census(place->state, &place->folder, 1, &census, NULL),
			     OUTCOME_OK);
	assert_int_not_equal(state_maildir_get(place->state, &place->folder, &name, NULL),
			     OUTCOME_OK);
	assert_int_not_equal(state_mailbox_get(place->state, &place->folder, &name, NULL),
			     OUTCOME_OK);
	assert_null(name);
}

struct run_seen {
	bool there;
	char outcome[16], text[16];
	struct state_run run;
};

static void see_run(void *context, const struct state_run *run)
{
	struct run_seen *seen = context;

	seen->there = true;
	seen->run = *run;
	(void)snprintf(seen->outcome, sizeof(seen->outcome), "%s", run->outcome);
	(void)snprintf(seen->text, sizeof(seen->text), "%s", run->text);
}

/* A run in which no message came does not make that of the last one forgotten. */
static void the_last_run_is_known(void **state)
{
	struct place *place = *state;
	struct state_run run = {.outcome = "ok",
				.text = "",
				.began_s = 10,
				.ended_s = 12,
				.last_message_s = 11,
				.messages = 3,
				.bytes = 5000000000,
				.left = 1};
	struct run_seen seen = {0};

	assert_int_equal(state_run_set(place->state, "inbox", &run, NULL), OUTCOME_OK);
	run = (struct state_run){.outcome = "retry", .text = "no answer", .began_s = 20};
	assert_int_equal(state_run_set(place->state, "inbox", &run, NULL), OUTCOME_OK);
	reopen(place);
	assert_false(state_run_get(place->state, "other", see_run, &seen));
	assert_false(seen.there);
	assert_true(state_run_get(place->state, "inbox", see_run, &seen));
	assert_string_equal(seen.outcome, "retry");
	assert_string_equal(seen.text, "no answer");
	assert_int_equal(seen.run.began_s, 20);
	assert_int_equal(seen.run.messages, 0);
	assert_int_equal(seen.run.bytes, 0);
	assert_int_equal(seen.run.last_message_s, 11);
}

static void note_aside(void *context, const char *folder, const struct state_aside *entry)
{
	struct buffer *text = context;

	assert_true(buffer_printf(text, "%s %u %d %s;", folder, entry->uid, (int)entry->kind,
				  entry->text));
}

static void what_is_aside_is_listed_for_a_source(void **state)
{
	struct place *place = *state;
	struct buffer text = BUFFER_INIT(256);
	struct state_aside_list aside = {0};
	int64_t count;

	state_aside_add(&aside,
			&(struct state_aside){.uid = 9, .kind = STATE_ASIDE_REFUSED, .text = "no"});
	state_aside_add(&aside, &(struct state_aside){.uid = 7, .kind = STATE_ASIDE_LARGE});
	advance(place, &(struct state_step){.published = STATE_TELLING, .aside = &aside});
	state_aside_release(&aside);
	assert_int_equal(state_aside_each(place->state, "other", note_aside, &text, NULL),
			 OUTCOME_OK);
	assert_int_equal(text.len, 0);
	assert_int_equal(state_aside_each(place->state, "inbox", note_aside, &text, NULL),
			 OUTCOME_OK);
	assert_string_equal(buffer_cstr(&text), "INBOX 7 2 ;INBOX 9 1 no;");
	assert_int_equal(state_aside_retry(place->state, "inbox", 9, &count, NULL), OUTCOME_OK);
	assert_int_equal(count, 1);
	buffer_clear(&text);
	assert_int_equal(state_aside_each(place->state, "inbox", note_aside, &text, NULL),
			 OUTCOME_OK);
	assert_string_equal(buffer_cstr(&text), "INBOX 7 2 ;INBOX 9 0 no;");
	buffer_release(&text);
}

/* What root sets up (--import --take-state) is for whom the directory belongs to. */
static void files_are_of_who_has_the_directory(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
	struct place *place = *state;
	struct stat st;

	if (geteuid() != 0)
		skip();
	state_close(place->state);
	place->state = NULL;
	assert_true(scratch_remove(place->top));
	assert_int_equal(mkdir(place->top, 0700), 0);
	assert_int_equal(chown(place->top, 65534, 65534), 0);
	reopen(place);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char *path = xasprintf("%s%s", place->path, ends[i]);

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_uid, 65534);
		assert_int_equal(st.st_gid, 65534);
		free(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(publishes_then_tells_then_settles, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_what_is_decided_above_the_last, setup,
						teardown),
		cmocka_unit_test_setup_teardown(hands_over, setup, teardown),
		cmocka_unit_test(takes_aside_entries_off_a_list),
		cmocka_unit_test_setup_teardown(files_are_of_who_has_the_directory, setup,
						teardown),
		cmocka_unit_test_setup_teardown(rewinds, setup, teardown),
		cmocka_unit_test_setup_teardown(remembers_over_resets, setup, teardown),
		cmocka_unit_test_setup_teardown(counts_copies, setup, teardown),
		cmocka_unit_test_setup_teardown(forgets_what_is_gone_for_long, setup, teardown),
		cmocka_unit_test_setup_teardown(sweeps_in_batches, setup, teardown),
		cmocka_unit_test_setup_teardown(knows_where_it_publishes, setup, teardown),
		cmocka_unit_test_setup_teardown(an_older_file_can_be_looked_at, setup, teardown),
		cmocka_unit_test_setup_teardown(only_one_is_at_work, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_database_stays_as_it_is, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_takes_all_or_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_step_that_fails_is_undone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reading_that_fails_is_no_empty_list, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_last_run_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_aside_is_listed_for_a_source, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
