/* SPDX-License-Identifier: MIT */
/*
 * import.h - from the configuration of another program to sections of mailoauth.conf.
 *
 * fetchmail, getmail6, mbsync and fdm each say in their own way what is fetched from where, and
 * where it goes. A reader for each fills one plan (import-plan.h), and one printer writes it. What
 * cannot be said in mailoauth.conf is said to the administrator, with the line that asked for it;
 * nothing is left out silently. No password is ever printed.
 */
#ifndef FETCH_AGENT_IMPORT_IMPORT_H
#define FETCH_AGENT_IMPORT_IMPORT_H

#include "common/buffer.h"
#include "common/outcome.h"

#define IMPORT_FILE_MAX	    1048576  /* of a configuration */
#define IMPORT_SECTIONS_MAX 4194304  /* of what is printed */
#define IMPORT_MEMORY_MAX   67108864 /* of a file in which another program keeps what it fetched */

struct import_request {
	const char *file; /* the other program's configuration */
	const char *from; /* the program's name; NULL: as the file's name says */
	const char *home; /* what "~/" stands for; NULL: nothing */
	const char
		*passwords; /* directory for files with the passwords; NULL: nothing is written */
	const char *state;  /* our state, which takes over what was fetched; NULL: it does not */
};

/* What "~/" stands for in that file, when its owner wrote it: root imports others' files too. Else
 * $HOME; NULL: nothing. Borrowed, until somebody asks for a user. */
const char *import_home(const char *file);

/*
 * Sections to paste into mailoauth.conf, and notes: lines "FILE:LINE: text" on what was not carried
 * over as it was. OUTCOME_CONFIG: the file cannot be read, is not what `from` writes (the notes
 * have every error), or names nothing that can be fetched by IMAP; OUTCOME_DENIED: another process
 * uses the state. Nothing is written then, except that a password file that was made stays.
 */
enum outcome import_run(const struct import_request *request, struct buffer *sections,
			struct buffer *notes, struct err *err);

#endif
