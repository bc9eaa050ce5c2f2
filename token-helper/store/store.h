/* SPDX-License-Identifier: MIT */
/*
 * store.h - grants on disk, so that none is ever lost. The one seam for a later backend.
 *
 * One file an account, DIR/NAME.grant: JSON, or that JSON sealed (seal.h) when there are keys, mode
 * 0600. Files without a seal are read all the same and sealed when they are next written; files of
 * earlier versions are read, those of later ones refused. Replaced, never rewritten: reserve (a
 * temporary file in the same directory with its blocks allocated), commit (write, fsync, rename,
 * fsync of the directory; of several at once each step for all, and the last one once). What a full
 * or read-only disk would break breaks in reserve, before the authorization server is asked to
 * spend a one-time refresh token. When commit returns OK the grant survives power loss; when it
 * fails, or the process dies inside it, the file holds the old grant or the new one, whole. What
 * cannot be read is never destroyed: a commit beside it first moves it to NAME.kept-N, where nobody
 * but a person looks. One process owns a store: an flock on DIR/lock sees to it.
 */
#ifndef TOKEN_HELPER_STORE_STORE_H
#define TOKEN_HELPER_STORE_STORE_H

#include <stdbool.h>

#include "common/outcome.h"
#include "token-helper/store/grant.h"
#include "token-helper/store/seal.h"

struct store;
struct store_slot;

/*
 * DIR must exist, belong to this user and be closed to others (else OUTCOME_CONFIG, with the chmod
 * to type). Finishes what a crash interrupted: a complete newer grant in a
 * temporary file becomes the account's; one beside a file that cannot be read is left there; other
 * temporary files are removed, unless they are whole and only a key is missing. OUTCOME_RETRY:
 * another process holds the store (err names its pid where known). Fault injection for tests only
 * happens from outside (strace), never here. keys: taken, whatever happens; NULL: nothing is
 * sealed.
 */
enum outcome store_open(const char *dir, struct seal_keys *keys, struct store **store_out,
			struct err *err);
void store_close(struct store *store); /* NULL is fine */

/* Other keys from now on (taken; NULL: none). */
void store_set_keys(struct store *store, struct seal_keys *keys);

/*
 * Replaces *grant. A missing file is OK and an empty grant. OUTCOME_CONFIG: the file is damaged,
 * too large, of a later version, sealed with a key that we do not have, or readable by others; err
 * names it; it is left as it is.
 * OUTCOME_RETRY: it cannot be read now (I/O error, no descriptors).
 */
enum outcome store_load(struct store *store, const char *account, struct grant *grant,
			struct err *err);

/*
 * For backups: the names of up to max accounts after `after` ("": from the first) that have a file,
 * sorted, as NUL-ended strings one after another; and the bytes of such a file as they lie on disk,
 * whatever is in them. A missing file is OK and no bytes.
 */
enum outcome store_names(struct store *store, const char *after, size_t max,
			 struct buffer *names_out, struct err *err);
enum outcome store_read_bytes(struct store *store, const char *account, struct buffer *bytes_out,
			      struct err *err);

/* The grant in such bytes; as store_load(). */
enum outcome store_decode(const struct store *store, const char *account, struct span bytes,
			  struct grant *grant, struct err *err);

/* OUTCOME_RETRY: no space, read-only, I/O error: err names the directory and the reason. One slot
 * an account at a time. */
enum outcome store_reserve(struct store *store, const char *account, struct store_slot **slot_out,
			   struct err *err);

/* Takes the slot, whatever happens. */
enum outcome store_commit(struct store_slot *slot, const struct grant *grant, struct err *err);
void store_abort(struct store_slot *slot); /* takes; NULL is fine */

/*
 * A commit in its two halves, for grants that are ready together: a disk makes many files durable
 * in hardly more time than one.
 *
 * store_write(): the grant stands in the slot's file. From now on the death of the process loses
 * nothing, for store_open() finishes it; a loss of power may. The slot stays; when this fails only
 * store_abort() is left for it.
 *
 * store_commit_written(): takes the slots, at most STORE_TOGETHER_MAX, which were written and are
 * of one store. Of each what
 * store_commit() promises, and what becomes of one is not the others' fate: while this lasts, or
 * when it is cut short, each file by itself holds the old grant or the new one.
 */
#define STORE_TOGETHER_MAX 64

struct store_written {
	struct store_slot *slot; /* NULL afterwards */
	enum outcome outcome;	 /* set */
	struct err err;		 /* set when that is not OK */
};

enum outcome store_write(struct store_slot *slot, const struct grant *grant, struct err *err);
void store_commit_written(struct store_written *const *written, size_t count);

/* Deletes the account's file, readable or not, durably. One that is missing is OK. Not while a slot
 * of it is open. */
enum outcome store_remove(struct store *store, const char *account, struct err *err);

/* One text without secrets beside the grants, replaced as they are: what was told to people. A
 * missing one is OK and empty. */
enum outcome store_read_note(struct store *store, struct buffer *text_out, struct err *err);
enum outcome store_write_note(struct store *store, struct span text, struct err *err);

/* The grant as JSON and back, pure functions (fuzzed). decode replaces *grant, and reads the
 * versions before ours too; OUTCOME_CONFIG when malformed. */
enum outcome grant_encode(const struct grant *grant, const char *account, struct buffer *json_out,
			  struct err *err);
enum outcome grant_decode(struct span json, const char *account, struct grant *grant,
			  struct err *err);

#endif
