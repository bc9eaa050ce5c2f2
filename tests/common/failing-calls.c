/* SPDX-License-Identifier: MIT */
/* failing-calls.c - see failing-calls.h. */
#include "tests/common/failing-calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/banned.h"

static size_t seen, victim, cut;
static int error_now;
static const char *failed = "none";

void failing_calls_arm(size_t n, int error)
{
	seen = 0;
	victim = n;
	error_now = error;
	failed = "none";
}

size_t failing_calls_count(void)
{
	return seen;
}

const char *failing_calls_failed(void)
{
	return failed;
}

void failing_calls_cut(size_t bytes)
{
	cut = bytes;
}

static bool fails_now(const char *name)
{
	if (++seen != victim)
		return false;
	failed = name;
	errno = error_now;
	return true;
}

static size_t shortened(size_t size)
{
	return cut > 0 && size > cut ? cut : size;
}

/* One call: its true self behind it, and what it returns when it fails. */
#define WRAP(type, name, failure, parameters, arguments)                                           \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		return fails_now(#name) ? (failure) : __real_##name arguments;                     \
	}

WRAP(int, fsync, -1, (int fd), (fd))
WRAP(int, syncfs, -1, (int fd), (fd))
WRAP(int, fstat, -1, (int fd, struct stat *st), (fd, st))
WRAP(int, ftruncate, -1, (int fd, off_t len), (fd, len))
WRAP(int, posix_fallocate, error_now, (int fd, off_t at, off_t len), (fd, at, len))
WRAP(int, renameat, -1, (int from, const char *old, int to, const char *new), (from, old, to, new))
WRAP(int, renameat2, -1, (int from, const char *old, int to, const char *new, unsigned flags),
     (from, old, to, new, flags))
WRAP(int, unlinkat, -1, (int dir, const char *name, int flags), (dir, name, flags))
WRAP(ssize_t, read, -1, (int fd, void *bytes, size_t size), (fd, bytes, shortened(size)))
WRAP(ssize_t, write, -1, (int fd, const void *bytes, size_t size), (fd, bytes, shortened(size)))

int __real_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...);

int __wrap_openat(int dir, const char *name, int flags, ...)
{
	va_list rest;
	mode_t mode = 0;

	va_start(rest, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(rest, mode_t);
	va_end(rest);
	return fails_now("openat") ? -1 : __real_openat(dir, name, flags, mode);
}
