/* SPDX-License-Identifier: MIT */
/* peer.c - see peer.h. */
#include "common/peer.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/xalloc.h"

#include "common/banned.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59 /* Linux 4.13; missing from older C libraries' headers */
#endif

#define PEER_GROUPS_MAX 65536 /* the kernel's NGROUPS_MAX */

/* Most processes have a few groups: one question then. The kernel says ERANGE, and how many, when
 * there are more. */
static void read_groups(int fd, struct peer *peer)
{
	gid_t few[32];
	socklen_t len = sizeof(few);
	int rc = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, few, &len);
	bool many = rc != 0 && errno == ERANGE && len <= PEER_GROUPS_MAX * sizeof(gid_t);

	if (rc != 0 && !many)
		len = 0;
	peer->gids = xcalloc(len / sizeof(gid_t) + 1, sizeof(gid_t));
	if (rc == 0 && len > 0)
		memcpy(peer->gids, few, len);
	else if (many && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->gids, &len) != 0)
		len = 0;
	peer->gid_count = len / sizeof(gid_t);
}

enum outcome peer_of_socket(int fd, struct peer *peer, struct err *err)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return err_set(err, OUTCOME_DENIED, "SO_PEERCRED: %s", strerror(errno));
	*peer = (struct peer){.pid = cred.pid, .uid = cred.uid};
	read_groups(fd, peer);
	peer->gids[peer->gid_count++] = cred.gid;
	return OUTCOME_OK;
}

void peer_release(struct peer *peer)
{
	free(peer->gids);
	*peer = (struct peer){0};
}

static bool add_user(struct peer_list *list, const char *name)
{
	const struct passwd *pw = getpwnam(name);

	if (pw == NULL)
		return false;
	list->uids = xreallocarray(list->uids, list->uid_count + 1, sizeof(uid_t));
	list->uids[list->uid_count++] = pw->pw_uid;
	return true;
}

static bool add_group(struct peer_list *list, const char *name)
{
	const struct group *gr = getgrnam(name);

	if (gr == NULL)
		return false;
	list->gids = xreallocarray(list->gids, list->gid_count + 1, sizeof(gid_t));
	list->gids[list->gid_count++] = gr->gr_gid;
	return true;
}

enum outcome peer_list_resolve(const struct words *words, struct peer_list *list, struct err *err)
{
	for (size_t i = 0; i < words->count; i++) {
		const char *name = words->word[i];

		if (name[0] == '@' ? add_group(list, name + 1)
				   : add_user(list, name) || add_group(list, name))
			continue;
		return err_set(err, OUTCOME_CONFIG,
			       "%s is neither a user nor a group of this machine", name);
	}
	return OUTCOME_OK;
}

void peer_list_release(struct peer_list *list)
{
	free(list->uids);
	free(list->gids);
	*list = (struct peer_list){0};
}

static bool has_gid(const struct peer_list *list, gid_t gid)
{
	for (size_t i = 0; i < list->gid_count; i++) {
		if (list->gids[i] == gid)
			return true;
	}
	return false;
}

bool peer_list_has(const struct peer_list *list, const struct peer *peer)
{
	for (size_t i = 0; i < list->uid_count; i++) {
		if (list->uids[i] == peer->uid)
			return true;
	}
	for (size_t i = 0; i < peer->gid_count; i++) {
		if (has_gid(list, peer->gids[i]))
			return true;
	}
	return false;
}
