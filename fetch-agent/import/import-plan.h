/* SPDX-License-Identifier: MIT */
/*
 * import-plan.h - what another program's configuration asks for, in our words: one source of mail
 * each, with the values of a [fetch] section.
 *
 * Between the readers and the printer, so that what is printed, and how, is said once. A reader is
 * a pure function of bytes; it notes what it cannot carry over, and goes on after an error to find
 * the next.
 */
#ifndef FETCH_AGENT_IMPORT_IMPORT_PLAN_H
#define FETCH_AGENT_IMPORT_IMPORT_PLAN_H

#include "common/config.h"
#include "fetch-agent/state/state.h"

/* The keys of [fetch NAME] that are printed, in this order. */
enum import_key {
	IMPORT_HOST,
	IMPORT_PORT,
	IMPORT_TLS,
	IMPORT_CA_FILE,
	IMPORT_MECHANISM,
	IMPORT_USER,
	IMPORT_PASSWORD_FILE,
	IMPORT_PASSWORD_COMMAND,
	IMPORT_FOLDER,
	IMPORT_SUBSCRIBED,
	IMPORT_TAKE,
	IMPORT_MAX_SIZE,
	IMPORT_MAX_MESSAGES,
	IMPORT_AFTER,
	IMPORT_ON_REFUSED,
	IMPORT_DELIVER,
	IMPORT_MDA_USER,
	IMPORT_RECIPIENT,
	IMPORT_RECIPIENT_HEADER,
	IMPORT_RECIPIENT_STRIP,
	IMPORT_RECIPIENT_DOMAINS,
	IMPORT_RECEIVED,
	IMPORT_WATCH,
	IMPORT_INTERVAL,
	IMPORT_TIMEOUT,
	IMPORT_KEY_COUNT,
};

/* Where the other program keeps which messages of a folder it has fetched. */
struct import_memory {
	char *folder; /* UTF-8 */
	char *path;
	char *who; /* import_recall.who */
	int line;
};

struct import_source {
	char *name; /* of the section; the printer makes it unique and valid */
	int line;
	char *user;
	bool oauth;		/* logs in with a token: needs an [account] */
	struct buffer password; /* secret; empty: the file had none */
	char *value[IMPORT_KEY_COUNT];
	struct import_memory *memories;
	size_t memory_count;
};

struct import_plan {
	const char *file; /* borrowed, as is home */
	const char *home; /* NULL: "~" is not known */
	struct import_source **sources;
	size_t count;
	struct config_problems notes;	 /* what differs */
	struct config_problems problems; /* what is wrong with the file */
};

#define IMPORT_SOURCES_MAX 1000

void import_plan_init(struct import_plan *plan, const char *file, const char *home);
void import_plan_release(struct import_plan *plan);

/* Adds a source. name may be any text. Past IMPORT_SOURCES_MAX it is a problem, and the last one
 * is given again. */
struct import_source *import_source_add(struct import_plan *plan, const char *name, int line);

/* Replaces the value; a NULL text unsets it. */
void import_set(struct import_source *source, enum import_key key, const char *text);
void import_setf(struct import_source *source, enum import_key key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A number from 1 to max; 0 and NULL mean the default. What is neither is noted and left out. */
void import_set_number(struct import_plan *plan, struct import_source *source, enum import_key key,
		       const char *text, uint64_t max, int line);

/* The same for a port, or the name of its service; implicit: of TLS from the first byte. */
void import_set_port(struct import_plan *plan, struct import_source *source, const char *text,
		     bool implicit, int line);

/* As import_path(); NULL changes nothing. */
void import_set_path(struct import_plan *plan, struct import_source *source, enum import_key key,
		     const char *path, const char *what, int line);

void import_drop_slashes(char *path); /* those behind a directory's */

/* Once `deliver` is set: "Received:" is not for a Maildir. */
void import_set_received(struct import_source *source, bool wanted);

bool import_is_yes(const char *text); /* yes, true, on, 1 */

void import_remember(struct import_source *source, const char *folder, const char *path, int line);

/* The name of a folder is added to IMPORT_FOLDER; what cannot stand there is noted. In modified
 * UTF-7 (RFC 3501 5.1.3) when encoded. False: it was left out. */
bool import_folder(struct import_plan *plan, struct import_source *source, const char *name,
		   bool encoded, int line);

/*
 * Once host, user, password and so on are set: whether the host wants a token, and which. A
 * password that the file holds, or will be asked for, is noted.
 */
void import_login_decide(struct import_plan *plan, struct import_source *source);

/* The preset that the source's host belongs to, or NULL. */
const char *import_provider(const struct import_source *source);

/* path with "~/" replaced; NULL, and a note that names what, when it is not absolute then. */
char *import_path(struct import_plan *plan, const char *path, const char *what, int line);

/*
 * A command as ours: words, the first an absolute path; with quotes, they may be quoted as in a
 * shell. NULL, and a note that names what, when it needs a shell.
 */
char *import_command(struct import_plan *plan, const char *command, bool quotes, const char *what,
		     int line);

/* "FILE:LINE: text": what differs, said once however many sources it holds for; and what is wrong.
 */
void import_note(struct import_plan *plan, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void import_problem(struct import_plan *plan, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

struct import_recall {
	const char *who; /* given: whose lines count in a file of several mailboxes; NULL: all */
	uint32_t uidvalidity;
	uint32_t last_uid;	 /* all of them up to here */
	struct uid_list fetched; /* and these */
};

/* One program that we read the configuration of: a file that ends in one of these tables. */
struct import_program {
	const char *name;
	const char *file_name;	     /* what its configuration's file name contains */
	const char *other_file_name; /* or that; NULL: nothing else */
	void (*read)(struct span text, struct import_plan *plan);
	/*
	 * Reads what it keeps of a folder: the UIDs that were fetched, and below which all were.
	 * False: that is not its format, or of no use. NULL: it keeps nothing that says which
	 * messages these are.
	 */
	bool (*recall)(struct span text, struct import_recall *recall);
	bool recall_is_all;  /* what it says is fetched, nothing else is: not `take = unseen` too */
	const char *forgets; /* where nothing is recalled: why, and what corresponds */
};

extern const struct import_program import_fetchmail, import_getmail, import_mbsync, import_fdm;

/* The first source that logs in as the same user at the same host in the same way: perhaps the
 * source at `at` itself. */
struct import_source *import_login_of(const struct import_plan *plan, size_t at);

/* Makes the sources' names valid and unique. */
void import_name_sources(struct import_plan *plan);
/* The sections, once the sources have their names. */
void import_print(struct import_plan *plan, struct buffer *out);

#endif
