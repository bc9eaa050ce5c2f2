/* SPDX-License-Identifier: MIT */
/*
 * store.c - see store.h: the directory, reading, listing, removing and the note. Writing is in
 * store-write.c, and what a crash left is for store-recover.c.
 */
#include "token-helper/store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "token-helper/store/store-private.h"

#include "common/banned.h"

#define LOCK_NAME "lock"
#define NOTE_NAME "told"
#define NOTE_NEW  "told.new"

bool store_account_is_valid(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  "0123456789._@-");

	return len > 0 && len <= ACCOUNT_NAME_MAX && name[len] == '\0' && name[0] != '.';
}

enum outcome store_bad_account(struct err *err)
{
	return err_set(err, OUTCOME_CONFIG,
		       "an account's name has 1 to %d of A-Z a-z 0-9 . _ @ - and does not begin "
		       "with a dot",
		       ACCOUNT_NAME_MAX);
}

/* The directory ---------------------------------------------------------------------------------
 */

static enum outcome check_directory(const char *dir, int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set(err, OUTCOME_CONFIG, "%s: %s", dir, strerror(errno));
	if (st.st_uid != geteuid())
		return err_set(err, OUTCOME_CONFIG,
			       "%s belongs to uid %lu, not to the user that runs this (uid %lu); "
			       "run: chown %lu %s",
			       dir, (unsigned long)st.st_uid, (unsigned long)geteuid(),
			       (unsigned long)geteuid(), dir);
	if ((st.st_mode & 077) != 0)
		return err_set(err, OUTCOME_CONFIG,
			       "%s is open to others (mode %04o); run: chmod 700 %s", dir,
			       (unsigned)(st.st_mode & 07777), dir);
	return OUTCOME_OK;
}

static enum outcome lock_is_held(const struct store *store, struct err *err)
{
	char text[24] = "";
	ssize_t n = pread(store->lock_fd, text, sizeof(text) - 1, 0);
	size_t digits = n > 0 ? strspn(text, "0123456789") : 0;

	text[digits] = '\0';
	return err_set(err, OUTCOME_RETRY, "%s is in use by another process%s%s", store->dir,
		       digits > 0 ? ", pid " : "", text);
}

static enum outcome take_lock(struct store *store, struct err *err)
{
	char pid[24];
	bool written;
	int n;

	store->lock_fd = openat(store->dir_fd, LOCK_NAME,
				O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	/* A disk that has become read-only still holds tokens to be served. */
	if (store->lock_fd < 0 && errno == EROFS)
		store->lock_fd = openat(store->dir_fd, LOCK_NAME,
					O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (store->lock_fd < 0)
		return err_set(err, OUTCOME_RETRY, "%s/%s: %s", store->dir, LOCK_NAME,
			       strerror(errno));
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? lock_is_held(store, err)
					    : err_set(err, OUTCOME_RETRY, "%s/%s: %s", store->dir,
						      LOCK_NAME, strerror(errno));
	/* The pid is for people: the lock holds without it, even on a full disk. */
	n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	written =
		ftruncate(store->lock_fd, 0) == 0 && pwrite(store->lock_fd, pid, (size_t)n, 0) == n;
	(void)written;
	return OUTCOME_OK;
}

enum outcome store_open(const char *dir, struct seal_keys *keys, struct store **store_out,
			struct err *err)
{
	struct store *store = xcalloc(1, sizeof(*store));
	enum outcome what;

	store->dir = xstrdup(dir);
	store->keys = keys;
	store->lock_fd = -1;
	store->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->dir_fd < 0)
		what = err_set(err, OUTCOME_CONFIG, "%s: %s", dir, strerror(errno));
	else
		what = check_directory(dir, store->dir_fd, err);
	if (what == OUTCOME_OK)
		what = take_lock(store, err);
	if (what == OUTCOME_OK)
		what = store_recover(store, err);
	if (what != OUTCOME_OK) {
		store_close(store);
		return what;
	}
	*store_out = store;
	return OUTCOME_OK;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	while (store->slots != NULL)
		store_abort(store->slots);
	if (store->lock_fd >= 0)
		(void)close(store->lock_fd);
	if (store->dir_fd >= 0)
		(void)close(store->dir_fd);
	seal_keys_free(store->keys);
	free(store->dir);
	free(store);
}

void store_set_keys(struct store *store, struct seal_keys *keys)
{
	seal_keys_free(store->keys);
	store->keys = keys;
}

/* Reading ---------------------------------------------------------------------------------------
 */

enum outcome store_check_file(int fd, size_t *size_out, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set(err, OUTCOME_RETRY, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, OUTCOME_CONFIG, "not a regular file");
	if (st.st_uid != geteuid())
		return err_set(err, OUTCOME_CONFIG, "it belongs to uid %lu, not to uid %lu",
			       (unsigned long)st.st_uid, (unsigned long)geteuid());
	if ((st.st_mode & 077) != 0)
		return err_set(err, OUTCOME_CONFIG,
			       "it is open to others (mode %04o); run: chmod 600 on it",
			       (unsigned)(st.st_mode & 07777));
	if (st.st_size > FILE_BYTES_MAX)
		return err_set(err, OUTCOME_CONFIG, "it is too large (%lld bytes)",
			       (long long)st.st_size);
	*size_out = (size_t)st.st_size;
	return OUTCOME_OK;
}

enum outcome store_read_file(int fd, size_t size, struct buffer *bytes, struct err *err)
{
	char block[4096];
	ssize_t n = 1;

	while (n != 0 && bytes->len < size) {
		n = read(fd, block, sizeof(block));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || !buffer_append(bytes, block, (size_t)n))
			break;
	}
	wipe(block, sizeof(block));
	if (n < 0)
		return err_set(err, OUTCOME_RETRY, "%s", strerror(errno));
	return buffer_ok(bytes) ? OUTCOME_OK : err_set(err, OUTCOME_CONFIG, "it is too large");
}

/* The grant in the bytes of a file, sealed or not. */
enum outcome store_decode(const struct store *store, const char *account, struct span bytes,
			  struct grant *grant, struct err *err)
{
	struct buffer json = BUFFER_INIT_SECRET(FILE_BYTES_MAX);
	enum outcome what;

	if (!seal_is_sealed(bytes))
		return grant_decode(bytes, account, grant, err);
	what = seal_open(store->keys, account, bytes, &json, err);
	if (what == OUTCOME_OK)
		what = grant_decode(buffer_span(&json), account, grant, err);
	buffer_release(&json);
	return what;
}

static enum outcome load_from(const struct store *store, int fd, const char *account,
			      struct grant *grant, struct err *err)
{
	struct buffer bytes = BUFFER_INIT_SECRET(FILE_BYTES_MAX);
	size_t size = 0;
	enum outcome what = store_check_file(fd, &size, err);

	if (what == OUTCOME_OK)
		what = store_read_file(fd, size, &bytes, err);
	if (what == OUTCOME_OK)
		what = store_decode(store, account, buffer_span(&bytes), grant, err);
	buffer_release(&bytes);
	return what;
}

static enum outcome open_grant(struct store *store, const char *account, int *fd_out,
			       struct err *err)
{
	char name[FILE_NAME_MAX];
	enum outcome what;

	if (!store_account_is_valid(account))
		return store_bad_account(err);
	(void)snprintf(name, sizeof(name), "%s%s", account, GRANT_SUFFIX);
	*fd_out = openat(store->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (*fd_out >= 0 || errno == ENOENT)
		return OUTCOME_OK;
	/* ELOOP is a symbolic link; the rest (descriptors, I/O) may pass. */
	what = errno == ELOOP || errno == EACCES ? OUTCOME_CONFIG : OUTCOME_RETRY;
	return err_set(err, what, "%s/%s: %s", store->dir, name, strerror(errno));
}

enum outcome store_load(struct store *store, const char *account, struct grant *grant,
			struct err *err)
{
	int fd = -1;
	enum outcome what = open_grant(store, account, &fd, err);

	if (what != OUTCOME_OK)
		return what;
	if (fd < 0) {
		grant_release(grant);
		return OUTCOME_OK;
	}
	what = load_from(store, fd, account, grant, err);
	(void)close(fd);
	if (what != OUTCOME_OK)
		err_prefix(err, "%s/%s%s: ", store->dir, account, GRANT_SUFFIX);
	return what;
}

enum outcome store_read_bytes(struct store *store, const char *account, struct buffer *bytes_out,
			      struct err *err)
{
	size_t size = 0;
	int fd = -1;
	enum outcome what = open_grant(store, account, &fd, err);

	buffer_clear(bytes_out);
	if (what != OUTCOME_OK || fd < 0)
		return what;
	what = store_check_file(fd, &size, err);
	if (what == OUTCOME_OK)
		what = store_read_file(fd, size, bytes_out, err);
	(void)close(fd);
	if (what != OUTCOME_OK)
		err_prefix(err, "%s/%s%s: ", store->dir, account, GRANT_SUFFIX);
	return what;
}

/* Listing ------------------------------------------------------------------------------------- */

struct names {
	char (*name)[ACCOUNT_NAME_MAX + 1];
	size_t count;
};

/* The account of a file's name; false when it is no grant's. */
static bool account_of_file(const char *file, char account[ACCOUNT_NAME_MAX + 1])
{
	size_t len = strlen(file);
	size_t suffix = strlen(GRANT_SUFFIX);

	if (len <= suffix || len - suffix > ACCOUNT_NAME_MAX ||
	    strcmp(file + len - suffix, GRANT_SUFFIX) != 0)
		return false;
	(void)snprintf(account, ACCOUNT_NAME_MAX + 1, "%.*s", (int)(len - suffix), file);
	return store_account_is_valid(account);
}

DIR *store_directory(const struct store *store)
{
	int fd = openat(store->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL && fd >= 0)
		(void)close(fd);
	return dir;
}

static void read_names(DIR *dir, const char *after, struct names *names)
{
	char account[ACCOUNT_NAME_MAX + 1];
	struct dirent *entry;

	while ((entry = readdir(dir)) != NULL) {
		if (!account_of_file(entry->d_name, account) || strcmp(account, after) <= 0)
			continue;
		names->name = xgrow(names->name, names->count, sizeof(names->name[0]));
		memcpy(names->name[names->count++], account, sizeof(account));
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

enum outcome store_names(struct store *store, const char *after, size_t max,
			 struct buffer *names_out, struct err *err)
{
	struct names names = {NULL, 0};
	DIR *dir = store_directory(store);

	if (dir == NULL)
		return err_set(err, OUTCOME_RETRY, "%s: %s", store->dir, strerror(errno));
	read_names(dir, after, &names);
	(void)closedir(dir);
	if (names.count > 0)
		qsort(names.name, names.count, sizeof(names.name[0]), compare_names);
	buffer_clear(names_out);
	for (size_t i = 0; i < names.count && i < max; i++)
		(void)buffer_append(names_out, names.name[i], strlen(names.name[i]) + 1);
	free(names.name);
	return buffer_ok(names_out) ? OUTCOME_OK
				    : err_set(err, OUTCOME_NOMEM, "too many accounts at once");
}

/* Removing --------------------------------------------------------------------------------------
 */

enum outcome store_remove(struct store *store, const char *account, struct err *err)
{
	char name[FILE_NAME_MAX];
	int error = 0;

	if (!store_account_is_valid(account))
		return store_bad_account(err);
	(void)snprintf(name, sizeof(name), "%s%s", account, GRANT_SUFFIX);
	if (unlinkat(store->dir_fd, name, 0) != 0 && errno != ENOENT)
		error = errno;
	if (error == 0)
		error = store_sync(store->dir_fd);
	return error == 0 ? OUTCOME_OK : store_cannot_write(store, error, err);
}

/* The note ------------------------------------------------------------------------------------ */

enum outcome store_read_note(struct store *store, struct buffer *text_out, struct err *err)
{
	int fd = openat(store->dir_fd, NOTE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	enum outcome what;

	buffer_clear(text_out);
	if (fd < 0 && errno == ENOENT)
		return OUTCOME_OK;
	if (fd < 0)
		return err_set(err, OUTCOME_RETRY, "%s/%s: %s", store->dir, NOTE_NAME,
			       strerror(errno));
	what = store_read_file(fd, text_out->max, text_out, err);
	(void)close(fd);
	return what;
}

enum outcome store_write_note(struct store *store, struct span text, struct err *err)
{
	int fd = openat(store->dir_fd, NOTE_NEW,
			O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int error = fd < 0 ? errno : store_write_all(fd, text);

	if (error == 0)
		error = store_sync(fd);
	if (error == 0 && renameat(store->dir_fd, NOTE_NEW, store->dir_fd, NOTE_NAME) != 0)
		error = errno;
	if (error == 0)
		error = store_sync(store->dir_fd);
	if (fd >= 0)
		(void)close(fd);
	return error == 0 ? OUTCOME_OK : store_cannot_write(store, error, err);
}
