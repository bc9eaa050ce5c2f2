/* SPDX-License-Identifier: MIT */
/*
 * scratch.h - a directory of a test's own, files in it, and the end of it.
 *
 * Nothing here fails a test by itself: set-up and teardown ask, cmocka's or others'.
 */
#ifndef TESTS_COMMON_SCRATCH_H
#define TESTS_COMMON_SCRATCH_H

#include <sys/types.h>

#include "common/buffer.h"

/* "/tmp/mo-NAME-XXXXXX", mode 0700, into path. */
bool scratch_make(char *path, size_t size, const char *name);

/* The same in memory where that can be: where a busy disk would make every commit wait. Programs
 * can be run from there. */
bool scratch_make_in_memory(char *path, size_t size, const char *name);

/* With all that is in it. */
bool scratch_remove(const char *path);

/* The file dir/name has these bytes then, and this mode whatever the umask is. */
bool scratch_write(const char *dir, const char *name, struct span bytes, mode_t mode);

#endif
