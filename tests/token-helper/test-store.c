/* SPDX-License-Identifier: MIT */
/*
 * test-store.c - the store's promises, against real files: round trip, refusals, full disks,
 * crashes.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "tests/common/scratch.h"
#include "token-helper/store/store.h"

#include "common/banned.h"

#define KILL_ROUNDS 60
#define GROUP	    3
#define CALLS_MAX   1000 /* of a commit of so many */

static char dir[64];

/* The store's syncs, with their files, in the order in which they came; one of them can fail. */
static char synced[512];
static bool is_recording; /* not where threads sync */
static atomic_int syncs;
static const char *sync_fails_of;

static const char *name_of_fd(int fd, char *path, size_t size)
{
	char link[32];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, size - 1);
	path[n > 0 ? n : 0] = '\0';
	return strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
}

/* Instead of libc's, for the store too. The disk's part is left out: no test here pulls the plug.
 */
int fsync(int fd)
{
	char path[128];
	const char *name = name_of_fd(fd, path, sizeof(path));
	size_t len = strlen(synced);

	if (is_recording)
		(void)snprintf(synced + len, sizeof(synced) - len, "%s ",
			       strcmp(path, dir) == 0 ? "/" : name);
	atomic_fetch_add(&syncs, 1);
	if (sync_fails_of == NULL || strcmp(name, sync_fails_of) != 0)
		return 0;
	errno = EIO;
	return -1;
}

static int make_dir(void **state)
{
	(void)state;
	return scratch_make(dir, sizeof(dir), "store") ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return scratch_remove(dir) ? 0 : -1;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	assert_true(scratch_write(dir, name, span_from_str(text), mode));
}

static bool file_exists(const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	struct stat st;
	bool exists = lstat(path, &st) == 0;

	free(path);
	return exists;
}

static void fill(struct grant *grant, int64_t generation)
{
	grant_release(grant);
	assert_true(buffer_printf(&grant->refresh_token, "refresh-%lld \"\\%c",
				  (long long)generation, 1));
	assert_true(buffer_append(&grant->refresh_token, "\0\xff", 2));
	assert_true(buffer_append_str(&grant->previous_refresh_token, "older"));
	assert_true(buffer_append_str(&grant->access_token, "access"));
	grant->access_expires_s = 4102444800; /* past 2038 */
	grant->access_obtained_s = 3;
	grant->refresh_obtained_s = 4;
	grant->authorized_s = 5;
	grant->generation = generation;
	grant->scope = xstrdup("https://outlook.office.com/SMTP.Send offline_access");
	grant->identity = xstrdup("J\xc3\xb6rg@example.org");
	grant->kind = xstrdup("device_code");
	grant->client_id = xstrdup("client");
	grant->token_url = xstrdup("https://as.example/token");
	grant->redirect = xstrdup("http://localhost");
}

static void assert_same(const struct grant *a, const struct grant *b)
{
	assert_int_equal(a->refresh_token.len, b->refresh_token.len);
	assert_memory_equal(a->refresh_token.data, b->refresh_token.data, a->refresh_token.len);
	assert_string_equal(buffer_cstr(&a->previous_refresh_token),
			    buffer_cstr(&b->previous_refresh_token));
	assert_string_equal(buffer_cstr(&a->access_token), buffer_cstr(&b->access_token));
	assert_int_equal(a->access_expires_s, b->access_expires_s);
	assert_int_equal(a->access_obtained_s, b->access_obtained_s);
	assert_int_equal(a->refresh_obtained_s, b->refresh_obtained_s);
	assert_int_equal(a->authorized_s, b->authorized_s);
	assert_int_equal(a->generation, b->generation);
	assert_string_equal(a->scope, b->scope);
	assert_string_equal(a->identity, b->identity);
	assert_null(b->issuer);
	assert_null(b->subject);
	assert_string_equal(a->kind, b->kind);
	assert_string_equal(a->client_id, b->client_id);
	assert_string_equal(a->token_url, b->token_url);
	assert_string_equal(a->redirect, b->redirect);
}

static struct store *open_store(void)
{
	struct store *store = NULL;
	struct err err = ERR_INIT;

	if (store_open(dir, NULL, &store, &err) != OUTCOME_OK)
		fail_msg("store_open: %s", err.text);
	return store;
}

static void commit(struct store *store, const char *account, const struct grant *grant)
{
	struct store_slot *slot = NULL;
	struct err err = ERR_INIT;

	if (store_reserve(store, account, &slot, &err) != OUTCOME_OK ||
	    store_commit(slot, grant, &err) != OUTCOME_OK)
		fail_msg("commit: %s", err.text);
}

static void test_round_trip(void **state)
{
	struct store *store = open_store();
	struct grant out, in, copy;
	struct stat st;
	char *path = xasprintf("%s/relay@x.grant", dir);

	(void)state;
	grant_init(&out);
	grant_init(&in);
	grant_init(&copy);
	assert_int_equal(store_load(store, "relay@x", &in, NULL), OUTCOME_OK);
	assert_true(grant_is_empty(&in));
	fill(&out, 1);
	commit(store, "relay@x", &out);
	fill(&out, 2);
	commit(store, "relay@x", &out);
	store_close(store);
	store = open_store();
	assert_int_equal(store_load(store, "relay@x", &in, NULL), OUTCOME_OK);
	assert_same(&out, &in);
	grant_copy(&copy, &in);
	assert_same(&out, &copy);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(st.st_size < 2000);
	assert_false(file_exists(".tmp-relay@x"));
	store_close(store);
	grant_release(&out);
	grant_release(&in);
	grant_release(&copy);
	free(path);
}

static void test_largest_grant(void **state)
{
	struct store *store = open_store();
	struct grant out, in;

	(void)state;
	grant_init(&out);
	grant_init(&in);
	fill(&out, 1);
	buffer_clear(&out.refresh_token);
	for (int i = 0; i < GRANT_TOKEN_MAX; i++)
		assert_true(buffer_append_byte(&out.refresh_token, 1));
	commit(store, "a", &out);
	assert_int_equal(store_load(store, "a", &in, NULL), OUTCOME_OK);
	assert_same(&out, &in);
	store_close(store);
	grant_release(&out);
	grant_release(&in);
}

static void test_account_names(void **state)
{
	static const char *const bad[] = {
		"",	    ".",
		"..",	    ".tmp-a",
		"a/b",	    "../a",
		"a b",	    "a\n",
		"\xc3\xb6", "0123456789012345678901234567890123456789012345678901234567890123x"};
	struct store *store = open_store();
	struct store_slot *slot = NULL;
	struct grant grant;

	(void)state;
	grant_init(&grant);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(store_load(store, bad[i], &grant, NULL), OUTCOME_CONFIG);
		assert_int_equal(store_reserve(store, bad[i], &slot, NULL), OUTCOME_CONFIG);
	}
	assert_null(slot);
	store_close(store);
}

static void test_damaged_files(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"null",
		"{}",
		"{\"version\":1}",
		"{\"version\":1,\"account\":\"a\"}",
		"{\"version\":0,\"account\":\"a\",\"access_expires\":0,\"access_obtained\":0,"
		"\"refresh_obtained\":0,\"authorized\":0,\"generation\":0}",
		"{\"version\":1,\"account\":\"b\",\"access_expires\":0,\"access_obtained\":0,"
		"\"refresh_obtained\":0,\"authorized\":0,\"generation\":0}",
		"{\"version\":1,\"account\":\"a\",\"access_expires\":-1,\"access_obtained\":0,"
		"\"refresh_obtained\":0,\"authorized\":0,\"generation\":0}",
		"{\"version\":1,\"account\":\"a\",\"access_expires\":\"1\",\"access_obtained\":0,"
		"\"refresh_obtained\":0,\"authorized\":0,\"generation\":0}",
		"{\"version\":1,\"account\":\"a\",\"refresh_token\":1,\"access_expires\":0,"
		"\"access_obtained\":0,\"refresh_obtained\":0,\"authorized\":0,\"generation\":0}",
		"{\"version\":1,\"account\":\"a\",\"scope\":\"x\\u0000y\",\"access_expires\":0,"
		"\"access_obtained\":0,\"refresh_obtained\":0,\"authorized\":0,\"generation\":0}",
		"{\"version\":1,\"account\":\"a\",\"access_expires\":0,\"access_obtained\":0,"
		"\"refresh_obtained\":0,\"authorized\":0,\"generation\":0} x",
		"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{"
		"\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}}}}}}}}}}",
	};
	struct store *store = open_store();
	struct grant grant;

	(void)state;
	grant_init(&grant);
	assert_true(buffer_append_str(&grant.refresh_token, "kept"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = ERR_INIT;

		write_file("a.grant", bad[i], 0600);
		if (store_load(store, "a", &grant, &err) != OUTCOME_CONFIG)
			fail_msg("accepted: %s", bad[i]);
		assert_non_null(strstr(err.text, "a.grant"));
		assert_string_equal(buffer_cstr(&grant.refresh_token), "kept");
		assert_true(file_exists("a.grant"));
	}
	store_close(store);
	grant_release(&grant);
}

/* As the first mailoauth wrote it. */
static void test_earlier_version(void **state)
{
	struct store *store = open_store();
	struct grant grant;

	(void)state;
	grant_init(&grant);
	write_file(
		"a.grant",
		"{\"version\":1,\"account\":\"a\",\"refresh_token\":\"r\",\"access_expires\":0,"
		"\"access_obtained\":0,\"refresh_obtained\":7,\"authorized\":8,\"generation\":9}",
		0600);
	assert_int_equal(store_load(store, "a", &grant, NULL), OUTCOME_OK);
	assert_string_equal(buffer_cstr(&grant.refresh_token), "r");
	assert_int_equal(grant.refresh_obtained_s, 7);
	assert_int_equal(grant.generation, 9);
	assert_int_equal(grant.refused_s, 0);
	assert_null(grant.refused);
	grant.refused_s = 10;
	grant.refused_count = 2;
	grant.refused = xstrdup("no");
	commit(store, "a", &grant);
	grant_release(&grant);
	assert_int_equal(store_load(store, "a", &grant, NULL), OUTCOME_OK);
	assert_int_equal(grant.refused_s, 10);
	assert_int_equal(grant.refused_count, 2);
	assert_string_equal(grant.refused, "no");
	store_close(store);
	grant_release(&grant);
}

/* A later one is left alone, and kept when a person's new consent takes its place. */
static void test_later_version(void **state)
{
	struct store *store = open_store();
	struct err err = ERR_INIT;
	struct grant grant;

	(void)state;
	grant_init(&grant);
	write_file("a.grant", "{\"version\":99,\"account\":\"a\",\"anything\":[]}\n", 0600);
	assert_int_equal(store_load(store, "a", &grant, &err), OUTCOME_CONFIG);
	assert_non_null(strstr(err.text, "newer mailoauth"));
	assert_false(file_exists("a.kept-1"));
	fill(&grant, 1);
	commit(store, "a", &grant);
	assert_true(file_exists("a.kept-1"));
	write_file("a.grant", "damaged", 0600);
	commit(store, "a", &grant);
	assert_true(file_exists("a.kept-2"));
	commit(store, "a", &grant);
	assert_false(file_exists("a.kept-3"));
	store_close(store);
	grant_release(&grant);
}

/* Every prefix of a good file is a damaged one. */
static void test_truncated_file(void **state)
{
	struct buffer json = BUFFER_INIT_SECRET(100000);
	struct grant grant;

	(void)state;
	grant_init(&grant);
	fill(&grant, 7);
	assert_int_equal(grant_encode(&grant, "a", &json, NULL), OUTCOME_OK);
	for (size_t len = 0; len + 1 < json.len; len++) {
		struct span prefix = {json.data, len};

		/* The last byte is a newline, the one before ends the object. */
		assert_int_equal(grant_decode(prefix, "a", &grant, NULL),
				 len == json.len - 1 ? OUTCOME_OK : OUTCOME_CONFIG);
	}
	assert_int_equal(grant_decode(buffer_span(&json), "a", &grant, NULL), OUTCOME_OK);
	/* What a file system leaves after a crash: zeros at the end. */
	assert_true(buffer_append(&json, "\0\0", 2));
	assert_int_equal(grant_decode(buffer_span(&json), "a", &grant, NULL), OUTCOME_CONFIG);
	buffer_release(&json);
	grant_release(&grant);
}

static void test_foreign_files(void **state)
{
	struct store *store = open_store();
	struct err err = ERR_INIT;
	struct grant grant;
	char *path = xasprintf("%s/a.grant", dir);
	char *real = xasprintf("%s/real", dir);

	(void)state;
	grant_init(&grant);
	fill(&grant, 1);
	commit(store, "a", &grant);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(store_load(store, "a", &grant, &err), OUTCOME_CONFIG);
	assert_non_null(strstr(err.text, "chmod 600"));
	assert_int_equal(chmod(path, 0600), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 1, 1), 0);
		assert_int_equal(store_load(store, "a", &grant, &err), OUTCOME_CONFIG);
	}
	assert_int_equal(chown(path, geteuid(), getegid()), 0);
	assert_int_equal(store_load(store, "a", &grant, &err), OUTCOME_OK);
	/* A link to what would be a good file. */
	assert_int_equal(rename(path, real), 0);
	assert_int_equal(symlink(real, path), 0);
	assert_int_equal(store_load(store, "a", &grant, &err), OUTCOME_CONFIG);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(store_load(store, "a", &grant, &err), OUTCOME_CONFIG);
	store_close(store);
	grant_release(&grant);
	free(path);
	free(real);
}

static void test_foreign_directory(void **state)
{
	struct store *store = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(chmod(dir, 0750), 0);
	assert_int_equal(store_open(dir, NULL, &store, &err), OUTCOME_CONFIG);
	assert_non_null(strstr(err.text, "chmod 700"));
	assert_int_equal(chmod(dir, 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(dir, 1, 1), 0);
		assert_int_equal(store_open(dir, NULL, &store, &err), OUTCOME_CONFIG);
		assert_int_equal(chown(dir, 0, 0), 0);
	}
	assert_int_equal(store_open("/nonexistent/store", NULL, &store, &err), OUTCOME_CONFIG);
	assert_null(store);
}

static void test_leftovers_are_removed(void **state)
{
	struct grant grant;
	struct store *store = open_store();

	(void)state;
	grant_init(&grant);
	fill(&grant, 1);
	commit(store, "a", &grant);
	store_close(store);
	write_file(".tmp-a", "{\"version\":", 0600);
	write_file(".tmp-b", "", 0600);
	write_file("README", "not ours", 0600);
	store = open_store();
	assert_false(file_exists(".tmp-a"));
	assert_false(file_exists(".tmp-b"));
	assert_true(file_exists("README"));
	assert_int_equal(store_load(store, "a", &grant, NULL), OUTCOME_OK);
	assert_int_equal(grant.generation, 1);
	store_close(store);
	grant_release(&grant);
}

/* What a crash between write and rename leaves of account a: a grant without its last cut_bytes,
 * then zeros. */
static void leave_behind(int64_t generation, size_t cut_bytes, size_t zeros)
{
	struct buffer json = BUFFER_INIT_SECRET(65536);
	char *path = xasprintf("%s/.tmp-a", dir);
	struct grant grant;

	grant_init(&grant);
	fill(&grant, generation);
	assert_int_equal(grant_encode(&grant, "a", &json, NULL), OUTCOME_OK);
	json.data[json.len - cut_bytes] = '\0';
	write_file(".tmp-a", json.data, 0600);
	assert_int_equal(truncate(path, (off_t)(json.len - cut_bytes + zeros)), 0);
	free(path);
	buffer_release(&json);
	grant_release(&grant);
}

static int64_t generation_after_reopening(void)
{
	struct store *store = open_store();
	struct grant grant;
	int64_t generation;

	grant_init(&grant);
	assert_int_equal(store_load(store, "a", &grant, NULL), OUTCOME_OK);
	generation = grant.generation;
	assert_false(file_exists(".tmp-a"));
	store_close(store);
	grant_release(&grant);
	return generation;
}

static void test_crash_before_the_rename(void **state)
{
	struct store *store = open_store();
	struct grant grant;

	(void)state;
	grant_init(&grant);
	fill(&grant, 5);
	commit(store, "a", &grant);
	store_close(store);
	leave_behind(6, 0, 0);
	assert_int_equal(generation_after_reopening(), 6);
	leave_behind(7, 0, 90000); /* not cut to its length yet */
	assert_int_equal(generation_after_reopening(), 7);
	leave_behind(8, 2, 0); /* without "}\n" */
	assert_int_equal(generation_after_reopening(), 7);
	leave_behind(8, 10, 90000);
	assert_int_equal(generation_after_reopening(), 7);
	leave_behind(6, 0, 0); /* complete, but older */
	assert_int_equal(generation_after_reopening(), 7);
	leave_behind(7, 0, 0);
	assert_int_equal(generation_after_reopening(), 7);
	grant_release(&grant);
}

/* The account's file cannot be read: then a complete one beside it may be all that there is. */
static void test_crash_beside_a_damaged_file(void **state)
{
	struct store *store;
	struct grant grant;
	char *path;

	(void)state;
	grant_init(&grant);
	leave_behind(6, 0, 0);
	write_file("a.grant", "{\"version\":", 0600);
	store = open_store();
	assert_int_equal(store_load(store, "a", &grant, NULL), OUTCOME_CONFIG);
	assert_true(file_exists(".tmp-a"));
	store_close(store);
	/* Whoever removes the damaged one gets the other. */
	path = xasprintf("%s/a.grant", dir);
	assert_int_equal(unlink(path), 0);
	free(path);
	assert_int_equal(generation_after_reopening(), 6);
	/* Rubbish beside rubbish is still removed. */
	write_file("a.grant", "{\"version\":", 0600);
	leave_behind(7, 10, 0);
	store_close(open_store());
	assert_false(file_exists(".tmp-a"));
	grant_release(&grant);
}

static void test_slots(void **state)
{
	struct store *store = open_store();
	struct store_slot *slot = NULL, *other = NULL, *second = NULL;

	(void)state;
	assert_int_equal(store_reserve(store, "a", &slot, NULL), OUTCOME_OK);
	assert_int_equal(store_reserve(store, "a", &second, NULL), OUTCOME_RETRY);
	assert_null(second);
	assert_int_equal(store_reserve(store, "b", &other, NULL), OUTCOME_OK);
	store_abort(slot);
	assert_false(file_exists(".tmp-a"));
	assert_int_equal(store_reserve(store, "a", &slot, NULL), OUTCOME_OK);
	store_close(store); /* takes what is open */
	assert_false(file_exists(".tmp-a"));
	assert_false(file_exists(".tmp-b"));
	assert_false(file_exists("a.grant"));
}

static void test_lock(void **state)
{
	struct store *store = open_store();
	char expected[32];
	int status;
	pid_t pid;

	(void)state;
	(void)snprintf(expected, sizeof(expected), "pid %ld", (long)getpid());
	pid = fork();
	if (pid == 0) {
		struct store *second = NULL;
		struct err err = ERR_INIT;
		bool ok = store_open(dir, NULL, &second, &err) == OUTCOME_RETRY &&
			  strstr(err.text, expected) != NULL;

		if (!ok)
			print_error("%s\n", err.text);
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	store_close(store);
	store_close(open_store());
}

/* Whatever a full disk would break breaks before a refresh token is spent. */
static void test_file_size_limit(void **state)
{
	struct store *store = open_store();
	struct store_slot *slot = NULL;
	struct rlimit old, small;
	struct err err = ERR_INIT;
	enum outcome what;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){4096, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	what = store_reserve(store, "a", &slot, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(what, OUTCOME_RETRY);
	assert_non_null(strstr(err.text, dir));
	assert_null(slot);
	assert_false(file_exists(".tmp-a"));
	store_close(store);
}

static void test_full_disk(void **state)
{
	struct store_slot *first = NULL, *second = NULL;
	struct err err = ERR_INIT;
	struct store *store;
	struct grant grant;

	(void)state;
	if (mount("tmpfs", dir, "tmpfs", 0, "size=160k,mode=0700") != 0)
		skip();
	store = open_store();
	grant_init(&grant);
	fill(&grant, 9);
	assert_int_equal(store_reserve(store, "a", &first, &err), OUTCOME_OK);
	assert_int_equal(store_reserve(store, "b", &second, &err), OUTCOME_RETRY);
	assert_non_null(strstr(err.text, strerror(ENOSPC)));
	/* The disk is full now, and what was reserved can be committed all the same. */
	assert_int_equal(store_commit(first, &grant, &err), OUTCOME_OK);
	store_close(store);
	assert_int_equal(mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	store = open_store();
	assert_int_equal(store_reserve(store, "a", &first, &err), OUTCOME_RETRY);
	assert_non_null(strstr(err.text, strerror(EROFS)));
	assert_int_equal(store_load(store, "a", &grant, &err), OUTCOME_OK);
	assert_int_equal(grant.generation, 9);
	store_close(store);
	assert_int_equal(umount(dir), 0);
	grant_release(&grant);
}

static void commit_for_ever(int report)
{
	struct store *store = open_store();
	struct grant grant;

	grant_init(&grant);
	(void)store_load(store, "a", &grant, NULL);
	for (int64_t generation = grant.generation + 1;; generation++) {
		fill(&grant, generation);
		commit(store, "a", &grant);
		if (write(report, &generation, sizeof(generation)) != sizeof(generation))
			_exit(1);
	}
}

/* kill -9 at any moment: what was reported as committed is there, whole. */
static void test_kill(void **state)
{
	struct grant grant, expected;
	int64_t reported = 0;

	(void)state;
	grant_init(&grant);
	grant_init(&expected);
	srand(1);
	for (int round = 0; round < KILL_ROUNDS; round++) {
		struct timespec wait = {0, 1000000L * (rand() % 20) + rand() % 1000000};
		struct store *store;
		int pipes[2], status;
		pid_t pid;

		assert_int_equal(pipe(pipes), 0);
		pid = fork();
		if (pid == 0) {
			close(pipes[0]);
			commit_for_ever(pipes[1]);
		}
		close(pipes[1]);
		(void)nanosleep(&wait, NULL);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		while (read(pipes[0], &reported, sizeof(reported)) == sizeof(reported))
			;
		close(pipes[0]);
		store = open_store();
		assert_int_equal(store_load(store, "a", &grant, NULL), OUTCOME_OK);
		assert_in_range(grant.generation, reported, reported + 1);
		/* Durable, though killed before it could say so: the next child goes on from here.
		 */
		reported = grant.generation;
		if (grant.generation > 0) {
			fill(&expected, grant.generation);
			assert_same(&expected, &grant);
		}
		assert_false(file_exists(".tmp-a"));
		store_close(store);
	}
	assert_true(reported > 0);
	grant_release(&grant);
	grant_release(&expected);
}

/* Several at once -------------------------------------------------------------------------------
 */

static const char *const group_names[GROUP] = {"a", "b", "c"};

/* Reserves and writes generation, for all of the group. */
static void write_group(struct store *store, int64_t generation, struct store_written *written)
{
	struct grant grant;

	grant_init(&grant);
	fill(&grant, generation);
	for (int i = 0; i < GROUP; i++) {
		assert_int_equal(store_reserve(store, group_names[i], &written[i].slot, NULL),
				 OUTCOME_OK);
		assert_int_equal(store_write(written[i].slot, &grant, NULL), OUTCOME_OK);
	}
	grant_release(&grant);
}

static void commit_group(struct store *store, int64_t generation, struct store_written *written)
{
	struct store_written *group[GROUP];

	write_group(store, generation, written);
	for (int i = 0; i < GROUP; i++)
		group[i] = &written[i];
	store_commit_written(group, GROUP);
}

static void check_generation(struct store *store, const char *account, int64_t least, int64_t most)
{
	struct grant grant, expected;

	grant_init(&grant);
	grant_init(&expected);
	assert_int_equal(store_load(store, account, &grant, NULL), OUTCOME_OK);
	assert_in_range(grant.generation, least, most);
	fill(&expected, grant.generation);
	assert_same(&expected, &grant);
	grant_release(&grant);
	grant_release(&expected);
}

/* All files before any name, and their directory once. */
static void test_group(void **state)
{
	struct store *store = open_store();
	struct store_written written[GROUP];

	(void)state;
	commit_group(store, 1, written);
	is_recording = true;
	commit_group(store, 2, written);
	is_recording = false;
	assert_string_equal(synced, ".tmp-a .tmp-b .tmp-c / ");
	for (int i = 0; i < GROUP; i++) {
		assert_int_equal(written[i].outcome, OUTCOME_OK);
		assert_null(written[i].slot);
		check_generation(store, group_names[i], 2, 2);
	}
	store_commit_written(NULL, 0);
	store_close(store);
}

/* What keeps one from its place keeps it alone. */
static void test_group_with_a_failure(void **state)
{
	struct store *store = open_store();
	struct store_written written[GROUP];
	char *path = xasprintf("%s/c.grant", dir);

	(void)state;
	commit_group(store, 1, written);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0); /* rename(2) puts no file there */
	sync_fails_of = ".tmp-b";
	commit_group(store, 2, written);
	sync_fails_of = NULL;
	assert_int_equal(written[0].outcome, OUTCOME_OK);
	check_generation(store, "a", 2, 2);
	assert_int_equal(written[1].outcome, OUTCOME_RETRY);
	assert_non_null(strstr(written[1].err.text, strerror(EIO)));
	check_generation(store, "b", 1, 1);
	assert_int_equal(written[2].outcome, OUTCOME_RETRY);
	assert_non_null(strstr(written[2].err.text, dir));
	assert_false(file_exists(".tmp-a") || file_exists(".tmp-b") || file_exists(".tmp-c"));
	/* Where the directory's sync fails nobody may believe that it is durable. */
	assert_int_equal(rmdir(path), 0);
	sync_fails_of = strrchr(dir, '/') + 1;
	commit_group(store, 3, written);
	sync_fails_of = NULL;
	for (int i = 0; i < GROUP; i++)
		assert_int_equal(written[i].outcome, OUTCOME_RETRY);
	check_generation(store, "a", 2, 3);
	store_close(store);
	free(path);
}

/* So many that threads sync them: each once, and each has its own failure. */
static void test_largest_group(void **state)
{
	static struct store_written written[STORE_TOGETHER_MAX];
	struct store_written *group[STORE_TOGETHER_MAX];
	struct store *store = open_store();
	struct grant grant;
	char name[16];

	(void)state;
	grant_init(&grant);
	fill(&grant, 1);
	for (int i = 0; i < STORE_TOGETHER_MAX; i++) {
		(void)snprintf(name, sizeof(name), "n%02d", i);
		group[i] = &written[i];
		assert_int_equal(store_reserve(store, name, &written[i].slot, NULL), OUTCOME_OK);
		assert_int_equal(store_write(written[i].slot, &grant, NULL), OUTCOME_OK);
	}
	sync_fails_of = ".tmp-n37";
	syncs = 0;
	store_commit_written(group, STORE_TOGETHER_MAX);
	sync_fails_of = NULL;
	assert_int_equal(syncs, STORE_TOGETHER_MAX + 1);
	for (int i = 0; i < STORE_TOGETHER_MAX; i++) {
		(void)snprintf(name, sizeof(name), "n%02d", i);
		assert_int_equal(written[i].outcome, i == 37 ? OUTCOME_RETRY : OUTCOME_OK);
		if (i != 37)
			check_generation(store, name, 1, 1);
	}
	assert_false(file_exists("n37.grant"));
	store_close(store);
	grant_release(&grant);
}

/* Written and not committed: the next daemon finds it. */
static void test_written_survives_a_death(void **state)
{
	struct store_written written[GROUP];
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		write_group(open_store(), 1, written);
		(void)raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	{
		struct store *store = open_store();

		for (int i = 0; i < GROUP; i++)
			check_generation(store, group_names[i], 1, 1);
		store_close(store);
	}
}

static void commit_traced(void)
{
	struct store_written written[GROUP];
	struct store *store = open_store();

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(77);
	(void)raise(SIGSTOP);
	commit_group(store, 2, written);
	_exit(0);
}

/* Runs a commit of the whole group in a process that dies before its system call number `call`.
 * False: it has fewer. *may_trace_out: false when nobody may be traced here. */
static bool die_before(int call, bool *may_trace_out)
{
	int status;
	int calls = 0;
	pid_t pid = fork();

	if (pid == 0)
		commit_traced();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*may_trace_out = WIFSTOPPED(status);
	if (!*may_trace_out)
		return false;
	(void)ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	do {
		/* Each call stops twice: before it and after it. */
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) && ++calls == 2 * call - 1)
			(void)kill(pid, SIGKILL);
		(void)ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	} while (WIFSTOPPED(status));
	assert_true(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
	return WIFSIGNALED(status);
}

/* kill -9 before each system call of a commit of several: each has its old grant or the new one,
 * whole. */
static void test_kill_in_a_group(void **state)
{
	struct store_written written[GROUP];
	bool may_trace = true;
	int calls = 1;

	(void)state;
	for (; calls < CALLS_MAX; calls++) {
		struct store *store = open_store();
		bool died;

		commit_group(store, 1, written);
		store_close(store);
		died = die_before(calls, &may_trace);
		if (!may_trace)
			skip();
		store = open_store();
		for (int i = 0; i < GROUP; i++) {
			char *leftover = xasprintf(".tmp-%s", group_names[i]);

			check_generation(store, group_names[i], died ? 1 : 2, 2);
			assert_false(file_exists(leftover));
			free(leftover);
		}
		store_close(store);
		if (!died)
			break;
	}
	/* At least reserving, writing, cutting and renaming each of them. */
	assert_in_range(calls, GROUP * 5, CALLS_MAX - 1);
	print_message("# %d kills\n", calls - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),
		TEST(test_largest_grant),
		TEST(test_account_names),
		TEST(test_damaged_files),
		TEST(test_earlier_version),
		TEST(test_later_version),
		TEST(test_truncated_file),
		TEST(test_foreign_files),
		TEST(test_foreign_directory),
		TEST(test_leftovers_are_removed),
		TEST(test_crash_before_the_rename),
		TEST(test_crash_beside_a_damaged_file),
		TEST(test_slots),
		TEST(test_lock),
		TEST(test_file_size_limit),
		TEST(test_full_disk),
		TEST(test_kill),
		TEST(test_group),
		TEST(test_group_with_a_failure),
		TEST(test_largest_group),
		TEST(test_written_survives_a_death),
		TEST(test_kill_in_a_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
