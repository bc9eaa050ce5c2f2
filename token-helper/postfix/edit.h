/* SPDX-License-Identifier: MIT */
/*
 * edit.h - changing main.cf and master.cf: all of it at once or nothing.
 *
 * postconf(1) works on copies in a directory of ours. What would change can then be shown exactly,
 * and each file is replaced by one rename. What was there is kept beside it.
 */
#ifndef TOKEN_HELPER_POSTFIX_EDIT_H
#define TOKEN_HELPER_POSTFIX_EDIT_H

#include "common/buffer.h"
#include "common/deadline.h"
#include "token-helper/postfix/plan.h"

#define EDIT_FILE_MAX 1048576
#define EDIT_DIFF_MAX 4194304
#define EDIT_NAME_MAX 64

enum edit_file { EDIT_MASTER, EDIT_MAIN, EDIT_FILES };

extern const char *const edit_names[EDIT_FILES]; /* "master.cf", "main.cf" */

struct edit {
	char *dir;	/* the instance's configuration directory */
	char work[512]; /* ours, in $TMPDIR; "": there is none */
	struct buffer before[EDIT_FILES];
	struct buffer after[EDIT_FILES];
	char kept[EDIT_FILES][EDIT_NAME_MAX]; /* the copy's name after edit_install(); "": none */
	struct deadline deadline;
	int lock; /* on the directory: of two runs one waits for nothing and is refused; -1: none */
};

/* Reads the files and copies them. OUTCOME_CONFIG: one cannot be read; OUTCOME_RETRY: no space, or
 * another run is at work. */
enum outcome edit_begin(const char *dir, struct deadline deadline, struct edit *edit,
			struct err *err);
void edit_end(struct edit *edit); /* removes the copies; right for one that did not begin */

/* What main.cf says itself, without defaults, and master.cf's -o. Gives; NULL with err. */
struct postfix *edit_settings(const struct edit *edit, struct err *err);

/* Has postconf make the changes to the copies. */
enum outcome edit_apply(struct edit *edit, const struct change *changes, size_t count,
			struct err *err);

/* Puts other bytes in the place of a copy. Takes bytes' content. */
enum outcome edit_replace(struct edit *edit, enum edit_file file, struct buffer *bytes,
			  struct err *err);

bool edit_differs(const struct edit *edit, enum edit_file file);

/* Appends "diff -u" of what differs. */
enum outcome edit_diff(const struct edit *edit, struct buffer *out, struct err *err);

/* The names of the copies that edit_keep() will make: "main.cf.mailoauth-20261125-200000". */
void edit_name_copies(struct edit *edit);

/* Keeps the files that differ under those names, durable before it returns; edit_drop_copies()
 * removes them again. */
enum outcome edit_keep(const struct edit *edit, struct err *err);
void edit_drop_copies(struct edit *edit);

/*
 * Puts the changed files in place, master.cf first unless main_first; or, with back, the old ones.
 * OUTCOME_RETRY: one is not what was read (with back: what was put there), somebody has changed it
 * meanwhile; then none was touched.
 */
enum outcome edit_install(const struct edit *edit, bool main_first, bool back, struct err *err);

#endif
