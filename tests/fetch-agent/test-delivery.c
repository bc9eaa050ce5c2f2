/* SPDX-License-Identifier: MIT */
/*
 * test-delivery.c - what each method says of its destination before anything is delivered: whether
 * it is there, where this process writes, and whether recipients are needed. Modes are not tried:
 * root may write anywhere.
 */
#include "fetch-agent/delivery/delivery.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/xalloc.h"

#include "common/banned.h"

/* In the directory of the test, for which each '@' stands: */
static const char *const directories[] = {"@/box", "@/box/tmp", "@/box/new", "@/box/cur", NULL};
static const char *const files[] = {"@/program", "@/text", NULL};

static const struct {
	const char *deliver;
	const char *lacks;     /* what delivery_check() finds missing; NULL: nothing */
	const char *directory; /* NULL: nothing is written */
	bool needs_recipient;
} cases[] = {
	{"maildir:@/box", NULL, "@/box", false},
	{"maildir:@/box/", NULL, "@/box/", false},
	{"maildir:@/new", NULL, "@", false},
	{"maildir:@/new/", NULL, "@", false},
	{"maildir:@/none/new", "@/none", "@/none", false},
	{"maildir:/none", NULL, "/", false},
	{"lmtp:unix:@/text", NULL, NULL, true},
	{"lmtp:unix:@/none", "@/none", NULL, true},
	{"lmtp:localhost:24", NULL, NULL, true},
	{"smtp:localhost", NULL, NULL, true},
	{"mda:@/program -f %{sender}", NULL, NULL, false},
	{"mda:@/program -d %{recipient}", NULL, NULL, true},
	{"mda:@/none", "@/none", NULL, false},
	{"mda:@/text", "@/text", NULL, false},
};

static char top[] = "/tmp/mo-delivery-XXXXXX";

static char *placed(const char *text)
{
	const char *at = text != NULL ? strchr(text, '@') : NULL;

	return at != NULL ? xasprintf("%.*s%s%s", (int)(at - text), text, top, at + 1)
			  : xstrdup(text);
}

static void each(const char *const *paths, void (*act)(const char *path))
{
	for (; *paths != NULL; paths++) {
		char *path = placed(*paths);

		act(path);
		free(path);
	}
}

static void make_directory(const char *path)
{
	assert_int_equal(mkdir(path, 0700), 0);
}

static void make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	if (strstr(path, "program") != NULL)
		assert_int_equal(fchmod(fd, 0700), 0);
	(void)close(fd);
}

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(top));
	each(directories, make_directory);
	each(files, make_file);
	return 0;
}

static void remove_path(const char *path)
{
	(void)unlink(path);
	(void)rmdir(path);
}

static int teardown(void **state)
{
	(void)state;
	each(files, remove_path);
	each(directories + 1, remove_path);
	each(directories, remove_path);
	return rmdir(top);
}

static void check_finds(const struct delivery_config *config, const char *lacks)
{
	struct err err = ERR_INIT;
	enum outcome what = delivery_check(config, &err);

	if (what != (lacks == NULL ? OUTCOME_OK : OUTCOME_CONFIG))
		fail_msg("%s: %s", config->text, err.text);
	if (lacks != NULL &&
	    (strstr(err.text, lacks) == NULL || strstr(err.text, config->text) == NULL))
		fail_msg("%s: \"%s\" does not name it and %s", config->text, err.text, lacks);
}

static void writes_in(const struct delivery_config *config, const char *wanted)
{
	char *directory = delivery_directory(config);

	if (directory == NULL || wanted == NULL)
		assert_ptr_equal(directory, wanted);
	else
		assert_string_equal(directory, wanted);
	free(directory);
}

static void destinations_are_described(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = placed(cases[i].deliver), *lacks = placed(cases[i].lacks);
		char *directory = placed(cases[i].directory);
		struct delivery_config config = {0};
		struct err err = ERR_INIT;

		if (delivery_config_parse(text, &config, &err) != OUTCOME_OK)
			fail_msg("%s", err.text);
		check_finds(&config, lacks);
		writes_in(&config, directory);
		assert_int_equal(delivery_needs_recipient(&config), cases[i].needs_recipient);
		delivery_config_release(&config);
		free(text);
		free(lacks);
		free(directory);
	}
}

static void what_is_no_destination_names_those_that_are(void **state)
{
	static const char *const wrong[] = {"", "maildir", "mbox:/x", ":", "Maildir:/x"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct delivery_config config = {0};
		struct err err = ERR_INIT;

		assert_int_equal(delivery_config_parse(wrong[i], &config, &err), OUTCOME_CONFIG);
		assert_non_null(strstr(err.text, "maildir:/PATH"));
		assert_non_null(strstr(err.text, "mda:/PATH"));
		delivery_config_release(&config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(destinations_are_described),
		cmocka_unit_test(what_is_no_destination_names_those_that_are),
	};

	return cmocka_run_group_tests_name("delivery", tests, setup, teardown);
}
