/* SPDX-License-Identifier: MIT */
/*
 * test-seal.c - grants at rest under keys: what is sealed opens, and nothing else does; keys are
 * rotated, lost, mixed up and found again, and no grant goes with them.
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
#include "tests/common/scratch.h"
#include "token-helper/store/store.h"

#include "common/banned.h"

#define KEY_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B "ffFFfffffffffffffffffffffffffffffffffffffffffffffffffffffffffff0"

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	return scratch_make(dir, sizeof(dir), "seal") ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return scratch_remove(dir) ? 0 : -1;
}

/* The keys in order; NULL ends them. */
static struct seal_keys *keys_of(const char *first, const char *second)
{
	struct seal_keys *keys = seal_keys_new();
	struct err err = ERR_INIT;

	if (seal_keys_add(keys, span_from_str(first), &err) != OUTCOME_OK ||
	    (second != NULL && seal_keys_add(keys, span_from_str(second), &err) != OUTCOME_OK))
		fail_msg("%s", err.text);
	return keys;
}

static void keys_are_hexadecimal(void **state)
{
	static const char *const bad[] = {
		"",
		"00",
		KEY_A "0",
		"g" KEY_A,
		" " KEY_A,
		"0x0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1g"};
	struct seal_keys *keys = keys_of(KEY_A, KEY_B);
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(seal_keys_add(keys, span_from_str(bad[i]), &err), OUTCOME_CONFIG);
		assert_null(strstr(err.text, "0001020304"));
	}
	assert_int_equal(seal_keys_add(keys, span_from_str(KEY_A), &err), OUTCOME_CONFIG);
	assert_non_null(strstr(err.text, seal_keys_id(keys, 0)));
	assert_int_equal(seal_keys_count(keys), 2);
	assert_int_equal(strlen(seal_keys_id(keys, 0)), 16);
	assert_string_not_equal(seal_keys_id(keys, 0), seal_keys_id(keys, 1));
	assert_int_equal(seal_keys_count(NULL), 0);
	seal_keys_free(keys);
	seal_keys_free(NULL);
}

static void sealed_text_opens_for_its_account_only(void **state)
{
	static const struct span plain = {"secret\0text", 11};
	struct buffer sealed = BUFFER_INIT_SECRET(1000);
	struct buffer again = BUFFER_INIT_SECRET(1000);
	struct buffer opened = BUFFER_INIT_SECRET(1000);
	struct seal_keys *keys = keys_of(KEY_A, NULL);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(seal_text(keys, "a", plain, &sealed, &err), OUTCOME_OK);
	assert_true(seal_is_sealed(buffer_span(&sealed)));
	assert_int_equal(seal_length(buffer_span(&sealed)), sealed.len);
	assert_true(sealed.len <= plain.len + SEAL_OVERHEAD);
	assert_null(memmem(sealed.data, sealed.len, "secret", 6));
	assert_int_equal(seal_open(keys, "a", buffer_span(&sealed), &opened, &err), OUTCOME_OK);
	assert_int_equal(opened.len, plain.len);
	assert_memory_equal(opened.data, plain.ptr, plain.len);
	assert_int_equal(seal_open(keys, "b", buffer_span(&sealed), &opened, &err), OUTCOME_CONFIG);
	assert_int_equal(opened.len, 0);
	/* Never the same bytes twice: the nonce is new. */
	assert_int_equal(seal_text(keys, "a", plain, &again, &err), OUTCOME_OK);
	assert_int_equal(again.len, sealed.len);
	assert_memory_not_equal(again.data, sealed.data, sealed.len);
	seal_keys_free(keys);
	buffer_release(&sealed);
	buffer_release(&again);
	buffer_release(&opened);
}

/* Every bit, the line and the account included, is under the seal; every length too. */
static void changed_or_cut_text_does_not_open(void **state)
{
	struct buffer sealed = BUFFER_INIT_SECRET(1000);
	struct buffer opened = BUFFER_INIT_SECRET(1000);
	struct seal_keys *keys = keys_of(KEY_A, KEY_B);
	struct err err;

	(void)state;
	assert_int_equal(seal_text(keys, "a", span_from_str("plain"), &sealed, NULL), OUTCOME_OK);
	for (size_t i = 0; i < sealed.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			sealed.data[i] = (char)(sealed.data[i] ^ (1 << bit));
			assert_int_equal(seal_open(keys, "a", buffer_span(&sealed), &opened, &err),
					 OUTCOME_CONFIG);
			assert_int_equal(opened.len, 0);
			sealed.data[i] = (char)(sealed.data[i] ^ (1 << bit));
		}
	}
	for (size_t len = 0; len < sealed.len; len++)
		assert_int_equal(
			seal_open(keys, "a", (struct span){sealed.data, len}, &opened, &err),
			OUTCOME_CONFIG);
	assert_int_equal(seal_open(keys, "a", buffer_span(&sealed), &opened, &err), OUTCOME_OK);
	assert_true(buffer_append_byte(&sealed, '\0'));
	assert_int_equal(seal_open(keys, "a", buffer_span(&sealed), &opened, &err), OUTCOME_CONFIG);
	seal_keys_free(keys);
	buffer_release(&sealed);
	buffer_release(&opened);
}

/* The store ----------------------------------------------------------------------------------- */

static struct store *open_store(struct seal_keys *keys)
{
	struct store *store = NULL;
	struct err err = ERR_INIT;

	if (store_open(dir, keys, &store, &err) != OUTCOME_OK)
		fail_msg("store_open: %s", err.text);
	return store;
}

static void commit(struct store *store, const char *account, int64_t generation)
{
	struct store_slot *slot = NULL;
	struct err err = ERR_INIT;
	struct grant grant;

	grant_init(&grant);
	(void)buffer_printf(&grant.refresh_token, "refresh-%s-%lld", account,
			    (long long)generation);
	grant.generation = generation;
	if (store_reserve(store, account, &slot, &err) != OUTCOME_OK ||
	    store_commit(slot, &grant, &err) != OUTCOME_OK)
		fail_msg("commit: %s", err.text);
	grant_release(&grant);
}

static void check(struct store *store, const char *account, int64_t generation)
{
	char expected[64];
	struct err err = ERR_INIT;
	struct grant grant;

	grant_init(&grant);
	if (store_load(store, account, &grant, &err) != OUTCOME_OK)
		fail_msg("load: %s", err.text);
	(void)snprintf(expected, sizeof(expected), "refresh-%s-%lld", account,
		       (long long)generation);
	assert_string_equal(buffer_cstr(&grant.refresh_token), expected);
	assert_int_equal(grant.generation, generation);
	grant_release(&grant);
}

static void check_refused(struct store *store, const char *account, const char *part)
{
	struct err err = ERR_INIT;
	struct grant grant;

	grant_init(&grant);
	assert_int_equal(store_load(store, account, &grant, &err), OUTCOME_CONFIG);
	if (strstr(err.text, account) == NULL || strstr(err.text, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, part);
	grant_release(&grant);
}

static void slurp(const char *name, struct buffer *bytes)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *file = fopen(path, "re");
	int c;

	assert_non_null(file);
	buffer_clear(bytes);
	while ((c = getc(file)) != EOF)
		assert_true(buffer_append_byte(bytes, (char)c));
	(void)fclose(file);
	free(path);
}

static void write_file(const char *name, struct span bytes)
{
	assert_true(scratch_write(dir, name, bytes, 0600));
}

static bool file_exists(const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	bool exists = access(path, F_OK) == 0;

	free(path);
	return exists;
}

static void check_sealed(const char *name, bool sealed)
{
	struct buffer bytes = BUFFER_INIT_SECRET(100000);

	slurp(name, &bytes);
	assert_int_equal(seal_is_sealed(buffer_span(&bytes)), sealed);
	assert_int_equal(memmem(bytes.data, bytes.len, "refresh", 7) == NULL, sealed);
	buffer_release(&bytes);
}

/* No key, then A, then B before A, then B alone: every grant is read all the way. */
static void keys_are_introduced_and_rotated(void **state)
{
	struct store *store = open_store(NULL);

	(void)state;
	commit(store, "one", 1);
	commit(store, "two", 1);
	check_sealed("one.grant", false);
	store_close(store);
	store = open_store(keys_of(KEY_A, NULL));
	check(store, "one", 1);
	commit(store, "one", 2);
	check_sealed("one.grant", true);
	check_sealed("two.grant", false);
	check(store, "one", 2);
	check(store, "two", 1);
	store_set_keys(store, keys_of(KEY_B, KEY_A)); /* while it is open */
	check(store, "one", 2);
	commit(store, "one", 3);
	store_close(store);
	store = open_store(keys_of(KEY_B, NULL));
	check(store, "one", 3);
	check(store, "two", 1);
	/* And back to none: what is sealed stays so until it is written. */
	store_set_keys(store, keys_of(KEY_A, KEY_B));
	commit(store, "two", 2);
	store_close(store);
}

static void wrong_or_missing_key_loses_nothing(void **state)
{
	struct buffer before = BUFFER_INIT_SECRET(100000);
	struct buffer after = BUFFER_INIT_SECRET(100000);
	struct seal_keys *a = keys_of(KEY_A, NULL);
	char *id = xstrdup(seal_keys_id(a, 0));
	struct store *store = open_store(a);

	(void)state;
	commit(store, "one", 1);
	slurp("one.grant", &before);
	store_close(store);
	store = open_store(keys_of(KEY_B, NULL));
	commit(store, "two", 1);
	check_refused(store, "one", id);
	check(store, "two", 1); /* the others go on */
	store_set_keys(store, NULL);
	check_refused(store, "one", "none");
	check_refused(store, "two", "none");
	slurp("one.grant", &after);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
	/* A person authorizes again rather than look for the key: the old one is kept aside. */
	commit(store, "one", 2);
	slurp("one.kept-1", &after);
	assert_memory_equal(before.data, after.data, before.len);
	check(store, "one", 2);
	store_close(store);
	free(id);
	buffer_release(&before);
	buffer_release(&after);
}

static void file_of_another_account_does_not_open(void **state)
{
	struct buffer bytes = BUFFER_INIT_SECRET(100000);
	struct store *store = open_store(keys_of(KEY_A, NULL));

	(void)state;
	commit(store, "one", 1);
	slurp("one.grant", &bytes);
	write_file("two.grant", buffer_span(&bytes));
	check_refused(store, "two", "another account");
	check(store, "one", 1);
	bytes.data[bytes.len - 1] ^= 1;
	write_file("two.grant", buffer_span(&bytes));
	check_refused(store, "two", "damaged");
	store_close(store);
	buffer_release(&bytes);
}

static void newer_seal_is_refused(void **state)
{
	struct store *store = open_store(keys_of(KEY_A, NULL));

	(void)state;
	write_file("one.grant", span_from_str("mailoauth-sealed 2 what we do not know\n\1\2\3"));
	check_refused(store, "one", "newer mailoauth");
	store_close(store);
	write_file(".tmp-one", span_from_str("mailoauth-sealed 2 what we do not know\n\1\2\3"));
	store_close(open_store(keys_of(KEY_A, NULL)));
	assert_true(file_exists(".tmp-one"));
}

/* What a crash left: sealed, complete, with the zeros of its reservation behind it. */
static void leave_behind(const char *account, size_t cut, size_t zeros)
{
	struct buffer bytes = BUFFER_INIT_SECRET(200000);
	char *name = xasprintf("%s.grant", account);
	char *temporary = xasprintf(".tmp-%s", account);

	slurp(name, &bytes);
	bytes.len -= cut;
	for (size_t i = 0; i < zeros; i++)
		assert_true(buffer_append_byte(&bytes, '\0'));
	write_file(temporary, buffer_span(&bytes));
	free(name);
	free(temporary);
	buffer_release(&bytes);
}

static void remove_file(const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(unlink(path), 0);
	free(path);
}

static void crash_is_recovered_when_the_key_is_there(void **state)
{
	struct store *store = open_store(keys_of(KEY_A, NULL));

	(void)state;
	commit(store, "one", 5);
	store_close(store);
	leave_behind("one", 0, 90000);
	remove_file("one.grant");
	/* Without the key nobody knows what it is: it waits. */
	store = open_store(keys_of(KEY_B, NULL));
	assert_true(file_exists(".tmp-one"));
	assert_false(file_exists("one.grant"));
	store_close(store);
	store = open_store(keys_of(KEY_B, KEY_A));
	check(store, "one", 5);
	assert_false(file_exists(".tmp-one"));
	store_close(store);
	/* Half of one is rubbish. */
	leave_behind("one", 3, 0);
	store = open_store(keys_of(KEY_B, NULL));
	assert_false(file_exists(".tmp-one"));
	store_close(store);
	/* One that waits is not destroyed by a new consent. */
	leave_behind("one", 0, 0);
	remove_file("one.grant");
	store = open_store(keys_of(KEY_B, NULL));
	commit(store, "one", 1);
	assert_true(file_exists("one.kept-1"));
	assert_false(file_exists(".tmp-one"));
	check(store, "one", 1);
	store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_hexadecimal),
		cmocka_unit_test(sealed_text_opens_for_its_account_only),
		cmocka_unit_test(changed_or_cut_text_does_not_open),
		TEST(keys_are_introduced_and_rotated),
		TEST(wrong_or_missing_key_loses_nothing),
		TEST(file_of_another_account_does_not_open),
		TEST(newer_seal_is_refused),
		TEST(crash_is_recovered_when_the_key_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
