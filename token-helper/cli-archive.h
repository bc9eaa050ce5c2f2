/* SPDX-License-Identifier: MIT */
/*
 * cli-archive.h - the file that `mailoauth backup` writes: grants as the daemon gave them, each
 * with its hash, and an end that tells a whole file from a cut one.
 *
 *     mailoauth-backup 1\n
 *     grant NAME LEN SHA256\n  LEN bytes  \n        (any number of these)
 *     end COUNT\n
 */
#ifndef TOKEN_HELPER_CLI_ARCHIVE_H
#define TOKEN_HELPER_CLI_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buffer.h"
#include "common/outcome.h"

#define ARCHIVE_NAME_MAX  64
#define ARCHIVE_GRANT_MAX 524288

struct archive_entry {
	char name[ARCHIVE_NAME_MAX + 1];
	struct span bytes; /* borrows from the file */
};

/* Writing. False past the buffer's ceiling. */
bool archive_append_head(struct buffer *out);
bool archive_append_grant(struct buffer *out, const char *name, struct span bytes);
bool archive_append_end(struct buffer *out, size_t count);

/*
 * Reading: a pure function of the bytes. archive_check() first: OUTCOME_CONFIG says what is wrong
 * with the file, and where; *count_out: how many grants. Then archive_next() from *at == 0 gives
 * one after another; false at the end.
 */
enum outcome archive_check(struct span file, size_t *count_out, struct err *err);
bool archive_next(struct span file, size_t *at, struct archive_entry *entry);

#endif
