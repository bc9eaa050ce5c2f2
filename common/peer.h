/* SPDX-License-Identifier: MIT */
/*
 * peer.h - who is at the other end of a Unix socket, and who may be.
 *
 * Host half. Credentials are the kernel's (SO_PEERCRED, SO_PEERGROUPS, unix(7)): those of the
 * process that connected, at that moment. Names are resolved when the configuration is read, never
 * while a client waits.
 */
#ifndef COMMON_PEER_H
#define COMMON_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/config.h"
#include "common/outcome.h"

struct peer {
	pid_t pid;
	uid_t uid;
	gid_t *gids; /* primary and supplementary */
	size_t gid_count;
};

enum outcome peer_of_socket(int fd, struct peer *peer, struct err *err);
void peer_release(struct peer *peer);

struct peer_list {
	uid_t *uids;
	size_t uid_count;
	gid_t *gids;
	size_t gid_count;
};

/* Words are user names, or group names where no such user exists, or "@group". OUTCOME_CONFIG names
 * the first word that is neither. */
enum outcome peer_list_resolve(const struct words *words, struct peer_list *list, struct err *err);
void peer_list_release(struct peer_list *list);
bool peer_list_has(const struct peer_list *list, const struct peer *peer);

#endif
