/* SPDX-License-Identifier: MIT */
/*
 * store-write.c - see store.h: room is reserved, written, synced together with others', and only
 * then takes the account's name.
 */
#include "token-helper/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "token-helper/store/store-private.h"

#include "common/banned.h"

#define KEPT_MAX	 1000 /* files of one account that nobody could read */
#define SYNC_THREADS_MAX 15
#define SYNC_FEW	 4 /* files that are synced sooner than threads are started */
#define SYNC_STACK_BYTES 262144
#define RESERVED_BYTES	 98304 /* three tokens and six texts at their usual maximum */

enum outcome store_cannot_write(const struct store *store, int error, struct err *err)
{
	return err_set(err, OUTCOME_RETRY, "cannot write in %s: %s", store->dir, strerror(error));
}

int store_write_all(int fd, struct span bytes)
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

int store_sync(int fd)
{
	int result;

	do
		result = fsync(fd);
	while (result != 0 && errno == EINTR);
	return result == 0 ? 0 : errno;
}

int store_publish(const struct store *store, const char *temporary, const char *account)
{
	char name[FILE_NAME_MAX];

	(void)snprintf(name, sizeof(name), "%s%s", account, GRANT_SUFFIX);
	return renameat(store->dir_fd, temporary, store->dir_fd, name) == 0 ? 0 : errno;
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

	if (!store_account_is_valid(account))
		return store_bad_account(err);
	for (slot = store->slots; slot != NULL; slot = slot->next) {
		if (strcmp(slot->account, account) == 0)
			return err_set(err, OUTCOME_RETRY, "%s is being written already", account);
	}
	slot = slot_new(store, account);
	error = slot_fill(slot);
	if (error != 0) {
		store_abort(slot);
		return store_cannot_write(store, error, err);
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
		error = store_write_all(slot->fd, buffer_span(&bytes));
	slot->len = bytes.len;
	buffer_release(&bytes);
	return error == 0 ? what : store_cannot_write(slot->store, error, err);
}

/* What was reserved and not used is cut off only here: it is the disk's time too. */
static int slot_sync(const struct store_slot *slot)
{
	int error = ftruncate(slot->fd, (off_t)slot->len) == 0 ? 0 : errno;

	return error == 0 ? store_sync(slot->fd) : error;
}

static void note(struct store_written *written, int error)
{
	if (error != 0)
		written->outcome = store_cannot_write(written->slot->store, error, &written->err);
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

	return error == 0 ? store_publish(slot->store, slot->temporary, slot->account) : error;
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
			error = store_sync(store->dir_fd);
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
