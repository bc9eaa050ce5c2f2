/* SPDX-License-Identifier: MIT */
/*
 * config.h - INI files with sections "[kind name]", read by tables of keys.
 *
 * Host half. The grammar is inih's; what a section may contain is said by tables, so that every
 * unknown, repeated or bad key is reported with file:line, all of them in one run, and nothing
 * starts half-configured. A program reads the sections it knows and names the kinds that belong to
 * others.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/outcome.h"
#include "common/words.h"

enum config_type {
	CONFIG_STRING,	/* char *, allocated; not empty */
	CONFIG_WORDS,	/* struct words */
	CONFIG_NUMBER,	/* int64_t between min and max; a unit may follow: s m h d for seconds */
	CONFIG_BOOLEAN, /* bool: yes, no, true, false, on, off, in any case */
	CONFIG_CHOICE,	/* int: index of the word in choices */
	CONFIG_URL,	/* char *: https://…, or http:// to a loopback host */
	CONFIG_PATH,	/* char *: absolute */
};

struct config_key {
	const char *name;
	enum config_type type;
	size_t offset;		    /* of the target in the section's struct */
	int64_t min, max;	    /* CONFIG_NUMBER */
	const char *const *choices; /* CONFIG_CHOICE, NULL-terminated */
};

/* One kind of section. */
struct config_kind {
	const char *kind; /* "account" in "[account relay]" */
	const struct config_key
		*keys; /* ended by a NULL name; NULL: the section is another program's */
	bool named;    /* a name must follow */
	bool partial;  /* keys that the table lacks are another program's */
	/* Gives the struct that [kind name] at file:line fills; NULL: refused (it has reported
	 * why). */
	void *(*open)(void *context, const char *name, int line);
};

/* Every problem found, in order. */
struct config_problems {
	struct buffer text; /* lines "FILE:LINE: text\n" */
	size_t count;
};

#define CONFIG_PROBLEMS_INIT                                                                       \
	{                                                                                          \
		.text = BUFFER_INIT(65536)                                                         \
	}

void config_problem(struct config_problems *problems, const char *file, int line, const char *fmt,
		    ...) __attribute__((format(printf, 4, 5)));
void config_problems_release(struct config_problems *problems);

/*
 * Reads file into what the kinds' open functions give. False when there was any problem (reported).
 * A section that appears twice, a key that appears twice in it, and a line that is neither are
 * problems. A line has at most 198 bytes (inih's limit everywhere); one that is farther in than the
 * key before it goes on with its value, so a file may be indented as a whole. seen (may be NULL) is
 * told every key that was set: config_seen_line() asks for it.
 */
struct config_seen;
bool config_read(const char *file, const struct config_kind *kinds, void *context,
		 struct config_seen *seen, struct config_problems *problems);

/* Where things stood: for the checks that need more than one key. */
struct config_seen *config_seen_new(void);
void config_seen_free(struct config_seen *seen);
/* The line of key in the section that filled target; 0: not set. key NULL: the line of the
 * section's head. */
int config_seen_line(struct config_seen *seen, const void *target, const char *key);

/* Whether a and b, each filled by keys, say the same: for who reads a file again. */
bool config_same(const struct config_key *keys, const void *a, const void *b);

/* Frees the values that keys have in section, which is empty then: only what the tables do not name
 * is left to be freed. */
void config_release(const struct config_key *keys, void *section);

#endif
