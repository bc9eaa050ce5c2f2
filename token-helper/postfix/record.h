/* SPDX-License-Identifier: MIT */
/*
 * record.h - what `mailoauth postfix enable` has changed, so that `disable` can undo it.
 *
 * A small file beside main.cf, written before main.cf is: whatever is interrupted afterwards can be
 * undone. It has each parameter's first old value and the last one that was set; and for each file
 * the copy of what was there before and the fingerprints of that and of what was written, so that a
 * file that nobody changed since comes back byte for byte.
 */
#ifndef TOKEN_HELPER_POSTFIX_RECORD_H
#define TOKEN_HELPER_POSTFIX_RECORD_H

#include <stdint.h>

#include "token-helper/postfix/edit.h"

#define RECORD_NAME "mailoauth-changes"

struct record_setting {
	enum change_kind kind;
	char *name;
	char *old; /* NULL: it was not set */
	char *now; /* NULL: it was removed */
};

struct record_file {
	char copy[EDIT_NAME_MAX]; /* "": none, or somebody changed the file between two changes */
	uint64_t before, after;	  /* fingerprints; 0: never changed */
};

struct record {
	struct record_file files[EDIT_FILES];
	struct record_setting *settings;
	size_t count;
};

/* OUTCOME_OK, with *found_out false when there is none; OUTCOME_CONFIG: it cannot be understood.
 * record is to be released in any case. */
enum outcome record_read(const char *dir, struct record *record, bool *found_out, struct err *err);
enum outcome record_write(const char *dir, const struct record *record, struct err *err);
enum outcome record_remove(const char *dir, struct err *err);
void record_release(struct record *record);

/* Adds changes that are about to be made to what `before` has (edit_settings()), and the edit's
 * files. */
void record_add(struct record *record, const struct postfix *before, const struct change *changes,
		size_t count, const struct edit *edit);

/*
 * Undoes in the copies of edit: whole files where they are as they were written, else the settings
 * that still have the value they were given. Appends to left, one a line, what somebody changed
 * since and is left as it is.
 */
enum outcome record_undo(const struct record *record, struct edit *edit, struct buffer *left,
			 struct err *err);

#endif
