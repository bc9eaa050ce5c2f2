/* SPDX-License-Identifier: MIT */
/*
 * archive.h - grants out of the store and back into it while everything runs.
 *
 * A backup takes the bytes of each account's file as they lie there, sealed or not, readable or
 * not. Each file is whole at every moment, so it needs no pause. Putting one back is the dangerous
 * half: a server that rotates refresh tokens may take an old one for a thief's.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_ARCHIVE_H
#define TOKEN_HELPER_ACCOUNTS_ARCHIVE_H

#include "token-helper/accounts/accounts.h"

enum archive_result { ARCHIVE_RESTORED, ARCHIVE_UNCHANGED };

/* Where a grant comes from: what is said of it, and to do about it, differs. */
enum archive_source { ARCHIVE_BACKUP, ARCHIVE_IMPORT, ARCHIVE_SOURCE_COUNT };
extern const char *const archive_source_names[ARCHIVE_SOURCE_COUNT];

/* As store_names() and store_read_bytes(); *sealed_out: whether the bytes are sealed. */
enum outcome archive_names(const struct accounts *accounts, const char *after, size_t max,
			   struct buffer *names_out, struct err *err);
enum outcome archive_read(const struct accounts *accounts, const char *name,
			  struct buffer *bytes_out, bool *sealed_out, struct err *err);

/*
 * Makes the grant in bytes the account's, whether it is configured or not. OUTCOME_CONFIG: the
 * bytes are no grant of that account that we can read, or the present one is newer and force is
 * false: err has both dates. OUTCOME_RETRY: it is being refreshed, or cannot be written. The
 * refresh token that is replaced is kept as the previous one.
 */
enum outcome archive_restore(struct accounts *accounts, const char *name, struct span bytes,
			     enum archive_source source, bool force,
			     enum archive_result *result_out, struct err *err);

#endif
