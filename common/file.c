/* SPDX-License-Identifier: MIT */
/* file.c - see file.h. */
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/xalloc.h"

#include "common/banned.h"

#define CHUNK 16384

bool file_write_all(int fd, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes.ptr += n;
		bytes.len -= (size_t)n;
	}
	return true;
}

enum outcome file_read_all(int fd, const char *name, struct buffer *out, struct err *err)
{
	enum outcome outcome = OUTCOME_OK;
	char chunk[CHUNK];
	ssize_t n = 1;

	while (outcome == OUTCOME_OK && n != 0) {
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno != EINTR)
			outcome = err_set(err, OUTCOME_CONFIG, "%s: %s", name, strerror(errno));
		else if (n > 0 && !buffer_append(out, chunk, (size_t)n))
			outcome = err_set(err, OUTCOME_CONFIG, "%s: longer than %zu bytes", name,
					  out->max);
	}
	wipe(chunk, sizeof(chunk));
	return outcome;
}

enum outcome file_read(const char *path, struct buffer *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum outcome outcome;

	if (fd < 0)
		return err_set(err, OUTCOME_CONFIG, "%s: %s", path, strerror(errno));
	buffer_clear(out);
	outcome = file_read_all(fd, path, out, err);
	(void)close(fd);
	return outcome;
}

/* Makes names in the directory of path durable. False: errno. */
static bool sync_directory_of(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool fine = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		(void)close(fd);
	free(copy);
	return fine;
}

static enum outcome replace(const char *path, struct span bytes, const struct stat *as,
			    struct err *err)
{
	char *temporary = xasprintf("%s.XXXXXX", path);
	int fd = mkostemp(temporary, O_CLOEXEC);
	bool fine = fd >= 0 && file_write_all(fd, bytes) &&
		    fchown(fd, as->st_uid, as->st_gid) == 0 &&
		    fchmod(fd, as->st_mode & 07777) == 0 && fsync(fd) == 0 &&
		    rename(temporary, path) == 0;
	enum outcome outcome = OUTCOME_OK;

	if (!fine) {
		outcome = err_set(err, OUTCOME_RETRY, "%s cannot be written: %s", path,
				  strerror(errno));
		if (fd >= 0)
			(void)unlink(temporary);
	} else if (!sync_directory_of(path)) {
		outcome = err_set(err, OUTCOME_RETRY, "%s: fsync: %s", path, strerror(errno));
	}
	if (fd >= 0)
		(void)close(fd);
	free(temporary);
	return outcome;
}

static enum outcome replace_target(const char *path, struct span bytes, const struct stat *as,
				   struct err *err)
{
	char *target = realpath(path, NULL);
	enum outcome outcome = replace(target != NULL ? target : path, bytes, as, err);

	free(target);
	return outcome;
}

enum outcome file_replace(const char *path, struct span bytes, unsigned mode, struct err *err)
{
	struct stat as;

	if (stat(path, &as) != 0)
		as = (struct stat){
			.st_uid = geteuid(), .st_gid = getegid(), .st_mode = (mode_t)mode};
	return replace_target(path, bytes, &as, err);
}

enum outcome file_replace_private(const char *path, struct span bytes, struct err *err)
{
	const struct stat as = {
		.st_uid = geteuid(), .st_gid = getegid(), .st_mode = S_IRUSR | S_IWUSR};

	return replace_target(path, bytes, &as, err);
}
