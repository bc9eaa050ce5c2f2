/* SPDX-License-Identifier: MIT */
/* schedule-private.h - a schedule from within: for schedule.c, which changes it, and
 * schedule-describe.c, which tells of it. */
#ifndef FETCH_AGENT_SCHEDULE_PRIVATE_H
#define FETCH_AGENT_SCHEDULE_PRIVATE_H

#include <sys/queue.h>

#include "fetch-agent/schedule.h"
#include "fetch-agent/turns.h"

enum slot_state {
	SLOT_WAITING, /* for its time, or for nothing */
	SLOT_QUEUED,
	SLOT_WORKING,
	SLOT_WATCHING,
};

TAILQ_HEAD(slot_list, slot);

/*
 * A section, or a further connection of one, which watches one of its folders: a branch. The
 * section's own connection fetches every folder that no branch sees to.
 */
struct slot {
	TAILQ_ENTRY(slot) link;
	struct turn turn;
	struct schedule *schedule;
	struct slot *section;	      /* whose branch it is; NULL: it is one */
	char *folder;		      /* a branch's */
	struct slot_list branches;    /* a section's */
	struct fetch_source *source;  /* a branch's is its section's */
	struct fetch_source *changed; /* takes the place of source when all runs are over */
	bool removed;
	enum slot_state state;
	int64_t since_s;
	int64_t next_s; /* SLOT_WAITING: when; 0: never by itself */
	struct event *timer;
	struct source_run *run;
	bool has_run;
	bool poll_told;	 /* that it, or some of its folders, cannot be watched */
	bool asked;	 /* for another pass, while one is under way */
	unsigned tries;	 /* failures in a row */
	unsigned breaks; /* in a row, of connections that did not live long */
	int64_t failing_since_s;
	int64_t began_ms;	  /* the connection */
	struct run_result result; /* the last */
};

struct schedule {
	struct run_world world;
	struct slot_list sections;
	size_t count, running; /* sections; runs, those of branches too */
	struct turns *turns;
	struct event *start;
	bool to_settle;	    /* a section has come to an end, or its last branch has */
	struct event *stop; /* NULL: it goes on */
	int64_t stop_began_ms;
};

#endif
