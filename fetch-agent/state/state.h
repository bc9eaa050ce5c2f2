/* SPDX-License-Identifier: MIT */
/*
 * state.h - what is known of each folder between runs: SQLite, durable at every return.
 *
 * Every UID up to last_uid is decided. Beside that stand single messages: published is not certain
 * yet, the server is still to be told, or decided though its UID is above last_uid. All functions
 * block; all are called from one thread at a time.
 */
#ifndef FETCH_AGENT_STATE_STATE_H
#define FETCH_AGENT_STATE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/outcome.h"

struct state;

/*
 * Opens or makes the database at path, for this process alone (PATH.lock). OUTCOME_DENIED: another
 * one has it; OUTCOME_CONFIG, OUTCOME_RETRY. read_only: for looking, beside whoever works.
 */
enum outcome state_open(const char *path, bool read_only, struct state **out, struct err *err);
void state_close(struct state *state); /* NULL is nothing */

struct uid_list {
	uint32_t *uid;
	size_t count, size;
};

void uid_list_add(struct uid_list *list, uint32_t uid);
void uid_list_clear(struct uid_list *list);
void uid_list_release(struct uid_list *list);
void uid_list_sort(struct uid_list *list);
bool uid_list_has(const struct uid_list *list, uint32_t uid); /* the list is sorted */

struct state_folder {
	int64_t id;
	uint32_t uidvalidity; /* 0: never seen */
	uint32_t last_uid;
};

/* What source has noted about folder; makes the row if there is none. */
enum outcome state_folder_get(struct state *state, const char *source, const char *folder,
			      struct state_folder *out, struct err *err);

/* The folder has other UIDs now: all that is known of it is void. */
enum outcome state_folder_reset(struct state *state, struct state_folder *folder,
				uint32_t uidvalidity, struct err *err);

enum state_message {
	STATE_PUBLISHING, /* durable in tmp/, on its way into new/ */
	STATE_TELLING,	  /* delivered; the server is still to be told (delete, move, seen) */
	STATE_DECIDED,
};

/* Adds the UIDs of folder that are in this state, ascending. */
enum outcome state_messages(struct state *state, const struct state_folder *folder,
			    enum state_message what, struct uid_list *out, struct err *err);

/*
 * One transaction: what was being published is now published (as `published`: STATE_TELLING or
 * STATE_DECIDED), `told` needs nothing more, `publishing` is about to be, and last_uid moves on.
 */
struct state_step {
	enum state_message published;
	const struct uid_list *told, *publishing; /* NULL: none */
	uint32_t last_uid;
};

enum outcome state_advance(struct state *state, struct state_folder *folder,
			   const struct state_step *step, struct err *err);

/* How a source's last run ended, for `status`. */
struct state_run {
	int64_t began_s, ended_s;
	int64_t last_message_s; /* when a message last came; 0: never */
	int64_t messages, bytes, left;
	const char *outcome, *text; /* borrowed */
};

enum outcome state_run_set(struct state *state, const char *source, const struct state_run *run,
			   struct err *err);
/* False: it never ran. The strings are good until `found` returns. */
typedef void state_run_fn(void *context, const struct state_run *run);
bool state_run_get(struct state *state, const char *source, state_run_fn *found, void *context);

#endif
