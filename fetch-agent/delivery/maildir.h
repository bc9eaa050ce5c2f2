/* SPDX-License-Identifier: MIT */
/*
 * maildir.h - messages into a Maildir, in two steps, so that a crash between them loses and doubles
 * nothing.
 *
 * Written: under its name in tmp/. Published: renamed into new/. The caller makes a group of
 * written messages durable (maildir_sync), notes durably that they are about to be published, and
 * publishes them. After a crash a noted message that is still in tmp/ is published, one that is not
 * was. The name is made of mailbox, folder, UIDVALIDITY and UID, so the note need not hold it; in
 * tmp/ of the section's name too: of two sections that fetch one mailbox into one Maildir, none is
 * to sweep or to publish what the other has not finished.
 */
#ifndef FETCH_AGENT_DELIVERY_MAILDIR_H
#define FETCH_AGENT_DELIVERY_MAILDIR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/outcome.h"
#include "fetch-agent/delivery/line-ends.h"

#define MAILDIR_ORIGIN_MAX 17
#define MAILDIR_NAME_MAX   64

/* Which messages: those of one folder of one mailbox, and which section brings them. */
struct maildir_origin {
	char hash[MAILDIR_ORIGIN_MAX];
	char writer[MAILDIR_ORIGIN_MAX]; /* with the section, for tmp/ */
	uint32_t uidvalidity;
};

void maildir_origin_set(struct maildir_origin *origin, const char *section, const char *mailbox,
			const char *folder, uint32_t uidvalidity);

struct maildir;

/* Makes tmp/, new/ and cur/ where they are missing; the directory above path must exist. */
enum outcome maildir_open(const char *path, struct maildir **out, struct err *err);
void maildir_close(struct maildir *maildir); /* NULL is nothing */
const char *maildir_path(const struct maildir *maildir);

/* One message on its way. */
struct maildir_message {
	int fd; /* -1: none */
	bool to_lf;
	struct line_ends line_ends;
	uint64_t bytes; /* written */
	uint32_t uid;	/* 0: not known yet */
	uint32_t seq;	/* its name while uid is unknown */
};

#define MAILDIR_MESSAGE_INIT                                                                       \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* seq names the file until maildir_message_end() knows the UID; uid 0: not known yet. to_lf: CRLF
 * becomes LF. */
enum outcome maildir_message_begin(struct maildir *maildir, const struct maildir_origin *origin,
				   uint32_t uid, uint32_t seq, bool to_lf,
				   struct maildir_message *message, struct err *err);
enum outcome maildir_message_write(struct maildir *maildir, struct maildir_message *message,
				   struct span bytes, struct err *err);
/* The message is whole; uid as the server says it. */
enum outcome maildir_message_end(struct maildir *maildir, const struct maildir_origin *origin,
				 struct maildir_message *message, uint32_t uid, struct err *err);
/* Removes what was written. */
void maildir_message_drop(struct maildir *maildir, const struct maildir_origin *origin,
			  struct maildir_message *message);

/* The rest blocks, and may be called from another thread than the above. */

/* What stands in tmp/ is on the disk, directory included. */
enum outcome maildir_sync(struct maildir *maildir, const struct maildir_origin *origin,
			  const uint32_t *uids, size_t count, struct err *err);

/* Renames them into new/ and syncs that. One that is not in tmp/ any more was published before. */
enum outcome maildir_publish(struct maildir *maildir, const struct maildir_origin *origin,
			     const uint32_t *uids, size_t count, struct err *err);

/* Removes what an interrupted run of this section left of this folder in tmp/, whatever its
 * UIDVALIDITY. */
void maildir_sweep(struct maildir *maildir, const struct maildir_origin *origin);

/* Calls found for the UID of each message of this origin that stands in new/ or cur/. When it
 * fails there may be more. */
typedef void maildir_found_fn(void *context, uint32_t uid);
enum outcome maildir_scan(struct maildir *maildir, const struct maildir_origin *origin,
			  maildir_found_fn *found, void *context, struct err *err);

#endif
