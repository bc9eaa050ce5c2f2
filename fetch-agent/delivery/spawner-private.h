/* SPDX-License-Identifier: MIT */
/*
 * spawner-private.h - what is said between the main process (spawner.c) and the one that runs
 * programs (spawner-process.c): a datagram each.
 */
#ifndef FETCH_AGENT_DELIVERY_SPAWNER_PRIVATE_H
#define FETCH_AGENT_DELIVERY_SPAWNER_PRIVATE_H

#include <stddef.h>
#include <sys/types.h>

#include "fetch-agent/delivery/spawner.h"

#define SPAWN_VALUES	   4 /* struct spawn_values, in its order */
#define SPAWN_VALUES_BYTES 8192
#define SPAWN_GROUPS_MAX   256
#define SPAWN_FDS	   3 /* descriptors: stdin's two ends, stdout and stderr */

enum spawn_order_kind {
	ORDER_RUN,
	ORDER_WHOLE,
	ORDER_KILL,
};

/* ORDER_RUN: the values follow, each with its NUL, and SPAWN_FDS descriptors. */
struct spawn_order {
	uint32_t kind, run;
	uint32_t program; /* ORDER_RUN */
	int32_t signum;	  /* ORDER_KILL */
	char values[SPAWN_VALUES_BYTES];
};

#define ORDER_HEAD offsetof(struct spawn_order, values)

/* The answer: enum spawn_end, and its status. */
struct spawn_report {
	uint32_t run;
	int32_t how, status;
};

/* Who a program runs as. */
struct spawn_identity {
	char *name, *home;
	bool change; /* we are root, and it is not */
	uid_t uid;
	gid_t gid;
	gid_t groups[SPAWN_GROUPS_MAX];
	int group_count;
};

/* The new process, from its first line to its last: it never returns, and keeps nothing of the main
 * one but configs and identities, count of each, in the order that ORDER_RUN counts them. fd: to
 * the main process. */
void spawner_main(int fd, const struct delivery_config *const *configs,
		  const struct spawn_identity *identities, size_t count) __attribute__((noreturn));

#endif
