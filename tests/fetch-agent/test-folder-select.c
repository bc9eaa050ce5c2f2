/* SPDX-License-Identifier: MIT */
/* test-folder-select.c - which folders of a listing a section's words mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "fetch-agent/folder-select.h"

#include "common/banned.h"

#define GONE (IMAP_ATTRIBUTE_NOSELECT | IMAP_ATTRIBUTE_NONEXISTENT)

struct line {
	const char *name;
	unsigned attributes;
};

static const struct line marked[] = {
	{"Lists/c/d", 0},
	{"inbox", IMAP_ATTRIBUTE_SUBSCRIBED},
	{"Lists", IMAP_ATTRIBUTE_NOSELECT},
	{"Lists/spam", IMAP_ATTRIBUTE_SUBSCRIBED},
	{"Lists/b", IMAP_ATTRIBUTE_SUBSCRIBED},
	{"Lists/a", 0},
	{"Lists/gone", GONE},
	{"Geschickt", IMAP_ATTRIBUTE_SENT},
	{"Sent", 0},
	{"INBOX/Trash", 0},
	{"Entw\xc3\xbcrfe & \"Co\"", IMAP_ATTRIBUTE_DRAFTS},
};

static void list_all(struct folder_listing *listing, const struct line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct imap_list list = {
			.attributes = lines[i].attributes,
			.delimiter = '/',
			.utf8 = span_from_str(lines[i].name),
		};

		folder_listing_add(listing, &list);
	}
}

static char *joined(const struct words *words)
{
	struct buffer text = BUFFER_INIT(4096);
	char *copy;

	for (size_t i = 0; i < words->count; i++)
		(void)buffer_printf(&text, "%s%s", i > 0 ? "," : "", words->word[i]);
	copy = xstrdup(buffer_cstr(&text));
	buffer_release(&text);
	return copy;
}

static const struct row {
	const char *words; /* commas between */
	bool subscribed;
	const char *except;
	const char *names;
	const char *warnings; /* part of them; "": none */
} rows[] = {
	{"INBOX", false, NULL, "INBOX", ""},
	{"Missing", false, NULL, "Missing", ""},
	{"Lists/%", false, NULL, "Lists/a,Lists/b,Lists/spam", ""},
	{"Lists/*", false, NULL, "Lists/a,Lists/b,Lists/c/d,Lists/spam", ""},
	{"Lists/*,!Lists/spam", false, NULL, "Lists/a,Lists/b,Lists/c/d", ""},
	{"Lists/*,!Lists/*/*", false, NULL, "Lists/a,Lists/b,Lists/spam", ""},
	{"Lists/*,!Lists/%", false, NULL, "Lists/c/d", ""},
	{"Lists/*", true, NULL, "Lists/b,Lists/spam", ""},
	{"Lists/a,Lists/*,inBOX", false, NULL, "INBOX,Lists/a,Lists/b,Lists/c/d,Lists/spam", ""},
	{"*", true, NULL, "INBOX,Lists/b,Lists/spam", ""},
	{"%", false, NULL, "INBOX,Entw\xc3\xbcrfe & \"Co\",Geschickt,Sent", ""},
	{"%,!\\Sent,!\\Drafts", false, NULL, "INBOX,Sent", ""},
	{"inbox/%", false, NULL, "INBOX/Trash", ""},
	{"*a*", false, "Lists/spam", "INBOX/Trash,Lists/a", ""},
	{"\\Sent", false, NULL, "Geschickt", ""},
	{"\\sent", true, NULL, "Geschickt", ""},
	{"\\Trash", false, NULL, "INBOX/Trash", ""},
	{"\\Junk,INBOX", false, NULL, "INBOX",
	 "folder = \\Junk: the server has no such folder; it has \\Drafts (Entw\xc3\xbcrfe & "
	 "\"Co\"), "
	 "\\Sent (Geschickt), \\Trash (INBOX/Trash)"},
	{"Nothing/*", false, NULL, "", "folder = Nothing/*: matches no folder"},
	{"*/d", true, NULL, "", "folder = */d: matches no subscribed folder"},
	{"Entw\xc3\xbcrfe*", false, NULL, "Entw\xc3\xbcrfe & \"Co\"", ""},
	{"L%s/%*%a%m", false, NULL, "Lists/spam", ""},
	{"Lists/b%", false, NULL, "Lists/b", ""},
	{"Lists%b", false, NULL, "", "matches no folder"},
};

static void test_words_mean_folders(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct folder_listing listing = {0};
		struct words words = {0}, names = {0}, warnings = {0};
		char *got, *warned;

		list_all(&listing, marked, sizeof(marked) / sizeof(marked[0]));
		words_split(rows[i].words, &words);
		folder_select(&listing, &words, rows[i].subscribed, rows[i].except, &names,
			      &warnings);
		got = joined(&names);
		warned = joined(&warnings);
		assert_string_equal(got, rows[i].names);
		if (rows[i].warnings[0] == '\0')
			assert_string_equal(warned, "");
		else
			assert_non_null(strstr(warned, rows[i].warnings));
		free(got);
		free(warned);
		words_release(&words);
		words_release(&names);
		words_release(&warnings);
		folder_listing_release(&listing);
	}
}

static void test_lsub_marks(void **state)
{
	struct folder_listing listing = {0};
	struct imap_list list = {.delimiter = '/', .utf8 = span_from_str("INBOX")};
	struct words words = {0}, names = {0}, warnings = {0};

	(void)state;
	folder_listing_add(&listing, &list);
	list.utf8 = span_from_str("Other");
	folder_listing_add(&listing, &list);
	list.lsub = true;
	folder_listing_add(&listing, &list);
	list.utf8 = span_from_str("Gone"); /* subscribed to, but not there */
	folder_listing_add(&listing, &list);
	words_split("*", &words);
	folder_select(&listing, &words, true, NULL, &names, &warnings);
	assert_int_equal(names.count, 1);
	assert_string_equal(names.word[0], "Other");
	words_release(&words);
	words_release(&names);
	folder_listing_release(&listing);
}

/* Neither a server's many folders nor a bad pattern takes memory or time without end. */
static void test_bounds(void **state)
{
	struct folder_listing listing = {0};
	struct words words = {0}, names = {0}, warnings = {0};
	char name[201];
	struct imap_list list = {.delimiter = '/', .utf8 = {name, 200}};

	(void)state;
	memset(name, 'a', sizeof(name));
	for (int i = 0; i < 30000; i++)
		folder_listing_add(&listing, &list);
	assert_true(listing.overflow);
	assert_true(listing.count <= 10000);
	folder_listing_release(&listing);
	list.utf8.len = 200;
	folder_listing_add(&listing, &list);
	words_split("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", &words);
	folder_select(&listing, &words, false, NULL, &names, &warnings);
	assert_int_equal(names.count, 0);
	assert_int_equal(warnings.count, 1);
	words_release(&words);
	words_release(&warnings);
	folder_listing_release(&listing);
}

static void test_problems(void **state)
{
	(void)state;
	assert_null(folder_word_problem("INBOX"));
	assert_null(folder_word_problem("!\\Sent"));
	assert_non_null(folder_word_problem("!"));
	assert_non_null(folder_word_problem("!!x"));
	assert_non_null(folder_word_problem("\\Send"));
	assert_true(folder_word_is_name("a & b"));
	assert_false(folder_word_is_name("a%"));
	assert_false(folder_word_is_name("\\All"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_mean_folders),
		cmocka_unit_test(test_lsub_marks),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_problems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
