/* SPDX-License-Identifier: MIT */
/*
 * backup.h - the verbs that carry grants out of the daemon and back (PROTOCOL.md, backup). In
 * pieces: a grant may be larger than a request or a reply.
 */
#ifndef TOKEN_HELPER_SERVER_BACKUP_H
#define TOKEN_HELPER_SERVER_BACKUP_H

#include "token-helper/server/connection.h"

/* The one grant that is on its way in. */
struct backup_upload;
struct backup_upload *backup_upload_new(void);
void backup_upload_free(struct backup_upload *upload); /* wipes; NULL is fine */

void verb_backup_list(struct connection *conn, struct span key);
void verb_backup(struct connection *conn, struct span key);
void verb_restore(struct connection *conn, struct span key);

#endif
