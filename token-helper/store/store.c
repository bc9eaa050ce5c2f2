/* SPDX-License-Identifier: MIT */
/*
 * store.c - see store.h.
 *
 * The temporary file of account NAME is ".tmp-NAME". No account's name begins with a dot, so none
 * collides, and since one process owns the store, whatever is called so and has no slot was left by
 * a crash: a newer grant, complete but not renamed yet, or rubbish.
 */
#include "token-helper/store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/xalloc.h"

#include "common/banned.h"

#define ACCOUNT_NAME_MAX 64
#define FILE_NAME_MAX	 (ACCOUNT_NAME_MAX + 24)
#define TEMPORARY_PREFIX ".tmp-"
#define GRANT_SUFFIX	 ".grant"
#define LOCK_NAME	 "lock"
#define NOTE_NAME	 "told"
#define NOTE_NEW	 "told.new"
#define KEPT_MAX	 1000 /* files of one account that nobody could read */
#define FILE_BYTES_MAX	 524288
#define SYNC_THREADS_MAX 15
#define SYNC_FEW	 4 /* files that are synced sooner than threads are started */
#define SYNC_STACK_BYTES 262144
#define RESERVED_BYTES	 98304 /* three tokens and six texts at their usual maximum */

struct store {
	char *dir; /* for texts */
	int dir_fd;
	int lock_fd;
	struct seal_keys *keys; /* NULL: nothing is sealed */
	struct store_slot *slots;
};

struct store_slot {
	struct store *store;
	struct store_slot *next;
	int fd;
	size_t len; /* of the grant in it */
	char account[ACCOUNT_NAME_MAX + 1];
	char temporary[FILE_NAME_MAX];
};

static bool account_name_is_valid(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  "0123456789._@-");

	return len > 0 && len <= ACCOUNT_NAME_MAX && name[len] == '\0' && name[0] != '.';
}

static enum outcome bad_account_name(struct err *err)
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

static DIR *open_directory(const struct store *store);
static void recover_leftover(struct store *store, const char *temporary);

static enum outcome recover_leftovers(struct store *store, struct err *err)
{
	DIR *dir = open_directory(store);
	struct dirent *entry;

	if (dir == NULL)
		return err_set(err, OUTCOME_RETRY, "%s: %s", store->dir, strerror(errno));
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0)
			recover_leftover(store, entry->d_name);
	}
	(void)closedir(dir);
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
		what = recover_leftovers(store, err);
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

static enum outcome check_grant_file(int fd, size_t *size_out, struct err *err)
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

static enum outcome read_bytes(int fd, size_t size, struct buffer *bytes, struct err *err)
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
	enum outcome what = check_grant_file(fd, &size, err);

	if (what == OUTCOME_OK)
		what = read_bytes(fd, size, &bytes, err);
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

	if (!account_name_is_valid(account))
		return bad_account_name(err);
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
	what = check_grant_file(fd, &size, err);
	if (what == OUTCOME_OK)
		what = read_bytes(fd, size, bytes_out, err);
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
	return account_name_is_valid(account);
}

static DIR *open_directory(const struct store *store)
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
		names->name = xreallocarray(names->name, names->count + 1, sizeof(names->name[0]));
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
	DIR *dir = open_directory(store);

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

/* Writing ---------------------------------------------------------------------------------------
 */

static enum outcome cannot_write(const struct store *store, int error, struct err *err)
{
	return err_set(err, OUTCOME_RETRY, "cannot write in %s: %s", store->dir, strerror(error));
}

static struct store_slot *slot_new(struct store *store, const char *account)
{
	struct store_slot *slot = xcalloc(1, sizeof(*slot));

	slot->store = store;
	slot->fd = -1;
	(void)snprintf(slot->account, sizeof(slot->account), "%s", account);
	(void)snprintf(slot->temporary, sizeof(slot->temporary), "%s%s", TEMPORARY_PREFIX, account);
	slot->next = store->slots;
	store->slots = slot;
	return slot;
}

static void slot_free(struct store_slot *slot)
{
	struct store_slot **link = &slot->store->slots;

	while (*link != slot)
		link = &(*link)->next;
	*link = slot->next;
	if (slot->fd >= 0)
		(void)close(slot->fd);
	free(slot);
}

/* Moves a file that could not be read out of the way of one that can. 0, also when there is none,
 * or an errno. Only a handful are ever there: whoever has so many has a person looking at them. */
static int keep_aside(const struct store *store, const char *name, const char *account)
{
	char kept[FILE_NAME_MAX];

	for (int i = 1; i <= KEPT_MAX; i++) {
		(void)snprintf(kept, sizeof(kept), "%s.kept-%d", account, i);
		if (renameat2(store->dir_fd, name, store->dir_fd, kept, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return errno == ENOENT ? 0 : errno;
	}
	return EEXIST;
}

static int slot_fill(struct store_slot *slot)
{
	int dir_fd = slot->store->dir_fd;
	int error = keep_aside(slot->store, slot->temporary, slot->account);

	if (error != 0)
		return error;
	slot->fd = openat(dir_fd, slot->temporary,
			  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (slot->fd < 0)
		return errno;
	do
		error = posix_fallocate(slot->fd, 0, RESERVED_BYTES);
	while (error == EINTR);
	/* A file system without allocation still gets the check that a file can be made there. */
	return error == EOPNOTSUPP ? 0 : error;
}

enum outcome store_reserve(struct store *store, const char *account, struct store_slot **slot_out,
			   struct err *err)
{
	struct store_slot *slot;
	int error;

	if (!account_name_is_valid(account))
		return bad_account_name(err);
	for (slot = store->slots; slot != NULL; slot = slot->next) {
		if (strcmp(slot->account, account) == 0)
			return err_set(err, OUTCOME_RETRY, "%s is being written already", account);
	}
	slot = slot_new(store, account);
	error = slot_fill(slot);
	if (error != 0) {
		store_abort(slot);
		return cannot_write(store, error, err);
	}
	*slot_out = slot;
	return OUTCOME_OK;
}

void store_abort(struct store_slot *slot)
{
	if (slot == NULL)
		return;
	(void)unlinkat(slot->store->dir_fd, slot->temporary, 0);
	slot_free(slot);
}

static int write_all(int fd, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		bytes = (struct span){bytes.ptr + n, bytes.len - (size_t)n};
	}
	return 0;
}

static int sync_fd(int fd)
{
	int result;

	do
		result = fsync(fd);
	while (result != 0 && errno == EINTR);
	return result == 0 ? 0 : errno;
}

/* Makes the temporary file the account's: only now it has the new grant. 0, or an errno. */
static int take_name(const struct store *store, const char *temporary, const char *account)
{
	char name[FILE_NAME_MAX];

	(void)snprintf(name, sizeof(name), "%s%s", account, GRANT_SUFFIX);
	return renameat(store->dir_fd, temporary, store->dir_fd, name) == 0 ? 0 : errno;
}

/* A person's new consent replaces a file that could not be read, but does not destroy it: it may be
 * sealed with a key that turns up again. */
static int keep_unreadable(struct store *store, const char *account)
{
	char name[FILE_NAME_MAX];
	struct grant present;
	enum outcome what;
	struct stat st;

	grant_init(&present);
	what = store_load(store, account, &present, NULL);
	grant_release(&present);
	(void)snprintf(name, sizeof(name), "%s%s", account, GRANT_SUFFIX);
	if (what != OUTCOME_CONFIG || fstatat(store->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode))
		return 0;
	return keep_aside(store, name, account);
}

/* The bytes of the account's file. */
static enum outcome encode(const struct store *store, const char *account,
			   const struct grant *grant, struct buffer *bytes_out, struct err *err)
{
	struct buffer json = BUFFER_INIT_SECRET(FILE_BYTES_MAX);
	enum outcome what = grant_encode(grant, account, &json, err);

	if (what == OUTCOME_OK && store->keys != NULL)
		what = seal_text(store->keys, account, buffer_span(&json), bytes_out, err);
	else if (what == OUTCOME_OK)
		buffer_move(bytes_out, &json);
	buffer_release(&json);
	return what;
}

enum outcome store_write(struct store_slot *slot, const struct grant *grant, struct err *err)
{
	struct buffer bytes = BUFFER_INIT_SECRET(FILE_BYTES_MAX);
	enum outcome what = encode(slot->store, slot->account, grant, &bytes, err);
	int error = 0;

	if (what == OUTCOME_OK)
		error = write_all(slot->fd, buffer_span(&bytes));
	slot->len = bytes.len;
	buffer_release(&bytes);
	return error == 0 ? what : cannot_write(slot->store, error, err);
}

/* What was reserved and not used is cut off only here: it is the disk's time too. */
static int slot_sync(const struct store_slot *slot)
{
	int error = ftruncate(slot->fd, (off_t)slot->len) == 0 ? 0 : errno;

	return error == 0 ? sync_fd(slot->fd) : error;
}

static void note(struct store_written *written, int error)
{
	if (error != 0)
		written->outcome = cannot_write(written->slot->store, error, &written->err);
}

/* Files to be synced, by as many threads as it takes: each takes the next one. */
struct syncing {
	struct store_written *const *written;
	size_t count;
	atomic_size_t next;
	int errors[STORE_TOGETHER_MAX];
};

static void *sync_some(void *context)
{
	struct syncing *syncing = context;
	size_t i;

	while ((i = atomic_fetch_add(&syncing->next, 1)) < syncing->count)
		syncing->errors[i] = slot_sync(syncing->written[i]->slot);
	return NULL;
}

/* As many as can be had; signals are for the others. */
static size_t start_threads(pthread_t *threads, size_t count, struct syncing *syncing)
{
	pthread_attr_t attr;
	sigset_t all, before;
	size_t started = 0;

	if (pthread_attr_init(&attr) != 0)
		return 0;
	(void)pthread_attr_setstacksize(&attr, SYNC_STACK_BYTES);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	while (started < count && pthread_create(&threads[started], &attr, sync_some, syncing) == 0)
		started++;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	return started;
}

/*
 * Each sync waits for a flush of the disk's cache. Those of several threads wait for the same one,
 * where one after the other each has its own. syncfs(2) would wait for whatever others write on the
 * same disk.
 */
static void sync_files(struct store_written *const *written, size_t count)
{
	struct syncing syncing = {.written = written, .count = count};
	pthread_t threads[SYNC_THREADS_MAX];
	size_t wanted = count < SYNC_FEW ? 0 : count - 1;
	size_t started = start_threads(
		threads, wanted < SYNC_THREADS_MAX ? wanted : SYNC_THREADS_MAX, &syncing);

	(void)sync_some(&syncing);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	for (size_t i = 0; i < count; i++)
		note(written[i], syncing.errors[i]);
}

static int slot_rename(const struct store_slot *slot)
{
	int error = keep_unreadable(slot->store, slot->account);

	return error == 0 ? take_name(slot->store, slot->temporary, slot->account) : error;
}

/* The directory's sync is all its files': whose fails must not say that it is durable. */
static void sync_names(struct store_written *const *written, size_t count)
{
	int error = 0;
	bool synced = false;

	for (size_t i = 0; i < count; i++) {
		struct store *store = written[i]->slot->store;

		if (written[i]->outcome != OUTCOME_OK)
			continue;
		if (!synced)
			error = sync_fd(store->dir_fd);
		synced = true;
		note(written[i], error);
	}
}

void store_commit_written(struct store_written *const *written, size_t count)
{
	for (size_t i = 0; i < count; i++)
		written[i]->outcome = OUTCOME_OK;
	sync_files(written, count);
	for (size_t i = 0; i < count; i++)
		note(written[i],
		     written[i]->outcome == OUTCOME_OK ? slot_rename(written[i]->slot) : 0);
	sync_names(written, count);
	for (size_t i = 0; i < count; i++) {
		if (written[i]->outcome == OUTCOME_OK)
			slot_free(written[i]->slot);
		else
			store_abort(written[i]->slot);
		written[i]->slot = NULL;
	}
}

enum outcome store_commit(struct store_slot *slot, const struct grant *grant, struct err *err)
{
	struct store_written written = {.slot = slot};
	struct store_written *const all[] = {&written};
	enum outcome what = store_write(slot, grant, err);

	if (what != OUTCOME_OK) {
		store_abort(slot);
		return what;
	}
	store_commit_written(all, 1);
	if (written.outcome != OUTCOME_OK && err != NULL)
		*err = written.err;
	return written.outcome;
}

enum outcome store_remove(struct store *store, const char *account, struct err *err)
{
	char name[FILE_NAME_MAX];
	int error = 0;

	if (!account_name_is_valid(account))
		return bad_account_name(err);
	(void)snprintf(name, sizeof(name), "%s%s", account, GRANT_SUFFIX);
	if (unlinkat(store->dir_fd, name, 0) != 0 && errno != ENOENT)
		error = errno;
	if (error == 0)
		error = sync_fd(store->dir_fd);
	return error == 0 ? OUTCOME_OK : cannot_write(store, error, err);
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
	what = read_bytes(fd, text_out->max, text_out, err);
	(void)close(fd);
	return what;
}

enum outcome store_write_note(struct store *store, struct span text, struct err *err)
{
	int fd = openat(store->dir_fd, NOTE_NEW,
			O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int error = fd < 0 ? errno : write_all(fd, text);

	if (error == 0)
		error = sync_fd(fd);
	if (error == 0 && renameat(store->dir_fd, NOTE_NEW, store->dir_fd, NOTE_NAME) != 0)
		error = errno;
	if (error == 0)
		error = sync_fd(store->dir_fd);
	if (fd >= 0)
		(void)close(fd);
	return error == 0 ? OUTCOME_OK : cannot_write(store, error, err);
}

/* Recovering ----------------------------------------------------------------------------------- */

/* What becomes of a leftover. */
enum leftover { LEFTOVER_REMOVE, LEFTOVER_KEEP, LEFTOVER_PUBLISH };

/* The content of a file that may still end in the zeros of its reservation: without them. */
static struct span leftover_content(struct span bytes)
{
	size_t sealed = seal_length(bytes);

	if (sealed > 0 && sealed < bytes.len)
		bytes.len = sealed;
	while (sealed == 0 && bytes.len > 0 && bytes.ptr[bytes.len - 1] == '\0')
		bytes.len--;
	return bytes;
}

/* Was it written to its end? Then there is a grant in it, whether we can read it or not. */
static bool leftover_is_whole(struct span content)
{
	if (seal_is_sealed(content))
		return seal_length(content) == 0 || seal_length(content) == content.len;
	return content.len > 2 && memcmp(content.ptr + content.len - 2, "}\n", 2) == 0;
}

/* Beside an account's file that cannot be read it may be all that there is of the grant. */
static enum leftover leftover_compare(struct store *store, const char *account,
				      const struct grant *left)
{
	struct grant present;
	enum leftover what = LEFTOVER_REMOVE;

	grant_init(&present);
	if (store_load(store, account, &present, NULL) != OUTCOME_OK)
		what = LEFTOVER_KEEP;
	else if (left->generation > present.generation)
		what = LEFTOVER_PUBLISH;
	grant_release(&present);
	return what;
}

static enum leftover leftover_judge(struct store *store, int fd, const char *account,
				    size_t *len_out)
{
	struct buffer bytes = BUFFER_INIT_SECRET(FILE_BYTES_MAX);
	enum leftover what = LEFTOVER_REMOVE;
	struct span content;
	struct grant left;
	size_t size = 0;
	enum outcome outcome = check_grant_file(fd, &size, NULL);

	grant_init(&left);
	if (outcome == OUTCOME_OK)
		outcome = read_bytes(fd, size, &bytes, NULL);
	if (outcome == OUTCOME_RETRY) { /* the disk's trouble says nothing of the grant */
		what = LEFTOVER_KEEP;
	} else if (outcome == OUTCOME_OK) {
		content = leftover_content(buffer_span(&bytes));
		*len_out = content.len;
		if (store_decode(store, account, content, &left, NULL) == OUTCOME_OK)
			what = leftover_compare(store, account, &left);
		else if (leftover_is_whole(content))
			what = LEFTOVER_KEEP;
	}
	grant_release(&left);
	buffer_release(&bytes);
	return what;
}

/* Carries out what was left of a commit. */
static int publish(const struct store *store, int fd, size_t len, const char *temporary)
{
	int error = ftruncate(fd, (off_t)len) == 0 ? 0 : errno;

	if (error == 0)
		error = sync_fd(fd);
	if (error == 0)
		error = take_name(store, temporary, temporary + strlen(TEMPORARY_PREFIX));
	return error == 0 ? sync_fd(store->dir_fd) : error;
}

/*
 * A server that rotates refresh tokens has forgotten the one in the account's file by the time its
 * answer is written: a complete newer file is then all that is left of the grant, so what the crash
 * interrupted is carried out. On a read-only disk nothing happens: that must not keep us from
 * serving what can be read. Nor is one removed that could not be opened.
 */
static void recover_leftover(struct store *store, const char *temporary)
{
	const char *account = temporary + strlen(TEMPORARY_PREFIX);
	int fd = openat(store->dir_fd, temporary, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	enum leftover what = LEFTOVER_REMOVE;
	size_t len = 0;

	if (fd < 0 && errno != ELOOP)
		return;
	if (fd >= 0 && account_name_is_valid(account))
		what = leftover_judge(store, fd, account, &len);
	if (what == LEFTOVER_REMOVE)
		(void)unlinkat(store->dir_fd, temporary, 0);
	if (what == LEFTOVER_PUBLISH)
		(void)publish(store, fd, len, temporary);
	if (fd >= 0)
		(void)close(fd);
}
