/* SPDX-License-Identifier: MIT */
/*
 * store-private.h - what the parts of the store know of each other: its files, and how one is read
 * and made durable.
 *
 * The file of account NAME is "NAME.grant"; its temporary one ".tmp-NAME". No account's name begins
 * with a dot, so none collides, and since one process owns the store, whatever is called so and has
 * no slot was left by a crash.
 */
#ifndef TOKEN_HELPER_STORE_STORE_PRIVATE_H
#define TOKEN_HELPER_STORE_STORE_PRIVATE_H

#include <dirent.h>

#include "token-helper/store/store.h"

#define ACCOUNT_NAME_MAX 64
#define FILE_NAME_MAX	 (ACCOUNT_NAME_MAX + 24)
#define TEMPORARY_PREFIX ".tmp-"
#define GRANT_SUFFIX	 ".grant"
#define FILE_BYTES_MAX	 524288

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

bool store_account_is_valid(const char *name);
enum outcome store_bad_account(struct err *err); /* says what a valid one is */

/* Whether the file is one that the store may have written, and its size. */
enum outcome store_check_file(int fd, size_t *size_out, struct err *err);
enum outcome store_read_file(int fd, size_t size, struct buffer *bytes, struct err *err);

/* The store's directory, to be read; NULL with errno. */
DIR *store_directory(const struct store *store);

/* Each gives 0, or an errno. */
int store_write_all(int fd, struct span bytes);
int store_sync(int fd);
/* Makes the temporary file the account's: only now it has the new grant. */
int store_publish(const struct store *store, const char *temporary, const char *account);

enum outcome store_cannot_write(const struct store *store, int error, struct err *err);

/* Carries out or removes what a crash left. Before anything else is done with the store. */
enum outcome store_recover(struct store *store, struct err *err);

#endif
