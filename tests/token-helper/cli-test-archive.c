/* SPDX-License-Identifier: MIT */
/* cli-test-archive.c - the file of a backup: what is written is read, and nothing else passes. */
#include "token-helper/cli-archive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/banned.h"

static void make(struct buffer *file)
{
	assert_true(archive_append_head(file));
	assert_true(archive_append_grant(file, "relay", span_from_str("{\"version\": 1}\n")));
	assert_true(archive_append_grant(file, "in@box", (struct span){"\0end 1\ngrant", 12}));
	assert_true(archive_append_end(file, 2));
}

static void what_is_written_is_read(void **state)
{
	struct buffer file = BUFFER_INIT(4096);
	struct archive_entry entry;
	struct err err = ERR_INIT;
	size_t count = 0;
	size_t at = 0;

	(void)state;
	make(&file);
	assert_int_equal(archive_check(buffer_span(&file), &count, &err), OUTCOME_OK);
	assert_int_equal(count, 2);
	assert_true(archive_next(buffer_span(&file), &at, &entry));
	assert_string_equal(entry.name, "relay");
	assert_true(span_equals(entry.bytes, "{\"version\": 1}\n"));
	assert_true(archive_next(buffer_span(&file), &at, &entry));
	assert_string_equal(entry.name, "in@box");
	assert_int_equal(entry.bytes.len, 12);
	assert_memory_equal(entry.bytes.ptr, "\0end 1\ngrant", 12);
	assert_false(archive_next(buffer_span(&file), &at, &entry));
	buffer_release(&file);
}

static void no_grants_are_a_backup_too(void **state)
{
	size_t count = 7;

	(void)state;
	assert_int_equal(archive_check(span_from_str("mailoauth-backup 1\nend 0\n"), &count, NULL),
			 OUTCOME_OK);
	assert_int_equal(count, 0);
}

/* Cut anywhere, with a byte too many, or with any bit changed: it is refused before a grant is
 * sent. */
static void damage_is_found(void **state)
{
	struct buffer file = BUFFER_INIT(4096);
	struct err err = ERR_INIT;
	size_t count = 7;

	(void)state;
	make(&file);
	for (size_t len = 0; len < file.len; len++) {
		assert_int_equal(archive_check((struct span){file.data, len}, &count, &err),
				 OUTCOME_CONFIG);
		assert_true(err.text[0] != '\0');
	}
	for (size_t i = 0; i < file.len; i++) {
		size_t unused = 0;
		enum outcome what;

		file.data[i] ^= 4;
		what = archive_check(buffer_span(&file), &unused, &err);
		file.data[i] ^= 4;
		/* A name is not under the hash: the daemon compares it with the one in the grant.
		 */
		if (what == OUTCOME_OK && memchr("relayin@box", file.data[i], 11) == NULL)
			fail_msg("byte %zu may be changed", i);
	}
	assert_true(buffer_append_byte(&file, '\n'));
	assert_int_equal(archive_check(buffer_span(&file), &count, &err), OUTCOME_CONFIG);
	assert_int_equal(count, 7);
	buffer_release(&file);
}

static void refusals_say_why(void **state)
{
	static const struct {
		const char *file, *says;
	} rows[] = {
		{"", "no backup"},
		{"mailoauth-backup x\n", "no backup"},
		{"mailoauth-backup 2\nend 0\n", "newer mailoauth"},
		{"mailoauth-backup 1\n", "cut off at byte 19"},
		{"mailoauth-backup 1\nend 1\n", "its end does not fit"},
		{"mailoauth-backup 1\ngrant a 1 00\nx\nend 1\n", "at byte 19"},
		{"mailoauth-backup 1\ngrant a 99999999 00\nx\nend 1\n", "at byte 19"},
		{"mailoauth-backup 1\ngrant a 1 "
		 "0000000000000000000000000000000000000000000000000000000000000000\nx\nend 1\n",
		 "the grant of a at byte 19"},
	};
	struct err err = ERR_INIT;
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(archive_check(span_from_str(rows[i].file), &count, &err),
				 OUTCOME_CONFIG);
		if (strstr(err.text, rows[i].says) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", err.text, rows[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(no_grants_are_a_backup_too),
		cmocka_unit_test(damage_is_found),
		cmocka_unit_test(refusals_say_why),
	};

	return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
