/* SPDX-License-Identifier: MIT */
/*
 * file.h - whole files: read up to a ceiling, written out, replaced durably.
 *
 * Host half. Who needs more than a path (a directory held open, names that are not followed) does
 * it himself: the token store, the Maildir.
 */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stdbool.h>

#include "common/buffer.h"
#include "common/outcome.h"

/* All bytes, through short writes and interrupts. False: errno says why. */
bool file_write_all(int fd, struct span bytes);

/* The rest of fd behind what out has. OUTCOME_CONFIG: it cannot be read, or is longer than out may
 * be; err names `name`. */
enum outcome file_read_all(int fd, const char *name, struct buffer *out, struct err *err);

/* The whole file in place of what out had. */
enum outcome file_read(const char *path, struct buffer *out, struct err *err);

/*
 * Puts bytes in the place of path, at once or not at all: a temporary file beside it, owner and
 * mode as they were (a new file: ours, mode), fsync, rename, fsync of the directory. A symbolic
 * link stays, and what it points to is replaced. OUTCOME_RETRY: err names the path.
 */
enum outcome file_replace(const char *path, struct span bytes, unsigned mode, struct err *err);

/* The same for secrets: ours, mode 0600, whatever was there. */
enum outcome file_replace_private(const char *path, struct span bytes, struct err *err);

#endif
