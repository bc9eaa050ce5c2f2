/* SPDX-License-Identifier: MIT */
/*
 * mbsync-file.h - a .mbsyncrc, section by section. They end at an empty line; what stands in none
 * is global.
 */
#ifndef FETCH_AGENT_IMPORT_MBSYNC_FILE_H
#define FETCH_AGENT_IMPORT_MBSYNC_FILE_H

#include "common/buffer.h"
#include "common/words.h"
#include "fetch-agent/import/import-plan.h"

enum mbsync_kind {
	MBSYNC_GLOBAL,
	MBSYNC_ACCOUNT,
	MBSYNC_IMAP,
	MBSYNC_MAILDIR,
	MBSYNC_CHANNEL,
	MBSYNC_GROUP
};

/* A keyword's arguments, and where it stands. */
struct mbsync_setting {
	char *keyword;
	struct words words;
	int line;
};

struct mbsync_section {
	enum mbsync_kind kind;
	char *name;
	int line;
	struct mbsync_setting *settings; /* each has one argument at least */
	size_t count;
};

struct mbsync_file {
	struct import_plan *plan;	 /* borrowed: what is wrong goes there */
	struct mbsync_section *sections; /* the first is global */
	size_t count;
	bool in_section;
};

/* What cannot be read is in the plan's problems. */
void mbsync_file_read(struct mbsync_file *file, struct span text, struct import_plan *plan);
void mbsync_file_release(struct mbsync_file *file);

/* NULL: there is none of that name. */
const struct mbsync_section *mbsync_find(const struct mbsync_file *file, enum mbsync_kind kind,
					 const char *name);

/* The first setting of a keyword, in any case, in a section; NULL: it has none. A channel has the
 * global ones too. */
const struct mbsync_setting *mbsync_setting(const struct mbsync_section *section,
					    const char *keyword);
const struct mbsync_setting *mbsync_channel_setting(const struct mbsync_file *file,
						    const struct mbsync_section *channel,
						    const char *keyword);

/* Its first argument, and where it stands: the section, when it is not there. */
const char *mbsync_text(const struct mbsync_section *section, const char *keyword);
int mbsync_line(const struct mbsync_section *section, const char *keyword);

#endif
