/* SPDX-License-Identifier: MIT */
/* scratch.c - see scratch.h. */
#include "tests/common/scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/banned.h"

static bool make_in(const char *place, char *path, size_t size, const char *name)
{
	int len = snprintf(path, size, "%s/mo-%s-XXXXXX", place, name);

	return len > 0 && (size_t)len < size && mkdtemp(path) != NULL;
}

bool scratch_make(char *path, size_t size, const char *name)
{
	return make_in("/tmp", path, size, name);
}

bool scratch_make_in_memory(char *path, size_t size, const char *name)
{
	struct statvfs fs;
	bool memory = statvfs("/dev/shm", &fs) == 0 && (fs.f_flag & (ST_NOEXEC | ST_RDONLY)) == 0;

	return make_in(memory ? "/dev/shm" : "/tmp", path, size, name);
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *at)
{
	(void)stat;
	(void)kind;
	(void)at;
	return remove(path);
}

bool scratch_remove(const char *path)
{
	return nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0;
}

bool scratch_write(const char *dir, const char *name, struct span bytes, mode_t mode)
{
	char path[PATH_MAX];
	bool good;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	good = write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len && fchmod(fd, mode) == 0;
	return close(fd) == 0 && good;
}
