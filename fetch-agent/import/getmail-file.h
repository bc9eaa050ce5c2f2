/* SPDX-License-Identifier: MIT */
/*
 * getmail-file.h - a getmailrc, key by key.
 *
 * Its grammar is that of Python's configparser: "=" or ":", comments in lines of their own,
 * indented lines go on, names in any case. What its values mean is for import-getmail.c.
 */
#ifndef FETCH_AGENT_IMPORT_GETMAIL_FILE_H
#define FETCH_AGENT_IMPORT_GETMAIL_FILE_H

#include "common/buffer.h"
#include "common/words.h"
#include "fetch-agent/import/import-plan.h"

#define GETMAIL_VALUE_MAX 65536

struct getmail_entry {
	char *section, *key;
	struct buffer value; /* secret: it may be a password */
	int line;
	bool used; /* somebody asked for it */
};

struct getmail_file {
	struct import_plan *plan; /* borrowed: what is wrong goes there */
	struct getmail_entry *entries;
	size_t count;
	char *section;	    /* the last one */
	int retriever_line; /* where [retriever] is */
};

/* What cannot be read is in the plan's problems. */
void getmail_file_read(struct getmail_file *file, struct span text, struct import_plan *plan);
void getmail_file_release(struct getmail_file *file);

/*
 * The value of a key, which is `used` then. NULL, false or fallback, 0: it is not set, or empty;
 * a number or a tuple that is none is a problem in the plan too. A tuple is Python's, of strings:
 * ("a", 'b',).
 */
const char *getmail_text(struct getmail_file *file, const char *section, const char *key);
bool getmail_bool(struct getmail_file *file, const char *section, const char *key, bool fallback);
uint64_t getmail_number(struct getmail_file *file, const char *section, const char *key,
			uint64_t max);
bool getmail_tuple(struct getmail_file *file, const char *section, const char *key,
		   struct words *out);

/* Where the key stands; that of [retriever] when it does not. */
int getmail_line(struct getmail_file *file, const char *section, const char *key);

#endif
