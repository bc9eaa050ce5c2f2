/* SPDX-License-Identifier: MIT */
/* test-config.c - the configuration reader: what it takes, and every problem at its line. */
#include "common/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/secret-file.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define BOM "\xef\xbb\xbf"
#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

struct thing {
	char *name, *string, *url, *path;
	struct words words;
	int64_t number;
	bool boolean;
	int choice;
};

static struct thing things[2];
static size_t thing_count;
static char path[64];

static const char *const choices[] = {"red", "green", NULL};

static const struct config_key thing_keys[] = {
	{.name = "string", .type = CONFIG_STRING, .offset = offsetof(struct thing, string)},
	{.name = "words", .type = CONFIG_WORDS, .offset = offsetof(struct thing, words)},
	{.name = "number",
	 .type = CONFIG_NUMBER,
	 .offset = offsetof(struct thing, number),
	 .min = 1,
	 .max = 86400},
	{.name = "boolean", .type = CONFIG_BOOLEAN, .offset = offsetof(struct thing, boolean)},
	{.name = "choice",
	 .type = CONFIG_CHOICE,
	 .offset = offsetof(struct thing, choice),
	 .choices = choices},
	{.name = "url", .type = CONFIG_URL, .offset = offsetof(struct thing, url)},
	{.name = "path", .type = CONFIG_PATH, .offset = offsetof(struct thing, path)},
	{0},
};

static void *open_thing(void *context, const char *name, int line)
{
	(void)context;
	(void)line;
	assert_true(thing_count < 2);
	things[thing_count].name = xstrdup(name);
	return &things[thing_count++];
}

static const struct config_kind kinds[] = {
	{.kind = "thing", .keys = thing_keys, .named = true, .open = open_thing},
	{.kind = "alone", .keys = thing_keys, .open = open_thing},
	{.kind = "other", .named = true},
	{0},
};

static int forget_things(void **state)
{
	(void)state;
	for (size_t i = 0; i < thing_count; i++) {
		free(things[i].name);
		config_release(thing_keys, &things[i]);
	}
	memset(things, 0, sizeof(things));
	thing_count = 0;
	(void)unlink(path);
	return 0;
}

static void write_file(const char *bytes, size_t len)
{
	int fd;

	(void)snprintf(path, sizeof(path), "/tmp/mailoauth-config-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

/* The problems without "FILE:": "LINE: text\n". To be freed. */
static char *read_bytes(const char *bytes, size_t len)
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct buffer short_text = BUFFER_INIT(65536);
	const char *at;
	char *text;
	bool fine;

	write_file(bytes, len);
	fine = config_read(path, kinds, NULL, NULL, &problems);
	assert_int_equal(fine, problems.count == 0);
	for (at = buffer_cstr(&problems.text); *at != '\0'; at += strcspn(at, "\n") + 1) {
		assert_memory_equal(at, path, strlen(path));
		(void)buffer_printf(&short_text, "%.*s\n",
				    (int)(strcspn(at, "\n") - strlen(path) - 1),
				    at + strlen(path) + 1);
	}
	text = xspandup(buffer_span(&short_text));
	buffer_release(&short_text);
	config_problems_release(&problems);
	return text;
}

static void check(const char *file, const char *problems)
{
	char *text = read_bytes(file, strlen(file));

	assert_string_equal(text, problems);
	free(text);
	(void)forget_things(NULL);
}

/* The first problem begins so. */
static void check_start(const char *file, const char *start)
{
	char *text = read_bytes(file, strlen(file));

	if (strncmp(text, start, strlen(start)) != 0)
		fail_msg("\"%s\" gives \"%s\", not \"%s...\"", file, text, start);
	free(text);
	(void)forget_things(NULL);
}

static void every_type_is_read(void **state)
{
	static const char file[] = "# comment\n; comment\n\n[thing one]\nstring = a b ; remark\n"
				   "words = a, b\tc\nnumber = 2m\nboolean = YES\nchoice = green\n"
				   "url = https://host/a#b\npath = /x y\n[alone]\nstring: x";
	char *text = read_bytes(file, sizeof(file) - 1);

	(void)state;
	assert_string_equal(text, "");
	assert_string_equal(things[0].name, "one");
	assert_string_equal(things[0].string, "a b");
	assert_int_equal(things[0].words.count, 3);
	assert_string_equal(things[0].words.word[2], "c");
	assert_int_equal(things[0].number, 120);
	assert_true(things[0].boolean);
	assert_int_equal(things[0].choice, 1);
	assert_string_equal(things[0].url, "https://host/a#b");
	assert_string_equal(things[0].path, "/x y");
	assert_string_equal(things[1].string, "x");
	free(text);
}

static void values_are_checked(void **state)
{
	(void)state;
	check_start("[thing t]\nnumber = x\n", "2: number = x: is not a number");
	check_start("[thing t]\nnumber = 5 m\n", "2: number = 5 m: is not a number");
	check_start("[thing t]\nnumber = 0\n", "2: number = 0: is out of range: from 1 to 86400");
	check_start("[thing t]\nnumber = -1\n", "2: number = -1: is out of range");
	check_start("[thing t]\nnumber = 25h\n", "2: number = 25h: is out of range");
	check_start("[thing t]\nnumber = 99999999999999999999\n", "2: number = ");
	check_start("[thing t]\nnumber = 9223372036854775807d\n", "2: number = ");
	check("[thing t]\nnumber = 1d\n", "");
	check_start("[thing t]\nboolean = 1\n", "2: boolean = 1: is neither yes nor no");
	check_start("[thing t]\nchoice = blue\n", "2: choice = blue: is not one of: red, green");
	check_start("[thing t]\nurl = http://host/\n", "2: url = http://host/: is not an https://");
	check_start("[thing t]\npath = x\n", "2: path = x: is not an absolute path");
	check_start("[thing t]\nstring =\n", "2: string has no value");
	check_start("[thing t]\nstring = ; remark\n", "2: string has no value");
}

static void sections_and_keys_are_checked(void **state)
{
	(void)state;
	check("[thing t]\nnonsense = 1\n", "2: nonsense is not a key of [thing]\n");
	check("[thing t]\nnumbers = 1\n", "2: numbers is not a key of [thing]; number is\n");
	check("[thing t]\nnubmer = 1\n", "2: nubmer is not a key of [thing]; number is\n");
	check("[thing t]\nstring = a\nstring = b\n", "3: string was set already in line 2\n");
	check("[thing t]\n[thing u]\n[thing t]\n", "3: [thing t] stands already in line 1\n");
	check("[thing t]\n[ thing \t t ]\n", "2: [thing t] stands already in line 1\n");
	check_start("[thing]\n", "1: [thing] lacks a name");
	check_start("[alone x]\n", "1: [alone x] takes no name");
	check_start("[things t]\n",
		    "1: [things t] is not a section that is known here: [thing NAME]");
	check("[other x]\nwhatever = 1\n  more\n", "");
	check("string = a\n", "1: string stands before the first [section]\n");
	check("[thing t]\nstring\n", "2: is neither [section] nor key = value\n");
	check("[thing t\nstring = a\n", "1: is neither [section] nor key = value\n"
					"2: string stands before the first [section]\n");
	check("[thing t] string = a\n", "1: nothing may follow the section's head\n");
	check("[thing t] ; remark\n[alone] # remark\n", "");
	check_start("[thing " X50 "]\n", "1: a section's head has at most 48 characters");
}

static void indented_lines_go_on(void **state)
{
	static const char file[] = "[thing t]\nwords = a\n  b\n\n# remark\n\tc\nstring = x\n  y\n";
	char *text = read_bytes(file, sizeof(file) - 1);

	(void)state;
	assert_string_equal(text, "");
	assert_int_equal(things[0].words.count, 3);
	assert_string_equal(things[0].string, "x y");
	free(text);
	(void)forget_things(NULL);
	check_start("[thing t]\nnumber = 1\n  2\n", "3: an indented line goes on with the value of "
						    "number, which takes one value");
	check_start("[thing t]\nstring =\n  x\n", "2: string has no value");
	check("[thing t]\nnonsense = x\n  y\n", "2: nonsense is not a key of [thing]\n");
}

/* A file that was pasted from a document, with the blanks before it. */
static void an_indented_file_is_a_file(void **state)
{
	static const char file[] = "  [thing t]\n    string = a\n      b\n    words = c\n\td\n"
				   "  number = 5\n    boolean: yes\n";
	char *text = read_bytes(file, sizeof(file) - 1);

	(void)state;
	assert_string_equal(text, "7: is farther in than the line of number, and so goes on with "
				  "its value: begin all keys of a section in the same column\n");
	assert_string_equal(things[0].string, "a b");
	assert_int_equal(things[0].words.count, 2);
	assert_int_equal(things[0].number, 5);
	assert_true(things[0].boolean);
	free(text);
	(void)forget_things(NULL);
	check("\t[thing t]\n\tnumber = 0\n        nonsense = 1\n",
	      "2: number = 0: is out of range: from 1 to 86400\n"
	      "3: nonsense is not a key of [thing]\n");
	check_start("[thing t]\nnumber = 5\n  [alone]\n  number = 0\n", "4: number = 0: is out");
}

/* Nothing is swallowed, and what is wrong is said once. */
static void indented_keys_are_not_lost(void **state)
{
	static const char file[] = "[thing t]\nstring = a\n  number = 7\n  words = b\n    c\n";
	char *text = read_bytes(file, sizeof(file) - 1);

	(void)state;
	assert_string_equal(text, "3: is farther in than the line of string, and so goes on with "
				  "its value: begin all keys of a section in the same column\n");
	assert_int_equal(things[0].number, 7);
	assert_string_equal(things[0].string, "a");
	free(text);
	(void)forget_things(NULL);
}

static void odd_files_are_read(void **state)
{
	char line[400];
	char *text;

	(void)state;
	check(BOM "[thing t]\r\nstring = a\r\n", "");
	check(BOM "[thing t]\nnonsense = 1\n", "2: nonsense is not a key of [thing]\n");
	check("", "");
	(void)snprintf(line, sizeof(line), "[thing t]\nstring = %s%s%s%s\nnonsense = 1\n", X50, X50,
		       X50, X50);
	check(line, "2: the line is too long: at most 198 characters; go on in an indented line\n"
		    "3: nonsense is not a key of [thing]\n");
	(void)snprintf(line, sizeof(line), "[thing t]\nstring = %s%s%s%.39s", X50, X50, X50, X50);
	check(line, "");
	text = read_bytes("[thing t]\nstring = a\0b\nnonsense = 1\n", 36);
	assert_string_equal(text, "2: holds a NUL byte\n3: nonsense is not a key of [thing]\n");
	free(text);
}

static void all_problems_come_in_one_run(void **state)
{
	(void)state;
	check("[thing t]\nnumber = x1\nnonsense = 1\nrubbish\n\n[thing t]\nnumber = x2\n[bad]\n"
	      "boolean = x\n[alone]\npath = x\n",
	      "2: number = x1: is not a number (with s, m, h or d for a time): from 1 to 86400\n"
	      "3: nonsense is not a key of [thing]\n"
	      "4: is neither [section] nor key = value\n"
	      "6: [thing t] stands already in line 1\n"
	      "8: [bad] is not a section that is known here: [thing NAME], [alone], [other NAME]\n"
	      "11: path = x: is not an absolute path\n");
}

static void a_missing_file_is_named(void **state)
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;

	(void)state;
	assert_false(config_read("/nonexistent/x", kinds, NULL, NULL, &problems));
	assert_string_equal(buffer_cstr(&problems.text),
			    "/nonexistent/x: No such file or directory\n");
	assert_false(config_read("/", kinds, NULL, NULL, &problems));
	assert_int_equal(problems.count, 2);
	config_problems_release(&problems);
}

static void lines_are_remembered(void **state)
{
	static const char file[] = "[thing t]\nstring = a\n[alone]\n\nnumber = 1\n";
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct config_seen *seen = config_seen_new();

	(void)state;
	write_file(file, sizeof(file) - 1);
	assert_true(config_read(path, kinds, NULL, seen, &problems));
	assert_int_equal(config_seen_line(seen, &things[0], NULL), 1);
	assert_int_equal(config_seen_line(seen, &things[0], "string"), 2);
	assert_int_equal(config_seen_line(seen, &things[0], "number"), 0);
	assert_int_equal(config_seen_line(seen, &things[1], NULL), 3);
	assert_int_equal(config_seen_line(seen, &things[1], "number"), 5);
	assert_int_equal(config_seen_line(seen, &problems, "number"), 0);
	config_seen_free(seen);
}

#define ALL_KEYS                                                                                   \
	"string = a\nwords = b c\nnumber = 5\nboolean = yes\nchoice = green\n"                     \
	"url = https://x/\npath = /p\n"

static void sections_are_compared_and_emptied(void **state)
{
	static const char file[] = "[thing one]\n" ALL_KEYS "[thing two]\n" ALL_KEYS;
	struct config_problems problems = CONFIG_PROBLEMS_INIT;

	(void)state;
	write_file(file, sizeof(file) - 1);
	assert_true(config_read(path, kinds, NULL, NULL, &problems));
	assert_true(config_same(thing_keys, &things[0], &things[1]));
	for (const struct config_key *key = thing_keys; key->name != NULL; key++) {
		const struct config_key alone[] = {*key, {0}};

		config_release(alone, &things[0]);
		things[0].number -= key->type == CONFIG_NUMBER;
		things[0].boolean ^= key->type == CONFIG_BOOLEAN;
		things[0].choice ^= key->type == CONFIG_CHOICE;
		assert_false(config_same(alone, &things[0], &things[1]));
		assert_false(config_same(thing_keys, &things[0], &things[1]));
	}
	config_release(thing_keys, &things[1]);
	assert_null(things[1].string);
	assert_null(things[1].url);
	assert_null(things[1].path);
	assert_null(things[1].words.word);
	assert_int_equal(things[1].number, 5);
}

static void secrets_are_read_from_closed_files(void **state)
{
	struct buffer secret = BUFFER_INIT_SECRET(100);
	struct err err;
	char *way;

	(void)state;
	write_file("s3cret\r\n", 8);
	assert_int_equal(secret_file_read(path, &secret, &err), OUTCOME_OK);
	assert_string_equal(buffer_cstr(&secret), "s3cret");
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(secret_file_read(path, &secret, &err), OUTCOME_OK);
	assert_int_equal(chmod(path, 0604), 0);
	assert_int_equal(secret_file_read(path, &secret, &err), OUTCOME_CONFIG);
	way = xasprintf("chmod o= %s", path);
	assert_non_null(strstr(err.text, way));
	assert_null(strstr(err.text, "s3cret"));
	free(way);
	(void)unlink(path);
	write_file("\n", 1);
	assert_int_equal(secret_file_read(path, &secret, &err), OUTCOME_CONFIG);
	(void)unlink(path);
	write_file(X50 X50 "x", 101);
	assert_int_equal(secret_file_read(path, &secret, &err), OUTCOME_CONFIG);
	assert_int_equal(secret_file_read("/nonexistent", &secret, &err), OUTCOME_CONFIG);
	assert_int_equal(secret_file_read("/dev/null", &secret, &err), OUTCOME_CONFIG);
	buffer_release(&secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(every_type_is_read, forget_things),
		cmocka_unit_test_teardown(values_are_checked, forget_things),
		cmocka_unit_test_teardown(sections_and_keys_are_checked, forget_things),
		cmocka_unit_test_teardown(indented_lines_go_on, forget_things),
		cmocka_unit_test_teardown(an_indented_file_is_a_file, forget_things),
		cmocka_unit_test_teardown(indented_keys_are_not_lost, forget_things),
		cmocka_unit_test_teardown(odd_files_are_read, forget_things),
		cmocka_unit_test_teardown(all_problems_come_in_one_run, forget_things),
		cmocka_unit_test_teardown(a_missing_file_is_named, forget_things),
		cmocka_unit_test_teardown(lines_are_remembered, forget_things),
		cmocka_unit_test_teardown(sections_are_compared_and_emptied, forget_things),
		cmocka_unit_test_teardown(secrets_are_read_from_closed_files, forget_things),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
