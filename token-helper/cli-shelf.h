/* SPDX-License-Identifier: MIT */
/*
 * cli-shelf.h - text files of ours: NAME.txt in a directory of the administrator's beside the
 * configuration file, which counts first, or in the one that is installed.
 */
#ifndef TOKEN_HELPER_CLI_SHELF_H
#define TOKEN_HELPER_CLI_SHELF_H

#include "common/buffer.h"
#include "common/config.h"
#include "common/outcome.h"

#define SHELF_TEXT_MAX 65536

struct shelf {
	const char *config; /* the configuration file, beside which SUBJECT/ is looked for */
	const char *subject;
	const char *installed; /* the directory that is installed */
};

struct shelf shelf_guides(const char *config);
struct shelf shelf_topics(const char *config);

/* OUTCOME_CONFIG: says where it was looked, and that there is nothing. */
enum outcome shelf_is_empty(const struct shelf *shelf, struct err *err);

/* The names, sorted, each once. *names is filled anew. */
void shelf_list(const struct shelf *shelf, struct words *names);

/* Appends the text called name. OUTCOME_CONFIG: there is none, it cannot be read, or is too
 * large. */
enum outcome shelf_read(const struct shelf *shelf, const char *name, struct buffer *text,
			struct err *err);

#endif
