/* SPDX-License-Identifier: MIT */
/*
 * store-recover.c - what a crash left: a newer grant, complete but not renamed yet, or rubbish.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "token-helper/store/store-private.h"

#include "common/banned.h"

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
	enum outcome outcome = store_check_file(fd, &size, NULL);

	grant_init(&left);
	if (outcome == OUTCOME_OK)
		outcome = store_read_file(fd, size, &bytes, NULL);
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
static int carry_out(const struct store *store, int fd, size_t len, const char *temporary)
{
	int error = ftruncate(fd, (off_t)len) == 0 ? 0 : errno;

	if (error == 0)
		error = store_sync(fd);
	if (error == 0)
		error = store_publish(store, temporary, temporary + strlen(TEMPORARY_PREFIX));
	return error == 0 ? store_sync(store->dir_fd) : error;
}

/*
 * A server that rotates refresh tokens has forgotten the one in the account's file by the time its
 * answer is written: a complete newer file is then all that is left of the grant, so what the crash
 * interrupted is carried out. On a read-only disk nothing happens: that must not keep us from
 * serving what can be read. Nor is one removed that could not be opened.
 */
static void recover(struct store *store, const char *temporary)
{
	const char *account = temporary + strlen(TEMPORARY_PREFIX);
	int fd = openat(store->dir_fd, temporary, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	enum leftover what = LEFTOVER_REMOVE;
	size_t len = 0;

	if (fd < 0 && errno != ELOOP)
		return;
	if (fd >= 0 && store_account_is_valid(account))
		what = leftover_judge(store, fd, account, &len);
	if (what == LEFTOVER_REMOVE)
		(void)unlinkat(store->dir_fd, temporary, 0);
	if (what == LEFTOVER_PUBLISH)
		(void)carry_out(store, fd, len, temporary);
	if (fd >= 0)
		(void)close(fd);
}

enum outcome store_recover(struct store *store, struct err *err)
{
	DIR *dir = store_directory(store);
	struct dirent *entry;

	if (dir == NULL)
		return err_set(err, OUTCOME_RETRY, "%s: %s", store->dir, strerror(errno));
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0)
			recover(store, entry->d_name);
	}
	(void)closedir(dir);
	return OUTCOME_OK;
}
