/* SPDX-License-Identifier: MIT */
/*
 * program.h - running one of the system's programs and reading what it prints.
 *
 * No shell: an absolute path and a list of words. The environment is made anew (PATH, LANG=C), so
 * that what is printed does not depend on who asks. Blocking, under a deadline, with ceilings.
 */
#ifndef TOKEN_HELPER_POSTFIX_PROGRAM_H
#define TOKEN_HELPER_POSTFIX_PROGRAM_H

#include <stdbool.h>

#include "common/buffer.h"
#include "common/deadline.h"
#include "common/outcome.h"

#define PROGRAM_PATH_MAX 4096

/*
 * Where `name` is: in /usr/sbin, /sbin, /usr/local/sbin, /usr/bin, /bin, or, for others than root,
 * on $PATH in an absolute directory. NULL: nowhere. Borrows from path.
 */
const char *program_find(const char *name, char path[PROGRAM_PATH_MAX]);

struct program_result {
	int status;		  /* exit status; 128 + signal when one ended it */
	struct buffer *out;	  /* what it printed; the caller's, with its ceiling and secrecy */
	struct buffer *complaint; /* standard error; may be NULL: dropped */
};

/*
 * Runs argv (argv[0] absolute, ended by NULL) with nothing on standard input. OUTCOME_OK: it ran to
 * its end, whatever its status. OUTCOME_RETRY: it could not be started, or was killed at the
 * deadline. OUTCOME_NOMEM: it printed more than fits.
 */
enum outcome program_run(const char *const *argv, struct deadline deadline,
			 struct program_result *result, struct err *err);

#endif
