/* SPDX-License-Identifier: MIT */
/*
 * backup.h - a grant on its way out of the daemon or back (PROTOCOL.md, backup). In pieces:
 * it may be larger than a request or a reply.
 */
#ifndef TOKEN_HELPER_SERVER_BACKUP_H
#define TOKEN_HELPER_SERVER_BACKUP_H

#include "token-helper/server/connection.h"

/* The one grant that is on its way in. */
struct backup_upload;
struct backup_upload *backup_upload_new(void);
void backup_upload_free(struct backup_upload *upload); /* wipes; NULL is fine */

#endif
